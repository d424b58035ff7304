//! What holds for every log.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::fields::{Formats, PRESET_LEAVES};
use super::super::row::{NotARow, Row};
use super::super::{Cause, Limits, Options, ReadError, Reading, quick, read};
use super::{Pieces, gzip, options, zstd};

type Told = (String, String, String, bool, i128, Option<String>);

/// The states without their places, which differ between shapes.
fn states(reading: &Reading) -> Vec<Told> {
    let told = reading.states().map(|state| {
        let text = (
            state.email().to_owned(),
            state.device().to_owned(),
            state.check().to_owned(),
        );
        let actual = state.actual().map(std::borrow::Cow::into_owned);
        (
            text.0,
            text.1,
            text.2,
            state.passed(),
            state.timestamp().as_nanosecond(),
            actual,
        )
    });
    told.collect()
}

/// Everything that a reading tells, also a failed one.
fn everything(result: &Result<Reading, ReadError>) -> String {
    let (reading, cause) = match result {
        Ok(reading) => (reading, None),
        Err(error) => (&*error.reading, Some(error.cause.to_string())),
    };
    let places: Vec<_> = reading
        .states()
        .map(|state| (state.row(), state.offset()))
        .collect();
    let mut stats = reading.stats;
    if let Err(ReadError {
        cause: Cause::Unsupported { .. },
        ..
    }) = result
    {
        // Refused at its first bytes, of which any number may have arrived.
        (stats.bytes_in, stats.bytes_out) = (0, 0);
    }
    format!(
        "{cause:?} {:?} {places:?} {stats:?} {:?}",
        states(reading),
        reading.problems
    )
}

fn a_row() -> impl Strategy<Value = serde_json::Value> {
    let text = "[a-c]{1,2}|[ -~\u{e9}\u{1f600}\n\t]{0,6}";
    (text, text, any::<bool>(), 0u32..60, text, any::<bool>()).prop_map(|(name, device, passed, second, actual, cloudflare)| {
        if cloudflare {
            serde_json::json!({"Email": format!("{name}@x"), "PostureCheckName": format!("c{device}"), "DeviceID": device, "PostureEvaluatedResult": passed, "Timestamp": 1_721_900_000 + second, "PostureReceivedJSON": {"a": [actual, {"b": null}]}})
        } else {
            serde_json::json!({"email": format!("{name}@x"), "name": format!("c{device}"), "passed": passed, "timestamp": format!("2024-07-25T10:30:{second:02}Z"), "details": {"device_id": device, "actual": actual}})
        }
    })
}

fn shapes(rows: &[serde_json::Value]) -> Vec<String> {
    let compact: Vec<_> = rows.iter().map(ToString::to_string).collect();
    let pretty: Vec<_> = rows.iter().map(|row| format!("{row:#}")).collect();
    vec![
        compact.join("\n"),
        compact.join("\r\n") + "\r\n",
        compact.concat(),
        pretty.join("\n"),
        format!("[{}]", compact.join(",")),
        format!("[\n{}\n]", compact.join(",\n")),
        format!("{:#}", serde_json::json!(rows)),
        format!(
            "{:#}",
            serde_json::json!({"a": {"events": [{}]}, "records": rows, "z": [1]})
        ),
        format!("{{\"logs\":[{}]}}", compact.join(",")),
    ]
}

