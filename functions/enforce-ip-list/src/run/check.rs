//! One address explained, as it is shown.

use jiff::Timestamp;
use serde::Serialize;

use super::lists::Held;
use super::planning::Scene;
use crate::net::Net;
use crate::plan::explain::{Decision, Explanation, PlannedChange, explain};
use crate::plan::{AddedBecause, RemovedBecause, Snapshot};
use crate::safety::Verdict;
use crate::threat::{Seconds, Tier};

/// Everything that bears on one address.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub ip: String,
    /// What holds for it once the present plan is carried out.
    pub decision: Decision,
    /// The same in words, with the rule that decided.
    pub says: String,
    pub reported: Vec<Said>,
    pub listed: Vec<Stands>,
    /// What the present plan changes about it.
    pub changes: Vec<String>,
    pub notes: Vec<String>,
}

/// A record that bears on it.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    pub ip: String,
    pub score: u8,
    pub tier: Option<Tier>,
    pub sources: Vec<String>,
    pub allow_listed: bool,
    pub last_seen: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// What was decided over the record.
    pub verdict: String,
}

/// An entry that it stands in.
#[derive(Clone, Debug, Serialize)]
pub struct Stands {
    pub list: String,
    pub tier: Tier,
    pub ip: String,
    /// Nobody else's.
    pub ours: bool,
    pub score: Option<u8>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// It was named by itself and stays until its end whatever the sources say.
    pub named: bool,
}

impl Checked {
    pub(super) fn new(scene: &Scene, snapshot: Snapshot<'_>, held: &[Held], net: Net) -> Self {
        let inputs = scene.inputs(snapshot);
        let plan = crate::plan::plan(&inputs);
        let explanation = explain(&inputs, &plan, net);
        Self {
            ip: net.to_string(),
            says: says(&explanation.decision),
            reported: reported(&explanation),
            listed: listed(&explanation, held),
            changes: explanation
                .changes
                .iter()
                .map(|(tier, change)| planned(*tier, change))
                .collect(),
            decision: explanation.decision,
            notes: Vec::new(),
        }
    }
}

fn says(decision: &Decision) -> String {
    match decision {
        Decision::Protected { by } => format!("it may not be enforced: {by}"),
        Decision::Enforced { tier, as_net } => {
            format!("it is enforced by {}, as {as_net}", tier.rule())
        }
        Decision::HeldBack { tier } => {
            format!(
                "{} would enforce it, and a guard holds it back",
                tier.rule()
            )
        }
        Decision::HeldByOther { tier } => format!(
            "{} would enforce it, and somebody else has the same network in a list",
            tier.rule()
        ),
        Decision::LeftOut { tier } => {
            format!("{} would enforce it, and there is no room", tier.rule())
        }
        Decision::Dormant { tier } => format!(
            "{} is off; the entry stays until it ends or is released",
            tier.rule()
        ),
        Decision::Refused { why } => format!("it is not enforced: {why}"),
        Decision::LogOnly => "score 0: it is counted and stands in no list".to_owned(),
        Decision::NotReported => "no source reports it".to_owned(),
    }
}

fn reported(explanation: &Explanation) -> Vec<Said> {
    let said = explanation.reports.iter().map(|report| Said {
        ip: report.net.to_string(),
        score: report.score.get(),
        tier: report.score.tier(),
        sources: report.sources.clone(),
        allow_listed: report.allow_listed,
        last_seen: report.last_seen.map(Seconds::timestamp),
        expires_at: report.expires.map(Seconds::timestamp),
        verdict: verdict(&report.verdict),
    });
    said.collect()
}

/// A verdict in words.
pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Enforce { tier, nets } if nets.len() == 1 => format!("{tier}"),
        Verdict::Enforce { tier, nets } => {
            format!("{tier}, in {} pieces around what is protected", nets.len())
        }
        Verdict::LogOnly => "log only".to_owned(),
        Verdict::Refuse(refusal) => format!("not enforced: {refusal}"),
    }
}

fn listed(explanation: &Explanation, held: &[Held]) -> Vec<Stands> {
    let stands = explanation.listed.iter().map(|(tier, item)| {
        let list = held.iter().find(|held| held.tier == *tier);
        Stands {
            list: list.map_or_else(String::new, |held| held.list.name.clone()),
            tier: *tier,
            ip: item.net.to_string(),
            ours: item.ours.is_some(),
            score: item.ours.map(|mark| mark.score.get()),
            since: None,
            until: item.ours.map(|mark| mark.expires.timestamp()),
            named: item.ours.is_some_and(|mark| mark.pinned),
        }
    });
    stands.collect()
}

fn planned(tier: Tier, change: &PlannedChange) -> String {
    match change {
        PlannedChange::Add { net, because, .. } => {
            let why = match because {
                AddedBecause::New => "it is reported".to_owned(),
                AddedBecause::Moved { from } => format!("it moves from {from}"),
                AddedBecause::Reshaped => "entries of another shape enforced it before".to_owned(),
                AddedBecause::Renewed => "it is reported again and stays longer".to_owned(),
            };
            format!("{net} is put into {tier}: {why}")
        }
        PlannedChange::Remove { net, because } => {
            let why = match because {
                RemovedBecause::Protected { by } => format!("protected by {by}"),
                RemovedBecause::Released => "it is released".to_owned(),
                RemovedBecause::Moved { to } => format!("it moves to {to}"),
                RemovedBecause::Reshaped => "entries of another shape enforce it".to_owned(),
                RemovedBecause::Gone => "it is no longer reported".to_owned(),
                RemovedBecause::Expired => "its time is over".to_owned(),
            };
            format!("{net} is taken out of {tier}: {why}")
        }
    }
}
