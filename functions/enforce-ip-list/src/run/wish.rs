//! What a run is for, and what a person says about it.

use super::gather::Pushed;
use super::report::Override;
use super::trigger::Address;
use crate::threat::Tier;

/// What a run is for.
pub enum Work {
    Sync,
    /// A snapshot was pushed: it takes the place of the one before, and no source is asked.
    Snapshot(Box<Pushed>),
    /// One address is to be enforced now: no source is asked.
    Address(Address),
}

impl std::fmt::Display for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sync => f.write_str("sync"),
            Self::Snapshot(pushed) => write!(f, "snapshot {}", pushed.object()),
            Self::Address(address) => write!(f, "address {}", address.ip),
        }
    }
}

/// A person's word, for one run.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Tiers whose mode is `propose` are carried out too.
    pub proposed: bool,
    /// The lists are filled for the first time: additions are not limited.
    pub first_run: bool,
    /// No guard holds. Kept in the audit with who said so and why.
    pub overridden: Option<Override>,
    /// What these tiers, which are off, hold of ours is removed.
    pub release: Vec<Tier>,
    /// The lists are read page by page, whatever is remembered of them.
    pub read_again: bool,
}

impl Wishes {
    pub(super) fn any(&self) -> bool {
        self.proposed
            || self.first_run
            || self.overridden.is_some()
            || !self.release.is_empty()
            || self.read_again
    }
}
