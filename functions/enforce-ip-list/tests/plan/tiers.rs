//! Scores become lists; entries move, are renewed and end.

use enforce_ip_list::plan::{Snapshot, Step};
use enforce_ip_list::threat::Tier::{Block, Challenge, RateLimit};

use super::scene::{DAY, NOW, OURS, Scene, current, gathered, lines};

#[test]
fn given_empty_lists_when_scores_arrive_then_each_goes_into_the_list_of_its_tier() {
    let mut scene = Scene::new(current(&[]));
    let plan = scene.fresh(&[
        ("203.0.113.1", 0.0),
        ("203.0.113.2", 1.0),
        ("203.0.113.3", 2.0),
        ("203.0.113.4", 3.9),
        ("203.0.113.5", 4.0),
        ("203.0.113.6", 7.0),
    ]);
    scene.carry_out(&plan);
    assert_eq!(scene.list(Block), ["203.0.113.5", "203.0.113.6"]);
    assert_eq!(scene.list(Challenge), ["203.0.113.3", "203.0.113.4"]);
    assert_eq!(scene.list(RateLimit), ["203.0.113.2"]);
    assert_eq!(plan.tally.log_only, 1);
    assert_eq!(plan.tally.enforced, [2, 2, 1]);
}

#[test]
fn given_an_entry_when_its_score_changes_tier_then_it_is_added_there_before_it_is_removed_here() {
    let mut scene = Scene::new(current(&[]));
    scene.settle(&[("203.0.113.1", 2.0), ("203.0.113.2", 5.0)]);
    let plan = scene.fresh(&[("203.0.113.1", 4.0), ("203.0.113.2", 1.0)]);
    assert_eq!(
        lines(&plan),
        [
            "+ block 203.0.113.1 moved",
            "+ rate-limit 203.0.113.2 moved",
            "- block 203.0.113.2 moved",
            "- challenge 203.0.113.1 moved",
        ]
    );
}

#[test]
fn given_a_crash_between_adding_and_removing_when_it_is_planned_again_then_only_the_removal_is_left()
 {
    let scene = Scene::new(current(&[
        (Block, "203.0.113.1", Some(OURS)),
        (Challenge, "203.0.113.1", Some("eil1:prod s=2 e=1767916800")),
    ]));
    let plan = scene.fresh(&[("203.0.113.1", 4.0)]);
    assert_eq!(lines(&plan), ["- challenge 203.0.113.1 moved"]);
}

#[test]
fn given_a_network_when_a_host_in_it_is_worse_then_no_address_is_in_two_lists() {
    let mut scene = Scene::new(current(&[]));
    scene.settle(&[
        ("203.0.113.0/30", 2.0),
        ("203.0.113.1", 5.0),
        ("203.0.113.2", 1.0),
    ]);
    assert_eq!(scene.list(Block), ["203.0.113.1"]);
    assert_eq!(scene.list(Challenge), ["203.0.113.0", "203.0.113.2/31"]);
    assert_eq!(scene.list(RateLimit), Vec::<String>::new());
    assert_eq!(
        scene
            .fresh(&[("203.0.113.0/30", 4.0), ("203.0.113.2", 1.0)])
            .tally
            .covered,
        1
    );
}

#[test]
fn given_a_single_ipv6_address_when_it_is_enforced_then_its_subscriber_is_unless_something_allowed_lies_there()
 {
    let mut scene = Scene::new(current(&[]));
    scene.settle(&[
        ("2001:db8:1::1", 4.0),
        ("2001:db8:1::2", 5.0),
        ("2001:db8:2::/56", 4.0),
    ]);
    assert_eq!(scene.list(Block), ["2001:db8:1::/64", "2001:db8:2::/56"]);

    let mut scene = Scene::new(current(&[]));
    scene.protected = enforce_ip_list::safety::Protected::builder(true)
        .own(["2001:db8:1::9".parse().unwrap()])
        .build();
    scene.settle(&[("2001:db8:1::1", 4.0)]);
    assert_eq!(scene.list(Block), ["2001:db8:1::1"]);

    let mut scene = Scene::new(current(&[]));
    scene.policy.granularity = enforce_ip_list::safety::Granularity::Address;
    scene.settle(&[("2001:db8:1::1", 4.0)]);
    assert_eq!(scene.list(Block), ["2001:db8:1::1"]);
}

#[test]
fn given_the_same_snapshot_when_another_day_dawns_then_no_comment_changes_until_the_end_draws_near()
{
    let records = [("203.0.113.1", 5.0), ("203.0.113.2", 2.0)];
    let mut scene = Scene::new(current(&[]));
    scene.settle(&records);
    scene.now = NOW + DAY;
    assert_eq!(lines(&scene.fresh(&records)), Vec::<String>::new());
    scene.now = NOW + 3 * DAY;
    let plan = scene.fresh(&records);
    assert_eq!(lines(&plan), ["+ challenge 203.0.113.2 renewed"]);
    scene.carry_out(&plan);
    assert_eq!(lines(&scene.fresh(&records)), Vec::<String>::new());
}

