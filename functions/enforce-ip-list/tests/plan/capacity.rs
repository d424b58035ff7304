//! Reference §4.8: what fits, and in which order it is written where room is short.

use enforce_ip_list::plan::Step;
use enforce_ip_list::threat::Tier::{Block, Challenge, RateLimit};

use super::scene::{OURS, Scene, current, gathered, lines, net};

#[test]
fn given_too_little_room_when_networks_can_be_merged_without_loss_then_they_are_and_nothing_is_left_out()
 {
    let mut scene = Scene::new(current(&[]));
    scene.policy.capacity.items = 3;
    let records = [
        ("203.0.113.0", 5.0),
        ("203.0.113.1", 4.0),
        ("203.0.113.2/31", 5.0),
        ("203.0.113.4", 2.0),
        ("203.0.113.5", 1.0),
        ("203.0.113.4/32", 3.0),
    ];
    let plan = scene.fresh(&records);
    assert_eq!(plan.aggregated, Some((5, 3)));
    assert_eq!(plan.left_out.total(), 0);
    scene.settle(&records);
    assert_eq!(scene.list(Block), ["203.0.113.0/30"]);
    assert_eq!(scene.list(Challenge), ["203.0.113.4"]);
    assert_eq!(scene.list(RateLimit), ["203.0.113.5"]);

    scene.policy.capacity.items = 5;
    assert_eq!(scene.fresh(&records).aggregated, None);
}

#[test]
fn given_room_enough_when_networks_could_be_merged_then_they_are_not() {
    let mut scene = Scene::new(current(&[]));
    scene.settle(&[
        ("203.0.113.0", 5.0),
        ("203.0.113.1", 5.0),
        ("203.0.113.0/24", 5.0),
    ]);
    assert_eq!(
        scene.list(Block),
        ["203.0.113.0/24", "203.0.113.0", "203.0.113.1"]
    );
}

#[test]
fn given_merging_when_the_parent_would_be_broader_than_the_tier_takes_then_it_stays_apart() {
    let mut scene = Scene::new(current(&[]));
    scene.policy.capacity.items = 2;
    scene.settle(&[
        ("11.0.0.0/16", 5.0),
        ("11.1.0.0/16", 5.0),
        ("12.0.0.0", 1.0),
    ]);
    assert_eq!(scene.list(Block), ["11.0.0.0/16", "11.1.0.0/16"]);
}

#[test]
fn given_more_than_fits_when_it_is_planned_then_tier_score_and_last_sight_decide_and_the_rest_is_reported()
 {
    use enforce_ip_list::plan::Snapshot;
    use enforce_ip_list::threat::{Gathering, Report, Sink};
    let mut gathering = Gathering::new();
    for (address, score, day) in [
        ("203.0.113.2", 1.0, 2),
        ("203.0.113.4", 2.0, 0),
        ("203.0.113.6", 4.0, 0),
        ("203.0.113.8", 4.0, 2),
        ("203.0.113.10", 5.0, 0),
        ("203.0.113.12", 3.0, 0),
    ] {
        let seen = jiff::Timestamp::from_second(i64::from(super::scene::NOW) - 86_400 * (2 - day));
        gathering.report(&Report {
            address,
            score: Some(score),
            last_seen: Some(seen.unwrap()),
            ..Report::default()
        });
    }
    let records = gathering.finish();
    for (room, expected) in [
        (1, vec!["203.0.113.10"]),
        (2, vec!["203.0.113.8", "203.0.113.10"]),
        (3, vec!["203.0.113.6", "203.0.113.8", "203.0.113.10"]),
    ] {
        let mut scene = Scene::new(current(&[]));
        scene.policy.capacity.items = room;
        let plan = scene.plan(Snapshot::Fresh(&records));
        assert_eq!(plan.left_out.total(), 6 - room);
        assert_eq!(
            plan.left_out.examples[0],
            net(["203.0.113.8", "203.0.113.6", "203.0.113.12"][room as usize - 1])
        );
        scene.carry_out(&plan);
        assert_eq!(scene.list(Block), expected);
        assert!(scene.plan(Snapshot::Fresh(&records)).is_empty());
    }
}

#[test]
fn given_equals_when_not_all_fit_then_the_same_are_chosen_in_every_order() {
    let hosts: Vec<String> = (0..100).map(|host| format!("198.51.{host}.9")).collect();
    let mut records: Vec<_> = hosts.iter().map(|host| (host.as_str(), 5.0)).collect();
    let mut scene = Scene::new(current(&[]));
    scene.policy.capacity.items = 30;
    scene.settle(&records);
    records.reverse();
    assert!(scene.fresh(&records).is_empty());
}

#[test]
fn given_a_full_account_when_entries_go_and_others_come_then_room_is_made_first() {
    let mut scene = Scene::new(current(&[
        (Block, "203.0.113.1", Some(OURS)),
        (Block, "203.0.113.3", Some(OURS)),
    ]));
    scene.policy.capacity.items = 2;
    let plan = scene.fresh(&[("203.0.113.1", 5.0), ("203.0.113.5", 5.0)]);
    assert_eq!(
        lines(&plan),
        ["- block 203.0.113.3 gone", "+ block 203.0.113.5 new"]
    );
    assert_eq!(plan.gaps, 0);
    scene.carry_out(&plan);
}

