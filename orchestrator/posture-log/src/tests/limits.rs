//! What is too long, too large or too late ends with an error that says where, or is passed over.

use std::io::Read;
use std::time::{Duration, Instant};

use super::super::{Cause, Kind, Limits, Options, read};
use super::{emails, gzip, options, row, zstd};

fn limited(limits: Limits) -> Options {
    Options {
        limits,
        ..options()
    }
}

#[test]
fn a_row_over_the_limit_is_skipped_and_the_others_are_read() {
    let options = limited(Limits {
        row_bytes: 4096,
        ..Limits::default()
    });
    for length in [3500, 5_000, 300_000, 3_000_000] {
        let long = row("long@x", 1, true).replace(
            "\"D1\"",
            &format!("\"D1\",\"pad\":\"{}\"", "{[\\\"".repeat(length / 4)),
        );
        for (join, begin, end) in [
            ("\n", "", ""),
            (",", "[", "]"),
            (",\n", "[\n", "\n]"),
            ("", "", ""),
        ] {
            let text = format!(
                "{begin}{}{end}",
                [row("a@x", 1, true), long.clone(), row("b@x", 1, true)].join(join)
            );
            let reading = read(text.as_bytes(), &options).unwrap();
            let expected: &[&str] = if length < 4000 {
                &["a@x", "long@x", "b@x"]
            } else {
                &["a@x", "b@x"]
            };
            assert_eq!(emails(&reading), expected, "{length} {join:?}");
            assert_eq!(
                reading.problems.count(Kind::TooLong),
                u64::from(length > 4000),
                "{length} {join:?}"
            );
        }
    }
}

/// `before`, then so many times the byte, then `after`, without holding it.
fn endless(before: &str, byte: u8, count: u64, after: &str) -> impl Read {
    let (before, after) = (before.as_bytes().to_vec(), after.as_bytes().to_vec());
    std::io::Cursor::new(before)
        .chain(std::io::repeat(byte).take(count))
        .chain(std::io::Cursor::new(after))
}

#[test]
fn a_line_far_over_the_limit_is_skipped_whether_it_is_a_row_or_not() {
    let good = row("a@x", 1, true);
    let far = 24 << 20;
    for (before, after) in [
        ("{\"email\":\"", "\"}\n"),
        ("", "\n"),
        ("{\"email\":\"", "\n"),
        ("[1", "]\n"),
        ("{\"email\":", "\n"),
    ] {
        let byte = if before.is_empty() { b'x' } else { b'1' };
        let reading = read(
            endless(
                &format!("{good}\n{before}"),
                byte,
                far,
                &format!("{after}{}\n", row("b@x", 1, true)),
            ),
            &options(),
        )
        .unwrap();
        assert_eq!(emails(&reading), ["a@x", "b@x"], "{before:?} {after:?}");
        assert_eq!(reading.stats.bad, 1, "{before:?} {after:?}");
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_at_a_position() {
    let text = format!("{}\n{}", row("a@x", 1, true), " ".repeat(100 << 20));
    for bomb in [gzip(&text), zstd(&text)] {
        let error = read(&bomb[..], &options()).unwrap_err();
        assert!(
            matches!(error.cause, Cause::Expands { limit: 200, .. }),
            "{error}"
        );
        assert!(
            error.at.offset >= 63 << 20 && error.at.stored > 0,
            "{error}"
        );
        assert!(error.to_string().contains("byte"), "{error}");
        assert_eq!(emails(&error.reading), ["a@x"]);
    }
}

#[test]
fn a_small_log_may_expand_as_it_likes() {
    let text = format!("{}\n{}", row("a@x", 1, true), " ".repeat(10 << 20));
    assert_eq!(read(&gzip(text)[..], &options()).unwrap().len(), 1);
}

#[test]
fn a_log_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
    let text = row("a@x", 1, true) + "\n" + &row("b@x", 1, true) + "\n";
    let exactly = limited(Limits {
        decompressed_bytes: text.len() as u64,
        ..Limits::default()
    });
    let less = limited(Limits {
        decompressed_bytes: text.len() as u64 - 1,
        ..Limits::default()
    });
    for log in [text.clone().into_bytes(), gzip(&text), zstd(&text)] {
        assert_eq!(read(&log[..], &exactly).unwrap().len(), 2);
        let error = read(&log[..], &less).unwrap_err();
        assert!(matches!(error.cause, Cause::TooLarge { .. }), "{error}");
    }
}

#[test]
fn a_deadline_stops_the_reading_with_its_position_and_can_be_retried() {
    let text = row("a@x", 1, true) + "\n";
    let deadline = Instant::now() + Duration::from_millis(50);
    let endless = std::iter::repeat_with(|| std::io::Cursor::new(text.clone().into_bytes()));
    let log = Repeat {
        rows: endless,
        current: std::io::Cursor::new(Vec::new()),
    };
    let error = read(
        log,
        &Options {
            deadline: Some(deadline),
            ..options()
        },
    )
    .unwrap_err();
    assert!(matches!(error.cause, Cause::Deadline), "{error}");
    assert!(error.cause.is_retryable());
    assert!(error.at.row > 0 && error.at.offset > 0, "{error}");
    assert!(Instant::now() >= deadline);
}

struct Repeat<I> {
    rows: I,
    current: std::io::Cursor<Vec<u8>>,
}

impl<I: Iterator<Item = std::io::Cursor<Vec<u8>>>> Read for Repeat<I> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.current.read(into)?;
        if count > 0 {
            return Ok(count);
        }
        self.current = self.rows.next().unwrap();
        self.current.read(into)
    }
}

#[test]
fn long_text_is_cut_at_a_character() {
    let text = row("a@x", 1, true).replace(
        "\"off\"",
        &format!("\"{}\"", "\u{20ac}\\u0001".repeat(5000)),
    );
    let reading = read(text.as_bytes(), &options()).unwrap();
    let actual = reading
        .states()
        .next()
        .unwrap()
        .actual()
        .unwrap()
        .into_owned();
    assert!(
        actual.ends_with('\u{2026}') && actual.len() <= 1024 + 3,
        "{}",
        actual.len()
    );
    assert!(actual.starts_with("\u{20ac}\u{1}\u{20ac}"));
}

/// Each row could go on to the end of the log, so that a reader that looks there for its end every time has
/// 200,000 times 2 MB to look at, which takes longer than anybody waits for a test.
#[test]
fn rows_that_break_off_again_and_again_are_not_each_searched_to_the_end() {
    let mut text = String::from("[\n");
    text.push_str(&"{\"x\":[1,\n".repeat(200_000));
    text.push_str(&row("a@x", 1, true));
    text.push_str("\n]");
    let reading = read(text.as_bytes(), &options()).unwrap();
    assert_eq!(emails(&reading), ["a@x"]);
    assert_eq!(reading.stats.bad, 200_000);
}
