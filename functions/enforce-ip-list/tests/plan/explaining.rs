//! `remediate threats check`: what is decided over one address, and by which rule.

use enforce_ip_list::plan::Snapshot;
use enforce_ip_list::plan::explain::{Decision, PlannedChange, explain};
use enforce_ip_list::safety::{Protected, Protector, Refusal};
use enforce_ip_list::threat::Tier::{Block, Challenge, RateLimit};

use super::scene::{NOW, OURS, Scene, current, gathered, net};

fn decision(scene: &Scene, records: &[(&str, f64)], ip: &str) -> Decision {
    let records = gathered(records);
    let inputs = scene.inputs(Snapshot::Fresh(&records));
    let plan = enforce_ip_list::plan::plan(&inputs);
    explain(&inputs, &plan, net(ip)).decision
}

#[test]
fn given_every_way_an_address_can_go_when_it_is_asked_for_then_the_decision_names_it() {
    let mut scene = Scene::new(current(&[
        (Block, "203.0.113.50", Some("mine")),
        (
            RateLimit,
            "203.0.113.60",
            Some("eil1:prod s=1 e=1767916800"),
        ),
    ]));
    scene.policy.tiers[RateLimit.index()].on = false;
    scene.policy.most_pieces = 16;
    scene.protected = Protected::builder(true)
        .allow([
            (net("203.0.113.7"), "payment provider"),
            (net("11.0.0.1"), "x"),
        ])
        .build();
    let records = [
        ("203.0.113.0/27", 5.0),
        ("203.0.113.40", 3.0),
        ("203.0.113.41", 0.0),
        ("203.0.113.42", 1.0),
        ("203.0.113.50", 4.0),
        ("12.0.0.0/8", 5.0),
        ("11.0.0.0/16", 5.0),
        ("11.0.0.0/14", 0.0),
    ];
    let ask = |ip| decision(&scene, &records, ip);
    assert!(matches!(
        ask("203.0.113.7"),
        Decision::Protected { by } if by.by == Protector::AllowList { reason: "payment provider".into() }
    ));
    assert_eq!(
        ask("203.0.113.8"),
        Decision::Enforced {
            tier: Block,
            as_net: net("203.0.113.8/29")
        }
    );
    assert_eq!(
        ask("203.0.113.40"),
        Decision::Enforced {
            tier: Challenge,
            as_net: net("203.0.113.40")
        }
    );
    assert_eq!(ask("203.0.113.41"), Decision::LogOnly);
    assert_eq!(
        ask("203.0.113.42"),
        Decision::Refused {
            why: Refusal::TierOff { tier: RateLimit }
        }
    );
    assert_eq!(ask("203.0.113.60"), Decision::Dormant { tier: RateLimit });
    assert_eq!(
        ask("12.1.2.3"),
        Decision::Refused {
            why: Refusal::TooBroad { shortest: 16 }
        }
    );
    // 15 pieces around the one address, as many as bits beyond the prefix.
    assert!(matches!(
        ask("11.0.0.2"),
        Decision::Enforced { tier: Block, .. }
    ));
    assert_eq!(ask("198.51.100.1"), Decision::NotReported);
}

#[test]
fn given_a_person_holds_the_address_when_it_is_asked_for_then_that_is_the_entry_it_is_enforced_as()
{
    let scene = Scene::new(current(&[(Block, "203.0.113.50", Some("mine"))]));
    assert_eq!(
        decision(&scene, &[("203.0.113.50", 2.0)], "203.0.113.50"),
        Decision::Enforced {
            tier: Block,
            as_net: net("203.0.113.50")
        }
    );
}

#[test]
fn given_no_room_or_a_guard_when_an_address_is_asked_for_then_the_decision_says_which() {
    let mut scene = Scene::new(current(&[]));
    scene.policy.capacity.items = 1;
    let records = [("203.0.113.1", 5.0), ("203.0.113.9", 4.0)];
    assert_eq!(
        decision(&scene, &records, "203.0.113.9"),
        Decision::LeftOut { tier: Block }
    );
    scene.policy.capacity.items = 10;
    scene.policy.guards.adds.entries = 0;
    assert_eq!(
        decision(&scene, &records, "203.0.113.9"),
        Decision::HeldBack { tier: Block }
    );
}

#[test]
fn given_an_entry_that_is_about_to_move_when_it_is_asked_for_then_both_changes_and_the_sources_are_shown()
 {
    let scene = Scene::new(current(&[(Challenge, "203.0.113.1", Some(OURS))]));
    let records = gathered(&[("203.0.113.1", 5.0), ("203.0.113.0/24", 1.0)]);
    let inputs = scene.inputs(Snapshot::Fresh(&records));
    let plan = enforce_ip_list::plan::plan(&inputs);
    let explanation = explain(&inputs, &plan, net("203.0.113.1"));
    assert_eq!(explanation.listed.len(), 1);
    assert_eq!(explanation.reports.len(), 2);
    assert_eq!(explanation.reports[1].sources, ["ipsum"]);
    assert!(matches!(
        explanation.changes[0],
        (Block, PlannedChange::Add { .. })
    ));
    assert!(matches!(
        explanation.changes[1],
        (Challenge, PlannedChange::Remove { .. })
    ));
    assert_eq!(
        explanation.decision,
        Decision::Enforced {
            tier: Block,
            as_net: net("203.0.113.1")
        }
    );
    assert_eq!(scene.now, NOW);
}
