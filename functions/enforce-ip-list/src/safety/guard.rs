//! How much of a list one run may change.
//!
//! A feed that was truncated, poisoned or scored anew looks like any other; what gives it away is how much would change. The limits
//! have an absolute part, so that small lists can move, and a relative one, as octoDNS and Cloud Custodian have them.

use std::fmt;

use crate::threat::Tier;

/// The limits of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Entries that newly enforce something.
    pub adds: Allowance,
    /// Entries that stop being enforced, or are enforced less severely. Not counted: what has expired by its own tag, and what is
    /// removed because it is protected.
    pub removals: Allowance,
    /// How many times as much as before a list may cover.
    pub coverage_factor: u64,
    /// IPv4 addresses that a list may cover whatever it covered before.
    pub coverage_addresses: u64,
    /// The same for IPv6, in networks of 64 bits.
    pub coverage_subscribers: u64,
}

/// An absolute and a relative limit; the larger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub entries: u64,
    /// Of what the list holds of ours.
    pub percent: u64,
}

impl Allowance {
    /// How much may change in a list with so many entries of ours.
    pub const fn of(self, entries: u64) -> u64 {
        let share = entries.saturating_mul(self.percent) / 100;
        if share > self.entries {
            share
        } else {
            self.entries
        }
    }
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            adds: Allowance {
                entries: 500,
                percent: 50,
            },
            removals: Allowance {
                entries: 50,
                percent: 30,
            },
            coverage_factor: 2,
            coverage_addresses: 1 << 20,
            coverage_subscribers: 1 << 36,
        }
    }
}

/// What a person allows for one run. Recorded in its audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The lists are filled for the first time: additions are not limited.
    pub first_run: bool,
    /// No limit holds. An unusable or empty snapshot still removes nothing.
    pub override_guards: bool,
}

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    Adds,
    Removals,
    CoverageV4,
    CoverageV6,
    /// A snapshot in which nothing is hostile would have emptied the list.
    EmptySnapshot,
}

/// A limit that a plan would have gone beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tripped {
    pub tier: Tier,
    pub guard: Guard,
    /// What the plan would have come to.
    pub planned: u64,
    /// What is allowed.
    pub allowed: u64,
}

impl Tripped {
    /// What was planned and what is allowed.
    pub fn reason(&self) -> String {
        let Self {
            planned, allowed, ..
        } = self;
        match self.guard {
            Guard::Adds => format!("{planned} additions, {allowed} are allowed at once"),
            Guard::Removals => format!("{planned} removals, {allowed} are allowed at once"),
            Guard::CoverageV4 => format!(
                "it would cover {planned} IPv4 addresses, {allowed} are allowed after what it covers now"
            ),
            Guard::CoverageV6 => format!(
                "it would cover {planned} IPv6 networks of 64 bits, {allowed} are allowed after what it covers now"
            ),
            Guard::EmptySnapshot => format!(
                "nothing in the snapshot is hostile; {planned} entries stay until one is, they expire, or are released"
            ),
        }
    }
}

impl fmt::Display for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.tier, self.reason())
    }
}

/// What a plan would change in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Entries of ours before.
    pub entries: u64,
    /// Entries that enforce what was not enforced, or less severely.
    pub adds: u64,
    /// Entries whose addresses would no longer be enforced, or less severely.
    pub removals: u64,
    /// IPv4 addresses covered by entries of ours before, and after.
    pub addresses: (u64, u64),
    /// IPv6 networks of 64 bits, likewise.
    pub subscribers: (u64, u64),
}

impl Guards {
    /// The limit that holds back additions to a list, if any does.
    pub fn additions(&self, tier: Tier, change: &Change, consent: Consent) -> Option<Tripped> {
        if consent.first_run || consent.override_guards || change.adds == 0 {
            return None;
        }
        let coverage =
            |before: u64, least: u64| before.saturating_mul(self.coverage_factor).max(least);
        let limits = [
            (Guard::Adds, change.adds, self.adds.of(change.entries)),
            (
                Guard::CoverageV4,
                change.addresses.1,
                coverage(change.addresses.0, self.coverage_addresses),
            ),
            (
                Guard::CoverageV6,
                change.subscribers.1,
                coverage(change.subscribers.0, self.coverage_subscribers),
            ),
        ];
        first_beyond(tier, &limits)
    }

    /// The limit that holds back removals from a list, if it does.
    pub fn removals(&self, tier: Tier, change: &Change, consent: Consent) -> Option<Tripped> {
        if consent.override_guards {
            return None;
        }
        let allowed = self.removals.of(change.entries);
        first_beyond(tier, &[(Guard::Removals, change.removals, allowed)])
    }
}

fn first_beyond(tier: Tier, limits: &[(Guard, u64, u64)]) -> Option<Tripped> {
    limits
        .iter()
        .find(|(_, planned, allowed)| planned > allowed)
        .map(|&(guard, planned, allowed)| Tripped {
            tier,
            guard,
            planned,
            allowed,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(entries: u64, adds: u64, removals: u64) -> Change {
        Change {
            entries,
            adds,
            removals,
            ..Change::default()
        }
    }

    #[test]
    fn given_a_small_list_when_it_changes_then_the_absolute_part_holds_and_then_the_share() {
        let guards = Guards::default();
        let ask = |change: Change| {
            (
                guards
                    .additions(Tier::Block, &change, Consent::default())
                    .is_some(),
                guards
                    .removals(Tier::Block, &change, Consent::default())
                    .is_some(),
            )
        };
        assert_eq!(ask(change(0, 500, 50)), (false, false));
        assert_eq!(ask(change(0, 501, 51)), (true, true));
        assert_eq!(ask(change(2_000, 1_000, 600)), (false, false));
        assert_eq!(ask(change(2_000, 1_001, 601)), (true, true));
    }

    #[test]
    fn given_consent_when_limits_are_passed_then_a_first_run_frees_additions_and_an_override_both()
    {
        let guards = Guards::default();
        let much = change(0, 90_000, 90_000);
        let first_run = Consent {
            first_run: true,
            override_guards: false,
        };
        assert_eq!(guards.additions(Tier::Block, &much, first_run), None);
        assert!(guards.removals(Tier::Block, &much, first_run).is_some());
        let all = Consent {
            first_run: false,
            override_guards: true,
        };
        assert_eq!(guards.additions(Tier::Block, &much, all), None);
        assert_eq!(guards.removals(Tier::Block, &much, all), None);
    }

    #[test]
    fn given_few_but_huge_additions_when_coverage_would_more_than_double_then_they_are_held_back() {
        let guards = Guards::default();
        let mut huge = change(10_000, 40, 0);
        huge.addresses = (2_000_000, 4_000_001);
        let tripped = guards
            .additions(Tier::Block, &huge, Consent::default())
            .unwrap();
        assert_eq!(
            (tripped.guard, tripped.allowed),
            (Guard::CoverageV4, 4_000_000)
        );
        huge.addresses = (2_000_000, 4_000_000);
        assert_eq!(
            guards.additions(Tier::Block, &huge, Consent::default()),
            None
        );
    }
}
