//! Times as logs write them.

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::timestamp::{from_float, from_integer, from_text, nanos};

fn at(text: &str) -> Option<i64> {
    nanos(text.parse().unwrap())
}

#[test]
fn text_is_rfc_3339_with_any_offset_and_fraction_or_a_number() {
    let half = at("2024-07-25T10:30:00.5Z");
    for text in [
        "2024-07-25T10:30:00.5Z",
        "2024-07-25t10:30:00.500z",
        "2024-07-25T12:30:00.5+02:00",
        "2024-07-25 05:00:00.500000000-05:30",
        " 2024-07-25T10:30:00.5Z ",
        "1721903400.5",
        "1721903400500",
        "1721903400500000",
        "1721903400500000000",
    ] {
        assert_eq!(from_text(text), half, "{text}");
    }
    assert_eq!(
        from_text("2016-12-31T23:59:60Z"),
        at("2016-12-31T23:59:59Z"),
        "a leap second is the one before"
    );
}

#[test]
fn text_that_is_no_time_is_none() {
    for text in [
        "",
        ".",
        "now",
        "2024-07-25",
        "2024-07-25T10:30:00",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-07-25T25:00:00Z",
        "0001-01-01T00:00:00Z",
        "-5",
        "1e3",
        "1.2.3",
        "99999999999999999999",
        "2024-07-25T10:30:00.Z",
        "\u{661}\u{662}",
    ] {
        assert_eq!(from_text(text), None, "{text}");
    }
}

#[test]
fn the_magnitude_of_a_number_decides_its_unit() {
    let expected = at("2024-07-25T10:30:00Z");
    for number in [
        1_721_903_400,
        1_721_903_400_000,
        1_721_903_400_000_000,
        1_721_903_400_000_000_000,
    ] {
        assert_eq!(from_integer(number), expected, "{number}");
        assert_eq!(from_float(number as f64), expected, "{number}");
    }
    assert_eq!((from_integer(0), from_integer(u64::MAX)), (None, None));
    for number in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert_eq!(from_float(number), None, "{number}");
    }
    assert_eq!(from_float(1_721_903_400.25), at("2024-07-25T10:30:00.25Z"));
}

proptest! {
    #[test]
    fn the_short_way_agrees_with_the_general_parser(second in 1i64..9_000_000_000, fraction in 0i32..1_000_000_000, digits in 0usize..=9) {
        let time = Timestamp::new(second, fraction / 10i32.pow(9 - digits as u32) * 10i32.pow(9 - digits as u32)).unwrap();
        let text = if digits == 0 { format!("{time:.0}") } else { format!("{time:.digits$}") };
        prop_assert_eq!(from_text(&text), nanos(time), "{}", text);
    }

    #[test]
    fn what_the_general_parser_refuses_is_refused(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,10})?Z?") {
        prop_assert_eq!(from_text(&text), text.parse::<Timestamp>().ok().and_then(nanos), "{}", text);
    }
}
