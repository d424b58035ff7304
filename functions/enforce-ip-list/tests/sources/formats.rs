//! Each kind of source, by its sample.

use enforce_ip_list::sources::{Kind, Unusable};

use crate::recorder::{config, fixture, read, read_with};

#[track_caller]
fn holds(kind: Kind, name: &str, expected: &[&str]) {
    let snapshot = read(kind, name).unwrap();
    assert_eq!(snapshot.sink.reports, expected);
    assert_eq!(snapshot.sink.unreadable, [""; 0]);
    assert_eq!(snapshot.accepted, expected.len() as u64);
    assert_eq!(snapshot.rejected, 0);
}

#[test]
fn given_a_collector_then_records_come_with_all_they_say() {
    holds(
        Kind::Collector,
        "collector.json",
        &[
            "203.0.113.7 4 ipsum,et seen 2026-08-22T02:11:09Z until 2026-08-29T02:11:09Z",
            "198.51.100.0/24 5 drop",
            "192.0.2.1 3.9 ipsum,et",
            "192.0.2.2 7.5 ipsum",
            "192.0.2.3 1.5 feed",
            "192.0.2.10 0 et",
            "192.0.2.20 0 ipsum,et allowed",
            "2001:db8:1::/64 2 et",
        ],
    );
    let snapshot = read(Kind::Collector, "collector.json").unwrap();
    assert_eq!(snapshot.id.as_deref(), Some("01K38Z5V7E9R2XQ4"));
    assert_eq!(
        snapshot.generated_at,
        Some("2026-08-22T03:00:00Z".parse().unwrap())
    );
}

#[test]
fn given_the_other_shapes_of_a_collector_then_they_are_understood_too() {
    let workshop = [
        "203.0.113.7 4 ipsum,et",
        "192.0.2.1 2 IPsum",
        "192.0.2.20 0 ipsum,et allowed",
    ];
    holds(Kind::Collector, "collector_workshop.json", &workshop);
    holds(
        Kind::Collector,
        "collector_data.json",
        &["203.0.113.7 4 ipsum,et"],
    );
    holds(
        Kind::Collector,
        "collector_bare.json",
        &["203.0.113.7 4 ipsum,et", "192.0.2.1 1 ipsum,et"],
    );
}

#[test]
fn given_one_page_of_several_as_a_file_then_it_is_not_taken_for_the_whole() {
    assert!(matches!(
        read(Kind::Collector, "collector_page_1.json"),
        Err(Unusable::Pages(_))
    ));
}

#[test]
fn given_fewer_or_more_records_than_the_total_then_the_snapshot_is_incomplete() {
    let text = String::from_utf8(fixture("collector.json")).unwrap();
    for (said, total) in [(9, "9"), (7, "7"), (0, "0")] {
        let lying = text.replace("\"total\": 8", &format!("\"total\": {total}"));
        assert_eq!(
            read_with(&config(Kind::Collector), lying.as_bytes()).err(),
            Some(Unusable::Incomplete { said, found: 8 })
        );
    }
}

#[test]
fn given_a_schema_of_the_future_then_nothing_is_guessed() {
    let text = r#"{"schema":2,"threats":[{"ip":"203.0.113.7","score":4}]}"#;
    assert!(matches!(
        read_with(&config(Kind::Collector), text.as_bytes()),
        Err(Unusable::Shape(_))
    ));
}

#[test]
fn given_an_allow_listed_record_with_something_wrong_then_it_is_still_allow_listed() {
    let text = r#"[{"ip":"192.0.2.1","score":"?","is_whitelisted":true,"expires_at":"never"},
        {"ip":"192.0.2.2","score":4,"is_whitelisted":"perhaps"}]"#;
    let snapshot = read_with(&config(Kind::Collector), text.as_bytes()).unwrap();
    assert_eq!(snapshot.sink.reports, ["192.0.2.1 0 feed allowed"]);
    assert_eq!(
        snapshot.sink.unreadable,
        ["record 2: is_whitelisted is a text, expected true or false"]
    );
}

