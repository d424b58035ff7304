//! After any sequence of snapshots, faults and crashes: nobody who is protected is enforced, a person's entries are as they
//! were, the account is never overfilled, and once the faults are over, everything comes in line.

use enforce_ip_list::net::Net;
use enforce_ip_list::run::report::End;
use enforce_ip_list::run::{Wishes, Work};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use remediate_core::config::{CloudflarePlan, ConfigFiles};
use remediate_core::ledger::mortal::Death;
use sandbox::{Fault, InitialList, PersonsEntry, Plan, Service};

use crate::world::{World, configuration};

/// How many of the account's 10,000 items are left for us: the rest is in a list that is none of ours.
const ROOM: usize = 24;
const ALLOWED: [&str; 3] = ["198.51.100.7", "198.51.100.32/30", "203.0.113.64/26"];
const PERSONS: [&str; 2] = ["198.51.100.9", "198.51.100.64/27"];

#[derive(Clone, Debug)]
enum Happening {
    Snapshot(Vec<(String, f64)>),
    Fault { call: u64, kind: usize },
    Crash { write: usize, after: bool },
    Run,
}

fn network() -> impl Strategy<Value = String> {
    let host = (0u8..3, any::<u8>()).prop_map(|(net, host)| {
        let net = ["198.51.100", "203.0.113", "192.0.2"][usize::from(net)];
        format!("{net}.{}", host % 96)
    });
    let wide = (0u8..2, 25u8..31, any::<u8>()).prop_map(|(net, prefix, at)| {
        let net = ["198.51.100", "203.0.113"][usize::from(net)];
        let size = 1u16 << (32 - prefix);
        let first = u16::from(at) / size * size;
        format!("{net}.{first}/{prefix}")
    });
    prop_oneof![6 => host, 2 => wide, 1 => Just("10.0.0.0/8".to_owned()), 1 => Just("2001:db8::1".to_owned())]
}

fn happening() -> impl Strategy<Value = Happening> {
    let snapshot = prop::collection::vec((network(), 0.0f64..6.0), 1..40);
    prop_oneof![
        4 => snapshot.prop_map(Happening::Snapshot),
        2 => (1u64..14, 0usize..6).prop_map(|(call, kind)| Happening::Fault { call, kind }),
        2 => (1usize..14, any::<bool>()).prop_map(|(write, after)| Happening::Crash { write, after }),
        2 => Just(Happening::Run),
    ]
}

fn fault(kind: usize) -> Fault {
    let fault = Fault::on(Service::Cloudflare);
    match kind {
        0 => fault.reset(),
        1 => fault.reset().after_write(),
        2 => fault.status(502),
        3 => fault.status(502).after_write(),
        4 => fault.too_many_requests(0),
        _ => fault.status(400),
    }
}

