//! The two sides walked side by side.

use super::Inputs;
use super::current::Item;
use super::result::{AddedBecause, RemovedBecause};
use super::spans::{self, Spans};
use super::tag::Mark;
use super::wanted::Entry;
use crate::net::{Block, V4};
use crate::safety::{Change, Fences, Meeting};
use crate::threat::Tier;

/// What sets wanted and current apart, in one family.
#[derive(Clone, Debug)]
pub(super) struct Difference<B> {
    pub(super) additions: Vec<Add<B>>,
    pub(super) removals: Vec<Remove<B>>,
    pub(super) kept: [u64; 3],
    /// Entries of ours that stay because their tier is off.
    pub(super) dormant: [u64; 3],
    /// What the guards ask.
    pub(super) change: [Change; 3],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Add<B> {
    pub(super) entry: Entry<B>,
    pub(super) because: AddedBecause,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Remove<B> {
    pub(super) tier: Tier,
    pub(super) item: Item<B>,
    pub(super) mark: Mark,
    pub(super) because: Because,
}

/// As [`RemovedBecause`], without what has to be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Because {
    Protected,
    Released,
    Moved {
        to: Tier,
    },
    /// The other list holds it already: a run was killed in the middle of a move. Whichever way that went, nothing new is decided.
    Doubled {
        to: Tier,
    },
    Reshaped,
    Gone,
    Expired,
}

impl<B> Add<B> {
    /// Whether it enforces what was not enforced, or less severely.
    pub(super) fn is_more(&self) -> bool {
        match self.because {
            AddedBecause::New => true,
            AddedBecause::Moved { from } => from < self.entry.tier,
            AddedBecause::Reshaped | AddedBecause::Renewed => false,
        }
    }
}

impl<B> Remove<B> {
    /// Whether its addresses are then not enforced any more, or less severely, because a snapshot says so.
    pub(super) fn is_less(&self) -> bool {
        match self.because {
            Because::Gone => true,
            Because::Moved { to } => to < self.tier,
            Because::Protected
            | Because::Released
            | Because::Doubled { .. }
            | Because::Reshaped
            | Because::Expired => false,
        }
    }
}

impl Because {
    pub(super) fn full(
        self,
        protection: impl FnOnce() -> Option<RemovedBecause>,
    ) -> RemovedBecause {
        match self {
            // Only what touches something protected is removed for that.
            Self::Protected => protection().unwrap_or(RemovedBecause::Gone),
            Self::Released => RemovedBecause::Released,
            Self::Moved { to } | Self::Doubled { to } => RemovedBecause::Moved { to },
            Self::Reshaped => RemovedBecause::Reshaped,
            Self::Gone => RemovedBecause::Gone,
            Self::Expired => RemovedBecause::Expired,
        }
    }
}

/// How many entries stay in lists that are off, and take room there.
pub(super) fn staying<B: Block>(
    inputs: &Inputs<'_>,
    fences: &Fences<B>,
    lists: [&[Item<B>]; 3],
    wanted: &[Entry<B>],
) -> u64 {
    let is_wanted = |block: B| {
        wanted
            .binary_search_by_key(&block, |entry| entry.block)
            .is_ok()
    };
    let mut staying = 0;
    for (tier, items) in Tier::ALL.into_iter().zip(lists) {
        if inputs.policy.tier(tier).on || inputs.release[tier.index()] {
            continue;
        }
        let stays = items.iter().filter(|item| {
            item.ours.is_some() && fences.touching(item.block).is_none() && !is_wanted(item.block)
        });
        staying += stays.count() as u64;
    }
    staying
}

/// The difference. `removes`: whether what is not wanted any more is removed.
pub(super) fn between<B: Block>(
    inputs: &Inputs<'_>,
    removes: bool,
    fences: &Fences<B>,
    wanted: &[Entry<B>],
    lists: [&[Item<B>]; 3],
) -> Difference<B> {
    let mut walk = Walk {
        inputs,
        removes,
        fences,
        after: Tier::ALL.map(|tier| covered_by_wanted(wanted, tier)),
        difference: Difference {
            additions: Vec::new(),
            removals: Vec::new(),
            kept: [0; 3],
            dormant: [0; 3],
            change: [Change::default(); 3],
        },
    };
    walk.walk(wanted, lists);
    let mut difference = walk.difference;
    tell_new_from_reshaped(&mut difference, lists);
    difference.count(wanted, lists);
    difference
}

/// What is wanted in the tier and in more severe ones.
fn covered_by_wanted<B: Block>(wanted: &[Entry<B>], tier: Tier) -> Spans<B> {
    let severe = wanted.iter().filter(|entry| entry.tier >= tier);
    Spans::of(severe.map(|entry| entry.block))
}

struct Walk<'a, B: Block> {
    inputs: &'a Inputs<'a>,
    removes: bool,
    fences: &'a Fences<B>,
    after: [Spans<B>; 3],
    difference: Difference<B>,
}

