//! Reference §4.4 and 4.7: how much may change at once, and what a snapshot that cannot be trusted may do.

use enforce_ip_list::plan::Snapshot;
use enforce_ip_list::safety::{Consent, Guard};
use enforce_ip_list::threat::Tier::{Block, Challenge};

use super::scene::{DAY, NOW, OURS, Scene, current, gathered, lines};

fn hosts(network: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|at| format!("{network}.{}.{}", at / 256, at % 256))
        .collect()
}

fn scored(hosts: &[String], score: f64) -> Vec<(&str, f64)> {
    hosts.iter().map(|host| (host.as_str(), score)).collect()
}

/// A block list with so many entries of ours.
fn with_blocked(hosts: &[String]) -> Scene {
    let items: Vec<_> = hosts
        .iter()
        .map(|host| (Block, host.as_str(), Some(OURS)))
        .collect();
    Scene::new(current(&items))
}

#[test]
fn given_a_full_list_when_the_snapshot_is_empty_then_nothing_is_removed_even_with_an_override() {
    for count in [1, 40, 1000] {
        let hosts = hosts("198.51", count);
        let mut scene = with_blocked(&hosts);
        scene.consent = Consent {
            first_run: true,
            override_guards: true,
        };
        for records in [
            vec![],
            vec![("203.0.113.1", 0.0)],
            vec![("10.0.0.0/8", 5.0)],
        ] {
            let plan = scene.fresh(&records);
            assert!(plan.is_empty(), "{records:?}");
            assert_eq!(plan.tripped[0].guard, Guard::EmptySnapshot);
            assert_eq!(plan.tripped[0].planned, count as u64);
        }
    }
}

#[test]
fn given_a_snapshot_that_is_hostile_only_for_tiers_that_are_off_when_it_is_planned_then_it_is_believed()
 {
    let mut scene = with_blocked(&hosts("198.51", 10));
    scene.policy.tiers[Challenge.index()].on = false;
    let plan = scene.fresh(&[("203.0.113.1", 2.0)]);
    assert_eq!(plan.steps[0].len(), 10);
    assert!(plan.tripped.is_empty());
}

#[test]
fn given_a_full_list_when_there_is_no_usable_snapshot_then_nothing_changes_before_its_end() {
    let hosts = hosts("198.51", 100);
    let mut scene = with_blocked(&hosts);
    let age = jiff::SignedDuration::from_hours(25);
    for at in [NOW, NOW + 7 * DAY] {
        scene.now = at;
        assert!(scene.unusable().is_empty());
        assert!(scene.plan(Snapshot::Stale { age }).is_empty());
        assert!(scene.plan(Snapshot::NotModified(None)).is_empty());
    }
    scene.now = NOW + 8 * DAY;
    assert_eq!(scene.unusable().steps[0].len(), 100);
}

#[test]
fn given_a_snapshot_that_shrank_when_too_much_would_be_removed_then_nothing_is_and_additions_go_on()
{
    let hosts = hosts("198.51", 1000);
    let scene = with_blocked(&hosts);
    let mut records = scored(&hosts[..699], 5.0);
    records.push(("203.0.113.1", 5.0));
    let plan = scene.fresh(&records);
    assert_eq!(lines(&plan), ["+ block 203.0.113.1 new"]);
    let tripped = plan.tripped[0];
    assert_eq!(
        (tripped.guard, tripped.planned, tripped.allowed),
        (Guard::Removals, 301, 300)
    );
    assert_eq!(plan.lists[Block.index()].held_removals, 301);

    let plan = scene.fresh(&scored(&hosts[..700], 5.0));
    assert_eq!(plan.steps[0].len(), 300);
    assert!(plan.tripped.is_empty());
}

