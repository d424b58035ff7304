//! Cloudflare's rows, rows of both presets in one log, and rows that a user's map describes.

use super::super::{FieldMap, FieldMapError, FieldMaps, Kind, Options, read};
use super::{emails, options, reading, row};

const CLOUDFLARE: &str = r#"{"ClientVersion":"2024.6.415","DeviceID":"083a8354-d56c-11ed-9771-6a842b111aaa","DeviceManufacturer":"Apple Inc.","DeviceModel":"MacBookPro18,3","DeviceName":"host-7","DeviceSerialNumber":"C02","DeviceType":"mac","Email":"User@Company.com","OSVersion":"14.6.1","PolicyID":"p","PostureCheckName":"FileVault on","PostureCheckType":"disk_encryption","PostureEvaluatedResult":false,"PostureExpectedJSON":{ "requireAll": true, "x": "a b" },"PostureReceivedJSON":{"volumes":[{"encrypted":false}]},"RegistrationID":"r","Timestamp":TIME,"UserUID":"u"}"#;

fn cloudflare(time: &str) -> String {
    CLOUDFLARE.replace("TIME", time)
}

#[test]
fn a_cloudflare_row_is_read_with_all_it_tells() {
    let reading = reading(cloudflare("\"2024-07-25T10:30:00Z\""));
    let state = reading.states().next().unwrap();
    assert_eq!(
        (state.email(), state.check()),
        ("user@company.com", "FileVault on")
    );
    assert_eq!(state.device(), "083a8354-d56c-11ed-9771-6a842b111aaa");
    assert_eq!(state.check_type().as_deref(), Some("disk_encryption"));
    assert_eq!(
        state.expected().as_deref(),
        Some(r#"{"requireAll":true,"x":"a b"}"#)
    );
    assert_eq!(
        state.actual().as_deref(),
        Some(r#"{"volumes":[{"encrypted":false}]}"#)
    );
    assert_eq!(
        (state.os().as_deref(), state.os_version().as_deref()),
        (Some("mac"), Some("14.6.1"))
    );
    assert_eq!(state.device_name().as_deref(), Some("host-7"));
    assert_eq!(state.device_model().as_deref(), Some("MacBookPro18,3"));
    assert_eq!(state.device_serial().as_deref(), Some("C02"));
    assert!(!state.passed());
}

#[test]
fn all_time_formats_of_logpush_mean_the_same() {
    let times = [
        "\"2024-07-25T10:30:00Z\"",
        "1721903400",
        "1721903400000000000",
        "\"1721903400000000000\"",
        "1721903400000",
    ];
    for time in times {
        let reading = reading(cloudflare(time));
        let at = reading.states().next().unwrap().timestamp();
        assert_eq!(at.to_string(), "2024-07-25T10:30:00Z", "{time}");
    }
}

#[test]
fn a_cloudflare_row_needs_who_which_check_when_and_the_verdict() {
    let least = r#"{"Email":"a@x","PostureCheckName":"c","PostureEvaluatedResult":true,"Timestamp":1721903400}"#;
    let read_one = reading(least);
    let state = read_one.states().next().unwrap();
    assert_eq!(
        (state.device(), state.os(), state.expected()),
        ("", None, None)
    );
    for (field, kind) in [
        ("Email", Kind::Email),
        ("PostureCheckName", Kind::Check),
        ("Timestamp", Kind::Timestamp),
        ("PostureEvaluatedResult", Kind::Verdict),
    ] {
        let text = format!("{least}\n{}", least.replace(field, "Other"));
        let reading = reading(text);
        assert_eq!(
            reading.problems.by_kind().collect::<Vec<_>>(),
            [(kind, 1)],
            "{field}"
        );
        let reason = &reading.problems.first()[0].reason;
        assert!(
            reason.contains(field) && reason.contains("cloudflare"),
            "{reason}"
        );
    }
}

#[test]
fn the_format_is_chosen_for_each_row() {
    let text = [
        row("w@x", 1, true),
        cloudflare("1721903400"),
        row("v@x", 1, true),
    ]
    .join("\n");
    assert_eq!(emails(&reading(text)), ["w@x", "user@company.com", "v@x"]);
}

fn mapped(maps: &FieldMaps) -> Options {
    Options {
        now: options().now,
        ..Options::new(maps).unwrap()
    }
}

fn intune() -> FieldMap {
    FieldMap {
        email: "/user/userEmail".into(),
        check: "/settings/0/name".into(),
        passed: "/settings/0/state".into(),
        timestamp: "/at".into(),
        device: Some("/device~1name".into()),
        expected: Some("/settings/0".into()),
        ..FieldMap::default()
    }
}

#[test]
fn a_users_map_reads_inside_objects_and_lists() {
    let maps = FieldMaps {
        maps: vec![intune()],
        ..FieldMaps::default()
    };
    for (word, passed) in [
        ("\"Compliant\"", true),
        ("\"nonCompliant\"", false),
        ("1", true),
        ("0", false),
        ("true", true),
        ("\" FAIL \"", false),
    ] {
        let text = format!(
            r#"{{"at":"1721903400","device/name":17,"settings":[{{"name":"BitLocker","state":{word}}},{{"name":"other"}}],"user":{{"userEmail":"A@x"}}}}"#
        );
        let reading = read(text.as_bytes(), &mapped(&maps)).unwrap();
        let state = reading.states().next().unwrap();
        assert_eq!(
            (state.email(), state.check(), state.device(), state.passed()),
            ("a@x", "BitLocker", "17", passed),
            "{word}"
        );
        assert_eq!(
            state.expected().unwrap(),
            format!(r#"{{"name":"BitLocker","state":{word}}}"#)
        );
    }
}

#[test]
fn a_verdict_in_neither_list_is_none() {
    let maps = FieldMaps {
        maps: vec![intune()],
        ..FieldMaps::default()
    };
    let text = r#"{"at":1721903400,"settings":[{"name":"BitLocker","state":"unknown"}],"user":{"userEmail":"a@x"}}"#;
    let reading = read(
        format!("{text}\n{}", row("b@x", 1, true)).as_bytes(),
        &mapped(&maps),
    )
    .unwrap();
    assert_eq!((reading.stats.without_verdict, reading.stats.good), (1, 1));
}

#[test]
fn a_users_map_comes_before_the_presets_where_it_fits_and_leaves_the_others_alone() {
    let map = FieldMap {
        email: "/email".into(),
        check: "/check_id".into(),
        passed: "/status".into(),
        timestamp: "/timestamp".into(),
        ..FieldMap::default()
    };
    let maps = FieldMaps {
        maps: vec![map],
        passed: vec!["GREEN".into()],
        failed: vec!["red".into()],
    };
    let own = row("a@x", 1, true).replace(
        "\"name\"",
        "\"check_id\":\"mine\",\"status\":\"Red\",\"name\"",
    );
    let text = [own, row("b@x", 1, true), cloudflare("1721903400")].join("\n");
    let reading = read(text.as_bytes(), &mapped(&maps)).unwrap();
    let states: Vec<_> = reading
        .states()
        .map(|state| (state.email(), state.check(), state.passed()))
        .collect();
    assert_eq!(
        states,
        [
            ("a@x", "mine", false),
            ("b@x", "firewall_check", true),
            ("user@company.com", "FileVault on", false)
        ]
    );
}

#[test]
fn a_name_that_a_map_uses_does_not_wrap_rows() {
    let map = FieldMap {
        email: "/records/0/mail".into(),
        check: "/records/0/check".into(),
        passed: "/ok".into(),
        timestamp: "/at".into(),
        ..FieldMap::default()
    };
    let maps = FieldMaps {
        maps: vec![map],
        ..FieldMaps::default()
    };
    let text = r#"{"records":[{"mail":"a@x","check":"c"}],"ok":true,"at":1721903400}"#;
    for text in [text.to_owned(), text.replace(',', ",\n")] {
        assert_eq!(
            emails(&read(text.as_bytes(), &mapped(&maps)).unwrap()),
            ["a@x"]
        );
    }
}

#[test]
fn maps_that_cannot_work_are_refused_with_the_field() {
    let broken = |change: fn(&mut FieldMap)| {
        let mut map = intune();
        change(&mut map);
        Options::new(&FieldMaps {
            maps: vec![map],
            ..FieldMaps::default()
        })
        .unwrap_err()
    };
    assert!(matches!(
        broken(|map| map.email = "email".into()),
        FieldMapError::Pointer {
            map: 1,
            field: "email",
            ..
        }
    ));
    assert!(matches!(
        broken(|map| map.os = Some(String::new())),
        FieldMapError::Pointer { field: "os", .. }
    ));
    let both = FieldMaps {
        passed: vec!["OK".into()],
        failed: vec!["ok".into()],
        ..FieldMaps::default()
    };
    assert!(matches!(
        Options::new(&both),
        Err(FieldMapError::BothVerdicts { .. })
    ));
    let many = (0..60).map(|number| FieldMap {
        email: format!("/{number}/e"),
        check: format!("/{number}/c"),
        passed: format!("/{number}/p"),
        timestamp: format!("/{number}/t"),
        ..FieldMap::default()
    });
    let many = FieldMaps {
        maps: many.collect(),
        ..FieldMaps::default()
    };
    assert!(matches!(
        Options::new(&many),
        Err(FieldMapError::TooMany { .. })
    ));
}
