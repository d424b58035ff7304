//! What fits: merging without loss, and only then leaving out.

use super::result::{LeftOut, Plan};
use super::wanted::Entry;
use crate::net::{Block, V4, V6};
use crate::safety::Policy;

/// Drops the broadest networks until the rest covers at most so much, of equally broad ones what is needed least; what was named by
/// itself goes last. Returns how many entries.
///
/// A single broad network takes the room of thousands of addresses that were seen attacking, and is the likelier one to hold innocents.
pub(super) fn limit_coverage<B: Block>(entries: &mut Vec<Entry<B>>, most: u64) -> u64 {
    if super::spans::weight(entries.iter().map(|entry| entry.block)) <= most {
        return 0;
    }
    let mut order: Vec<(u64, u64, usize)> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| {
            let breadth = if entry.pinned {
                0
            } else {
                entry.block.weight()
            };
            (breadth, entry.rank(), at)
        })
        .collect();
    order.sort_unstable();
    let mut left = most;
    let mut fits = vec![false; entries.len()];
    for (_, _, at) in order {
        let weight = entries[at].block.weight();
        if weight <= left {
            left -= weight;
            fits[at] = true;
        }
    }
    let before = entries.len();
    let mut fits = fits.into_iter();
    entries.retain(|_| fits.next().unwrap_or_default());
    (before - entries.len()) as u64
}

/// How many entries there is room for.
pub(super) struct Selection<'a> {
    pub(super) policy: &'a Policy,
    pub(super) room: u64,
}

impl Selection<'_> {
    /// Merges without loss if there is too little room, and leaves out what is needed least if there still is.
    pub(super) fn fit(&self, v4: &mut Vec<Entry<V4>>, v6: &mut Vec<Entry<V6>>, plan: &mut Plan) {
        let wanted = (v4.len() + v6.len()) as u64;
        (plan.aggregated, plan.left_out) = (None, LeftOut::default());
        if wanted <= self.room {
            return;
        }
        self.merge(v4);
        self.merge(v6);
        let merged = (v4.len() + v6.len()) as u64;
        plan.aggregated = (merged < wanted).then_some((wanted, merged));
        if merged > self.room {
            self.leave_out(v4, v6, plan);
        }
    }

    /// The fewest networks of each tier that cover the same addresses; none broader than the tier allows.
    ///
    /// A merged entry ends with the first of its parts: nothing stays longer than was said of it.
    fn merge<B: Block>(&self, entries: &mut Vec<Entry<B>>) {
        let mut merged: Vec<Entry<B>> = Vec::with_capacity(entries.len());
        for entry in entries.drain(..) {
            // What lies in an entry of the same tier says nothing new, unless it was named by itself: then it may outlast it. No
            // entry lies in one of another tier.
            if let Some(last) = merged.last_mut()
                && last.block.contains(entry.block)
                && last.tier == entry.tier
                && (last.pinned || !entry.pinned)
            {
                absorb(last, &entry);
                continue;
            }
            merged.push(entry);
            self.join_siblings(&mut merged);
        }
        merged.shrink_to_fit();
        *entries = merged;
    }

    /// Joins the last two for as long as they are the halves of one network, or the same one.
    fn join_siblings<B: Block>(&self, merged: &mut Vec<Entry<B>>) {
        while let [.., left, right] = merged.as_mut_slice() {
            if left.block == right.block {
                left.merge(right);
            } else if let Some(parent) = self.parent(left, right) {
                absorb(left, right);
                left.expires = left.expires.min(right.expires);
                left.block = parent;
            } else {
                break;
            }
            merged.pop();
        }
    }

    fn parent<B: Block>(&self, left: &Entry<B>, right: &Entry<B>) -> Option<B> {
        let same = left.tier == right.tier
            && left.pinned == right.pinned
            && left.block.prefix() == right.block.prefix();
        let parent = left.block.parent().filter(|_| same)?;
        let fits = parent.prefix() >= self.policy.shortest::<B>(left.tier);
        (fits && parent.first() == left.block.first() && parent.contains(right.block))
            .then_some(parent)
    }

    fn leave_out(&self, v4: &mut Vec<Entry<V4>>, v6: &mut Vec<Entry<V6>>, plan: &mut Plan) {
        let ranks_v4 = v4.iter().map(Entry::rank).zip((0u32..).map(|at| (4u8, at)));
        let ranks_v6 = v6.iter().map(Entry::rank).zip((0u32..).map(|at| (6u8, at)));
        let mut order: Vec<(u64, (u8, u32))> = ranks_v4.chain(ranks_v6).collect();
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        if room < order.len() && room > 0 {
            order.select_nth_unstable(room);
        }
        let out = &mut order[room.min(v4.len() + v6.len())..];
        out.sort_unstable();
        for (_, (family, at)) in out.iter() {
            match family {
                4 => plan.left_out.note(&v4[*at as usize]),
                _ => plan.left_out.note(&v6[*at as usize]),
            }
        }
        drop_marked(v4, out.iter().filter(|(_, (family, _))| *family == 4));
        drop_marked(v6, out.iter().filter(|(_, (family, _))| *family == 6));
    }
}

fn drop_marked<'a, B: Block>(
    entries: &mut Vec<Entry<B>>,
    out: impl Iterator<Item = &'a (u64, (u8, u32))>,
) {
    let mut stays = vec![true; entries.len()];
    for (_, (_, at)) in out {
        stays[*at as usize] = false;
    }
    let mut stays = stays.into_iter();
    entries.retain(|_| stays.next().unwrap_or_default());
}

/// As [`Entry::merge`], but for a part of it: whoever calls decides when the whole ends.
fn absorb<B: Block>(entry: &mut Entry<B>, part: &Entry<B>) {
    entry.sources = entry.sources.union(part.sources);
    entry.seen = entry.seen.max(part.seen);
    entry.score = entry.score.max(part.score);
}
