//! Filling, and what a run costs when little or nothing has changed.

use enforce_ip_list::run::report::End;
use enforce_ip_list::run::{Wishes, Work, audit};

use crate::world::World;

#[tokio::test]
async fn given_an_empty_account_when_it_is_filled_then_each_tier_stands_in_its_list_and_the_audit_is_sound()
 {
    let world = World::new().await;
    world.threats(&[
        ("198.51.100.1", 5.0),
        ("198.51.100.2", 3.9),
        ("198.51.100.3", 1.0),
        ("198.51.100.4", 0.0),
        ("10.0.0.0/8", 5.0),
    ]);
    let report = world.fill().await;
    assert_eq!(report.end, End::Applied, "{report:#?}");
    assert_eq!(world.entries("eil_block"), ["198.51.100.1"]);
    assert_eq!(world.entries("eil_challenge"), ["198.51.100.2"]);
    assert_eq!(world.entries("eil_rate_limit"), ["198.51.100.3"]);
    assert_eq!(report.not_enforced["never-list"], 1);
    let state = world.state().await;
    let verdict = audit::verify(&world.store(), &state.audit).await.unwrap();
    assert_eq!((verdict.records, verdict.damage), (2, Vec::new()));
}

#[tokio::test]
async fn given_nothing_changed_when_it_is_synced_then_one_call_of_each_kind_tells_so() {
    let world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 3.0)]);
    world.fill().await;
    for _ in 0..2 {
        let before = world.sandbox.calls().len();
        let report = world.sync().await.unwrap();
        assert_eq!(report.end, End::Unchanged, "{report:#?}");
        assert_eq!(report.calls.all(), 1);
        let calls = world.calls_since(before);
        assert_eq!(calls.len(), 2, "{calls:?}");
    }
}

#[tokio::test]
async fn given_ten_thousand_entries_when_two_percent_change_then_eight_calls_do() {
    let world = World::new().await;
    let address = |n: u32| format!("45.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255);
    let of = |range: std::ops::Range<u32>| -> Vec<(String, f64)> {
        range.map(|n| (address(n * 3), 5.0)).collect()
    };
    let set = |records: &[(String, f64)]| {
        let records: Vec<(&str, f64)> = records
            .iter()
            .map(|(ip, score)| (ip.as_str(), *score))
            .collect();
        world.threats(&records);
    };
    set(&of(0..10_000));
    let report = world.fill().await;
    assert_eq!(report.end, End::Applied, "{report:#?}");
    set(&of(100..10_100));
    let before = world.sandbox.calls().len();
    let report = world.sync().await.unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    let calls = world.calls_since(before);
    let cloudflare = calls
        .iter()
        .filter(|call| call.contains("/client/v4"))
        .count();
    assert!(cloudflare <= 8, "{calls:#?}");
    assert_eq!(world.entries("eil_block").len(), 10_000);
}

#[tokio::test]
async fn given_changes_when_they_are_planned_then_nothing_is_written_anywhere() {
    let world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 3.0)]);
    let before = world.sandbox.calls().len();
    let planned = world.plan().await;
    assert_eq!(planned.changes.len(), 2);
    assert!(
        planned
            .calls
            .iter()
            .any(|call| call.method == "POST" && call.does == "add 1 item to eil_block"),
        "{:?}",
        planned.calls
    );
    assert!(
        world
            .calls_since(before)
            .iter()
            .all(|call| call.starts_with("GET "))
    );
    assert_eq!(world.entries("eil_block").len(), 0);
    assert_eq!(world.ledger.writes(), 0);
    assert!(!world.folder.exists());
}

#[tokio::test]
async fn given_a_first_filling_beyond_the_guard_when_nobody_says_so_then_it_is_held_back() {
    let world = World::new().await;
    let records: Vec<(String, f64)> = (0..600)
        .map(|n| (format!("45.0.{}.{}", n >> 8, n & 255), 5.0))
        .collect();
    let records: Vec<(&str, f64)> = records
        .iter()
        .map(|(ip, score)| (ip.as_str(), *score))
        .collect();
    world.threats(&records);
    let report = world.sync().await.unwrap();
    assert!(report.tiers[0].held_back.is_some(), "{report:#?}");
    assert!(world.entries("eil_block").len() <= 500);
    assert_eq!(world.fill().await.end, End::Applied);
    assert_eq!(world.entries("eil_block").len(), 600);
}

#[tokio::test]
async fn given_a_list_that_is_drifting_when_it_is_synced_then_it_is_read_and_brought_in_line() {
    let world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 5.0)]);
    world.fill().await;
    world
        .sandbox
        .remove_list_entry("eil_block", "198.51.100.1")
        .unwrap();
    let report = world.sync().await.unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    assert_eq!(world.entries("eil_block"), ["198.51.100.1", "198.51.100.2"]);
    let report = world.run_with(Work::Sync, Wishes::default()).await.unwrap();
    assert_eq!(report.end, End::Unchanged);
}

#[tokio::test]
async fn given_a_list_that_is_wholly_ours_and_was_read_when_nearly_all_of_it_changes_then_it_is_replaced_in_one_call()
 {
    let world = World::new().await;
    let of = |net: &str| -> Vec<(String, f64)> {
        (0..30).map(|n| (format!("{net}.{}", n * 4), 5.0)).collect()
    };
    let set = |records: &[(String, f64)]| {
        let records: Vec<(&str, f64)> = records
            .iter()
            .map(|(ip, score)| (ip.as_str(), *score))
            .collect();
        world.threats(&records);
    };
    set(&of("198.51.100"));
    world.fill().await;
    world
        .sandbox
        .remove_list_entry("eil_block", "198.51.100.0")
        .unwrap();
    set(&of("203.0.113"));
    let before = world.sandbox.calls().len();
    let report = world.sync().await.unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    let calls = world.calls_since(before);
    let writes: Vec<&String> = calls
        .iter()
        .filter(|call| !call.starts_with("GET "))
        .collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(writes[0].starts_with("PUT "), "{writes:?}");
    let mut wanted: Vec<String> = of("203.0.113").into_iter().map(|(ip, _)| ip).collect();
    wanted.sort();
    assert_eq!(world.entries("eil_block"), wanted);
    assert_eq!(world.sync().await.unwrap().end, End::Unchanged);
}
