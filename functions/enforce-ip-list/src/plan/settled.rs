//! What is wanted once everything that bears on it has been asked.

use super::capacity::{self, Selection};
use super::result::Plan;
use super::wanted::{self, Claim, Entry};
use super::{Inputs, difference, disjoint};
use crate::net::{Block, V4, V6};
use crate::safety::{Fences, Guard, Protected, Tripped};
use crate::threat::{Gathered, Record, SourceSet, Tier};

/// What is wanted, in both families.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) v4: Vec<Entry<V4>>,
    pub(super) v6: Vec<Entry<V6>>,
    /// Whether what is not among it is removed.
    pub(super) removes: bool,
}

/// Entries of ours that ask for themselves, in both families.
#[derive(PartialEq)]
struct Claims {
    v4: Vec<Claim<V4>>,
    v6: Vec<Claim<V6>>,
}

/// How often what asks for itself is asked again. Twice is nearly always enough.
const TURNS: usize = 8;

impl Inputs<'_> {
    /// What is wanted, such that wanting it again, after the lists hold it, gives the same.
    ///
    /// An entry that was named by itself asks for itself in the next plan, but only as it then stands in the list: where part of it
    /// gave way to something else, that part no longer asks. So what is wanted is asked again until it stays as it is.
    pub(super) fn settled(
        &self,
        records: &Gathered,
        protected: &Protected,
        plan: &mut Plan,
    ) -> Wanted {
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
        let hostile = plan.tally.enforced.iter().chain(&plan.tally.tier_off);
        let from_snapshot = hostile.sum();
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
