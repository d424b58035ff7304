//! What was observed of one subject, whatever the order in which it is heard.

use std::collections::BTreeSet;

use jiff::Timestamp;
use remediate_core::finding::Source;
use serde::{Deserialize, Serialize};

/// The newest pass, and the failures since.
///
/// Late and repeated observations change nothing that was known better: a failure from before the newest pass is ignored,
/// the same failure counts once. Exact for the [`Observations::KEPT`] newest failures of a run; what is older is a number.
/// A failure and a pass of the same instant count as a pass: the orchestrator then holds the incident for closed and would
/// send no second pass to close a ticket by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observations {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passed: Option<Pass>,
    /// The newest failures since the newest pass.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    failures: BTreeSet<Timestamp>,
    /// How many more there were before those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earlier: Option<Earlier>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    pub at: Timestamp,
    pub source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Earlier {
    count: u64,
    since: Timestamp,
}

/// The failures since the newest pass: there is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub first: Timestamp,
    pub newest: Timestamp,
    pub count: u64,
}

impl Observations {
    pub const KEPT: usize = 32;

    /// Takes a failure in; says whether it belongs to the present run.
    pub fn failed(&mut self, at: Timestamp) -> bool {
        if self.passed.as_ref().is_some_and(|pass| at <= pass.at) {
            return false;
        }
        if let Some(earlier) = &mut self.earlier
            && self.failures.first().is_some_and(|oldest| at < *oldest)
        {
            // Counted before, for all that can be told.
            earlier.since = earlier.since.min(at);
            return true;
        }
        self.failures.insert(at);
        if self.failures.len() > Self::KEPT
            && let Some(oldest) = self.failures.pop_first()
        {
            let before = self.earlier.unwrap_or(Earlier {
                count: 0,
                since: oldest,
            });
            self.earlier = Some(Earlier {
                count: before.count + 1,
                since: before.since.min(oldest),
            });
        }
        true
    }

    /// Takes a pass in.
    pub fn passed(&mut self, at: Timestamp, source: &Source) {
        let known = self
            .passed
            .as_ref()
            .map(|pass| (pass.at, pass.source.object.as_str(), pass.source.row));
        if known >= Some((at, source.object.as_str(), source.row)) {
            return;
        }
        self.passed = Some(Pass {
            at,
            source: source.clone(),
        });
        self.failures = self.failures.split_off(&at);
        self.failures.remove(&at);
        if self.earlier.is_some_and(|earlier| earlier.since <= at) {
            self.earlier = None;
        }
    }

    /// The failures since the newest pass, if it fails.
    pub fn run(&self) -> Option<Run> {
        let (first, newest) = (*self.failures.first()?, *self.failures.last()?);
        let kept = self.failures.len() as u64;
        Some(match self.earlier {
            Some(earlier) => Run {
                first: earlier.since,
                newest,
                count: kept + earlier.count,
            },
            None => Run {
                first,
                newest,
                count: kept,
            },
        })
    }

    /// The first failure after an instant.
    pub fn first_failure_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.failures.iter().find(|failure| **failure > at).copied()
    }

    /// The newest pass, whether or not it has failed since.
    pub fn pass(&self) -> Option<&Pass> {
        self.passed.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn take(rows: &[(i64, bool)]) -> Observations {
        let mut seen = Observations::default();
        for (second, failed) in rows {
            if *failed {
                seen.failed(at(*second));
            } else {
                seen.passed(at(*second), &Source::default());
            }
        }
        seen
    }

    #[test]
    fn a_pass_heard_before_an_older_failure_stands() {
        assert_eq!(take(&[(5, false), (3, true)]).run(), None);
        assert_eq!(take(&[(3, true), (5, false)]).run(), None);
    }

    #[test]
    fn a_long_run_is_counted_to_its_end_and_keeps_its_beginning() {
        let rows: Vec<_> = (1..=100).map(|second| (second, true)).collect();
        let run = take(&rows).run().unwrap();
        assert_eq!((run.first, run.newest, run.count), (at(1), at(100), 100));
        let again = take(&[rows.clone(), rows].concat()).run().unwrap();
        assert_eq!(again, run);
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(
            rows in proptest::collection::vec((0i64..24, any::<bool>()), 0..24),
            seed in any::<u64>(),
        ) {
            let mut other = [rows.clone(), rows.clone()].concat();
            // A shuffle that needs no generator: sorted by a hash of the position.
            let mut positions: Vec<usize> = (0..other.len()).collect();
            positions.sort_by_key(|index| (*index as u64).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed).rotate_left(17));
            other = positions.iter().map(|index| other[*index]).collect();
            prop_assert_eq!(take(&rows), take(&other));
        }
    }
}
