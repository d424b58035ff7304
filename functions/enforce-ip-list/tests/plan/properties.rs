//! What holds whatever is reported, in whatever order, and wherever a run is killed.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use enforce_ip_list::net::Net;
use enforce_ip_list::plan::current::Listed;
use enforce_ip_list::plan::{Plan, Snapshot, Step};
use enforce_ip_list::safety::Protected;
use enforce_ip_list::threat::{Gathered, Gathering, Report, Sink, Tier};
use proptest::prelude::*;

use super::scene::{DAY, NOW, Scene, current};

/// Networks in a small part of the address space, so that they meet; some IPv6, some that may never be enforced.
fn networks() -> impl Strategy<Value = Net> {
    prop_oneof![
        8 => (0u32..256, 24u8..=32).prop_map(|(host, prefix)| v4(0xc633_6400 | host, prefix)),
        2 => (0u32..512, 22u8..=32).prop_map(|(host, prefix)| v4(0xcb00_7000 | host, prefix)),
        1 => (0u128..64, 56u8..=128).prop_map(|(host, prefix)| {
            let address = 0x2001_0db8_u128 << 96 | host << 62;
            Net::new(IpAddr::V6(address.into()), prefix).unwrap()
        }),
        1 => (0u32..8, 20u8..=32).prop_map(|(host, prefix)| v4(0x0a00_0000 | host, prefix)),
    ]
}

fn v4(address: u32, prefix: u8) -> Net {
    Net::new(IpAddr::V4(Ipv4Addr::from(address)), prefix).unwrap()
}

type Reported = (Net, f64, bool, Option<u32>);

fn snapshots() -> impl Strategy<Value = Vec<Reported>> {
    let record = (
        networks(),
        0.0..6.0f64,
        proptest::bool::weighted(0.05),
        proptest::option::weighted(0.2, 0..10 * DAY),
    );
    proptest::collection::vec(record, 0..60)
}

fn gathered(records: &[Reported]) -> Gathered {
    let mut gathering = Gathering::new();
    for (net, score, allow_listed, expires) in records {
        gathering.report(&Report {
            address: &net.to_string(),
            score: Some(*score),
            sources: &["a"],
            allow_listed: *allow_listed,
            expires_at: expires
                .map(|after| jiff::Timestamp::from_second(i64::from(NOW + after)).unwrap()),
            ..Report::default()
        });
    }
    gathering.finish()
}

#[derive(Clone, Debug)]
enum Event {
    Fresh(Vec<Reported>),
    Direct(Vec<Reported>),
    Unusable,
    DaysPass(u32),
    Allow(Vec<Net>),
    Switch(usize),
    Release(usize),
    /// The next run is killed after so many steps.
    Kill(usize),
    Guards(bool),
    Capacity(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => snapshots().prop_map(Event::Fresh),
        1 => snapshots().prop_map(|mut records| { records.truncate(3); Event::Direct(records) }),
        1 => Just(Event::Unusable),
        1 => (1u32..4).prop_map(Event::DaysPass),
        2 => proptest::collection::vec(networks(), 0..4).prop_map(Event::Allow),
        1 => (0usize..3).prop_map(Event::Switch),
        1 => (0usize..3).prop_map(Event::Release),
        2 => (0usize..4).prop_map(Event::Kill),
        1 => any::<bool>().prop_map(Event::Guards),
        1 => (4u64..60).prop_map(Event::Capacity),
    ];
    proptest::collection::vec(event, 1..12)
}

/// A world in which things happen.
struct World {
    scene: Scene,
    allowed: Vec<Net>,
    kill: Option<usize>,
    foreign: Vec<(Tier, Net)>,
}

impl World {
    fn new(foreign: &BTreeSet<(usize, Net)>) -> Self {
        let texts: Vec<_> = foreign
            .iter()
            .map(|(tier, net)| (Tier::ALL[*tier], net.to_string()))
            .collect();
        let items: Vec<_> = texts
            .iter()
            .map(|(tier, net)| (*tier, net.as_str(), Some("a person's")))
            .collect();
        let mut scene = Scene::new(current(&items));
        scene.consent.override_guards = true;
        scene.policy.capacity.items = 40;
        scene.policy.most_pieces = 32;
        Self {
            foreign: persons(&scene),
            scene,
            allowed: Vec::new(),
            kill: None,
        }
    }