#[test]
fn given_a_flood_when_too_much_would_be_added_then_nothing_is_until_somebody_consents() {
    let old = hosts("198.51", 1000);
    let mut scene = with_blocked(&old);
    let new = hosts("203.0", 501);
    let mut records = scored(&old, 5.0);
    records.extend(scored(&new, 5.0));
    let plan = scene.fresh(&records);
    assert!(plan.is_empty());
    assert_eq!(
        (plan.tripped[0].guard, plan.tripped[0].allowed),
        (Guard::Adds, 500)
    );
    assert_eq!(plan.lists[Block.index()].held_additions, 501);
    // What is held back stays held back: it does not trickle in.
    assert!(scene.fresh(&records).is_empty());

    scene.consent.override_guards = true;
    let plan = scene.fresh(&records);
    scene.carry_out(&plan);
    assert_eq!(scene.list(Block).len(), 1501);
    scene.consent = Consent::default();
    assert!(scene.fresh(&records).is_empty());
}

#[test]
fn given_empty_lists_when_they_are_filled_for_the_first_time_then_it_takes_consent_beyond_the_absolute_part()
 {
    let hosts = hosts("198.51", 5000);
    let mut scene = Scene::new(current(&[]));
    assert!(scene.fresh(&scored(&hosts, 5.0)).is_empty());
    assert_eq!(scene.fresh(&scored(&hosts[..500], 5.0)).steps[0].len(), 500);
    scene.consent.first_run = true;
    assert_eq!(scene.fresh(&scored(&hosts, 5.0)).steps[0].len(), 5000);
}

#[test]
fn given_few_huge_networks_when_coverage_would_more_than_double_then_they_are_held_back() {
    let scene = with_blocked(&hosts("198.51", 1000));
    let nets: Vec<String> = (0..17).map(|at| format!("11.{at}.0.0/16")).collect();
    let mut records = scored(&nets, 5.0);
    let old = hosts("198.51", 1000);
    records.extend(scored(&old, 5.0));
    let plan = scene.fresh(&records);
    assert!(plan.is_empty());
    assert_eq!(plan.tripped[0].guard, Guard::CoverageV4);
    assert_eq!(plan.tripped[0].planned, 17 * 65_536 + 1000);
}

#[test]
fn given_scores_that_all_fell_when_the_list_would_be_moved_to_a_milder_one_then_all_of_it_stays() {
    let hosts = hosts("198.51", 1000);
    let scene = with_blocked(&hosts);
    let plan = scene.fresh(&scored(&hosts, 2.0));
    assert!(plan.is_empty(), "{:?}", lines(&plan));
    assert_eq!(plan.lists[Block.index()].held_removals, 1000);
    assert_eq!(plan.lists[Challenge.index()].held_additions, 1000);
}

#[test]
fn given_scores_that_all_rose_when_the_list_would_be_moved_to_a_harsher_one_then_all_of_it_stays() {
    let hosts = hosts("198.51", 1000);
    let items: Vec<_> = hosts
        .iter()
        .map(|host| (Challenge, host.as_str(), Some(OURS)))
        .collect();
    let scene = Scene::new(current(&items));
    let plan = scene.fresh(&scored(&hosts, 5.0));
    assert!(plan.is_empty(), "{:?}", lines(&plan));
    assert_eq!(plan.lists[Challenge.index()].held_removals, 1000);
}

#[test]
fn given_a_network_that_grows_beyond_what_may_be_added_when_it_is_held_back_then_what_it_replaces_stays()
 {
    let hosts = hosts("198.51", 2);
    let mut scene = with_blocked(&hosts);
    scene.policy.guards.adds.entries = 0;
    scene.policy.guards.adds.percent = 0;
    let plan = scene.fresh(&[("198.51.0.0/24", 5.0)]);
    assert!(plan.is_empty(), "{:?}", lines(&plan));
}

#[test]
fn given_the_same_records_again_when_the_source_answers_not_modified_then_they_count_as_fresh() {
    let records = gathered(&[("203.0.113.1", 5.0)]);
    let scene = Scene::new(current(&[(Block, "203.0.113.2", Some(OURS))]));
    let plan = scene.plan(Snapshot::NotModified(Some(&records)));
    assert_eq!(
        lines(&plan),
        ["+ block 203.0.113.1 new", "- block 203.0.113.2 gone"]
    );
}
