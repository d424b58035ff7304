//! One tier for each address.
//!
//! The first terminating rule decides at Cloudflare, so that an address in two lists gets the more severe response anyway; but
//! then the lists no longer say what happens to whom, and moving an address would not change anything. Therefore a network of a
//! milder tier is split around what is more severe in it, and left out where it lies in what is more severe.

use super::result::Tally;
use super::wanted::{Entry, sort_and_merge};
use crate::net::{Block, carve};
use crate::safety::{Policy, Refusal};

/// Sorted and merged on both sides.
pub(super) fn one_tier_each<B: Block>(
    mut entries: Vec<Entry<B>>,
    policy: &Policy,
    tally: &mut Tally,
) -> Vec<Entry<B>> {
    split_around_more_severe(&mut entries, policy.most_pieces, tally);
    tally.covered += drop_inside_more_severe(&mut entries);
    entries
}

/// The entries around one, as positions: a network stands before what it contains, so that one walk sees all of them.
struct Around(Vec<usize>);

impl Around {
    /// Forgets what ended before this one begins.
    fn come_to<B: Block>(&mut self, entries: &[Entry<B>], block: B) {
        while let Some(last) = self.0.last()
            && entries[*last].block.last() < block.first()
        {
            self.0.pop();
        }
    }
}

fn split_around_more_severe<B: Block>(
    entries: &mut Vec<Entry<B>>,
    most_pieces: usize,
    tally: &mut Tally,
) {
    let mut holes = holes(entries);
    if holes.is_empty() {
        return;
    }
    holes.sort_unstable();
    let mut pieces = Vec::new();
    let mut gone = vec![false; entries.len()];
    let mut parts = Vec::new();
    for holes in holes.chunk_by(|a, b| a.0 == b.0) {
        let at = holes[0].0;
        let entry = entries[at];
        gone[at] = true;
        let blocks: Vec<B> = holes.iter().map(|(_, hole)| *hole).collect();
        parts.clear();
        if carve(entry.block, &blocks, most_pieces, &mut parts).is_err() {
            tally.too_many_pieces += 1;
            let refusal = Refusal::TooManyPieces { most: most_pieces };
            tally.example(entry.block.net(), refusal);
        }
        pieces.extend(parts.iter().map(|block| Entry {
            block: *block,
            ..entry
        }));
    }
    let mut gone = gone.into_iter();
    entries.retain(|_| !gone.next().unwrap_or_default());
    entries.append(&mut pieces);
    sort_and_merge(entries);
}

/// Each entry that has something more severe in it, with each of those.
fn holes<B: Block>(entries: &[Entry<B>]) -> Vec<(usize, B)> {
    let mut around = Around(Vec::new());
    let mut holes = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        around.come_to(entries, entry.block);
        let milder = around
            .0
            .iter()
            .filter(|outer| entries[**outer].tier < entry.tier);
        holes.extend(milder.map(|outer| (*outer, entry.block)));
        if entry.block.prefix() < B::WIDTH {
            around.0.push(at);
        }
    }
    holes
}

/// Returns how many.
fn drop_inside_more_severe<B: Block>(entries: &mut Vec<Entry<B>>) -> u64 {
    let mut around = Around(Vec::new());
    let mut kept = 0;
    for at in 0..entries.len() {
        let entry = entries[at];
        around.come_to(entries, entry.block);
        if around
            .0
            .iter()
            .any(|outer| entries[*outer].tier > entry.tier)
        {
            continue;
        }
        // `kept` never runs ahead of `at`: what is overwritten was read before.
        entries[kept] = entry;
        if entry.block.prefix() < B::WIDTH {
            around.0.push(kept);
        }
        kept += 1;
    }
    let dropped = entries.len() - kept;
    entries.truncate(kept);
    dropped as u64
}
