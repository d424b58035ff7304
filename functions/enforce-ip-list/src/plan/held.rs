//! What the guards hold back.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::difference::{Add, Because, Difference, Remove};
use super::result::{AddedBecause, Plan};
use super::spans::Spans;
use super::{Family, Inputs};
use crate::net::{Block, V4, V6};
use crate::safety::Change;
use crate::threat::Tier;

/// Which tiers' additions and removals are held back.
#[derive(Clone, Copy, Debug, Default)]
struct Hold {
    additions: [bool; 3],
    removals: [bool; 3],
}

/// Asks the guards and takes what they hold back out of the differences.
pub(super) fn hold_back(
    inputs: &Inputs<'_>,
    v4: &mut Family<V4>,
    v6: &mut Family<V6>,
    plan: &mut Plan,
) {
    let mut hold = Hold::default();
    let guards = &inputs.policy.guards;
    for tier in Tier::ALL {
        let at = tier.index();
        let change = both(v4.difference.change[at], v6.difference.change[at]);
        if let Some(tripped) = guards.additions(tier, &change, inputs.consent) {
            hold.additions[at] = true;
            plan.tripped.push(tripped);
        }
        if let Some(tripped) = guards.removals(tier, &change, inputs.consent) {
            hold.removals[at] = true;
            plan.tripped.push(tripped);
        }
    }
    if hold.additions.contains(&true) || hold.removals.contains(&true) {
        hold.out_of(&mut v4.difference, plan);
        hold.out_of(&mut v6.difference, plan);
    }
}

fn both(v4: Change, v6: Change) -> Change {
    Change {
        entries: v4.entries + v6.entries,
        adds: v4.adds + v6.adds,
        removals: v4.removals + v6.removals,
        addresses: v4.addresses,
        subscribers: v6.subscribers,
    }
}

impl Hold {
    /// What is held back holds back more: an entry stays with what it would have given way to, and what moves stays whole. So it
    /// goes around until nothing more is held.
    fn out_of<B: Block>(&self, difference: &mut Difference<B>, plan: &mut Plan) {
        let mut held_additions = BTreeSet::new();
        let mut stuck = BTreeSet::new();
        let mut held_removals = Vec::new();
        loop {
            let before = (held_additions.len(), stuck.len());
            difference.additions.retain(|add| {
                let moves = matches!(add.because, AddedBecause::Moved { .. });
                let holds = self.holds_addition(add) || (moves && stuck.contains(&add.entry.block));
                if holds {
                    held_additions.insert(add.entry.block);
                    plan.lists[add.entry.tier.index()].held_additions += 1;
                }
                !holds
            });
            let held = Spans::of(held_additions.iter().copied());
            difference.removals.retain(|remove| {
                let moves = matches!(remove.because, Because::Moved { .. });
                let gives_way = moves || remove.because == Because::Reshaped;
                let holds = (self.removals[remove.tier.index()] && remove.is_less())
                    || (gives_way && held.touch(remove.item.block));
                if holds {
                    held_removals.push(*remove);
                }
                if holds && moves {
                    stuck.insert(remove.item.block);
                }
                !holds
            });
            if before == (held_additions.len(), stuck.len()) {
                break;
            }
        }
        one_list_each(&mut held_removals, &mut difference.removals);
        for remove in held_removals {
            plan.lists[remove.tier.index()].held_removals += 1;
        }
    }

    /// By itself.
    fn holds_addition<B: Block>(&self, add: &Add<B>) -> bool {
        self.additions[add.entry.tier.index()] && add.is_more()
    }
}

/// What a killed run left in two lists, and is now held back in both, stays in the more severe one only.
fn one_list_each<B: Block>(held: &mut Vec<Remove<B>>, removals: &mut Vec<Remove<B>>) {
    held.sort_unstable_by_key(|remove| (remove.item.block, Reverse(remove.tier)));
    held.dedup_by(|next, kept| {
        let same = next.item.block == kept.item.block;
        if same {
            let because = Because::Doubled { to: kept.tier };
            removals.push(Remove { because, ..*next });
        }
        same
    });
}
