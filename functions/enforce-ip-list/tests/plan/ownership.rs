//! Reference §4.5: entries of persons and of other installations.

use enforce_ip_list::plan::Snapshot;
use enforce_ip_list::threat::Tier::{Block, Challenge};

use super::scene::{OURS, Scene, current, gathered, lines};

const PERSON: Option<&str> = Some("our scanner, see OPS-12");
const OTHER: Option<&str> = Some("eil1:staging s=4 e=1767916800 src=ipsum");

#[test]
fn given_entries_of_others_when_nothing_wants_them_or_something_forbids_them_then_they_stay() {
    let mut scene = Scene::new(current(&[
        (Block, "203.0.113.1", PERSON),
        (Block, "203.0.113.2", OTHER),
        (Block, "203.0.113.3", None),
        (Block, "10.0.0.1", PERSON),
        (Challenge, "203.0.113.4", Some(OURS)),
    ]));
    scene.settle(&[("203.0.113.9", 4.0)]);
    let of_block = scene.current.items(Block).map(|item| item.net.to_string());
    assert_eq!(
        of_block.collect::<Vec<_>>(),
        [
            "10.0.0.1",
            "203.0.113.1",
            "203.0.113.2",
            "203.0.113.3",
            "203.0.113.9"
        ]
    );
}

#[test]
fn given_an_entry_of_another_when_a_source_names_the_same_network_then_it_is_not_overwritten_nor_put_elsewhere()
 {
    let scene = Scene::new(current(&[
        (Block, "203.0.113.1", PERSON),
        (Challenge, "203.0.113.2", OTHER),
    ]));
    let plan = scene.fresh(&[
        ("203.0.113.1", 5.0),
        ("203.0.113.2/32", 5.0),
        ("203.0.113.3", 5.0),
    ]);
    assert_eq!(lines(&plan), ["+ block 203.0.113.3 new"]);
    assert_eq!(plan.tally.held_by_others, 2);
}

#[test]
fn given_entries_of_others_when_room_is_short_then_they_count() {
    let mut scene = Scene::new(current(&[
        (Block, "198.51.100.1", PERSON),
        (Challenge, "198.51.100.2", OTHER),
        (Challenge, "not a network", None),
    ]));
    scene.policy.capacity.items = 10;
    scene.policy.capacity.elsewhere = 5;
    let records = [
        ("203.0.113.1", 5.0),
        ("203.0.113.4", 2.0),
        ("203.0.113.8", 4.0),
        ("203.0.113.16", 1.0),
    ];
    let plan = scene.fresh(&records);
    assert_eq!(
        lines(&plan),
        ["+ block 203.0.113.1 new", "+ block 203.0.113.8 new"]
    );
    assert_eq!(plan.left_out.by_tier, [0, 1, 1]);
    scene.settle(&records);
    assert_eq!(scene.items(), 10);
}

#[test]
fn given_somebody_edits_our_comment_when_the_network_is_gone_from_the_snapshot_then_the_entry_is_theirs()
 {
    let edited = format!("{OURS} keep until the audit");
    let scene = Scene::new(current(&[(Block, "203.0.113.1", Some(&edited))]));
    assert!(scene.fresh(&[("203.0.113.9", 0.0)]).is_empty());
    assert_eq!(scene.current.of_persons(Block), 1);
}

#[test]
fn given_two_installations_when_each_plans_in_turn_then_neither_changes_what_the_other_wrote() {
    let mut ours = Scene::new(current(&[]));
    ours.settle(&[("203.0.113.1", 5.0), ("203.0.113.2", 2.0)]);
    let mut items = Vec::new();
    for tier in [Block, Challenge] {
        for item in ours.current.items(tier) {
            let comment = ours.current.comment(&item.ours.unwrap());
            items.push((
                tier,
                item.net.to_string(),
                comment.replace("eil1:prod", "eil1:staging"),
            ));
        }
    }
    let items: Vec<_> = items
        .iter()
        .map(|(t, n, c)| (*t, n.as_str(), Some(c.as_str())))
        .collect();
    let theirs = Scene::new(current(&items));
    for records in [
        vec![("203.0.113.9", 0.0)],
        vec![("203.0.113.1", 2.0), ("203.0.113.2", 5.0)],
    ] {
        let plan = theirs.plan(Snapshot::Fresh(&gathered(&records)));
        assert_eq!(lines(&plan), Vec::<String>::new());
    }
}
