//! Wanted against current.
//!
//! Pure and deterministic: no clock, no I/O. Both sides are sorted vectors per address family, walked side by side.
//!
//! | room | what it does |
//! |---|---|
//! | [`tag`] | the comment by which an entry is known as ours |
//! | [`current`] | what the lists hold now |
//! | `wanted` | what a snapshot asks for, after safety |
//! | `disjoint` | one tier for each address |
//! | `capacity` | what fits: merging without loss, then leaving out |
//! | `difference` | the two sides walked side by side |
//! | `steps` | the order in which to write |
//! | [`explain`] | one address's way through all of it |
//!
//! Applying the steps of a plan in their order never exceeds the capacity, and planning again afterwards with the same snapshot
//! gives no steps.

pub mod current;
pub mod explain;
pub mod tag;

mod capacity;
mod difference;
mod disjoint;
mod held;
mod result;
mod spans;
mod steps;
mod wanted;

use jiff::SignedDuration;

use self::capacity::Selection;
use self::current::{Current, Item};
use self::difference::Difference;
use self::wanted::Entry;
use crate::net::{Block, V4, V6};
use crate::safety::{Consent, Fences, Guard, Policy, Protected, Tripped};
use crate::threat::{Gathered, Record, Seconds, Tier};

pub use self::result::{
    AddedBecause, Addition, Cost, LeftOut, ListSummary, Plan, ProtectedCounts, Removal,
    RemovedBecause, Step, Tally,
};

/// What is known of the wanted side.
#[derive(Clone, Debug)]
pub enum Snapshot<'a> {
    /// Everything that is hostile now. What is not in it is no longer hostile.
    Fresh(&'a Gathered),
    /// As fresh, and the same as before: with the records, if they were kept. Without them nothing is added, and nothing removed but
    /// what has expired or is protected.
    NotModified(Option<&'a Gathered>),
    /// Single networks, named by themselves, beside what the lists hold. They stay until they expire, whatever snapshots say.
    Direct(&'a Gathered),
    /// The last good one is too old. As `NotModified(None)`.
    Stale { age: SignedDuration },
    /// There is none, it is incomplete, or it cannot be trusted. As `NotModified(None)`.
    Unusable { reason: String },
}

impl<'a> Snapshot<'a> {
    fn records(&self) -> Option<&'a Gathered> {
        match self {
            Self::Fresh(records) | Self::Direct(records) => Some(records),
            Self::NotModified(records) => *records,
            Self::Stale { .. } | Self::Unusable { .. } => None,
        }
    }

    const fn is_direct(&self) -> bool {
        matches!(self, Self::Direct(_))
    }
}

/// All that a plan depends on.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    pub now: Seconds,
    pub snapshot: Snapshot<'a>,
    pub current: &'a Current,
    /// Without what the snapshot's sources allow-list: planning adds that itself.
    pub protected: &'a Protected,
    pub policy: &'a Policy,
    pub consent: Consent,
    /// Tiers whose entries of ours are removed although nothing else asks for it, in the order of [`Tier::ALL`]. Only for tiers
    /// that are off; ignored for the others, which would be filled again.
    pub release: [bool; 3],
}

/// What the two families have gone through together.
struct Family<B> {
    wanted: Vec<Entry<B>>,
    difference: Difference<B>,
}