/// JSON, nearly JSON, and neither.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"", "\n", "{\"", "\":", "},{", "}\n{", "\\", "true", "null", "1", "-1.5e3", " ", "\"email\":\"a@x\"", "\"name\":\"c\"", "\"passed\":true", "\"timestamp\":1721900000", "\"events\":[", "\"details\":{", "{\"email\":\"a@x\",\"name\":\"c\",\"passed\":true,\"timestamp\":1721900000}\n"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_same_rows_in_any_shape_and_encoding_give_the_same_states(rows in vec(a_row(), 1..40)) {
        let texts = shapes(&rows);
        let expected = states(&read(texts[0].as_bytes(), &options()).unwrap());
        for text in texts {
            for log in [text.clone().into_bytes(), gzip(&text), zstd(&text)] {
                let reading = read(&log[..], &options()).unwrap();
                prop_assert_eq!(&states(&reading), &expected, "{}", text);
                prop_assert_eq!(reading.problems.total(), 0, "{}", text);
            }
        }
    }

    #[test]
    fn how_the_input_arrives_makes_no_difference(log in nearly_json(), more in vec(nearly_json(), 0..4), sizes in vec(1usize..9, 1..6), pack in 0u8..3) {
        let log = [log, more.join(&b'\n')].concat();
        let log = match pack { 0 => log, 1 => gzip(&log), _ => zstd(&log) };
        let options = Options { limits: Limits { row_bytes: 60, ..Limits::default() }, ..options() };
        let whole = read(&log[..], &options);
        let pieces = read(Pieces { bytes: &log, sizes: &sizes, turn: 0 }, &options);
        prop_assert_eq!(everything(&whole), everything(&pieces));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_every_row_is_counted_once(log in vec(any::<u8>(), 0..400), pack in 0u8..3) {
        let log = match pack { 0 => log, 1 => gzip(&log), _ => [&[0x1f, 0x8b, 8][..], &log].concat() };
        let result = read(&log[..], &options());
        let stats = match &result { Ok(reading) => reading.stats, Err(error) => error.reading.stats };
        prop_assert_eq!(stats.rows, stats.good + stats.without_verdict + stats.bad);
    }

    #[test]
    fn a_good_line_is_read_whatever_the_line_before_it(before in nearly_json()) {
        let good = super::row("good@x", 1, true);
        let before: Vec<u8> = before.into_iter().filter(|byte| !matches!(byte, b'\n' | b'[')).collect();
        // Not an encoding, nor an object that goes on: that one may well contain the next line.
        let log = [b"# ".to_vec(), before, format!("\n{good}\n{good}\n").into_bytes()].concat();
        let reading = read(&log[..], &options()).unwrap();
        prop_assert!(reading.states().any(|state| state.email() == "good@x"));
    }

    #[test]
    fn what_the_quick_reader_takes_serde_reads_alike(text in nearly_json(), row in a_row(), edit in any::<prop::sample::Index>(), byte in any::<u8>(), pretty in any::<bool>()) {
        let formats = Formats::default();
        let mut edited = if pretty { format!("{row:#}") } else { row.to_string() }.into_bytes();
        let original = edited.clone();
        let at = edit.index(edited.len());
        edited[at] = byte;
        for text in [text, original, edited] {
            for may_wrap in [false, true] {
                let mut quick = Row::<PRESET_LEAVES>::empty(may_wrap);
                if quick::fill(&mut quick, &text, &formats.root) {
                    let full = Row::<PRESET_LEAVES>::parse_any(&text, &formats.root, may_wrap);
                    prop_assert!(full.is_ok(), "{:?}", String::from_utf8_lossy(&text));
                    let Ok(full) = full else { unreachable!() };
                    prop_assert_eq!(quick.slots, full.slots);
                    prop_assert_eq!((quick.members, quick.known, quick.ambiguous), (full.members, full.known, full.ambiguous));
                } else if let Err(NotARow::Malformed(error)) = Row::<PRESET_LEAVES>::parse_any(&text, &formats.root, may_wrap) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn the_quick_reader_takes_the_rows_of_both_presets() {
    let formats = Formats::default();
    let rows = [super::row("a@x", 1, true), r#"{"Email":"a@x","PostureExpectedJSON":{"a":[1,{"b":null}]},"Timestamp":1721903400000000000}"#.to_owned()];
    for text in rows {
        assert!(
            quick::fill(
                &mut Row::<PRESET_LEAVES>::empty(true),
                text.as_bytes(),
                &formats.root
            ),
            "{text}"
        );
    }
}
