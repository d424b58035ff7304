//! A plan: what it changes, in which order, and why.

use super::Inputs;
use super::current::{Current, Listed};
use super::difference::Difference;
use super::tag::{Instance, Mark};
use super::wanted::Entry;
use crate::net::{Block, Net, V4, V6};
use crate::safety::{Protection, Protector, Refusal, Tripped};
use crate::threat::{SourceNames, Tier};

/// What is to be written, and what was decided on the way.
#[derive(Clone, Debug)]
pub struct Plan {
    /// To be completed in this order. Where one cannot be, those after it must not be tried: plan again from what the lists hold.
    pub steps: Vec<Step>,
    /// One per tier, in the order of [`Tier::ALL`].
    pub lists: [ListSummary; 3],
    /// What became of the snapshot's networks.
    pub tally: Tally,
    /// The guards that hold something back.
    pub tripped: Vec<Tripped>,
    /// Entries before and after merging without loss, if there was too little room for them.
    pub aggregated: Option<(u64, u64)>,
    /// What there is no room for.
    pub left_out: LeftOut,
    /// Additions that wait because entries that guards hold back take their room.
    pub no_room: u64,
    /// Entries that are removed before what takes their place is added, because there is no room for both.
    pub gaps: u64,
    pub(super) instance: Instance,
    pub(super) names: SourceNames,
    pub(super) wanted_v4: Vec<Entry<V4>>,
    pub(super) wanted_v6: Vec<Entry<V6>>,
}

/// One bulk operation on one list, before it is cut into requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Add {
        tier: Tier,
        additions: Vec<Addition>,
    },
    Remove {
        tier: Tier,
        removals: Vec<Removal>,
    },
}

impl Step {
    pub const fn tier(&self) -> Tier {
        match self {
            Self::Add { tier, .. } | Self::Remove { tier, .. } => *tier,
        }
    }

    /// Entries that it changes.
    pub fn len(&self) -> usize {
        match self {
            Self::Add { additions, .. } => additions.len(),
            Self::Remove { removals, .. } => removals.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An entry to be added, or to be written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    pub net: Net,
    /// What its comment will say: see [`Plan::comment`].
    pub mark: Mark,
    pub because: AddedBecause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum AddedBecause {
    New,
    Moved {
        from: Tier,
    },
    /// Its addresses were enforced before, by entries of another shape.
    Reshaped,
    /// It is there; only its comment changes.
    Renewed,
}

/// An entry of ours to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub item: Listed,
    /// What its comment says; its sources are to be read with [`Plan::source_names`].
    pub mark: Mark,
    pub because: RemovedBecause,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum RemovedBecause {
    /// It covers something that may not be enforced. Never held back.
    Protected {
        by: Box<Protection>,
    },
    /// Its tier is off, and somebody asked for it.
    Released,
    Moved {
        to: Tier,
    },
    /// Other entries enforce its addresses, at least as severely.
    Reshaped,
    /// The snapshot does not name it any more, or it is no longer enforced.
    Gone,
    /// Its tag says so.
    Expired,
}

/// A list in short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ListSummary {
    pub on: bool,
    /// Entries of ours now.
    pub ours: u64,
    pub of_other_instances: u64,
    pub of_persons: u64,
    /// Entries of ours that stay as they are, or are only renewed.
    pub kept: u64,
    /// Entries of ours that stay because the tier is off: see [`Inputs::release`].
    pub dormant: u64,
    pub held_additions: u64,
    pub held_removals: u64,
    /// Entries of ours after all steps.
    pub after: u64,
    pub cost: Cost,
}

/// What writing a list costs, by its changes and as a whole. A modification is an item created, edited or deleted; the quota is
/// 1,000,000 in 12 hours (<https://developers.cloudflare.com/waf/tools/lists/lists-api/>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Cost {
    pub delta_modifications: u64,
    /// Writing requests of at most 10,000 items.
    pub delta_requests: u64,
    /// Removals whose item id has to be looked up first.
    pub unknown_ids: u64,
    /// Taken that unchanged items count, which is not documented.
    pub replace_modifications: u64,
    /// Whether replacing the whole list would do the same: nothing in it is foreign, held back, dormant, or moved elsewhere, and it
    /// fits into one request.
    pub replaceable: bool,
}

/// Most items in a request: no limit of the body is documented, and others send as many.
pub const LARGEST_REQUEST: u64 = 10_000;

impl Cost {
    /// Whether replacing takes fewer calls, counting a call for each id to be looked up, and no more modifications than both lists
    /// at their largest.
    pub const fn prefers_replacing(&self) -> bool {
        self.replaceable
            && self.delta_requests + self.unknown_ids > 1
            && self.replace_modifications <= 2 * LARGEST_REQUEST
            && self.delta_modifications * 2 >= self.replace_modifications
    }
}

/// What became of the networks of a snapshot: how many of each, and some examples of what was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// By tier, in the order of [`Tier::ALL`].
    pub enforced: [u64; 3],
    /// Score 0.
    pub log_only: u64,
    pub expired: u64,
    pub tier_off: [u64; 3],
    pub protected: ProtectedCounts,
    pub too_broad: u64,
    pub too_many_pieces: u64,
    /// They lie in a network of a more severe tier.
    pub covered: u64,
    /// All entries together would cover too much.
    pub beyond_coverage: u64,
    /// Somebody else has the same network in one of the lists.
    pub held_by_others: u64,
    pub examples: Vec<(Net, Refusal)>,
}