#[test]
fn given_an_end_that_cannot_be_read_then_the_record_does_not_stand_for_ever() {
    let text =
        r#"[{"ip":"192.0.2.1","score":4,"expires_at":"tomorrow"},{"ip":"192.0.2.2","score":4}]"#;
    let snapshot = read_with(&config(Kind::Collector), text.as_bytes()).unwrap();
    assert_eq!(snapshot.sink.reports, ["192.0.2.2 4 feed"]);
    assert_eq!(
        snapshot.sink.unreadable,
        ["record 1: expires_at is `tomorrow`, expected a time such as 2026-01-01T00:00:00Z"]
    );
}

#[test]
fn given_two_lists_in_one_document_then_neither_is_preferred() {
    let text = r#"{"threats":[{"ip":"192.0.2.1","score":4}],"data":[]}"#;
    assert!(matches!(
        read_with(&config(Kind::Collector), text.as_bytes()),
        Err(Unusable::Shape(_))
    ));
}

#[test]
fn given_ipsum_then_the_number_of_lists_is_the_score() {
    holds(
        Kind::Ipsum,
        "ipsum.txt",
        &[
            "198.51.100.7 5 feed",
            "203.0.113.45 5 feed",
            "192.0.2.61 5 feed",
            "198.51.100.200 5 feed",
            "203.0.113.9 4 feed",
            "192.0.2.17 4 feed",
            "198.51.100.33 3 feed",
            "203.0.113.210 3 feed",
            "192.0.2.99 2 feed",
            "198.51.100.150 2 feed",
            "203.0.113.77 1 feed",
            "192.0.2.250 1 feed",
        ],
    );
    let snapshot = read(Kind::Ipsum, "ipsum.txt").unwrap();
    assert_eq!(
        snapshot.generated_at,
        Some("2026-08-22T01:00:31Z".parse().unwrap())
    );
}

#[test]
fn given_one_of_ipsums_levels_then_the_score_is_the_configured_one() {
    let mut levels = config(Kind::Ipsum);
    levels.score = Some(3.0);
    let snapshot = read_with(&levels, b"192.0.2.1\n192.0.2.2\n").unwrap();
    assert_eq!(
        snapshot.sink.reports,
        ["192.0.2.1 3 feed", "192.0.2.2 3 feed"]
    );
}

#[test]
fn given_ipsum_that_breaks_off_within_a_line_then_it_is_not_whole() {
    let text = fixture("ipsum.txt");
    let end = text.len() - 4;
    assert!(matches!(
        read_with(&config(Kind::Ipsum), &text[..end]),
        Err(Unusable::CutOff(_))
    ));
}

#[test]
fn given_a_list_of_that_kind_without_the_header_then_it_may_end_as_it_likes() {
    let ipsum = read_with(&config(Kind::Ipsum), b"192.0.2.1\t4\n192.0.2.2\t11").unwrap();
    assert_eq!(ipsum.sink.reports, ["192.0.2.1 4 feed", "192.0.2.2 5 feed"]);
    let firehol = read_with(&config(Kind::Firehol), b"192.0.2.1\n192.0.2.0/24").unwrap();
    assert_eq!(
        firehol.sink.reports,
        ["192.0.2.1 4 feed", "192.0.2.0/24 4 feed"]
    );
}

#[test]
fn given_a_firehol_netset_then_its_level_is_the_score() {
    let snapshot = read(Kind::Firehol, "firehol_level1.netset").unwrap();
    assert_eq!(snapshot.accepted, 13);
    assert_eq!(snapshot.sink.reports[1], "10.0.0.0/8 4 feed");
    assert_eq!(snapshot.sink.reports[12], "224.0.0.0/3 4 feed");
    assert_eq!(
        snapshot.generated_at,
        Some("2026-08-22T09:13:24Z".parse().unwrap())
    );
    for (level, score) in [(2, "3"), (3, "2"), (4, "1")] {
        let mut firehol = config(Kind::Firehol);
        firehol.level = Some(level);
        let snapshot = read_with(&firehol, &fixture("blocklist_de_ssh.ipset")).unwrap();
        assert_eq!(snapshot.sink.reports[0], format!("192.0.2.14 {score} feed"));
    }
}

