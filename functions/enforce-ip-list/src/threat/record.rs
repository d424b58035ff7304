//! One network with all that is reported of it, in 32 bytes for IPv4 and 48 for IPv6.

use jiff::Timestamp;

use super::{Score, SourceSet};
use crate::net::Block;

/// A moment in whole seconds since 1970, up to 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(u32);

impl Seconds {
    pub const DAY: u32 = 86_400;
    pub const FAR: Self = Self(u32::MAX);

    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    pub const fn get(self) -> u32 {
        self.0
    }

    /// Never [`Seconds::default`], which stands for "not given": what lies before 1970 is its first second.
    pub fn of(moment: Timestamp) -> Self {
        Self(u32::try_from(moment.as_second().max(1)).unwrap_or(u32::MAX))
    }

    pub fn timestamp(self) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(i64::from(self.0))
    }

    pub const fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    pub const fn minus(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// The next midnight (UTC), or itself if it is one.
    pub const fn end_of_day(self) -> Self {
        match self.0.div_ceil(Self::DAY).checked_mul(Self::DAY) {
            Some(seconds) => Self(seconds),
            None => Self(u32::MAX - u32::MAX % Self::DAY),
        }
    }

    /// Whether it was given at all.
    pub const fn is_given(self) -> bool {
        self.0 != 0
    }
}

/// A network with all that is reported of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<B> {
    pub block: B,
    pub sources: SourceSet,
    /// Not given where no source says.
    pub last_seen: Seconds,
    /// Not given where no source says.
    pub expires: Seconds,
    pub score: Score,
    pub allow_listed: bool,
}

impl<B: Block> Record<B> {
    /// Takes in what another source says of the same network: the highest score, all sources, the latest sight, the latest end
    /// (none, if one of them names none), and any allow-listing.
    pub fn merge(&mut self, other: &Self) {
        self.sources = self.sources.union(other.sources);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.expires = if self.expires.is_given() && other.expires.is_given() {
            self.expires.max(other.expires)
        } else {
            Seconds::default()
        };
        self.score = self.score.max(other.score);
        self.allow_listed |= other.allow_listed;
    }
}

/// Sorts by network and merges what is said of the same one.
pub(crate) fn sort_and_merge<B: Block>(records: &mut Vec<Record<B>>) {
    if !records.is_sorted_by(|a, b| a.block < b.block) {
        // Merging is commutative, so that the order of equals does not matter.
        records.sort_unstable_by_key(|record| record.block);
        records.dedup_by(|next, kept| {
            let same = next.block == kept.block;
            if same {
                kept.merge(next);
            }
            same
        });
    }
}
