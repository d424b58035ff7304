//! Rows that are not what they should be never cost the good ones around them.

use super::super::Kind;
use super::{emails, failure, reading, row};

/// A bad row and what it is.
fn bad_rows() -> Vec<(&'static str, String, Kind)> {
    let good = row("x@x", 1, false);
    let with = |from: &str, to: &str| good.replace(from, to);
    vec![
        ("not JSON", "this is no JSON".into(), Kind::Malformed),
        ("closing brackets", "}}}{{{".into(), Kind::Malformed),
        ("a log line", "[INFO] started".into(), Kind::Malformed),
        ("a number", "42".into(), Kind::NotAnObject),
        ("a string", "\"a, [b] {c}\"".into(), Kind::NotAnObject),
        ("null", "null".into(), Kind::NotAnObject),
        ("cut in a string", good[..30].into(), Kind::Malformed),
        (
            "cut after a colon",
            good[..good.find("\"passed\":").unwrap() + 9].into(),
            Kind::Malformed,
        ),
        (
            "cut before the last bracket",
            good[..good.len() - 1].into(),
            Kind::Malformed,
        ),
        (
            "cut after a comma",
            good[..good.find("\"name\"").unwrap()].into(),
            Kind::Malformed,
        ),
        ("a bare word", with("false", "flase"), Kind::Malformed),
        ("single quotes", good.replace('"', "'"), Kind::Malformed),
        ("a comma too many", with("}}", ",}}"), Kind::Malformed),
        (
            "a bracket too few",
            with("{\"expected\"", "{\"a\":{\"expected\""),
            Kind::Malformed,
        ),
        (
            "a raw control character",
            with("x@x", "x\u{1}@x"),
            Kind::Malformed,
        ),
        (
            "half a surrogate",
            with("x@x", "\\ud800@x"),
            Kind::Malformed,
        ),
        (
            "no field that is known",
            r#"{"a":1,"b":[{"email":"x@x"}]}"#.into(),
            Kind::Unrecognised,
        ),
        ("no e-mail", with("\"email\"", "\"mail\""), Kind::Email),
        ("e-mail null", with("\"x@x\"", "null"), Kind::Email),
        ("e-mail a number", with("\"x@x\"", "7"), Kind::Email),
        ("e-mail a list", with("\"x@x\"", "[\"x@x\"]"), Kind::Email),
        ("e-mail blank", with("x@x", "  "), Kind::Email),
        ("e-mail endless", with("x@x", &"x".repeat(600)), Kind::Email),
        ("no check", with("\"name\"", "\"nom\""), Kind::Check),
        (
            "check an object",
            with("\"firewall_check\"", "{}"),
            Kind::Check,
        ),
        ("device a list", with("\"D1\"", "[1]"), Kind::Device),
        (
            "no time",
            with("\"timestamp\"", "\"time\""),
            Kind::Timestamp,
        ),
        (
            "time in words",
            with("2024-07-25T10:30:01Z", "yesterday"),
            Kind::Timestamp,
        ),
        (
            "time without a zone",
            with("10:30:01Z", "10:30:01"),
            Kind::Timestamp,
        ),
        ("time of no day", with("07-25", "02-30"), Kind::Timestamp),
        (
            "time zero",
            with("\"2024-07-25T10:30:01Z\"", "0"),
            Kind::Timestamp,
        ),
        ("time far ahead", with("2024", "2124"), Kind::Future),
        (
            "verdict missing",
            with("\"passed\":false,", ""),
            Kind::Verdict,
        ),
        ("verdict null", with("false", "null"), Kind::Verdict),
        ("verdict text", with("false", "\"false\""), Kind::Verdict),
        ("verdict number", with("false", "0"), Kind::Verdict),
        (
            "verdict twice",
            with("false", "false,\"passed\":true"),
            Kind::Ambiguous,
        ),
        (
            "e-mail twice",
            with("\"x@x\"", "\"x@x\",\"email\":\"y@x\""),
            Kind::Ambiguous,
        ),
    ]
}

#[test]
fn one_bad_line_is_reported_and_the_lines_around_it_are_read() {
    for (name, bad, kind) in bad_rows() {
        let text = format!(
            "{}\n{bad}\n{}\n{}\n",
            row("a@x", 1, false),
            row("b@x", 1, false),
            row("c@x", 1, true)
        );
        let reading = reading(&text);
        assert_eq!(
            emails(&reading),
            ["a@x", "b@x", "c@x"],
            "{name}: {:?}",
            reading.problems
        );
        let rows = reading
            .problems
            .first()
            .iter()
            .filter(|problem| problem.kind != Kind::Stray);
        let rows: Vec<_> = rows.map(|problem| (problem.kind, problem.row)).collect();
        if name == "closing brackets" {
            assert!(
                !rows.is_empty() && rows.iter().all(|(kind, _)| *kind == Kind::Malformed),
                "{rows:?}"
            );
            continue;
        }
        assert_eq!(rows, [(kind, 2)], "{name}: {:?}", reading.problems);
        assert_eq!(
            reading.problems.first()[0].offset as usize,
            text.find('\n').unwrap() + 1,
            "{name}"
        );
        assert_eq!(reading.stats.rows, 4, "{name}");
        let unsure = u64::from(kind == Kind::Verdict);
        assert_eq!(
            (reading.stats.bad, reading.stats.without_verdict),
            (1 - unsure, unsure),
            "{name}"
        );
    }
}

#[test]
fn one_bad_line_of_an_array_is_reported_and_the_others_are_read() {
    for (name, bad, _) in bad_rows() {
        let text = format!(
            "[\n{},\n{bad},\n{},\n{}\n]\n",
            row("a@x", 1, false),
            row("b@x", 1, false),
            row("c@x", 1, true)
        );
        let reading = reading(&text);
        assert_eq!(
            emails(&reading),
            ["a@x", "b@x", "c@x"],
            "{name}: {:?}",
            reading.problems
        );
        assert!(reading.problems.total() >= 1, "{name}");
    }
}

