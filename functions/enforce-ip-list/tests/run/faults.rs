//! Whatever goes wrong, nobody who is protected is enforced, nobody's own entry is touched, and a later run brings everything in
//! line.

use std::collections::BTreeSet;
use std::time::Duration;

use enforce_ip_list::run::audit;
use enforce_ip_list::run::report::End;
use futures::stream::{self, StreamExt};
use remediate_core::config::ConfigFiles;
use remediate_core::ledger::mortal::Death;
use sandbox::{Effect, Fault, ForcedFailure, Pace, Service};

use crate::world::{World, configuration};

const PERSONS: &str = "203.0.113.200";
const ALLOWED: &str = "198.51.100.7";

/// Before: what a first filling leaves. After it the snapshot changes in every way at once: something moves up, something down,
/// something goes, something comes, and an address is allowed that lies in a network that is enforced.
async fn changed() -> World {
    let mut world = World::new().await;
    world
        .sandbox
        .put_list_entry("eil_block", PERSONS, Some("a person's"))
        .unwrap();
    world.threats(&[
        ("198.51.100.0/29", 5.0),
        ("203.0.113.1", 5.0),
        ("203.0.113.2", 5.0),
        ("203.0.113.3", 3.0),
        ("203.0.113.4", 1.0),
    ]);
    world.fill().await;
    let networks = include_str!("../../../../config/networks.toml")
        .replace("test_ranges = false", "test_ranges = true")
        + &format!("\n[[allow]]\nnetwork = \"{ALLOWED}\"\nreason = \"test\"\n");
    world.config = configuration(&world.sandbox, |mut files: ConfigFiles| {
        files.replace("networks.toml", networks, "test");
        files
    });
    world.threats(&[
        ("198.51.100.0/29", 5.0),
        ("203.0.113.1", 3.0),
        ("203.0.113.3", 5.0),
        ("203.0.113.4", 1.0),
        ("203.0.113.5", 1.0),
        (PERSONS, 5.0),
    ]);
    world
}

fn wanted() -> [(&'static str, Vec<&'static str>); 3] {
    [
        (
            "eil_block",
            vec![
                "198.51.100.0/30",
                "198.51.100.4/31",
                "198.51.100.6",
                PERSONS,
                "203.0.113.3",
            ],
        ),
        ("eil_challenge", vec!["203.0.113.1"]),
        ("eil_rate_limit", vec!["203.0.113.4", "203.0.113.5"]),
    ]
}

fn assert_in_line(world: &World, after: &str) {
    for (list, wanted) in wanted() {
        let found: BTreeSet<String> = world.entries(list).into_iter().collect();
        let wanted: BTreeSet<String> = wanted.into_iter().map(str::to_owned).collect();
        assert_eq!(found, wanted, "{list} after {after}");
    }
    let persons = world.sandbox.list_entries("eil_block");
    let persons = persons.iter().find(|entry| entry.ip == PERSONS).unwrap();
    assert_eq!(
        persons.comment.as_deref(),
        Some("a person's"),
        "after {after}"
    );
}

/// Runs until there is nothing left to do; says how many runs that took.
async fn converge(world: &World, after: &str) -> usize {
    for run in 1..=6 {
        let result = world.sync().await;
        if matches!(&result, Ok(report) if matches!(report.end, End::InLine | End::Unchanged)) {
            assert_in_line(world, after);
            return run;
        }
        // Where Cloudflare is to be left alone, time passes.
        world.forget_pause().await;
    }
    let last = world.sync().await;
    panic!("no end in sight after {after}: {last:#?}");
}

#[tokio::test]
async fn given_a_death_at_any_write_of_the_ledger_when_it_is_run_again_then_all_is_in_line() {
    let writes = {
        let world = changed().await;
        let before = world.ledger.writes();
        world.sync().await.unwrap();
        assert_in_line(&world, "no fault");
        world.ledger.writes() - before
    };
    assert!(writes > 6, "{writes}");
    let deaths = (1..=writes).flat_map(|n| [Death::Before(n), Death::After(n)]);
    stream::iter(deaths)
        .for_each_concurrent(8, |death| async move {
            let world = changed().await;
            world.ledger.die(death);
            // The death may come with the very last write, of which nothing depends any more.
            let _ = world.sync().await;
            world.ledger.revive().unwrap();
            converge(&world, &format!("{death:?}")).await;
            let state = world.state().await;
            let verdict = audit::verify(&world.store(), &state.audit).await.unwrap();
            assert_eq!(verdict.damage, Vec::new(), "{death:?}");
        })
        .await;
}