/// Networks that were not enforced because they are protected, by rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ProtectedCounts {
    pub never_list: u64,
    pub cloudflare: u64,
    pub own: u64,
    pub allow_list: u64,
    pub source: u64,
}

impl ProtectedCounts {
    pub(super) fn count(&mut self, by: &Protector) {
        *match by {
            Protector::NeverList { .. } => &mut self.never_list,
            Protector::Cloudflare => &mut self.cloudflare,
            Protector::Own => &mut self.own,
            Protector::AllowList { .. } => &mut self.allow_list,
            Protector::Source { .. } => &mut self.source,
        } += 1;
    }
}

/// How many examples of a thing are kept.
const EXAMPLES: usize = 100;

impl Tally {
    pub(super) fn example(&mut self, net: Net, refusal: Refusal) {
        if self.examples.len() < EXAMPLES {
            self.examples.push((net, refusal));
        }
    }
}

/// Entries that there is no room for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// By tier, in the order of [`Tier::ALL`].
    pub by_tier: [u64; 3],
    /// The most urgent ones.
    pub examples: Vec<Net>,
}

impl LeftOut {
    pub(super) fn note<B: Block>(&mut self, entry: &Entry<B>) {
        self.by_tier[entry.tier.index()] += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(entry.block.net());
        }
    }

    pub fn total(&self) -> u64 {
        self.by_tier.iter().sum()
    }
}

impl Plan {
    pub(super) fn begin(current: &Current) -> Self {
        Self {
            steps: Vec::new(),
            lists: [ListSummary::default(); 3],
            tally: Tally::default(),
            tripped: Vec::new(),
            aggregated: None,
            left_out: LeftOut::default(),
            no_room: 0,
            gaps: 0,
            instance: current.instance().clone(),
            names: current.names().clone(),
            wanted_v4: Vec::new(),
            wanted_v6: Vec::new(),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The names that the sources of additions and removals stand for.
    pub fn source_names(&self) -> &SourceNames {
        &self.names
    }

    /// The comment of an addition.
    pub fn comment(&self, mark: &Mark) -> String {
        mark.comment(&self.instance, &self.names)
    }

    /// All that a list shall hold in the end, for replacing it as a whole: only where [`Cost::replaceable`].
    pub fn contents(&self, tier: Tier) -> impl Iterator<Item = (Net, Mark)> {
        let v4 = self
            .wanted_v4
            .iter()
            .filter(move |entry| entry.tier == tier);
        let v6 = self
            .wanted_v6
            .iter()
            .filter(move |entry| entry.tier == tier);
        v4.map(|entry| (entry.block.net(), entry.mark()))
            .chain(v6.map(|entry| (entry.block.net(), entry.mark())))
    }

    /// The plan without the steps on lists that may not be written, in the order of [`Tier::ALL`]. What would have given way to an
    /// entry in one of those stays where it is.
    #[must_use]
    pub fn restricted_to(mut self, writable: [bool; 3]) -> Self {
        const ALL: [bool; 3] = [true; 3];
        self.steps.retain_mut(|step| {
            if let Step::Remove { tier, removals } = step {
                removals.retain(|removal| match removal.because {
                    RemovedBecause::Moved { to } => writable[to.index()],
                    // By an entry in this list or in any more severe one.
                    RemovedBecause::Reshaped => writable[..=tier.index()] == ALL[..=tier.index()],
                    _ => true,
                });
            }
            writable[step.tier().index()] && !step.is_empty()
        });
        self
    }

    pub(super) fn summarise(
        &mut self,
        inputs: &Inputs<'_>,
        v4: &Difference<V4>,
        v6: &Difference<V6>,
    ) {
        for (tier, list) in Tier::ALL.into_iter().zip(&mut self.lists) {
            let at = tier.index();
            list.on = inputs.policy.tiers[at].on;
            list.ours = inputs.current.ours(tier);
            list.of_other_instances = inputs.current.of_other_instances(tier);
            list.of_persons = inputs.current.of_persons(tier);
            list.kept = v4.kept[at] + v6.kept[at];
            list.dormant = v4.dormant[at] + v6.dormant[at];
        }
    }

    /// Counts what the steps come to.
    pub(super) fn estimate(&mut self) {
        let mut moved_away = [false; 3];
        for list in &mut self.lists {
            list.after = list.ours;
        }
        for step in &self.steps {
            let list = &mut self.lists[step.tier().index()];
            let changes = step.len() as u64;
            list.cost.delta_modifications += changes;
            list.cost.delta_requests += changes.div_ceil(LARGEST_REQUEST);
            match step {
                Step::Add { additions, .. } => {
                    let renewed = additions
                        .iter()
                        .filter(|a| a.because == AddedBecause::Renewed);
                    list.after += changes - renewed.count() as u64;
                }
                Step::Remove { tier, removals } => {
                    list.after -= changes;
                    let unknown = removals.iter().filter(|r| r.item.id.is_none()).count();
                    list.cost.unknown_ids += unknown as u64;
                    moved_away[tier.index()] |= removals
                        .iter()
                        .any(|r| matches!(r.because, RemovedBecause::Moved { .. }));
                }
            }
        }
        for tier in Tier::ALL {
            let wanted = self.contents(tier).count() as u64;
            let list = &mut self.lists[tier.index()];
            list.cost.replace_modifications = list.ours + list.after;
            list.cost.replaceable = list.on
                && list.of_persons + list.of_other_instances == 0
                && wanted == list.after
                && list.after <= LARGEST_REQUEST
                && list.held_additions + list.held_removals + list.dormant == 0
                && !moved_away[tier.index()];
        }
    }
}