#[test]
fn one_bad_element_of_an_array_on_one_line_is_reported_and_the_others_are_read() {
    for (name, bad, _) in bad_rows() {
        let text = format!(
            "[{},{bad},{},{}]",
            row("a@x", 1, false),
            row("b@x", 1, false),
            row("c@x", 1, true)
        );
        let reading = reading(&text);
        let emails = emails(&reading);
        // What is not closed may hide the beginning of the next element.
        let expected: &[&str] = &["a@x", "b@x", "c@x"];
        let hides = [
            "cut in a string",
            "cut after a colon",
            "cut after a comma",
            "cut before the last bracket",
            "closing brackets",
        ]
        .contains(&name);
        assert!(
            emails == expected || (hides && emails.contains(&"a@x") && emails.contains(&"c@x")),
            "{name}: {emails:?} {:?}",
            reading.problems
        );
        assert!(reading.problems.total() >= 1, "{name}");
    }
}

#[test]
fn one_bad_element_of_a_pretty_array_is_reported_and_the_others_are_read() {
    let element = |email: &str| {
        format!(
            "  {{\n    \"timestamp\": 1721903400,\n    \"email\": \"{email}\",\n    \"name\": \"c\",\n    \"passed\": true,\n    \"details\": {{\n      \"device_id\": \"d\"\n    }}\n  }}"
        )
    };
    let good = element("x@x");
    for bad in [
        good.replace("true", "ture"),
        good.replace("\"x@x\"", "\"x@x"),
        good.replace("\n    }\n", "\n"),
        good.replace("{\n      \"dev", "\n      \"dev"),
    ] {
        let text = format!(
            "[\n{},\n{bad},\n{},\n{}\n]\n",
            element("a@x"),
            element("b@x"),
            element("c@x")
        );
        let reading = reading(&text);
        assert_eq!(
            emails(&reading),
            ["a@x", "b@x", "c@x"],
            "{bad}: {:?}",
            reading.problems
        );
        assert_eq!(reading.stats.bad, 1, "{bad}: {:?}", reading.problems);
    }
}

#[test]
fn invalid_utf8_costs_its_own_row_only() {
    let [before, bad, after] = ["a@x", "b@x", "c@x"].map(|email| row(email, 1, false).into_bytes());
    for place in ["b@x", "firewall", "email", "disabled", "D1"] {
        let Some(at) = bad
            .windows(place.len())
            .position(|window| window == place.as_bytes())
        else {
            continue;
        };
        let mut bad = bad.clone();
        bad[at] = 0xff;
        let reading = reading([before.clone(), bad, after.clone()].join(&b'\n'));
        assert_eq!(emails(&reading), ["a@x", "c@x"], "{place}");
        assert_eq!(
            reading.problems.count(Kind::Malformed) + reading.problems.count(Kind::Email),
            1,
            "{place}"
        );
    }
}

#[test]
fn deep_nesting_neither_overflows_nor_costs_other_rows() {
    for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        let closed = row("deep@x", 1, true).replace(
            "\"D1\"",
            &format!("\"D1\",\"x\":{}{}", "[".repeat(50_000), "]".repeat(50_000)),
        );
        let text = [row("a@x", 1, true), deep, closed, row("b@x", 1, true)].join("\n");
        let emails_read = reading(&text);
        assert_eq!(emails(&emails_read), ["a@x", "deep@x", "b@x"]);
    }
}

#[test]
fn rows_of_which_none_is_good_are_an_error_that_shows_the_first() {
    let error = failure("eyJhbGciOiJIUzI1NiJ9.e30.x\n{\"email\":\"a@x\"}\n");
    let told = error.to_string();
    assert!(
        told.contains("none of the 2 rows") && told.contains("row 1 at byte 0"),
        "{told}"
    );
    assert!(!error.cause.is_retryable());
    let only_unsure = row("a@x", 1, true).replace("true", "null");
    assert_eq!(failure(only_unsure).reading.stats.without_verdict, 1);
}

#[test]
fn problems_tell_no_value_of_a_row() {
    for (name, bad, _) in bad_rows() {
        let reading = reading(format!("{}\n{bad}\n", row("good@x", 1, true)));
        for problem in reading.problems.first() {
            assert!(!problem.to_string().contains("x@x"), "{name}: {problem}");
        }
    }
}

#[test]
fn all_problems_are_counted_and_the_first_are_kept() {
    let text = row("a@x", 1, true) + "\n" + &"nonsense\n".repeat(1000);
    let reading = reading(text);
    assert_eq!(reading.problems.first().len(), 100);
    assert_eq!(
        reading.problems.by_kind().collect::<Vec<_>>(),
        [(Kind::Malformed, 1000)]
    );
}

#[test]
fn a_log_that_ends_inside_its_array_is_read_and_reported() {
    let reading = reading(format!("[{},{}", row("a@x", 1, true), row("b@x", 1, true)));
    assert_eq!(emails(&reading), ["a@x", "b@x"]);
    assert_eq!(reading.problems.count(Kind::Stray), 1);
}

#[test]
fn the_same_address_is_the_same_person_however_it_is_written() {
    let text = [
        row(" User@Company.COM ", 1, true),
        row("user@company.com", 2, false),
        row("\u{c4}@x", 1, true),
        row("\u{e4}@x", 1, true),
    ]
    .join("\n");
    assert_eq!(emails(&reading(text)), ["user@company.com", "\u{e4}@x"]);
}