#[test]
fn given_no_usable_snapshot_when_tags_have_ended_then_those_entries_go_and_no_others() {
    let ended = format!("eil1:prod s=4 e={NOW}");
    let items = [
        (Block, "203.0.113.1", Some(ended.as_str())),
        (Block, "203.0.113.2", Some(OURS)),
        (Challenge, "203.0.113.3", Some(ended.as_str())),
    ];
    let scene = Scene::new(current(&items));
    let expected = [
        "- block 203.0.113.1 expired",
        "- challenge 203.0.113.3 expired",
    ];
    assert_eq!(lines(&scene.unusable()), expected);
    let stale = Snapshot::Stale {
        age: jiff::SignedDuration::from_hours(30),
    };
    assert_eq!(lines(&scene.plan(stale)), expected);
    assert_eq!(lines(&scene.plan(Snapshot::NotModified(None))), expected);
}

#[test]
fn given_hundreds_of_entries_when_all_of_them_have_ended_then_no_guard_keeps_them() {
    let ended = format!("eil1:prod s=4 e={NOW}");
    let nets: Vec<String> = (0..=255).map(|host| format!("203.0.113.{host}")).collect();
    let items: Vec<_> = nets
        .iter()
        .map(|net| (Block, net.as_str(), Some(ended.as_str())))
        .collect();
    let mut scene = Scene::new(current(&items));
    let plan = scene.unusable();
    scene.carry_out(&plan);
    assert_eq!(scene.list(Block), Vec::<String>::new());
}

#[test]
fn given_a_report_when_its_own_end_or_its_last_sight_is_too_long_ago_then_it_is_not_enforced() {
    use enforce_ip_list::threat::{Gathering, Report, Sink};
    let at = |seconds: u32| Some(jiff::Timestamp::from_second(i64::from(seconds)).unwrap());
    let mut gathering = Gathering::new();
    for (address, score, last_seen, expires_at) in [
        ("203.0.113.1", 5.0, at(NOW - 8 * DAY), None),
        ("203.0.113.2", 5.0, at(NOW - 6 * DAY), None),
        ("203.0.113.3", 1.0, at(NOW - 2 * DAY), None),
        ("203.0.113.4", 1.0, at(NOW - 2 * DAY), at(NOW + 60)),
        ("203.0.113.5", 1.0, None, at(NOW)),
    ] {
        gathering.report(&Report {
            address,
            score: Some(score),
            last_seen,
            expires_at,
            ..Report::default()
        });
    }
    let scene = Scene::new(current(&[]));
    let plan = scene.plan(Snapshot::Fresh(&gathering.finish()));
    assert_eq!(
        lines(&plan),
        ["+ block 203.0.113.2 new", "+ rate-limit 203.0.113.4 new"]
    );
    assert_eq!(plan.tally.expired, 3);
    let Step::Add { additions, .. } = &plan.steps[0] else {
        panic!("{plan:?}")
    };
    // Last seen at noon six days ago, a week, and then to the end of the day.
    let comment = plan.comment(&additions[0].mark);
    assert_eq!(comment, format!("eil1:prod s=5 e={}", NOW + DAY + DAY / 2));
}

#[test]
fn given_an_address_named_by_itself_when_snapshots_do_not_know_it_then_it_stays_until_its_end() {
    use enforce_ip_list::threat::{Gathering, Report, Sink};
    let mut gathering = Gathering::new();
    gathering.report(&Report {
        address: "203.0.113.7",
        score: Some(5.0),
        sources: &["soc"],
        expires_at: Some(jiff::Timestamp::from_second(i64::from(NOW + 3600)).unwrap()),
        ..Report::default()
    });
    let direct = gathering.finish();
    let mut scene = Scene::new(current(&[(Block, "203.0.113.1", Some(OURS))]));
    let plan = scene.plan(Snapshot::Direct(&direct));
    assert_eq!(lines(&plan), ["+ block 203.0.113.7 new"]);
    let Step::Add { additions, .. } = &plan.steps[0] else {
        panic!("{plan:?}")
    };
    let comment = format!("eil1:prod s=5 e={} p=1 src=soc", NOW + 3600);
    assert_eq!(plan.comment(&additions[0].mark), comment);
    scene.carry_out(&plan);
    assert!(scene.plan(Snapshot::Direct(&direct)).is_empty());

    let records = [("203.0.113.1", 4.0)];
    assert_eq!(lines(&scene.fresh(&records)), Vec::<String>::new());
    // A snapshot that thinks better of it does not move it either.
    assert_eq!(
        lines(&scene.fresh(&[("203.0.113.1", 4.0), ("203.0.113.7", 1.0)])),
        Vec::<String>::new()
    );
    scene.now = NOW + 3600;
    assert_eq!(
        lines(&scene.fresh(&records)),
        ["- block 203.0.113.7 expired"]
    );
}

