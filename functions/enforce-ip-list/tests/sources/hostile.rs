//! What must do no harm.

use std::io::Write;

use enforce_ip_list::sources::{Kind, Unusable, read as read_file};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::recorder::{Recorder, config, fixture, now, read, read_in_pieces, read_with};

const KINDS: [Kind; 9] = [
    Kind::Collector,
    Kind::Ipsum,
    Kind::Firehol,
    Kind::Plain,
    Kind::SpamhausDrop,
    Kind::Abuseipdb,
    Kind::Crowdsec,
    Kind::Stix,
    Kind::Misp,
];

#[track_caller]
fn keeps_only_the_good_one(kind: Kind, name: &str, unreadable: &[&str]) {
    let snapshot = read(kind, name).unwrap();
    let good: Vec<&String> = snapshot
        .sink
        .reports
        .iter()
        .filter(|line| line.starts_with("203.0.113.7 4 "))
        .collect();
    assert_eq!(good.len(), 1, "{:?}", snapshot.sink);
    assert_eq!(snapshot.accepted, 1, "{:?}", snapshot.sink);
    let seen = &snapshot.sink.unreadable;
    assert_eq!(seen.len(), unreadable.len(), "{seen:?}");
    for (seen, expected) in seen.iter().zip(unreadable) {
        assert!(seen.starts_with(expected), "{seen} is not {expected}");
    }
}

#[test]
fn given_a_body_of_nothing_then_no_kind_takes_it_for_an_empty_list() {
    for kind in KINDS {
        for nothing in [&b""[..], b"\n", b" \r\n \t", b"\xef\xbb\xbf"] {
            assert_eq!(
                read_with(&config(kind), nothing).err(),
                Some(Unusable::Empty),
                "{kind:?}"
            );
        }
    }
}

#[test]
fn given_well_formed_emptiness_then_no_kind_takes_it_for_an_empty_list() {
    for kind in KINDS {
        for empty in ["{}", "[]", "# nothing\n", r#"{"threats":[]}"#, "null", "0"] {
            let error = read_with(&config(kind), empty.as_bytes()).err();
            assert!(error.is_some(), "{kind:?}: {empty}");
        }
    }
}

#[test]
fn given_a_login_page_then_every_kind_says_that_it_is_html() {
    for kind in KINDS {
        assert_eq!(
            read(kind, "hostile/login_page.html").err(),
            Some(Unusable::Html),
            "{kind:?}"
        );
    }
}

#[test]
fn given_the_answer_of_another_kind_then_nothing_is_made_of_it() {
    for (kind, name) in [
        (Kind::Collector, "stix_bundle.json"),
        (Kind::Collector, "crowdsec_stream.json"),
        (Kind::Collector, "ipsum.txt"),
        (Kind::Collector, "hostile/error.json"),
        (Kind::Stix, "collector.json"),
        (Kind::Abuseipdb, "hostile/error.json"),
        (Kind::Crowdsec, "collector.json"),
        (Kind::Misp, "collector.json"),
        (Kind::SpamhausDrop, "ipsum.txt"),
        (Kind::Ipsum, "collector.json"),
        (Kind::Plain, "spamhaus_drop_v4.json"),
    ] {
        assert!(read(kind, name).is_err(), "{kind:?}: {name}");
    }
}

#[test]
fn given_a_body_that_breaks_off_then_it_is_not_the_whole() {
    assert!(matches!(
        read(Kind::Collector, "hostile/truncated.json"),
        Err(Unusable::CutOff(_))
    ));
    assert!(matches!(
        read(Kind::Collector, "hostile/gzip_cut_off.json.gz"),
        Err(Unusable::CutOff(_))
    ));
}

#[test]
fn given_a_document_cut_off_at_any_byte_then_no_record_comes_out() {
    for (kind, name) in [
        (Kind::Collector, "collector.json"),
        (Kind::Abuseipdb, "abuseipdb_blacklist.json"),
        (Kind::Crowdsec, "crowdsec_stream.json"),
        (Kind::Stix, "stix_bundle.json"),
        (Kind::Misp, "misp_attributes.json"),
        (Kind::SpamhausDrop, "spamhaus_drop_v4.json"),
        (Kind::Firehol, "firehol_level1.netset"),
    ] {
        let whole = fixture(name);
        let whole = whole.trim_ascii_end();
        // Of the longest every fourth byte, and each of the last, where little is missing.
        let last = whole.len().saturating_sub(200);
        for end in (0..last)
            .step_by(whole.len() / 2000 + 1)
            .chain(last..whole.len())
        {
            let result = read_with(&config(kind), &whole[..end]);
            assert!(result.is_err(), "{name} cut off at {end}");
        }
    }
}