    fn happens(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::Fresh(records) => self.runs(&Snapshot::Fresh(&gathered(records))),
            Event::Direct(records) => self.runs(&Snapshot::Direct(&gathered(records))),
            Event::Unusable => self.runs(&Snapshot::Unusable {
                reason: "down".to_owned(),
            }),
            Event::DaysPass(days) => {
                self.scene.now += days * DAY;
                Ok(())
            }
            Event::Allow(nets) => {
                self.allowed.clone_from(nets);
                let nets = nets.iter().map(|net| (*net, "allowed"));
                self.scene.protected = Protected::builder(true).allow(nets).build();
                Ok(())
            }
            Event::Switch(tier) => {
                let on = &mut self.scene.policy.tiers[*tier].on;
                *on = !*on;
                Ok(())
            }
            Event::Release(tier) => {
                self.scene.release[*tier] = true;
                let ran = self.runs(&Snapshot::NotModified(None));
                self.scene.release = [false; 3];
                ran
            }
            Event::Kill(steps) => {
                self.kill = Some(*steps);
                Ok(())
            }
            Event::Guards(on) => {
                self.scene.consent.override_guards = !on;
                self.scene.policy.guards.adds.entries = 10;
                self.scene.policy.guards.removals.entries = 5;
                Ok(())
            }
            Event::Capacity(items) => {
                self.scene.policy.capacity.items = *items;
                Ok(())
            }
        }
    }

    fn runs(&mut self, snapshot: &Snapshot<'_>) -> Result<(), TestCaseError> {
        let before = self.scene.items();
        let mut plan = self.scene.plan(snapshot.clone());
        let killed = self.kill.take();
        if let Some(steps) = killed {
            plan.steps.truncate(steps);
        }
        self.carried_out(&plan, before)?;
        if killed.is_some() {
            return Ok(());
        }
        if !plan.tripped.is_empty() {
            // What is held back may fit the share of a list that has grown by being split: a few runs more, then it stands still.
            for _ in 0..4 {
                let before = self.scene.items();
                let plan = self.scene.plan(snapshot.clone());
                self.carried_out(&plan, before)?;
            }
        }
        self.is_settled(snapshot)
    }

    fn carried_out(&mut self, plan: &Plan, before: u64) -> Result<(), TestCaseError> {
        for step in &plan.steps {
            self.scene.current.apply(step, plan.source_names());
            let most = self.scene.policy.capacity.items.max(before);
            prop_assert!(
                self.scene.items() <= most,
                "capacity: {} items",
                self.scene.items()
            );
            if let Step::Add { additions, .. } = step {
                for addition in additions {
                    prop_assert!(self.may_be_enforced(addition.net), "{}", addition.net);
                }
            }
        }
        prop_assert_eq!(&persons(&self.scene), &self.foreign);
        Ok(())
    }

    fn may_be_enforced(&self, net: Net) -> bool {
        net.fits_cloudflare()
            && self.scene.protected.touching(net).is_none()
            && !self.allowed.iter().any(|allowed| allowed.overlaps(net))
    }

    /// What must hold after every run that was not killed.
    fn is_settled(&self, snapshot: &Snapshot<'_>) -> Result<(), TestCaseError> {
        let again = self.scene.plan(snapshot.clone());
        prop_assert!(
            again.is_empty(),
            "planned again: {:?}",
            super::scene::lines(&again)
        );
        let ours: Vec<(Tier, Listed)> = Tier::ALL
            .into_iter()
            .flat_map(|tier| self.scene.current.items(tier).map(move |item| (tier, item)))
            .filter(|(_, item)| item.ours.is_some())
            .collect();
        for (_, item) in &ours {
            prop_assert!(self.may_be_enforced(item.net), "{} is listed", item.net);
        }
        for (at, (tier, item)) in ours.iter().enumerate() {
            for (other_tier, other) in &ours[at + 1..] {
                // Nothing is touched in lists that are both off.
                let on = |tier: &Tier| self.scene.policy.tiers[tier.index()].on;
                let same =
                    tier != other_tier && item.net == other.net && (on(tier) || on(other_tier));
                prop_assert!(!same, "{} is in {tier} and {other_tier}", item.net);
            }
        }
        let held = again
            .lists
            .iter()
            .any(|list| list.held_additions + list.held_removals > 0);
        let all_on = again.lists.iter().all(|list| list.on);
        let whole = matches!(snapshot, Snapshot::Fresh(_));
        if whole && all_on && !held && again.no_room == 0 && again.tripped.is_empty() {
            for (at, (tier, item)) in ours.iter().enumerate() {
                for (other_tier, other) in &ours[at + 1..] {
                    let apart = tier == other_tier || !item.net.overlaps(other.net);
                    prop_assert!(
                        apart,
                        "{} in {tier} meets {} in {other_tier}",
                        item.net,
                        other.net
                    );
                }
            }
        }
        Ok(())
    }
}

