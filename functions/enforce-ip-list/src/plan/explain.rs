//! One address's way through all of it.

use super::Inputs;
use super::current::Listed;
use super::result::{AddedBecause, Plan, RemovedBecause, Step};
use super::tag::Mark;
use super::wanted::Entry;
use crate::net::{Block, Either, Net, V4, V6};
use crate::safety::{Protected, Protection, Refusal, Verdict};
use crate::threat::{Record, Score, Seconds, SourceNames, SourceSet, Tier};

/// Everything that bears on one address or network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub net: Net,
    /// What the snapshot says of it, of networks around it and of networks in it, and what was decided over each.
    pub reports: Vec<Reported>,
    /// What protects it, or part of it.
    pub protected: Option<Protection>,
    /// Where it, something around it or something in it stands now.
    pub listed: Vec<(Tier, Listed)>,
    /// What the plan does about that.
    pub changes: Vec<(Tier, PlannedChange)>,
    pub decision: Decision,
}

/// A record of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    pub net: Net,
    pub score: Score,
    pub sources: Vec<String>,
    pub allow_listed: bool,
    pub last_seen: Option<Seconds>,
    pub expires: Option<Seconds>,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedChange {
    Add {
        net: Net,
        mark: Mark,
        because: AddedBecause,
    },
    Remove {
        net: Net,
        because: RemovedBecause,
    },
}

/// What holds for the address once the plan is carried out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// It may not be enforced.
    Protected {
        by: Protection,
    },
    /// It stands in a list, as this network.
    Enforced {
        tier: Tier,
        as_net: Net,
    },
    /// It would be, but a guard holds it back, or entries that are held back take its room.
    HeldBack {
        tier: Tier,
    },
    /// It would be, but somebody else has the same network in one of the lists.
    HeldByOther {
        tier: Tier,
    },
    /// It would be, but there is no room, or all entries together would cover too much.
    LeftOut {
        tier: Tier,
    },
    /// It stays in the list of a tier that is off.
    Dormant {
        tier: Tier,
    },
    Refused {
        why: Refusal,
    },
    /// Score 0: counted, in no list.
    LogOnly,
    /// Nobody reports it.
    NotReported,
}

/// Explains one address or network. `plan` is the plan made of `inputs`.
///
/// Walks all records and entries once: for a person who asks, not for a loop.
pub fn explain(inputs: &Inputs<'_>, plan: &Plan, net: Net) -> Explanation {
    let with_sources = inputs
        .snapshot
        .records()
        .map(|records| inputs.protected.with_sources(records));
    let protected = with_sources.as_ref().unwrap_or(inputs.protected);
    let mut explanation = Explanation {
        net,
        reports: reports(inputs, protected, net),
        protected: protected.touching(net).cloned(),
        listed: listed(inputs, net),
        changes: changes(plan, net),
        decision: Decision::NotReported,
    };
    explanation.decision = decide(inputs, plan, protected, &explanation);
    explanation
}

fn reports(inputs: &Inputs<'_>, protected: &Protected, net: Net) -> Vec<Reported> {
    let Some(records) = inputs.snapshot.records() else {
        return Vec::new();
    };
    let asking = Asking {
        inputs,
        protected,
        names: &records.names,
        net,
    };
    match net.either() {
        Either::V4(_) => asking.of(&records.v4),
        Either::V6(_) => asking.of(&records.v6),
    }
}

struct Asking<'a> {
    inputs: &'a Inputs<'a>,
    protected: &'a Protected,
    names: &'a SourceNames,
    net: Net,
}

impl Asking<'_> {
    fn of<B: Block>(&self, records: &[Record<B>]) -> Vec<Reported> {
        let touching = records
            .iter()
            .filter(|record| record.block.net().overlaps(self.net));
        touching.map(|record| self.reported(record)).collect()
    }

    fn reported<B: Block>(&self, record: &Record<B>) -> Reported {
        let given = |moment: Seconds| moment.is_given().then_some(moment);
        let (last_seen, expires) = (given(record.last_seen), given(record.expires));
        let net = record.block.net();
        let names = |set: SourceSet| self.names.names(set).map(str::to_owned).collect();
        Reported {
            net,
            score: record.score,
            sources: names(record.sources),
            allow_listed: record.allow_listed,
            last_seen,
            expires,
            verdict: self.inputs.policy.judge(
                self.protected,
                net,
                record.score,
                (last_seen, expires),
                self.inputs.now,
            ),
        }
    }
}

