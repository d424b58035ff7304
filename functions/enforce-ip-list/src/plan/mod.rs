//! Wanted against current.
//!
//! Pure and deterministic: no clock, no I/O. Both sides are sorted vectors per address family, walked side by side.
//!
//! | room | what it does |
//! |---|---|
//! | [`tag`] | the comment by which an entry is known as ours |
//! | [`current`] | what the lists hold now |
//! | `wanted` | what a snapshot asks for, after safety |
//! | `settled` | the same, once everything that bears on it has been asked |
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
mod settled;
mod spans;
mod steps;
mod wanted;

use jiff::SignedDuration;

use self::current::Current;
use self::difference::Difference;
use self::settled::Wanted;
use self::wanted::Entry;
use crate::net::{V4, V6};
use crate::safety::{Consent, Policy, Protected};
use crate::threat::{Gathered, Seconds};

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
    /// Single networks, named by themselves, beside what the lists hold. They stay until they expire, whatever snapshots say. In a full
    /// account what is needed least gives way to them.
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

/// One family's side of a plan.
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
    let wanted = match records {
        Some(records) => inputs.settled(records, protected, &mut plan),
        // Without records nothing is wanted anew, and what is there is left alone.
        None => Wanted::default(),
    };
    let Wanted { v4, v6, removes } = wanted;
    let current = inputs.current;
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