fn persons(scene: &Scene) -> Vec<(Tier, Net)> {
    Tier::ALL
        .into_iter()
        .flat_map(|tier| scene.current.items(tier).map(move |item| (tier, item)))
        .filter(|(_, item)| item.ours.is_none())
        .map(|(tier, item)| (tier, item.net))
        .collect()
}

fn hosts() -> impl Iterator<Item = Net> {
    (0u32..256).map(|host| v4(0xc633_6400 | host, 32))
}

/// Every address that a snapshot calls hostile, for the small networks above.
fn hostile_addresses(records: &[Reported], tier: Tier) -> Vec<Net> {
    hosts()
        .filter(|host| {
            let worst = records
                .iter()
                .filter(|(net, ..)| net.contains(*host))
                .map(|(_, score, ..)| *score as u8)
                .max();
            let worst = worst.and_then(|score| {
                enforce_ip_list::threat::Score::of(f64::from(score))
                    .ok()?
                    .tier()
            });
            worst == Some(tier)
        })
        .collect()
}

proptest! {
    #[test]
    fn whatever_happens_nothing_allowed_is_listed_foreign_entries_stay_capacity_holds_and_runs_converge(
        foreign in proptest::collection::btree_set((0usize..3, networks()), 0..4),
        events in events(),
    ) {
        let mut world = World::new(&foreign);
        for event in &events {
            world.happens(event)?;
        }
    }

    #[test]
    fn with_room_enough_exactly_the_hostile_addresses_are_enforced_each_in_the_list_of_its_worst_score(
        mut records in snapshots(),
    ) {
        records.retain(|(_, _, allowed, expires)| !allowed && expires.is_none());
        let mut scene = Scene::new(current(&[]));
        scene.policy.most_pieces = 1000;
        scene.consent.first_run = true;
        let plan = scene.plan(Snapshot::Fresh(&gathered(&records)));
        scene.carry_out(&plan);
        for tier in Tier::ALL {
            let listed: Vec<Net> = scene.current.items(tier).map(|item| item.net).collect();
            let mut enforced = hosts().collect::<Vec<Net>>();
            enforced.retain(|host| listed.iter().any(|net| net.contains(*host)));
            prop_assert_eq!(enforced, hostile_addresses(&records, tier), "{}", tier);
        }
    }

    #[test]
    fn merging_covers_exactly_the_same_addresses(records in snapshots(), room in 1u64..40) {
        let mut plain = Scene::new(current(&[]));
        plain.consent.first_run = true;
        let records = gathered(&records);
        let all = plain.plan(Snapshot::Fresh(&records));
        let mut tight = Scene::new(current(&[]));
        tight.consent.first_run = true;
        tight.policy.capacity.items = room;
        let merged = tight.plan(Snapshot::Fresh(&records));
        if merged.left_out.total() > 0 {
            return Ok(());
        }
        plain.carry_out(&all);
        tight.carry_out(&merged);
        for tier in Tier::ALL {
            let nets = |scene: &Scene| scene.current.items(tier).map(|item| item.net).collect::<Vec<_>>();
            let (plain, tight) = (nets(&plain), nets(&tight));
            for host in hosts() {
                let covers = |nets: &[Net]| nets.iter().any(|net| net.contains(host));
                prop_assert_eq!(covers(&plain), covers(&tight), "{} in {}", host, tier);
            }
        }
    }
}
