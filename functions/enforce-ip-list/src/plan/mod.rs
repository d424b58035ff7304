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
use self::current::Current;
use self::difference::Difference;
use self::wanted::{Claim, Entry};
use crate::net::{Block, V4, V6};
use crate::safety::{Consent, Fences, Guard, Policy, Protected, Tripped};
use crate::threat::{Gathered, Record, Seconds, SourceSet, Tier};

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

/// One family's side of a plan.
struct Family<B> {
    wanted: Vec<Entry<B>>,
    difference: Difference<B>,
}

/// What is wanted, in both families.
struct Wanted {
    v4: Vec<Entry<V4>>,
    v6: Vec<Entry<V6>>,
    /// Whether what is not among it is removed.
    removes: bool,
}

/// Entries of ours that ask for themselves, in both families.
#[derive(PartialEq)]
struct Claims {
    v4: Vec<Claim<V4>>,
    v6: Vec<Claim<V6>>,
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
        None => Wanted {
            v4: Vec::new(),
            v6: Vec::new(),
            removes: false,
        },
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

/// How often what asks for itself is asked again. Twice is nearly always enough.
const TURNS: usize = 8;

impl Inputs<'_> {
    /// What is wanted, such that wanting it again, after the lists hold it, gives the same.
    ///
    /// An entry that was named by itself asks for itself in the next plan, but only as it then stands in the list: where part of it
    /// gave way to something else, that part no longer asks. So what is wanted is asked again until it stays as it is.
    fn settled(&self, records: &Gathered, protected: &Protected, plan: &mut Plan) -> Wanted {
        let all = self.snapshot.is_direct();
        let policy = self.policy;
        let mut claims = Claims {
            v4: wanted::claims_of_lists(self.current.v4(), all, policy),
            v6: wanted::claims_of_lists(self.current.v6(), all, policy),
        };
        let mut turns = 1;
        loop {
            let mut turn = Plan::begin(self.current);
            let wanted = self.wanted(records, &claims, protected, &mut turn);
            let next = Claims {
                v4: wanted::claims_of_entries(&wanted.v4, all),
                v6: wanted::claims_of_entries(&wanted.v6, all),
            };
            if next == claims || turns == TURNS {
                *plan = turn;
                return wanted;
            }
            claims = next;
            turns += 1;
        }
    }

    fn wanted(
        &self,
        records: &Gathered,
        claims: &Claims,
        protected: &Protected,
        plan: &mut Plan,
    ) -> Wanted {
        let renumbering = plan.names.adopt(&records.names);
        let sources = |set| renumbering.of(set);
        let mut v4 = self.sifted(
            &records.v4,
            &claims.v4,
            protected.v4(),
            protected,
            sources,
            plan,
        );
        let mut v6 = self.sifted(
            &records.v6,
            &claims.v6,
            protected.v6(),
            protected,
            sources,
            plan,
        );
        let from_snapshot = plan.tally.enforced.iter().sum();
        let removes = self.removes(from_snapshot, plan);

        let policy = self.policy;
        plan.tally.beyond_coverage = capacity::limit_coverage(&mut v4, policy.most_addresses)
            + capacity::limit_coverage(&mut v6, policy.most_subscribers);
        v4 = disjoint::one_tier_each(v4, policy, &mut plan.tally);
        v6 = disjoint::one_tier_each(v6, policy, &mut plan.tally);
        let (v4, v6) = self.fitted(v4, v6, protected, plan);
        Wanted { v4, v6, removes }
    }

    /// What of it there is room for.
    ///
    /// An entry in a list that is off takes room unless it is wanted elsewhere, and so moves; and it is no longer wanted as it stands
    /// once it was merged into a larger one. So more may have to give way than was thought at first.
    fn fitted(
        &self,
        mut v4: Vec<Entry<V4>>,
        mut v6: Vec<Entry<V6>>,
        protected: &Protected,
        plan: &mut Plan,
    ) -> (Vec<Entry<V4>>, Vec<Entry<V6>>) {
        let lists = (self.current.v4(), self.current.v6());
        let staying = |v4: &[Entry<V4>], v6: &[Entry<V6>]| {
            difference::staying(self, protected.v4(), lists.0, v4)
                + difference::staying(self, protected.v6(), lists.1, v6)
        };
        let by_others =
            wanted::without_foreign(&mut v4, lists.0) + wanted::without_foreign(&mut v6, lists.1);
        let mut stays = staying(&v4, &v6);
        loop {
            let (policy, room) = (self.policy, self.room(stays));
            if (v4.len() + v6.len()) as u64 <= room {
                plan.tally.held_by_others = by_others;
                return (v4, v6);
            }
            let (mut fit_v4, mut fit_v6) = (v4.clone(), v6.clone());
            Selection { policy, room }.fit(&mut fit_v4, &mut fit_v6, plan);
            // Merging may have come to a network that somebody else has.
            let merged_into = wanted::without_foreign(&mut fit_v4, lists.0)
                + wanted::without_foreign(&mut fit_v6, lists.1);
            let stay = staying(&fit_v4, &fit_v6);
            if stay <= stays {
                plan.tally.held_by_others = by_others + merged_into;
                return (fit_v4, fit_v6);
            }
            stays = stay;
        }
    }

    fn sifted<B: Block>(
        &self,
        records: &[Record<B>],
        claims: &[Claim<B>],
        fences: &Fences<B>,
        protected: &Protected,
        sources: impl Fn(SourceSet) -> SourceSet,
        plan: &mut Plan,
    ) -> Vec<Entry<B>> {
        let mut sieve = wanted::Sieve {
            policy: self.policy,
            now: self.now,
            fences,
            protected,
            tally: &mut plan.tally,
            entries: Vec::with_capacity(records.len()),
        };
        sieve.records(records, self.snapshot.is_direct(), sources);
        sieve.claims(claims);
        sieve.finish()
    }

    /// Whether what is not wanted is removed. A snapshot that asks for nothing at all is not believed. Beside single networks
    /// everything asks for itself, so that what is not wanted then has no room, or may not be enforced any more.
    fn removes(&self, from_snapshot: u64, plan: &mut Plan) -> bool {
        if self.snapshot.is_direct() || from_snapshot > 0 {
            return true;
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

    /// How many entries of ours the account has room for in lists that are on; `staying`: those in lists that are off.
    fn room(&self, staying: u64) -> u64 {
        self.policy
            .capacity
            .items
            .saturating_sub(self.policy.capacity.elsewhere)
            .saturating_sub(self.current.foreign())
            .saturating_sub(staying)
    }
}