fn classes() -> Vec<(&'static str, Fault)> {
    let fault = || Fault::on(Service::Cloudflare);
    let envelope = |code: i64, message: &str| serde_json::json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null});
    let status = |status: u16, body: serde_json::Value| {
        fault().effect(Effect::Status {
            status,
            headers: Default::default(),
            body: Some(body),
            retry_after: None,
        })
    };
    vec![
        (
            "429 pending",
            status(
                429,
                envelope(10_040, "an outstanding bulk operation is in progress"),
            ),
        ),
        (
            "429 lists",
            status(
                429,
                envelope(
                    10_040,
                    "you have been ratelimited please wait and try again",
                ),
            ),
        ),
        ("429 global", fault().too_many_requests(1)),
        ("500 page", fault().status(500)),
        ("502 page after", fault().status(502).after_write()),
        ("400", status(400, envelope(10_001, "bad request"))),
        (
            "403 10000",
            status(403, envelope(10_000, "Authentication error")),
        ),
        ("404", status(404, envelope(7_003, "could not route"))),
        (
            "a page instead of JSON",
            status(200, serde_json::json!("<html><title>busy</title></html>")),
        ),
        ("an empty answer", status(200, serde_json::json!(""))),
        ("reset", fault().reset()),
        ("reset after", fault().reset().after_write()),
        ("cut", fault().effect(Effect::TruncatedBody)),
    ]
}

#[tokio::test]
async fn given_any_error_at_any_call_when_it_is_run_again_then_all_is_in_line() {
    let calls = {
        let world = changed().await;
        let before = world.sandbox.calls().len();
        world.sync().await.unwrap();
        let calls = world.calls_since(before);
        calls
            .iter()
            .filter(|call| call.contains("/client/v4"))
            .count() as u64
    };
    assert!(calls >= 8, "{calls}");
    let cases = classes()
        .into_iter()
        .flat_map(|(name, fault)| (1..=calls).map(move |n| (name, fault.clone(), n)));
    stream::iter(cases)
        .for_each_concurrent(8, |(name, fault, n)| async move {
            let world = changed().await;
            world.sandbox.inject(fault.nth(n));
            let _ = world.sync().await;
            world.sandbox.clear_faults();
            converge(&world, &format!("{name} at call {n}")).await;
        })
        .await;
}

#[tokio::test]
async fn given_an_operation_that_fails_in_part_when_it_is_run_again_then_all_is_in_line() {
    for applied in [0, 1] {
        let world = changed().await;
        world
            .sandbox
            .change_cloudflare(|config| {
                config.fail_next = vec![ForcedFailure {
                    error: "This list is at the maximum number of items".to_owned(),
                    applied,
                }];
            })
            .unwrap();
        let report = world.sync().await.unwrap();
        assert!(matches!(report.end, End::Partly { .. }), "{report:#?}");
        converge(&world, "a failed operation").await;
    }
}

#[tokio::test]
async fn given_an_operation_that_outlives_its_run_when_the_next_one_begins_then_it_is_waited_for() {
    let world = changed().await;
    world
        .sandbox
        .change_cloudflare(|config| {
            config.operations = Pace {
                pending_ms: 400,
                running_ms: 400,
                ..Pace::default()
            }
        })
        .unwrap();
    let report = world.sync_until(Duration::from_millis(300)).await.unwrap();
    assert!(matches!(report.end, End::Partly { .. }), "{report:#?}");
    assert!(world.state().await.operation.is_some());
    world
        .sandbox
        .change_cloudflare(|config| config.operations = Pace::at_once())
        .unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    converge(&world, "an operation that outlived its run").await;
    assert!(world.state().await.operation.is_none());
}

#[tokio::test]
async fn given_somebody_elses_operation_when_it_does_not_end_then_the_run_leaves_the_rest_for_the_next()
 {
    let world = changed().await;
    world.sandbox.occupy_cloudflare(Duration::from_secs(3600));
    let report = world.sync().await.unwrap();
    assert!(matches!(report.end, End::Partly { .. }), "{report:#?}");
    world.sandbox.advance_clock(Duration::from_secs(3601));
    converge(&world, "somebody else's operation").await;
}

#[tokio::test]
async fn given_an_element_that_cloudflare_does_not_take_when_it_is_sent_then_only_that_one_is_left_out()
 {
    let mut world = World::new().await;
    world
        .sandbox
        .change_cloudflare(|config| config.longest_ipv6_prefix = 64)
        .unwrap();
    world.config.networks.entries.ipv6_granularity = 128;
    world.threats(&[
        ("203.0.113.1", 5.0),
        ("2001:db8::1", 5.0),
        ("203.0.113.2", 5.0),
    ]);
    let report = world.sync().await.unwrap();
    assert_eq!(
        world.entries("eil_block"),
        ["203.0.113.1", "203.0.113.2"],
        "{report:#?}"
    );
    assert!(
        report.notes.iter().any(|note| note.contains("2001:db8::1")),
        "{report:#?}"
    );
    let report = world.sync().await.unwrap();
    assert!(matches!(report.end, End::InLine), "{report:#?}");
}