#[test]
fn given_scores_that_are_no_numbers_then_only_those_records_are_lost() {
    keeps_only_the_good_one(
        Kind::Collector,
        "hostile/nan.json",
        &[
            "record 1: it is no JSON",
            "record 2: ",
            "record 3: ",
            "record 4: ",
        ],
    );
}

#[test]
fn given_counts_that_are_no_numbers_then_only_those_lines_are_lost() {
    let snapshot = read(Kind::Ipsum, "hostile/nan.txt").unwrap();
    assert_eq!(
        snapshot.sink.reports,
        [
            "192.0.2.3 -4 feed",
            "192.0.2.4 unscored feed",
            "192.0.2.5 4 feed",
            "203.0.113.7 4 feed"
        ]
    );
    assert_eq!(
        snapshot.sink.unreadable,
        [
            "line 1: `NaN` is no number of lists",
            "line 2: `inf` is no number of lists",
            "line 6: `0x4` is no number of lists"
        ]
    );
    assert_eq!((snapshot.accepted, snapshot.rejected), (2, 5));
}

#[test]
fn given_negative_scores_then_they_are_counted_as_rejected() {
    let snapshot = read(Kind::Collector, "hostile/negative.json").unwrap();
    assert_eq!((snapshot.accepted, snapshot.rejected), (1, 2));
}

#[test]
fn given_scores_as_text_then_they_are_rejected_and_an_allowed_address_stays_allowed() {
    let snapshot = read(Kind::Collector, "hostile/scores_as_text.json").unwrap();
    assert_eq!(
        snapshot.sink.reports,
        ["192.0.2.6 0 ipsum,et allowed", "203.0.113.7 4 ipsum,et"]
    );
    assert_eq!(
        snapshot.sink.unreadable,
        [
            "record 1: score is a text, expected a number",
            "record 2: score is a text, expected a number",
            "record 3: score is true or false, expected a number",
            "record 4: score is a list, expected a number",
            "record 5: score is an object, expected a number",
        ]
    );
}

#[test]
fn given_missing_members_then_what_is_needed_is_named() {
    let snapshot = read(Kind::Collector, "hostile/missing_fields.json").unwrap();
    assert_eq!(
        snapshot.sink.unreadable,
        [
            "record 1: ip is missing, expected an address",
            "record 4: ip is missing, expected an address",
        ]
    );
    // Without a score, without a source, with an empty address.
    assert_eq!(
        snapshot.sink.reports,
        [
            "192.0.2.2 unscored feed",
            "192.0.2.3 4 feed",
            " 4 feed",
            "203.0.113.7 4 ipsum,et"
        ]
    );
    assert_eq!((snapshot.accepted, snapshot.rejected), (2, 4));
}

#[test]
fn given_nulls_at_every_depth_then_what_can_be_used_is_used() {
    let snapshot = read(Kind::Collector, "hostile/nested_nulls.json").unwrap();
    assert_eq!(
        snapshot.sink.reports,
        ["192.0.2.2 unscored feed", "192.0.2.3 2 et"]
    );
    assert_eq!((snapshot.accepted, snapshot.rejected), (1, 7));
}

#[test]
fn given_a_byte_order_mark_and_crlf_then_nothing_is_lost() {
    let json = read(Kind::Collector, "hostile/byte_order_mark.json").unwrap();
    assert_eq!(json.sink.reports, ["203.0.113.7 4 ipsum,et"]);
    let text = read(Kind::Ipsum, "hostile/byte_order_mark_crlf.txt").unwrap();
    assert_eq!(
        text.sink.reports,
        ["203.0.113.7 4 feed", "198.51.100.9 1 feed"]
    );
}

#[test]
fn given_bytes_that_are_no_utf8_then_only_that_line_is_lost() {
    let snapshot = read(Kind::Ipsum, "hostile/not_utf8.txt").unwrap();
    assert_eq!(snapshot.sink.unreadable, ["line 2: the line is not UTF-8"]);
    assert_eq!(snapshot.accepted, 2);
}

