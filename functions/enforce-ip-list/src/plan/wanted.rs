//! What a snapshot asks for, after safety.

use super::current::Item;
use super::result::Tally;
use super::tag::Mark;
use crate::net::Block;
use crate::safety::{Asked, Cursor, Fences, Policy, Protected, Refusal, Sifted};
use crate::threat::{Record, Score, Seconds, SourceSet, Tier};

/// A network that is to stand in a list: 32 bytes for IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<B> {
    pub(crate) block: B,
    pub(crate) sources: SourceSet,
    pub(crate) expires: Seconds,
    /// Days since 1970 when it was last seen: finer would let lists at capacity change with every run.
    pub(crate) seen: u16,
    pub(crate) score: Score,
    pub(crate) tier: Tier,
    pub(crate) pinned: bool,
}

impl<B: Block> Entry<B> {
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            score: self.score,
            expires: self.expires,
            sources: self.sources,
            pinned: self.pinned,
        }
    }

    /// Takes in what else is asked for the same network: the higher tier and score, all sources. What was named by itself ends when
    /// it was said to; of two others the later end holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.expires = match (self.pinned, other.pinned) {
            (true, false) => self.expires,
            (false, true) => other.expires,
            _ => self.expires.max(other.expires),
        };
        self.pinned |= other.pinned;
        self.sources = self.sources.union(other.sources);
        self.seen = self.seen.max(other.seen);
        self.score = self.score.max(other.score);
        self.tier = self.tier.max(other.tier);
    }

    /// Least for what is needed most: named by itself, tier, score, day last seen, then a hash of the network, which is the same in
    /// every run and favours no part of the address space.
    pub(crate) fn rank(&self) -> u64 {
        let down = |value: u64, bits: u32| (1u64 << bits) - 1 - value;
        let urgency = u64::from(!self.pinned) << 5
            | down(self.tier as u64, 2) << 3
            | down(u64::from(self.score.get()), 3);
        let hash = hash(self.block.net()) >> 26;
        urgency << 54 | down(u64::from(self.seen), 16) << 38 | hash
    }
}

/// FNV-1a over the text's parts would do; this is the finaliser of SplitMix64 over both halves, as stable and quicker.
fn hash(net: crate::net::Net) -> u64 {
    let bits = match net.address() {
        std::net::IpAddr::V4(address) => u128::from(u32::from(address)),
        std::net::IpAddr::V6(address) => u128::from(address),
    };
    let mix = |mut x: u64| {
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    };
    mix(mix(bits as u64 ^ u64::from(net.prefix())) ^ (bits >> 64) as u64)
}

/// Sorts by network and merges what is asked for the same one.
pub(super) fn sort_and_merge<B: Block>(entries: &mut Vec<Entry<B>>) {
    if entries.is_sorted_by(|a, b| a.block < b.block) {
        return;
    }
    entries.sort_unstable_by_key(|entry| entry.block);
    entries.dedup_by(|next, kept| {
        let same = next.block == kept.block;
        if same {
            kept.merge(next);
        }
        same
    });
}

/// Drops what somebody else has in one of the lists already, as exactly the same network: adding it would overwrite that entry, or
/// put the address into two lists. Returns how many.
pub(super) fn without_foreign<B: Block>(
    entries: &mut Vec<Entry<B>>,
    lists: [&[Item<B>]; 3],
) -> u64 {
    let foreign = |items: &[Item<B>]| {
        let foreign = items.iter().filter(|item| item.ours.is_none());
        foreign.map(|item| item.block).collect::<Vec<B>>()
    };
    let mut blocks: Vec<B> = lists.into_iter().flat_map(foreign).collect();
    if blocks.is_empty() {
        return 0;
    }
    blocks.sort_unstable();
    let before = entries.len();
    let mut next = 0;
    entries.retain(|entry| {
        while blocks.get(next).is_some_and(|block| *block < entry.block) {
            next += 1;
        }
        blocks.get(next) != Some(&entry.block)
    });
    (before - entries.len()) as u64
}

/// An entry of ours that asks for itself: it was named by itself or, beside single networks, every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim<B> {
    pub(super) block: B,
    mark: Mark,
    seen: u16,
}

/// What the lists hold of ours: what was named by itself, or everything (`all`). In order.
pub(super) fn claims_of_lists<B: Block>(
    lists: [&[Item<B>]; 3],
    all: bool,
    policy: &Policy,
) -> Vec<Claim<B>> {
    let mut claims = Vec::new();
    for (tier, items) in Tier::ALL.into_iter().zip(lists) {
        // The tag does not say when it was last seen, but that is where its end came from.
        let ttl = policy.tier(tier).ttl;
        claims.extend(items.iter().filter_map(|item| {
            let mark = item.ours.filter(|mark| all || mark.pinned)?;
            Some(Claim {
                block: item.block,
                mark,
                seen: day(mark.expires.minus(ttl)),
            })
        }));
    }
    claims.sort_by_key(|claim| claim.block);
    claims
}

