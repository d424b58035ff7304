//! Reference §4.1 to 4.3: what is never enforced.

use enforce_ip_list::net::Net;
use enforce_ip_list::plan::Snapshot;
use enforce_ip_list::safety::{CLOUDFLARE, NEVER, Protected, TEST_RANGES};
use enforce_ip_list::threat::Tier::{Block, Challenge, RateLimit};
use enforce_ip_list::threat::{Gathering, Report, Sink};

use super::scene::{OURS, Scene, current, lines, net};

#[test]
fn given_a_network_of_the_never_list_when_it_is_reported_then_neither_it_nor_any_part_is_enforced()
{
    let mut scene = Scene::new(current(&[]));
    scene.protected = Protected::builder(false).build();
    let never = NEVER.iter().chain(TEST_RANGES).map(|special| special.net);
    for text in never.chain(CLOUDFLARE.iter().copied()) {
        let whole = net(text);
        let first = Net::single(whole.address()).to_string();
        let plan = scene.fresh(&[(text, 5.0), (&first, 5.0)]);
        assert_eq!(lines(&plan), Vec::<String>::new(), "{text}");
        let counts = plan.tally.protected;
        assert_eq!(counts.never_list + counts.cloudflare, 2, "{text}");
    }
}

#[test]
fn given_firehols_bogons_when_they_are_reported_then_nothing_of_them_is_enforced_and_the_rest_is() {
    let scene = Scene::new(current(&[]));
    let plan = scene.fresh(&[
        ("0.0.0.0/8", 4.0),
        ("10.0.0.0/8", 4.0),
        ("100.64.0.0/10", 4.0),
        ("127.0.0.0/8", 4.0),
        ("169.254.0.0/16", 4.0),
        ("172.16.0.0/12", 4.0),
        ("192.168.0.0/16", 4.0),
        // Broader than Cloudflare takes: it would have refused the whole request.
        ("224.0.0.0/3", 4.0),
        ("1.10.16.0/20", 4.0),
    ]);
    assert_eq!(lines(&plan), ["+ block 1.10.16.0/20 new"]);
    assert_eq!(
        (plan.tally.protected.never_list, plan.tally.too_broad),
        (7, 1)
    );
}

#[test]
fn given_documentation_ranges_when_test_ranges_is_off_then_they_are_never_enforced() {
    let mut scene = Scene::new(current(&[]));
    let records = [("203.0.113.7", 5.0), ("2001:db8::1", 5.0)];
    assert_eq!(scene.fresh(&records).steps.len(), 1);
    scene.protected = Protected::builder(false).build();
    assert!(scene.fresh(&records).is_empty());
}

#[test]
fn given_an_allowed_host_in_a_hostile_network_when_it_is_planned_then_the_host_is_cut_out() {
    let mut scene = Scene::new(current(&[]));
    scene.protected = Protected::builder(true)
        .allow([(net("203.0.113.7"), "payment provider")])
        .build();
    scene.settle(&[("203.0.113.0/24", 5.0)]);
    let covered = scene.list(Block);
    assert_eq!(covered.len(), 8);
    assert!(
        covered
            .iter()
            .all(|piece| !net(piece).contains(net("203.0.113.7")))
    );
}

#[test]
fn given_a_hostile_host_in_an_allowed_network_when_it_is_planned_then_it_is_not_enforced() {
    let mut scene = Scene::new(current(&[]));
    scene.protected = Protected::builder(true)
        .allow([(net("203.0.113.0/24"), "partner")])
        .own([net("198.51.100.0/24")])
        .build();
    let plan = scene.fresh(&[("203.0.113.7", 5.0), ("198.51.100.1", 5.0)]);
    assert!(plan.is_empty());
    assert_eq!(
        (plan.tally.protected.allow_list, plan.tally.protected.own),
        (1, 1)
    );
}

#[test]
fn given_more_holes_than_pieces_are_allowed_when_it_is_planned_then_the_network_is_left_out_and_reported()
 {
    let mut scene = Scene::new(current(&[]));
    scene.policy.most_pieces = 7;
    scene.protected = Protected::builder(true).own([net("203.0.113.7")]).build();
    let plan = scene.fresh(&[("203.0.113.0/24", 5.0), ("203.0.114.0/24", 5.0)]);
    assert_eq!(lines(&plan), ["+ block 203.0.114.0/24 new"]);
    assert_eq!(plan.tally.too_many_pieces, 1);
    assert_eq!(plan.tally.examples[0].0, net("203.0.113.0/24"));
}