async fn account() -> World {
    let entry = |n: u32| PersonsEntry {
        ip: format!("45.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255),
        comment: None,
    };
    let persons = PERSONS.map(|ip| PersonsEntry {
        ip: ip.to_owned(),
        comment: Some("a person's".to_owned()),
    });
    let mut world = World::bare(|settings| {
        settings.cloudflare.plan = Plan::Business;
        let others = 10_000 - ROOM - persons.len();
        let list = |name: &str, entries| InitialList {
            name: name.to_owned(),
            description: String::new(),
            entries,
        };
        settings.cloudflare.lists = vec![
            list("others", (0..others as u32).map(entry).collect()),
            list("eil_block", persons.to_vec()),
            list("eil_challenge", Vec::new()),
            list("eil_rate_limit", Vec::new()),
        ];
    })
    .await;
    let allow: String = ALLOWED
        .iter()
        .map(|network| format!("\n[[allow]]\nnetwork = \"{network}\"\nreason = \"test\"\n"))
        .collect();
    let networks = include_str!("../../../../config/networks.toml")
        .replace("test_ranges = false", "test_ranges = true")
        + &allow;
    world.config = configuration(&world.sandbox, |mut files: ConfigFiles| {
        files.replace("networks.toml", networks, "test");
        files
    });
    world.config.services.cloudflare.plan = CloudflarePlan::Business;
    world
}

fn nets(world: &World, list: &str) -> Vec<Net> {
    let entries = world.sandbox.list_entries(list).into_iter();
    entries
        .filter(|entry| !entry.by_hand)
        .map(|entry| entry.ip.parse().unwrap())
        .collect()
}

const LISTS: [&str; 3] = ["eil_block", "eil_challenge", "eil_rate_limit"];

/// What holds at any moment.
fn assert_safe(world: &World, persons: &[sandbox::ListEntry]) {
    let protected: Vec<Net> = ALLOWED
        .iter()
        .chain(&["10.0.0.0/8"])
        .map(|net| net.parse().unwrap())
        .collect();
    for list in LISTS {
        for net in nets(world, list) {
            for protected in &protected {
                assert!(
                    !net.overlaps(*protected),
                    "{net} in {list} covers {protected}"
                );
            }
        }
    }
    assert_eq!(by_hand(world), persons);
    let usage = world.sandbox.cloudflare_usage();
    assert!(usage.items <= usage.max_items, "{usage:?}");
}

/// Where every answer came, Cloudflare never had to refuse for want of room.
fn assert_never_refused(world: &World) {
    for operation in world.sandbox.bulk_operations() {
        let error = operation.error.unwrap_or_default();
        assert!(
            !error.contains("maximum"),
            "the account was overfilled: {error}"
        );
    }
}

fn by_hand(world: &World) -> Vec<sandbox::ListEntry> {
    let entries = world.sandbox.list_entries("eil_block").into_iter();
    entries.filter(|entry| entry.by_hand).collect()
}

async fn live(happenings: &[Happening]) {
    let world = account().await;
    let persons = by_hand(&world);
    let meant = || Wishes {
        first_run: true,
        overridden: Some(enforce_ip_list::run::report::Override {
            by: "test".to_owned(),
            because: "snapshots change at will".to_owned(),
        }),
        ..Wishes::default()
    };
    world.threats(&[("198.51.100.1", 5.0)]);
    for happening in happenings {
        match happening {
            Happening::Snapshot(threats) => {
                let threats: Vec<(&str, f64)> = threats
                    .iter()
                    .map(|(ip, score)| (ip.as_str(), *score))
                    .collect();
                world.threats(&threats);
            }
            Happening::Fault { call, kind } => {
                world.sandbox.inject(fault(*kind).nth(*call));
            }
            Happening::Crash { write, after: true } => world.ledger.die(Death::After(*write)),
            Happening::Crash {
                write,
                after: false,
            } => world.ledger.die(Death::Before(*write)),
            Happening::Run => {}
        }
        let _ = world.run_with(Work::Sync, meant()).await;
        world.ledger.revive().unwrap();
        assert_safe(&world, &persons);
    }
    world.sandbox.clear_faults();
    let mut ends = Vec::new();
    for _ in 0..6 {
        world.forget_pause().await;
        let report = world.run_with(Work::Sync, meant()).await;
        assert_safe(&world, &persons);
        let end = report.map(|report| report.end);
        // A snapshot without anything hostile is not believed, whatever a person says of the guards.
        let is_over = match &end {
            Ok(End::InLine) => true,
            Ok(End::HeldBack { what }) => what.contains("nothing in the snapshot is hostile"),
            _ => false,
        };
        if is_over {
            assert_disjoint(&world);
            let undisturbed = |happening: &Happening| {
                matches!(happening, Happening::Snapshot(_) | Happening::Run)
            };
            if happenings.iter().all(undisturbed) {
                assert_never_refused(&world);
            }
            return;
        }
        ends.push(end);
    }
    panic!("no end in sight: {ends:#?}");
}

fn assert_disjoint(world: &World) {
    for (index, list) in LISTS.iter().enumerate() {
        for other in &LISTS[..index] {
            for net in nets(world, list) {
                let meets = nets(world, other)
                    .into_iter()
                    .find(|there| there.overlaps(net));
                assert_eq!(meets, None, "{net} of {list} is in {other} too");
            }
        }
    }
}

#[test]
fn given_any_sequence_of_snapshots_faults_and_crashes_then_it_is_safe_throughout_and_ends_in_line()
{
    let mut runner = TestRunner::new(Config {
        cases: 24,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runner
        .run(&prop::collection::vec(happening(), 1..8), |happenings| {
            runtime.block_on(live(&happenings));
            Ok(())
        })
        .unwrap();
}