#[test]
fn given_little_room_when_entries_move_then_they_move_in_rounds_and_are_never_in_no_list() {
    let hosts: Vec<String> = (0..10).map(|host| format!("198.51.{host}.9")).collect();
    let items: Vec<_> = hosts
        .iter()
        .map(|host| (Challenge, host.as_str(), Some(OURS)))
        .collect();
    let mut scene = Scene::new(current(&items));
    scene.policy.capacity.items = 14;
    let records: Vec<_> = hosts.iter().map(|host| (host.as_str(), 5.0)).collect();
    let plan = scene.fresh(&records);
    let sizes: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (step.tier(), step.len()))
        .collect();
    assert_eq!(
        sizes,
        [
            (Block, 4),
            (Challenge, 4),
            (Block, 4),
            (Challenge, 4),
            (Block, 2),
            (Challenge, 2)
        ]
    );
    assert_eq!(plan.gaps, 0);
    scene.carry_out(&plan);
    assert!(scene.fresh(&records).is_empty());
}

#[test]
fn given_no_room_at_all_when_entries_move_then_the_gap_is_said_aloud() {
    let mut scene = Scene::new(current(&[(Challenge, "203.0.113.1", Some(OURS))]));
    scene.policy.capacity.items = 1;
    let plan = scene.fresh(&[("203.0.113.1", 5.0)]);
    assert_eq!(
        lines(&plan),
        ["- challenge 203.0.113.1 moved", "+ block 203.0.113.1 moved"]
    );
    assert_eq!(plan.gaps, 1);
}

#[test]
fn given_lists_that_were_merged_when_one_member_leaves_then_the_rest_stays_enforced_throughout() {
    let hosts: Vec<String> = (0..8).map(|host| format!("203.0.113.{host}")).collect();
    let mut records: Vec<_> = hosts.iter().map(|host| (host.as_str(), 5.0)).collect();
    let mut scene = Scene::new(current(&[]));
    scene.policy.capacity.items = 5;
    scene.settle(&records);
    assert_eq!(scene.list(Block), ["203.0.113.0/29"]);
    records.remove(5);
    let plan = scene.fresh(&records);
    let mut changes = lines(&plan);
    assert_eq!(changes.pop().unwrap(), "- block 203.0.113.0/29 gone");
    changes.sort();
    assert_eq!(
        changes,
        [
            "+ block 203.0.113.0/30 reshaped",
            "+ block 203.0.113.4 reshaped",
            "+ block 203.0.113.6/31 reshaped",
        ]
    );
    assert!(plan.tripped.is_empty());
}

#[test]
fn given_an_account_over_its_capacity_when_it_is_planned_then_nothing_is_added_until_it_fits() {
    let hosts: Vec<String> = (0..10).map(|host| format!("198.51.{host}.9")).collect();
    let items: Vec<_> = hosts
        .iter()
        .map(|host| (Block, host.as_str(), Some(OURS)))
        .collect();
    let mut scene = Scene::new(current(&items));
    scene.policy.capacity.items = 4;
    let records: Vec<_> = hosts[..3].iter().map(|host| (host.as_str(), 5.0)).collect();
    let mut more = records.clone();
    more.push(("203.0.113.1", 5.0));
    scene.settle(&more);
    assert_eq!(scene.items(), 4);
}

#[test]
fn given_a_list_that_is_wholly_ours_when_most_of_it_changes_then_replacing_it_is_the_cheaper_way() {
    let old: Vec<String> = (0..200).map(|host| format!("198.51.{host}.9")).collect();
    let new: Vec<String> = (0..200).map(|host| format!("203.0.{host}.9")).collect();
    let mut scene = Scene::new(current(&[]));
    scene.settle(
        &old.iter()
            .map(|host| (host.as_str(), 5.0))
            .collect::<Vec<_>>(),
    );
    scene.consent.override_guards = true;
    let records: Vec<_> = new.iter().map(|host| (host.as_str(), 5.0)).collect();
    let plan = scene.fresh(&records);
    let cost = plan.lists[Block.index()].cost;
    assert_eq!((cost.delta_modifications, cost.delta_requests), (400, 2));
    assert_eq!((cost.unknown_ids, cost.replace_modifications), (200, 400));
    assert!(cost.replaceable && cost.prefers_replacing());
    assert_eq!(plan.contents(Block).count(), 200);

    // A person's entry rules it out: replacing would delete it.
    let mut items: Vec<_> = old
        .iter()
        .map(|host| (Block, host.as_str(), Some(OURS)))
        .collect();
    items.push((Block, "192.0.2.1", Some("mine")));
    let mut scene = Scene::new(current(&items));
    scene.consent.override_guards = true;
    let plan = scene.fresh(&records);
    assert!(!plan.lists[Block.index()].cost.replaceable);
    assert!(matches!(&plan.steps[0], Step::Add { additions, .. } if additions.len() == 200));
    assert_eq!(gathered(&records).len(), 200);
}