impl<B: Block> Walk<'_, B> {
    fn walk(&mut self, wanted: &[Entry<B>], lists: [&[Item<B>]; 3]) {
        let mut wanted = wanted.iter().peekable();
        let mut lists = lists.map(|items| items.iter().peekable());
        loop {
            let mut next = wanted.peek().map(|entry| entry.block);
            for items in &mut lists {
                if let Some(item) = items.peek()
                    && next.is_none_or(|next| item.block < next)
                {
                    next = Some(item.block);
                }
            }
            let Some(block) = next else {
                return;
            };
            let entry = wanted.next_if(|entry| entry.block == block);
            let items = lists
                .each_mut()
                .map(|items| items.next_if(|item| item.block == block));
            match entry {
                Some(entry) => self.wanted(entry, items),
                None => self.unwanted(items),
            }
        }
    }

    /// Entries that somebody else holds were dropped from the wanted ones before.
    fn wanted(&mut self, entry: &Entry<B>, items: [Option<&Item<B>>; 3]) {
        let at = entry.tier.index();
        let to = entry.tier;
        let there = items[at].and_then(|item| item.ours);
        let mut from = None;
        for (tier, item) in Tier::ALL.into_iter().zip(items) {
            let Some((item, mark)) = item.and_then(|item| Some((item, item.ours?))) else {
                continue;
            };
            if tier == entry.tier {
                continue;
            }
            from = from.max(Some(tier));
            let because = if there.is_some() {
                Because::Doubled { to }
            } else {
                Because::Moved { to }
            };
            self.remove(tier, item, mark, because);
        }
        let because = match (there, from) {
            (Some(mark), _) => {
                self.difference.kept[at] += 1;
                if !self.must_renew(entry, &mark) {
                    return;
                }
                AddedBecause::Renewed
            }
            (None, Some(from)) => AddedBecause::Moved { from },
            (None, None) => AddedBecause::New,
        };
        self.difference.additions.push(Add {
            entry: *entry,
            because,
        });
    }

    /// A tag is written anew when its end draws near although the entry goes on, or when the entry was now named by itself. Neither
    /// a score that changes within the tier nor another source is worth a modification; both are written along with the next end.
    fn must_renew(&self, entry: &Entry<B>, mark: &Mark) -> bool {
        let later = entry.expires > mark.expires;
        if entry.pinned {
            return later || !mark.pinned;
        }
        let margin = self.inputs.policy.tier(entry.tier).ttl / 4;
        later && mark.expires <= self.inputs.now.plus(margin)
    }

    fn unwanted(&mut self, items: [Option<&Item<B>>; 3]) {
        let kept_in = self.kept_in(items);
        for (tier, item) in Tier::ALL.into_iter().zip(items) {
            let Some((item, mark)) = item.and_then(|item| Some((item, item.ours?))) else {
                continue;
            };
            let at = tier.index();
            let on = self.inputs.policy.tier(tier).on;
            let because = if self.fences.meet(item.block) != Meeting::Free {
                Because::Protected
            } else if !on && self.inputs.release[at] {
                Because::Released
            } else if let Some(to) = kept_in.filter(|to| *to != tier) {
                Because::Doubled { to }
            } else if !on {
                self.difference.dormant[at] += 1;
                continue;
            } else if self.after[at].cover(item.block) {
                Because::Reshaped
            } else if mark.expires <= self.inputs.now {
                Because::Expired
            } else if self.removes {
                Because::Gone
            } else {
                self.difference.kept[at] += 1;
                continue;
            };
            self.remove(tier, item, mark, because);
        }
    }

    /// Where nothing is known that would remove it, the list in which it stays. A run that was killed in the middle of a move left
    /// it in two: the most severe one that is on keeps it, until a snapshot says otherwise.
    fn kept_in(&self, items: [Option<&Item<B>>; 3]) -> Option<Tier> {
        if self.removes {
            return None;
        }
        let stays = |tier: &Tier| {
            let mark = items[tier.index()].and_then(|item| item.ours);
            self.inputs.policy.tier(*tier).on
                && mark.is_some_and(|mark| mark.expires > self.inputs.now)
        };
        Tier::ALL.into_iter().find(stays)
    }

    fn remove(&mut self, tier: Tier, item: &Item<B>, mark: Mark, because: Because) {
        self.difference.removals.push(Remove {
            tier,
            item: *item,
            mark,
            because,
        });
    }
}