/// What the lists would hold of it after a plan that wants this.
pub(super) fn claims_of_entries<B: Block>(entries: &[Entry<B>], all: bool) -> Vec<Claim<B>> {
    let claims = entries.iter().filter(|entry| all || entry.pinned);
    claims
        .map(|entry| Claim {
            block: entry.block,
            mark: entry.mark(),
            seen: entry.seen,
        })
        .collect()
}

/// Sifts what is asked for.
pub(super) struct Sieve<'a, B> {
    pub(super) policy: &'a Policy,
    pub(super) now: Seconds,
    pub(super) fences: &'a Fences<B>,
    pub(super) protected: &'a Protected,
    pub(super) tally: &'a mut Tally,
    pub(super) entries: Vec<Entry<B>>,
}

impl<B: Block> Sieve<'_, B> {
    /// Records of a snapshot, in order. `pinned`: each was named by itself.
    pub(super) fn records(
        &mut self,
        records: &[Record<B>],
        pinned: bool,
        sources: impl Fn(SourceSet) -> SourceSet,
    ) {
        let mut cursor = Cursor::default();
        let mut pieces = Vec::new();
        for record in records {
            let asked = Asked {
                score: record.score,
                last_seen: record.last_seen,
                expires: record.expires,
            };
            pieces.clear();
            let sifted = self.policy.sift(
                self.fences,
                &mut cursor,
                record.block,
                asked,
                self.now,
                &mut pieces,
            );
            let Sifted::Enforce(tier) = sifted else {
                self.refused(record.block, sifted);
                continue;
            };
            self.tally.enforced[tier.index()] += 1;
            let end = self.policy.end(tier, asked, self.now);
            // What was named by itself ends exactly when it was said to.
            let exact = pinned && record.expires.is_given();
            let expires = if exact { end } else { end.end_of_day() };
            let entry = Entry {
                block: record.block,
                sources: sources(record.sources),
                expires,
                seen: day(record.last_seen),
                score: record.score,
                tier,
                pinned,
            };
            self.push(entry, &pieces);
        }
    }

    /// Entries of ours that ask for themselves.
    pub(super) fn claims(&mut self, claims: &[Claim<B>]) {
        let mut cursor = Cursor::default();
        let mut pieces = Vec::new();
        for claim in claims {
            let mark = claim.mark;
            let asked = Asked {
                score: mark.score,
                last_seen: Seconds::default(),
                expires: mark.expires,
            };
            pieces.clear();
            let sifted = self.policy.sift(
                self.fences,
                &mut cursor,
                claim.block,
                asked,
                self.now,
                &mut pieces,
            );
            if let Sifted::Enforce(tier) = sifted {
                let entry = Entry {
                    block: claim.block,
                    sources: mark.sources,
                    expires: mark.expires,
                    seen: claim.seen,
                    score: mark.score,
                    tier,
                    pinned: mark.pinned,
                };
                self.push(entry, &pieces);
            }
        }
    }

    fn push(&mut self, entry: Entry<B>, pieces: &[B]) {
        let pieces = pieces.iter().map(|piece| Entry {
            block: *piece,
            ..entry
        });
        self.entries.extend(pieces);
    }

    fn refused(&mut self, block: B, sifted: Sifted) {
        let refusal = match sifted {
            Sifted::Enforce(_) => return,
            Sifted::LogOnly => {
                self.tally.log_only += 1;
                return;
            }
            Sifted::Expired => {
                self.tally.expired += 1;
                return;
            }
            Sifted::TierOff(tier) => {
                self.tally.tier_off[tier.index()] += 1;
                return;
            }
            Sifted::Protected(rule) => match self.protected.protection(rule) {
                Some(protection) => {
                    self.tally.protected.count(&protection.by);
                    // Sources allow-list thousands of their own.
                    if protection.net == block.net() {
                        return;
                    }
                    Refusal::Protected(protection.clone())
                }
                None => return,
            },
            Sifted::TooBroad { shortest } => {
                self.tally.too_broad += 1;
                Refusal::TooBroad { shortest }
            }
            Sifted::TooManyPieces { most } => {
                self.tally.too_many_pieces += 1;
                Refusal::TooManyPieces { most }
            }
        };
        self.tally.example(block.net(), refusal);
    }

    pub(super) fn finish(self) -> Vec<Entry<B>> {
        let mut entries = self.entries;
        sort_and_merge(&mut entries);
        entries
    }
}

fn day(moment: Seconds) -> u16 {
    u16::try_from(moment.get() / Seconds::DAY).unwrap_or(u16::MAX)
}
