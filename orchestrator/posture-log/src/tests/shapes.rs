//! Every encoding times every shape times every line end.

use super::super::{Encoding, Shape};
use super::{SAMPLE, emails, gzip, options, reading, row, zstd};

const PEOPLE: [&str; 3] = ["a@x", "b@x", "c@x"];

fn rows() -> Vec<String> {
    PEOPLE.iter().map(|email| row(email, 1, false)).collect()
}

fn pretty(compact: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(compact).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

/// Name, text, how it should be recognised.
fn shapes() -> Vec<(&'static str, String, Shape)> {
    let rows = rows();
    let pretty_rows: Vec<_> = rows.iter().map(|row| pretty(row)).collect();
    let array = format!("[{}]", rows.join(","));
    let mut shapes = vec![
        ("lines", rows.join("\n") + "\n", Shape::Objects),
        (
            "lines, the last without its end",
            rows.join("\n"),
            Shape::Objects,
        ),
        (
            "lines with blank ones between",
            rows.join("\n\n \n"),
            Shape::Objects,
        ),
        (
            "lines with white space around",
            format!(" \n\t {}  \n", rows.join(" \n  ")),
            Shape::Objects,
        ),
        ("lines with commas", rows.join(",\n"), Shape::Objects),
        ("concatenated", rows.concat(), Shape::Objects),
        ("concatenated with spaces", rows.join("  "), Shape::Objects),
        (
            "record separators",
            format!("\x1e{}\n", rows.join("\n\x1e")),
            Shape::Objects,
        ),
        ("pretty objects", pretty_rows.join("\n"), Shape::Objects),
        (
            "pretty objects with nothing between",
            pretty_rows.concat(),
            Shape::Objects,
        ),
        ("array", array.clone(), Shape::Array),
        (
            "array with an element on each line",
            format!("[\n{}\n]\n", rows.join(",\n")),
            Shape::Array,
        ),
        (
            "array with leading commas",
            format!("[\n  {}\n]", rows.join("\n, ")),
            Shape::Array,
        ),
        ("pretty array", pretty(&array), Shape::Array),
        (
            "an array on each line",
            rows.iter().map(|row| format!("[{row}]\n")).collect(),
            Shape::Array,
        ),
    ];
    for name in ["events", "records", "Records", "value", "logs", "results"] {
        let wrapped = format!(r#"{{"{name}":{array}}}"#);
        let between = format!(
            r#"{{"meta":{{"records":[{{}}],"n":[1]}},"count":3,"{name}":{array},"next":"]}}","more":{{"a":[]}}}}"#
        );
        shapes.push(("wrapped", wrapped.clone(), Shape::Wrapped));
        shapes.push(("wrapped, pretty", pretty(&wrapped), Shape::Wrapped));
        shapes.push(("wrapped, among others", between.clone(), Shape::Wrapped));
        shapes.push((
            "wrapped, among others, pretty",
            pretty(&between),
            Shape::Wrapped,
        ));
    }
    shapes
}

#[test]
fn every_shape_in_every_encoding_with_either_line_end_gives_the_same_states() {
    for (name, text, shape) in shapes() {
        for (ends, text) in [("LF", text.clone()), ("CRLF", text.replace('\n', "\r\n"))] {
            let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
            let half = text.len() / 2;
            let members = [gzip(&text[..half]), gzip(""), gzip(&text[half..])].concat();
            let frames = [zstd(&text[..half]), zstd(&text[half..])].concat();
            let encodings = [
                ("plain", text.clone().into_bytes(), Encoding::Plain),
                ("byte order mark", marked.clone(), Encoding::Plain),
                ("gzip", gzip(&text), Encoding::Gzip),
                ("gzip, members", members.clone(), Encoding::Gzip),
                (
                    "gzip, zeros behind",
                    [members, vec![0; 1000]].concat(),
                    Encoding::Gzip,
                ),
                ("gzip of a byte order mark", gzip(&marked), Encoding::Gzip),
                ("zstd", zstd(&text), Encoding::Zstd),
                ("zstd, frames", frames, Encoding::Zstd),
            ];
            for (encoding, bytes, expected) in encodings {
                let case = format!("{name}, {ends}, {encoding}: {text}");
                let reading = reading(&bytes);
                assert_eq!(emails(&reading), PEOPLE, "{case}");
                assert_eq!(
                    reading.problems.total(),
                    0,
                    "{case}: {:?}",
                    reading.problems
                );
                assert_eq!(reading.stats.encoding, expected, "{case}");
                assert_eq!(reading.stats.shape, shape, "{case}");
                assert_eq!((reading.stats.rows, reading.stats.good), (3, 3), "{case}");
            }
        }
    }
}

#[test]
fn the_sample_entry_is_read_with_all_it_tells() {
    let reading = reading(SAMPLE);
    let state = reading.states().next().unwrap();
    assert_eq!(state.email(), "user@company.com");
    assert_eq!(state.check(), "disk_encryption_check");
    assert_eq!(state.device(), "DEV-12345");
    assert!(!state.passed());
    assert_eq!(state.timestamp(), "2024-07-25T10:30:00Z".parse().unwrap());
    assert_eq!(state.expected().as_deref(), Some("enabled"));
    assert_eq!(state.actual().as_deref(), Some("disabled"));
    assert_eq!((state.os(), state.check_type()), (None, None));
    assert_eq!((state.row(), state.offset()), (1, 0));
}

#[test]
fn the_winning_rows_number_and_offset_are_those_in_the_text() {
    let text = format!("\n{}\n{}\n", row("a@x", 1, true), row("b@x", 1, true));
    let reading = reading(gzip(&text));
    for state in reading.states() {
        assert!(text[state.offset() as usize..].starts_with('{'));
        assert!(
            text[state.offset() as usize..]
                .lines()
                .next()
                .unwrap()
                .contains(state.email())
        );
    }
    assert_eq!(
        reading
            .states()
            .map(|state| state.row())
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn nothing_and_empty_objects_are_no_rows_and_no_error() {
    for text in [
        "",
        " \n",
        "{}",
        "[]",
        "[{}]",
        "\u{feff}",
        "{\"events\":[]}",
        "{}\n{}\n",
        "{\"Records\": [ ] }",
    ] {
        for bytes in [text.as_bytes().to_vec(), gzip(text), zstd(text)] {
            let reading = reading(&bytes);
            assert_eq!((reading.stats.rows, reading.len()), (0, 0), "{text:?}");
            assert_eq!(reading.problems.total(), 0, "{text:?}");
        }
    }
}

#[test]
fn an_object_with_rows_under_a_name_but_fields_of_its_own_is_a_row() {
    let text = SAMPLE.replace(
        "\"passed\"",
        "\"results\": [{\"email\": \"other@x\"}], \"passed\"",
    );
    for text in [text.replace('\n', ""), text] {
        assert_eq!(emails(&reading(text)), ["user@company.com"]);
    }
}

#[test]
fn the_newest_time_wins_and_of_equal_ones_the_later_row() {
    let text = [
        row("a@x", 5, true),
        row("a@x", 3, false),
        row("b@x", 1, false),
        row("b@x", 1, true),
    ]
    .join("\n");
    let reading = reading(text);
    let states: Vec<_> = reading
        .states()
        .map(|state| (state.email(), state.passed(), state.row()))
        .collect();
    assert_eq!(states, [("a@x", true, 1), ("b@x", true, 4)]);
}

#[test]
fn the_newest_wins_across_more_rows_than_are_looked_up_together() {
    let text: String = (0..500u32)
        .map(|number| row(&format!("p{}@x", number % 7), number % 60, number % 2 == 0) + "\n")
        .collect();
    let reading = reading(&text);
    assert_eq!(reading.len(), 7);
    for (person, state) in reading.states().enumerate() {
        let newest = (0..500u32)
            .filter(|number| number % 7 == person as u32)
            .max_by_key(|number| (number % 60, *number));
        assert_eq!(state.row(), u64::from(newest.unwrap()) + 1);
    }
}

#[test]
fn people_are_counted_per_check_whatever_their_devices() {
    let failing = row("a@x", 1, false);
    let other_device = row("a@x", 1, true).replace("D1", "D2");
    let other_check = row("a@x", 1, true).replace("firewall_check", "antivirus");
    let text = [failing, other_device, other_check, row("b@x", 1, true)].join("\n");
    let reading = reading(text);
    let checks: Vec<_> = reading
        .checks()
        .iter()
        .map(|check| (check.check, check.people, check.failing))
        .collect();
    assert_eq!(checks, [("antivirus", 1, 0), ("firewall_check", 2, 1)]);
    assert_eq!(reading.stats.people, 2);
}

#[test]
fn progress_is_told_to_the_end() {
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = told.clone();
    let options = super::super::Options {
        progress: Some(std::sync::Arc::new(move |progress| {
            keep.lock().unwrap().push(progress);
        })),
        ..options()
    };
    let text = (row("a@x", 1, true) + "\n").repeat(20_000);
    super::super::read(text.as_bytes(), &options).unwrap();
    let told = told.lock().unwrap();
    assert!(told.len() >= 3, "{told:?}");
    assert!(
        told.windows(2).all(
            |pair| pair[0].decompressed <= pair[1].decompressed && pair[0].rows <= pair[1].rows
        )
    );
    assert_eq!(told.last().unwrap().decompressed, text.len() as u64);
}
