//! What no run may do.

use enforce_ip_list::run::report::End;
use enforce_ip_list::run::trigger::Address;
use enforce_ip_list::run::{RunError, Wishes, Work};
use remediate_core::config::ConfigFiles;
use serde_json::json;

use crate::world::{World, configuration};

fn allowing(world: &mut World, network: &str) {
    let line = format!("\n[[allow]]\nnetwork = \"{network}\"\nreason = \"test\"\n");
    let networks = include_str!("../../../../config/networks.toml")
        .replace("test_ranges = false", "test_ranges = true")
        + &line;
    world.config = configuration(&world.sandbox, |mut files: ConfigFiles| {
        files.replace("networks.toml", networks, "test");
        files
    });
}

#[tokio::test]
async fn given_an_enforced_address_when_it_is_allowed_then_it_is_removed_first() {
    let mut world = World::new().await;
    world.threats(&[("198.51.100.0/24", 5.0), ("203.0.113.7", 5.0)]);
    world.fill().await;
    allowing(&mut world, "198.51.100.7");
    world.threats(&[
        ("198.51.100.0/24", 5.0),
        ("203.0.113.7", 5.0),
        ("203.0.113.8", 5.0),
    ]);
    let report = world.sync().await.unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    assert_eq!(
        report.operations[0].verb,
        enforce_ip_list::run::bulk::Verb::Remove
    );
    let entries = world.entries("eil_block");
    assert!(!entries.contains(&"198.51.100.0/24".to_owned()));
    assert!(
        entries.contains(&"198.51.100.128/25".to_owned()),
        "{entries:?}"
    );
    assert!(!entries.contains(&"198.51.100.7".to_owned()));
}

#[tokio::test]
async fn given_entries_of_a_person_when_runs_come_and_go_then_they_are_as_they_were() {
    let world = World::new().await;
    for (ip, comment) in [
        ("203.0.113.50", Some("keep: office of a customer")),
        ("198.51.100.1", None),
    ] {
        world
            .sandbox
            .put_list_entry("eil_block", ip, comment)
            .unwrap();
    }
    let persons = || {
        let entries = world.sandbox.list_entries("eil_block").into_iter();
        entries.filter(|entry| entry.by_hand).collect::<Vec<_>>()
    };
    let before = persons();
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 5.0)]);
    world.fill().await;
    world.threats(&[("198.51.100.3", 5.0)]);
    world.sync().await.unwrap();
    assert_eq!(persons(), before);
}

#[tokio::test]
async fn given_a_collector_that_fails_in_any_way_when_it_is_synced_then_nothing_is_removed() {
    type Change = fn(&mut sandbox::CollectorConfig);
    let failures: [(&str, Change); 4] = [
        ("another token", |config| {
            config.token = Some("other".to_owned());
        }),
        ("a total that is wrong", |config| config.total_off_by = 3),
        ("pages of different snapshots", |config| {
            config.restless = true;
            config.max_limit = 1;
        }),
        ("nothing at all", |config| config.threats = Some(json!([]))),
    ];
    for (what, change) in failures {
        let world = World::new().await;
        world.threats(&[
            ("198.51.100.1", 5.0),
            ("198.51.100.2", 5.0),
            ("198.51.100.3", 2.0),
        ]);
        world.fill().await;
        world.sandbox.change_collector(change).unwrap();
        let report = world.sync().await.unwrap();
        assert_eq!(report.end, End::InLine, "{what}: {report:#?}");
        assert_eq!(world.entries("eil_block").len(), 2, "{what}");
        assert_eq!(world.entries("eil_challenge").len(), 1, "{what}");
    }
}

#[tokio::test]
async fn given_a_snapshot_that_shrank_when_it_is_synced_then_the_guard_holds_until_somebody_overrides_it()
 {
    let world = World::new().await;
    let records: Vec<(String, f64)> = (0..400)
        .map(|n| (format!("45.0.{}.{}", n >> 8, n & 255), 5.0))
        .collect();
    let records: Vec<(&str, f64)> = records
        .iter()
        .map(|(ip, score)| (ip.as_str(), *score))
        .collect();
    world.threats(&records);
    world.fill().await;
    world.threats(&records[..100]);
    let report = world.sync().await.unwrap();
    assert!(
        report.tiers[0]
            .held_back
            .as_deref()
            .is_some_and(|why| why.contains("300")),
        "{report:#?}"
    );
    assert!(
        matches!(&report.end, End::HeldBack { what } if what.contains("eil_block") && what.contains("300")),
        "{report:#?}"
    );
    assert!(!report.end.is_success());
    let again = world.sync().await.unwrap();
    assert!(matches!(again.end, End::HeldBack { .. }), "{again:#?}");
    assert!(world.entries("eil_block").len() > 100);
    let wishes = Wishes {
        overridden: Some(enforce_ip_list::run::report::Override {
            by: "alice".to_owned(),
            because: "the feed was cleaned".to_owned(),
        }),
        ..Wishes::default()
    };
    let report = world.run_with(Work::Sync, wishes).await.unwrap();
    assert_eq!(report.end, End::Applied);
    assert_eq!(
        report.overridden.as_ref().map(|word| word.by.as_str()),
        Some("alice")
    );
    assert_eq!(world.entries("eil_block").len(), 100);
}

#[tokio::test]
async fn given_an_address_that_is_named_when_a_snapshot_does_not_name_it_then_it_stays() {
    let world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0)]);
    world.fill().await;
    let address = Address {
        ip: "203.0.113.9".to_owned(),
        score: 5.0,
        reason: Some("seen by the SOC".to_owned()),
        expires_at: Some("2099-01-01T00:00:00Z".parse().unwrap()),
        source: Some("soc".to_owned()),
    };
    let report = world
        .run_with(Work::Address(address), Wishes::default())
        .await
        .unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    assert!(
        world
            .entries("eil_block")
            .contains(&"203.0.113.9".to_owned())
    );
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 5.0)]);
    world.sync().await.unwrap();
    assert_eq!(
        world.entries("eil_block"),
        ["198.51.100.1", "198.51.100.2", "203.0.113.9"]
    );
}

#[tokio::test]
async fn given_an_address_that_is_none_when_it_is_named_then_it_is_refused() {
    let world = World::new().await;
    for (ip, score) in [("999.1.1.1", 5.0), ("203.0.113.9", f64::NAN)] {
        let address = Address {
            ip: ip.to_owned(),
            score,
            reason: None,
            expires_at: None,
            source: None,
        };
        let error = world
            .run_with(Work::Address(address), Wishes::default())
            .await
            .unwrap_err();
        assert!(matches!(error, RunError::Address { .. }), "{error}");
    }
}

#[tokio::test]
async fn given_two_runs_at_once_when_one_holds_the_lease_then_the_other_is_told() {
    let world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0)]);
    let (one, other) = futures::future::join(world.sync(), world.sync()).await;
    let busy = [&one, &other]
        .iter()
        .filter(|result| matches!(result, Err(RunError::Busy { .. })))
        .count();
    assert_eq!(busy, 1, "{one:?} {other:?}");
}
