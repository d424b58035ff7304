//! What the guards hold back.

use super::difference::{Add, Because, Difference};
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
    fn out_of<B: Block>(&self, difference: &mut Difference<B>, plan: &mut Plan) {
        let mut held = Vec::new();
        difference.additions.retain(|add| {
            let holds = self.holds_addition(add);
            if holds {
                held.push(add.entry.block);
                plan.lists[add.entry.tier.index()].held_additions += 1;
            }
            !holds
        });
        // An entry that gives way to one that is held back stays with it.
        let held = Spans::of(held.into_iter());
        difference.removals.retain(|remove| {
            let gives_way = matches!(remove.because, Because::Moved { .. } | Because::Reshaped);
            let holds = (self.removals[remove.tier.index()] && remove.is_less())
                || (gives_way && held.touch(remove.item.block));
            if holds {
                plan.lists[remove.tier.index()].held_removals += 1;
            }
            !holds
        });
    }

    /// Itself, or because the entry may not leave its milder or more severe list.
    fn holds_addition<B: Block>(&self, add: &Add<B>) -> bool {
        let leaves = match add.because {
            AddedBecause::Moved { from } if from > add.entry.tier => self.removals[from.index()],
            _ => false,
        };
        leaves || (self.additions[add.entry.tier.index()] && add.is_more())
    }
}