/// An addition whose addresses were all enforced before, at least as severely, only has another shape.
fn tell_new_from_reshaped<B: Block>(difference: &mut Difference<B>, lists: [&[Item<B>]; 3]) {
    for tier in Tier::ALL {
        let mut new = difference
            .additions
            .iter_mut()
            .filter(|add| add.entry.tier == tier && add.because == AddedBecause::New)
            .peekable();
        if new.peek().is_none() {
            continue;
        }
        let before = covered_before(lists, tier);
        new.filter(|add| before.cover(add.entry.block))
            .for_each(|add| add.because = AddedBecause::Reshaped);
    }
}

/// What entries of ours cover in the tier and in more severe ones.
fn covered_before<B: Block>(lists: [&[Item<B>]; 3], tier: Tier) -> Spans<B> {
    // The lists stand in order of severity.
    let severe = &lists[..=tier.index()];
    let ours = |items: &[Item<B>]| {
        let ours = items.iter().filter(|item| item.ours.is_some());
        ours.map(|item| item.block).collect::<Vec<B>>()
    };
    let mut blocks: Vec<B> = severe.iter().flat_map(|items| ours(items)).collect();
    blocks.sort_unstable();
    Spans::of(blocks.into_iter())
}

impl<B: Block> Difference<B> {
    fn count(&mut self, wanted: &[Entry<B>], lists: [&[Item<B>]; 3]) {
        for add in self.additions.iter().filter(|add| add.is_more()) {
            self.change[add.entry.tier.index()].adds += 1;
        }
        for remove in self.removals.iter().filter(|remove| remove.is_less()) {
            self.change[remove.tier.index()].removals += 1;
        }
        for ((tier, items), change) in Tier::ALL.into_iter().zip(lists).zip(&mut self.change) {
            let ours = || items.iter().filter(|item| item.ours.is_some());
            change.entries = ours().count() as u64;
            if change.adds == 0 {
                continue;
            }
            let of_tier = wanted.iter().filter(|entry| entry.tier == tier);
            let covered = (
                spans::weight(ours().map(|item| item.block)),
                spans::weight(of_tier.map(|entry| entry.block)),
            );
            if B::WIDTH == V4::WIDTH {
                change.addresses = covered;
            } else {
                change.subscribers = covered;
            }
        }
    }
}