#[test]
fn given_a_tier_that_is_off_when_it_holds_entries_then_they_stay_until_they_are_released() {
    let mut scene = Scene::new(current(&[
        (Challenge, "203.0.113.1", Some("eil1:prod s=2 e=1767916800")),
        (Challenge, "203.0.113.2", Some("eil1:prod s=2 e=1000000000")),
        (Challenge, "203.0.113.3", None),
    ]));
    scene.policy.tiers[Challenge.index()].on = false;
    let records = [("203.0.113.9", 2.0), ("203.0.113.8", 4.0)];
    let plan = scene.fresh(&records);
    assert_eq!(lines(&plan), ["+ block 203.0.113.8 new"]);
    assert_eq!(plan.lists[Challenge.index()].dormant, 2);
    assert_eq!(plan.tally.tier_off, [0, 1, 0]);
    scene.release[Challenge.index()] = true;
    let plan = scene.unusable();
    assert_eq!(
        lines(&plan),
        [
            "- challenge 203.0.113.1 released",
            "- challenge 203.0.113.2 released"
        ]
    );
    scene.carry_out(&plan);
    assert_eq!(scene.current.of_persons(Challenge), 1);
}

#[test]
fn given_a_plan_when_a_list_may_not_be_written_then_what_would_move_into_it_stays() {
    let mut scene = Scene::new(current(&[]));
    scene.settle(&[("203.0.113.1", 5.0), ("203.0.113.2", 5.0)]);
    let plan = scene.fresh(&[("203.0.113.1", 2.0)]);
    assert_eq!(
        lines(&plan),
        [
            "+ challenge 203.0.113.1 moved",
            "- block 203.0.113.1 moved",
            "- block 203.0.113.2 gone"
        ]
    );
    let restricted = plan.restricted_to([true, false, true]);
    assert_eq!(lines(&restricted), ["- block 203.0.113.2 gone"]);
}

#[test]
fn given_records_of_several_sources_when_they_meet_then_the_highest_score_and_all_sources_hold() {
    use enforce_ip_list::threat::{Gathering, Report, Sink};
    let mut gathering = Gathering::new();
    for (address, score, source) in [
        ("203.0.113.7", 2.0, "et"),
        ("203.0.113.7/32", 4.0, "ipsum"),
        ("::ffff:203.0.113.7", 1.0, "abuseipdb"),
    ] {
        gathering.report(&Report {
            address,
            score: Some(score),
            sources: &[source],
            ..Report::default()
        });
    }
    let records = gathering.finish();
    assert_eq!(
        (records.len(), records.reported(), records.mapped()),
        (1, 3, 1)
    );
    let plan = Scene::new(current(&[])).plan(Snapshot::Fresh(&records));
    let Step::Add { tier, additions } = &plan.steps[0] else {
        panic!("{plan:?}")
    };
    assert_eq!(*tier, Block);
    assert!(
        plan.comment(&additions[0].mark)
            .ends_with("src=et,ipsum,abuseipdb")
    );
}

#[test]
fn given_what_cannot_be_used_when_it_is_gathered_then_it_is_counted_by_reason_with_its_place() {
    use enforce_ip_list::threat::{Gathering, Rejected, Report, Sink};
    let mut gathering = Gathering::new();
    for (address, score) in [
        ("203.0.113.1", Some(f64::NAN)),
        ("203.0.113.2", Some(-1.0)),
        ("203.0.113.3", None),
        ("203.0.113.999", Some(4.0)),
        ("203.0.113.0/33", Some(4.0)),
        ("203.0.113.4/24", Some(9.5)),
    ] {
        gathering.report(&Report {
            address,
            score,
            ..Report::default()
        });
    }
    gathering.unreadable("line 12", "not JSON");
    let records = gathering.finish();
    let reasons: Vec<_> = records
        .rejections()
        .iter()
        .map(|rejection| {
            (
                rejection.reason.clone(),
                rejection.count,
                rejection.first[0].as_str(),
            )
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (Rejected::ScoreNotANumber, 1, "record 1 (203.0.113.1)"),
            (Rejected::ScoreNegative, 1, "record 2 (203.0.113.2)"),
            (Rejected::ScoreMissing, 1, "record 3 (203.0.113.3)"),
            (Rejected::Address, 1, "record 4 (203.0.113.999)"),
            (Rejected::Prefix, 1, "record 5 (203.0.113.0/33)"),
            (Rejected::Unreadable("not JSON".to_owned()), 1, "line 12"),
        ]
    );
    assert_eq!(
        (records.clamped(), records.masked(), records.rejected()),
        (1, 1, 6)
    );
    assert_eq!(records.by_score(), [0, 0, 0, 0, 0, 1]);
    assert_eq!(gathered(&[]).len(), 0);
}