fn listed(inputs: &Inputs<'_>, net: Net) -> Vec<(Tier, Listed)> {
    let of_tier = |tier| {
        let touching = inputs.current.touching(tier, net);
        touching.map(move |item| (tier, item))
    };
    Tier::ALL.into_iter().flat_map(of_tier).collect()
}

fn changes(plan: &Plan, net: Net) -> Vec<(Tier, PlannedChange)> {
    let mut changes = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Add { tier, additions } => {
                let touching = additions.iter().filter(|a| a.net.overlaps(net));
                changes.extend(touching.map(|addition| {
                    let change = PlannedChange::Add {
                        net: addition.net,
                        mark: addition.mark,
                        because: addition.because,
                    };
                    (*tier, change)
                }));
            }
            Step::Remove { tier, removals } => {
                let touching = removals.iter().filter(|r| r.item.net.overlaps(net));
                changes.extend(touching.map(|removal| {
                    let change = PlannedChange::Remove {
                        net: removal.item.net,
                        because: removal.because.clone(),
                    };
                    (*tier, change)
                }));
            }
        }
    }
    changes
}

fn decide(
    inputs: &Inputs<'_>,
    plan: &Plan,
    protected: &Protected,
    explanation: &Explanation,
) -> Decision {
    let net = explanation.net;
    if let Some(by) = protected.around(net) {
        return Decision::Protected { by: by.clone() };
    }
    if let Some((tier, as_net)) = enforced_after(explanation) {
        let on = inputs.policy.tier(tier).on;
        let is_ours = |item: &Listed| item.net == as_net && item.ours.is_some();
        let dormant = !on && explanation.listed.iter().any(|(_, item)| is_ours(item));
        return if dormant {
            Decision::Dormant { tier }
        } else {
            Decision::Enforced { tier, as_net }
        };
    }
    if let Some((tier, _)) = wanted(plan, net) {
        return Decision::HeldBack { tier };
    }
    from_reports(explanation)
}

/// The most severe list in which an entry around the address stands after the plan, and that entry.
fn enforced_after(explanation: &Explanation) -> Option<(Tier, Net)> {
    let net = explanation.net;
    let removed = |tier: Tier, item: Net| {
        explanation.changes.iter().any(|(of, change)| {
            *of == tier && matches!(change, PlannedChange::Remove { net, .. } if *net == item)
        })
    };
    let stays = explanation
        .listed
        .iter()
        .map(|(tier, item)| (*tier, item.net))
        .filter(|(tier, item)| !removed(*tier, *item));
    let comes = explanation
        .changes
        .iter()
        .filter_map(|(tier, change)| match change {
            PlannedChange::Add { net, .. } => Some((*tier, *net)),
            PlannedChange::Remove { .. } => None,
        });
    stays
        .chain(comes)
        .filter(|(_, item)| item.contains(net))
        .max_by_key(|(tier, _)| *tier)
}

/// The entry around the address that the plan wants, held back or not.
fn wanted(plan: &Plan, net: Net) -> Option<(Tier, Net)> {
    fn around<B: Block>(entries: &[Entry<B>], net: Net) -> Option<(Tier, Net)> {
        entries
            .iter()
            .map(|entry| (entry.tier, entry.block.net()))
            .find(|(_, wanted)| wanted.contains(net))
    }
    match net.either() {
        Either::V4(_) => around::<V4>(&plan.wanted_v4, net),
        Either::V6(_) => around::<V6>(&plan.wanted_v6, net),
    }
}

/// Nothing enforces it: what the reports around it came to, the most severe first.
fn from_reports(explanation: &Explanation) -> Decision {
    let net = explanation.net;
    let around = explanation
        .reports
        .iter()
        .filter(|report| report.net.contains(net))
        .max_by_key(|report| {
            (
                matches!(report.verdict, Verdict::Enforce { .. }),
                report.score,
            )
        });
    let Some(report) = around else {
        return Decision::NotReported;
    };
    match &report.verdict {
        Verdict::Enforce { tier, nets } => {
            let is_foreign =
                |(_, item): &(Tier, Listed)| item.ours.is_none() && nets.contains(&item.net);
            if explanation.listed.iter().any(is_foreign) {
                Decision::HeldByOther { tier: *tier }
            } else {
                Decision::LeftOut { tier: *tier }
            }
        }
        Verdict::LogOnly => Decision::LogOnly,
        Verdict::Refuse(why) => Decision::Refused { why: why.clone() },
    }
}