#[test]
fn given_an_entry_when_something_in_or_around_it_is_allowed_then_it_goes_first_and_no_guard_holds_it()
 {
    let nets: Vec<String> = (0..=255).map(|host| format!("203.0.113.{host}")).collect();
    let mut items: Vec<_> = nets
        .iter()
        .map(|net| (Challenge, net.as_str(), Some(OURS)))
        .collect();
    items.push((Block, "198.51.100.0/24", Some(OURS)));
    items.push((RateLimit, "192.0.2.1", Some(OURS)));
    let mut scene = Scene::new(current(&items));
    scene.policy.guards.removals.entries = 0;
    scene.policy.guards.removals.percent = 0;
    scene.policy.tiers[RateLimit.index()].on = false;
    scene.protected = Protected::builder(true)
        .allow([
            (net("203.0.113.0/24"), "partner"),
            (net("198.51.100.9"), "office"),
        ])
        .own([net("192.0.2.0/24")])
        .build();
    // Whatever is known of the snapshot.
    let plan = scene.unusable();
    assert_eq!(plan.lists.map(|list| list.after), [0, 0, 0]);
    let plan = scene.fresh(&[("198.51.100.0/24", 4.0), ("192.0.2.200", 4.0)]);
    let lines = lines(&plan);
    assert_eq!(lines.len(), 258 + 8);
    assert!(
        lines[..258].iter().all(|line| line.ends_with("protected")),
        "{lines:?}"
    );
    assert!(
        lines[258..]
            .iter()
            .all(|line| line.starts_with("+ block 198.51.100.")),
        "{lines:?}"
    );
    scene.carry_out(&plan);
}

#[test]
fn given_a_source_that_allow_lists_when_another_calls_it_hostile_then_it_is_not_enforced_in_either_direction()
 {
    let mut gathering = Gathering::new();
    for (address, score, allow_listed) in [
        ("203.0.113.7", Some(5.0), false),
        ("203.0.113.7", Some(0.0), true),
        ("198.51.100.0/24", Some(5.0), false),
        // Without a usable score an allow-listing still holds.
        ("198.51.100.128/25", None, true),
        ("192.0.2.0/24", Some(0.0), true),
        ("192.0.2.55", Some(5.0), false),
    ] {
        gathering.report(&Report {
            address,
            score,
            allow_listed,
            sources: &["warninglists"],
            ..Report::default()
        });
    }
    let records = gathering.finish();
    let scene = Scene::new(current(&[(Block, "203.0.113.7", Some(OURS))]));
    let plan = scene.plan(Snapshot::Fresh(&records));
    assert_eq!(
        lines(&plan),
        [
            "- block 203.0.113.7 protected",
            "+ block 198.51.100.0/25 new"
        ]
    );
    assert_eq!(plan.tally.protected.source, 4);
    assert_eq!(records.allow_listed(), 3);
}

#[test]
fn given_a_network_broader_than_the_tier_takes_when_it_is_reported_then_it_is_left_out() {
    let mut scene = Scene::new(current(&[]));
    scene.policy.tiers[Challenge.index()].shortest_v4 = 24;
    let plan = scene.fresh(&[
        ("11.0.0.0/15", 5.0),
        ("12.0.0.0/16", 5.0),
        ("13.0.0.0/23", 3.0),
        ("14.0.0.0/24", 3.0),
        ("2a00::/31", 5.0),
        ("2a01::/32", 5.0),
    ]);
    assert_eq!(
        lines(&plan),
        [
            "+ block 2a01::/32 new",
            "+ block 12.0.0.0/16 new",
            "+ challenge 14.0.0.0/24 new"
        ]
        .map(str::to_owned)
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    assert_eq!(plan.tally.too_broad, 3);
}

#[test]
fn given_a_limit_on_addresses_when_entries_would_cover_more_then_the_broadest_and_least_urgent_are_left_out()
 {
    let mut scene = Scene::new(current(&[]));
    scene.policy.most_addresses = 65_536 + 257;
    let plan = scene.fresh(&[
        ("11.0.0.0/16", 5.0),
        ("12.0.0.0/16", 4.0),
        ("13.0.0.0/24", 3.0),
        ("14.0.0.1", 1.0),
    ]);
    assert_eq!(
        lines(&plan),
        [
            "+ block 11.0.0.0/16 new",
            "+ challenge 13.0.0.0/24 new",
            "+ rate-limit 14.0.0.1 new"
        ]
    );
    assert_eq!(plan.tally.beyond_coverage, 1);
}

#[test]
fn given_cloudflares_ranges_came_back_short_when_it_is_planned_then_the_built_in_ones_still_hold() {
    let mut scene = Scene::new(current(&[]));
    scene.protected = Protected::builder(false)
        .cloudflare([net("198.41.0.0/24")])
        .build();
    let plan = scene.fresh(&[("104.16.1.1", 5.0), ("198.41.0.1", 5.0)]);
    assert!(plan.is_empty());
    assert_eq!(plan.tally.protected.cloudflare, 2);
}