#[test]
fn given_a_firehol_list_without_its_last_lines_then_the_header_tells() {
    for (name, said) in [("firehol_level1.netset", 13), ("blocklist_de_ssh.ipset", 4)] {
        let text = String::from_utf8(fixture(name)).unwrap();
        let shorter = &text[..text.trim_end().rfind('\n').unwrap() + 1];
        assert_eq!(
            read_with(&config(Kind::Firehol), shorter.as_bytes()).err(),
            Some(Unusable::Incomplete {
                said,
                found: said - 1
            })
        );
    }
}

#[test]
fn given_a_list_kept_by_hand_then_the_first_word_of_a_line_counts() {
    holds(
        Kind::Plain,
        "plain.txt",
        &[
            "192.0.2.4 3 feed",
            "198.51.100.0/28 3 feed",
            "203.0.113.12 3 feed",
            "2001:db8:5::/48 3 feed",
            "192.0.2.77 3 feed",
        ],
    );
}

#[test]
fn given_spamhaus_drop_then_every_network_scores_five() {
    holds(
        Kind::SpamhausDrop,
        "spamhaus_drop_v4.json",
        &[
            "192.0.2.0/25 5 feed",
            "198.51.100.0/24 5 feed",
            "203.0.113.128/26 5 feed",
            "203.0.113.128/26 5 feed",
        ],
    );
    holds(
        Kind::SpamhausDrop,
        "spamhaus_drop_v6.json",
        &["2001:db8:1000::/36 5 feed", "2001:db8:face::/48 5 feed"],
    );
}

#[test]
fn given_spamhaus_drop_that_counts_a_network_once_then_it_is_whole_as_well() {
    let text = String::from_utf8(fixture("spamhaus_drop_v4.json")).unwrap();
    for (records, is_whole) in [(2, false), (3, true), (4, true), (5, false)] {
        let text = text.replace("\"records\":4", &format!("\"records\":{records}"));
        let read = read_with(&config(Kind::SpamhausDrop), text.as_bytes());
        assert_eq!(read.is_ok(), is_whole, "{records}");
    }
}