#[test]
fn given_a_line_of_a_megabyte_then_only_that_line_is_lost() {
    let mut text = b"203.0.113.7\t4\n".to_vec();
    text.extend(std::iter::repeat_n(b'1', 1 << 20));
    text.extend(b"\n198.51.100.9\t1\n");
    for size in [997, 64 << 10, text.len()] {
        let snapshot = read_in_pieces(&config(Kind::Ipsum), &text, size).unwrap();
        assert_eq!(
            snapshot.sink.reports,
            ["203.0.113.7 4 feed", "198.51.100.9 1 feed"]
        );
        assert_eq!(
            snapshot.sink.unreadable,
            ["line 2: the line is longer than 16 KiB"]
        );
    }
}

#[test]
fn given_a_record_of_two_megabytes_then_only_that_record_is_lost() {
    let filler = "x".repeat(2 << 20);
    let text = format!(
        r#"[{{"ip":"192.0.2.1","score":4,"note":"{filler}"}},{{"ip":"203.0.113.7","score":4}}]"#
    );
    let snapshot = read_in_pieces(&config(Kind::Collector), text.as_bytes(), 64 << 10).unwrap();
    assert_eq!(snapshot.sink.reports, ["203.0.113.7 4 feed"]);
    assert_eq!(
        snapshot.sink.unreadable,
        ["record 1: it is longer than 1 MiB"]
    );
}

#[test]
fn given_ten_thousand_brackets_then_the_stack_holds() {
    let deep = format!(
        r#"[{{"ip":"192.0.2.1","score":{}{}}},{{"ip":"203.0.113.7","score":4}}]"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let snapshot = read_with(&config(Kind::Collector), deep.as_bytes()).unwrap();
    assert_eq!(snapshot.sink.reports, ["203.0.113.7 4 feed"]);
}

#[test]
fn given_networks_that_would_be_a_catastrophe_then_they_are_handed_on_for_the_rules_of_safety() {
    let snapshot = read(Kind::Collector, "hostile/too_broad.json").unwrap();
    assert_eq!(snapshot.accepted, 5);
    assert_eq!(snapshot.sink.reports[0], "10.0.0.0/8 5 ipsum,et");
}

#[test]
fn given_what_is_no_address_then_it_is_counted_as_rejected() {
    let snapshot = read(Kind::Collector, "hostile/not_addresses.json").unwrap();
    assert_eq!((snapshot.accepted, snapshot.rejected), (1, 10));
}

#[test]
fn given_a_feed_of_which_most_is_no_address_then_the_whole_is_not_believed() {
    let text = format!("203.0.113.7\n{}", "this is no address\n".repeat(11));
    let error = read_with(&config(Kind::Plain), text.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "11 of 12 records are unusable; the first is line 2: `this` is no address"
    );
}

#[test]
fn given_fewer_records_than_the_configuration_expects_then_it_is_not_believed() {
    let mut ipsum = config(Kind::Ipsum);
    ipsum.min_records = 13;
    assert_eq!(
        read_with(&ipsum, &fixture("ipsum.txt")).err(),
        Some(Unusable::TooFew {
            accepted: 12,
            least: 13
        })
    );
}

#[test]
fn given_more_records_or_bytes_than_the_limits_then_reading_ends() {
    for (kind, name) in [(Kind::Ipsum, "ipsum.txt"), (Kind::Stix, "stix_bundle.json")] {
        let mut limited = config(kind);
        limited.max_records = 3;
        assert_eq!(
            read_with(&limited, &fixture(name)).err(),
            Some(Unusable::TooMany { limit: 3 }),
            "{name}"
        );
        limited.max_records = 1000;
        limited.max_bytes = 100;
        assert_eq!(
            read_with(&limited, &fixture(name)).err(),
            Some(Unusable::TooLong { limit: 100 }),
            "{name}"
        );
    }
}

#[test]
fn given_a_gzip_bomb_then_it_ends_at_the_limit() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let line = b"203.0.113.7\t4\n".repeat(1 << 16);
    for _ in 0..4 {
        encoder.write_all(&line).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let mut ipsum = config(Kind::Ipsum);
    ipsum.max_bytes = 1 << 20;
    assert_eq!(
        read_with(&ipsum, &bomb).err(),
        Some(Unusable::TooLong { limit: 1 << 20 })
    );
}

#[test]
fn given_a_packed_file_then_it_is_read_like_the_file() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&fixture("collector.json")).unwrap();
    let packed = encoder.finish().unwrap();
    let snapshot = read_file(
        "feed",
        &config(Kind::Collector),
        now(),
        &packed[..],
        Recorder::default(),
    )
    .unwrap();
    let plain = read(Kind::Collector, "collector.json").unwrap();
    assert_eq!(snapshot.sink, plain.sink);
    assert_eq!(snapshot.id, plain.id);
}