/// Makes the plan.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let records = inputs.snapshot.records();
    let with_sources = records.map(|records| inputs.protected.with_sources(records));
    let protected = with_sources.as_ref().unwrap_or(inputs.protected);
    let mut plan = Plan::begin(inputs.current);
    let renumbering = records.map(|records| plan.names.adopt(&records.names));
    let empty = Gathered::default();
    let said = records.unwrap_or(&empty);

    let current = inputs.current;
    let mut claims = Claims {
        inputs,
        renumbering: renumbering.as_ref(),
        plan: &mut plan,
    };
    let mut v4 = claims.wanted(&said.v4, current.v4(), protected.v4(), protected);
    let mut v6 = claims.wanted(&said.v6, current.v6(), protected.v6(), protected);
    let from_snapshot = claims.plan.tally.enforced.iter().sum::<u64>();

    inputs.limit_coverage(&mut v4, &mut v6, &mut plan);
    v4 = disjoint::one_tier_each(v4, inputs.policy, &mut plan.tally);
    v6 = disjoint::one_tier_each(v6, inputs.policy, &mut plan.tally);
    let removes = inputs.removes(from_snapshot, &mut plan);
    let staying = [
        difference::Staying::new(inputs, protected.v4(), current.v4(), &v4),
        difference::Staying::new(inputs, protected.v6(), current.v6(), &v6),
    ];
    plan.tally.held_by_others += wanted::without_foreign(&mut v4, current.v4());
    plan.tally.held_by_others += wanted::without_foreign(&mut v6, current.v6());
    let room = inputs.room(&staying);
    Selection {
        policy: inputs.policy,
        room,
    }
    .fit(&mut v4, &mut v6, &mut plan);
    wanted::without_foreign(&mut v4, current.v4());
    wanted::without_foreign(&mut v6, current.v6());

    let v4 = Family {
        difference: difference::between(inputs, removes, protected.v4(), &v4, current.v4()),
        wanted: v4,
    };
    let v6 = Family {
        difference: difference::between(inputs, removes, protected.v6(), &v6, current.v6()),
        wanted: v6,
    };
    finish(inputs, protected, v4, v6, plan)
}

fn finish(
    inputs: &Inputs<'_>,
    protected: &Protected,
    mut v4: Family<V4>,
    mut v6: Family<V6>,
    mut plan: Plan,
) -> Plan {
    held::hold_back(inputs, &mut v4, &mut v6, &mut plan);
    plan.summarise(inputs, &v4.difference, &v6.difference);
    plan.steps = steps::in_order(inputs, protected, v4.difference, v6.difference, &mut plan);
    plan.wanted_v4 = v4.wanted;
    plan.wanted_v6 = v6.wanted;
    plan.estimate();
    plan
}

/// Turns what is reported, and what stays by itself, into entries.
struct Claims<'a, 'b> {
    inputs: &'a Inputs<'b>,
    renumbering: Option<&'a crate::threat::Renumbering>,
    plan: &'a mut Plan,
}

impl Claims<'_, '_> {
    fn wanted<B: Block>(
        &mut self,
        records: &[Record<B>],
        lists: [&[Item<B>]; 3],
        fences: &Fences<B>,
        protected: &Protected,
    ) -> Vec<Entry<B>> {
        let mut sieve = wanted::Sieve {
            policy: self.inputs.policy,
            now: self.inputs.now,
            fences,
            protected,
            tally: &mut self.plan.tally,
            entries: Vec::with_capacity(records.len()),
        };
        let direct = self.inputs.snapshot.is_direct();
        sieve.records(records, direct, |set| {
            self.renumbering
                .map_or(set, |renumbering| renumbering.of(set))
        });
        // Without records nothing is wanted anew, and what is there is left alone.
        if self.renumbering.is_some() {
            sieve.kept(lists, direct);
        }
        sieve.finish()
    }
}

impl Inputs<'_> {
    /// Whether what is no longer wanted is removed. A snapshot that asks for nothing at all is not believed.
    fn removes(&self, from_snapshot: u64, plan: &mut Plan) -> bool {
        let whole = matches!(
            self.snapshot,
            Snapshot::Fresh(_) | Snapshot::NotModified(Some(_))
        );
        if !whole || from_snapshot > 0 {
            return whole;
        }
        for tier in Tier::ALL {
            let planned = self.current.ours(tier);
            if planned > 0 && self.policy.tier(tier).on {
                plan.tripped.push(Tripped {
                    tier,
                    guard: Guard::EmptySnapshot,
                    planned,
                    allowed: 0,
                });
            }
        }
        false
    }

    /// How many entries of ours the account has room for, in lists that are on.
    fn room(&self, staying: &[difference::Staying; 2]) -> u64 {
        let staying: u64 = staying.iter().map(|family| family.dormant).sum();
        self.policy
            .capacity
            .items
            .saturating_sub(self.policy.capacity.elsewhere)
            .saturating_sub(self.current.foreign())
            .saturating_sub(staying)
    }

    fn limit_coverage(&self, v4: &mut Vec<Entry<V4>>, v6: &mut Vec<Entry<V6>>, plan: &mut Plan) {
        let cut = capacity::limit_coverage(v4, self.policy.most_addresses)
            + capacity::limit_coverage(v6, self.policy.most_subscribers);
        plan.tally.beyond_coverage += cut;
    }
}