#[test]
fn given_spamhaus_drop_without_its_last_line_or_another_then_it_is_not_whole() {
    let text = String::from_utf8(fixture("spamhaus_drop_v4.json")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let metadata = lines.pop().unwrap();
    assert!(matches!(
        read_with(&config(Kind::SpamhausDrop), lines.join("\n").as_bytes()),
        Err(Unusable::CutOff(_))
    ));
    lines[1] = metadata;
    assert_eq!(
        read_with(&config(Kind::SpamhausDrop), lines.join("\n").as_bytes()).err(),
        Some(Unusable::Incomplete { said: 4, found: 3 })
    );
}

#[test]
fn given_abuseipdb_then_the_percentage_becomes_a_score() {
    holds(
        Kind::Abuseipdb,
        "abuseipdb_blacklist.json",
        &[
            "203.0.113.5 5 feed seen 2026-08-22T18:59:31Z",
            "198.51.100.23 4 feed seen 2026-08-22T17:17:02Z",
            "2001:db8:4:12::9 3 feed seen 2026-08-21T09:40:10Z",
            "192.0.2.44 2 feed seen 2026-08-20T11:00:00Z",
            "192.0.2.45 1 feed seen 2026-08-20T11:00:00Z",
            "192.0.2.46 0 feed seen 2026-08-20T11:00:00Z",
        ],
    );
}

#[test]
fn given_crowdsec_then_decisions_on_addresses_count_until_they_end() {
    holds(
        Kind::Crowdsec,
        "crowdsec_stream.json",
        &[
            "198.51.100.4 5 feed until 2026-08-22T15:59:49.481837158Z",
            "203.0.113.19 4 feed until 2026-08-29T11:51:10.2Z",
            "203.0.113.64/27 4 feed until 2026-08-23T11:59:59Z",
            "2001:db8:77::1 2 feed until 2026-08-22T12:59:01Z",
            "192.0.2.31 1 feed until 2026-08-22T12:30:00Z",
        ],
    );
    // Deleted, a country, simulated, a remedy of its own.
    assert_eq!(
        read(Kind::Crowdsec, "crowdsec_stream.json")
            .unwrap()
            .ignored,
        4
    );
}

#[test]
fn given_scores_for_crowdsecs_remedies_then_they_go_first() {
    let mut crowdsec = config(Kind::Crowdsec);
    crowdsec.scores.insert("ban".to_owned(), 3.0);
    crowdsec.scores.insert("mfa".to_owned(), 2.0);
    let snapshot = read_with(&crowdsec, &fixture("crowdsec_stream.json")).unwrap();
    assert_eq!(
        snapshot.sink.reports[0],
        "198.51.100.4 3 feed until 2026-08-22T15:59:49.481837158Z"
    );
    assert_eq!(
        snapshot.sink.reports[5],
        "192.0.2.33 2 feed until 2026-08-22T16:00:00Z"
    );
}

#[test]
fn given_crowdsec_without_decisions_then_it_is_no_empty_list() {
    assert_eq!(
        read(Kind::Crowdsec, "crowdsec_stream_nothing.json").err(),
        Some(Unusable::TooFew {
            accepted: 0,
            least: 1
        })
    );
}

#[test]
fn given_a_stix_bundle_then_the_newest_version_of_each_indicator_counts() {
    let mut stix = config(Kind::Stix);
    stix.score = Some(1.0);
    let snapshot = read_with(&stix, &fixture("stix_bundle.json")).unwrap();
    assert_eq!(
        snapshot.sink.reports,
        [
            "198.51.100.1/32 5 feed",
            "198.51.100.2 4 feed until 2026-12-01T00:00:00Z",
            "198.51.100.3 4 feed until 2026-12-01T00:00:00Z",
            "2001:db8:2::3 4 feed until 2026-12-01T00:00:00Z",
            "203.0.113.0/26 3 feed",
            "192.0.2.4 2 feed",
            "192.0.2.8 1 feed",
            "192.0.2.10 1 feed",
            "192.0.2.12 5 feed",
        ]
    );
    assert_eq!(snapshot.sink.unreadable, [""; 0]);
    assert_eq!(
        snapshot.id.as_deref(),
        Some("bundle--5d0092c5-5f74-4287-9642-33f4c354e56d")
    );
}

#[test]
fn given_an_indicator_without_confidence_and_no_configured_score_then_it_is_rejected() {
    let snapshot = read(Kind::Stix, "stix_bundle.json").unwrap();
    assert_eq!(snapshot.rejected, 1);
    assert!(
        snapshot
            .sink
            .reports
            .contains(&"192.0.2.10 unscored feed".to_owned())
    );
}

#[test]
fn given_misp_then_decay_threat_level_and_type_decide() {
    let mut misp = config(Kind::Misp);
    misp.score = Some(2.0);
    misp.scores
        .insert("confidence-level:\"certain\"".to_owned(), 5.0);
    misp.scores
        .insert("false-positive:risk=\"high\"".to_owned(), 0.0);
    let snapshot = read_with(&misp, &fixture("misp_attributes.json")).unwrap();
    assert_eq!(
        snapshot.sink.reports,
        [
            "198.51.100.61 4.76 feed",
            "203.0.113.8 3 feed",
            "2001:db8:9::1 4 feed seen 2026-08-22T05:06:07Z",
            "192.0.2.64/27 1 feed",
            "192.0.2.5 5 feed",
            "192.0.2.6 0 feed",
            "192.0.2.12 2 feed",
        ]
    );
    assert_eq!(snapshot.sink.unreadable, [""; 0]);
    // Not for detection, deleted, decayed, a public resolver, a domain.
    assert_eq!(snapshot.ignored, 5);
}

#[test]
fn given_mere_events_of_misp_then_it_is_said_what_to_ask_for() {
    let error = read_with(
        &config(Kind::Misp),
        br#"{"response":[{"Event":{"id":"1"}}]}"#,
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("attributes/restSearch"),
        "{error}"
    );
}
