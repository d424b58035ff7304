//! What a run, or a plan, came to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bulk::{Sent, Stop};
use super::gather::SourceReport;
use super::quota::Left;
use super::tiers::Power;
use crate::cloudflare::Calls;

/// What a run, or a plan, came to. It is printed, answered to whoever invoked the function, and kept in the audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `sync`, `snapshot s3://…`, `address 203.0.113.7`, `release block`.
    pub trigger: String,
    pub began: Timestamp,
    pub milliseconds: u64,
    /// Identifies the configuration.
    pub config: String,
    pub end: End,
    pub sources: Vec<SourceReport>,
    /// Of all sources together, by the threats' own words: `records`, `score 5`, `rejected: no score`, …
    pub reported: BTreeMap<String, u64>,
    pub tiers: Vec<TierReport>,
    /// Networks that are not enforced, by the rule of safety that decided, with how many.
    pub not_enforced: BTreeMap<String, u64>,
    /// What a person should know.
    pub notes: Vec<String>,
    pub operations: Vec<Sent>,
    pub calls: Calls,
    /// What is left of Cloudflare's quota, as far as this installation can know.
    pub quota: Option<Left>,
    /// Who set a guard aside for this run, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
}

impl Report {
    /// What guards hold back from lists that may be written.
    pub(super) fn held_back(&self, writable: [bool; 3]) -> Option<String> {
        let tiers = self.tiers.iter().zip(writable);
        let held: Vec<String> = tiers
            .filter(|(_, writable)| *writable)
            .filter_map(|(tier, _)| Some(format!("{}: {}", tier.list, tier.held_back.as_ref()?)))
            .collect();
        (!held.is_empty()).then(|| held.join("; "))
    }

    /// One that has nothing to say yet.
    pub(super) fn new(trigger: String, began: Timestamp, config: &str) -> Self {
        Self {
            trigger,
            began,
            milliseconds: 0,
            config: config.to_owned(),
            end: End::Off,
            sources: Vec::new(),
            reported: BTreeMap::new(),
            tiers: Vec::new(),
            not_enforced: BTreeMap::new(),
            notes: Vec::new(),
            operations: Vec::new(),
            calls: Calls::default(),
            quota: None,
            overridden: None,
        }
    }

    /// Takes in what a further plan of the same run says of the tiers.
    pub(super) fn add_tiers(&mut self, tiers: Vec<TierReport>) {
        if self.tiers.is_empty() {
            self.tiers = tiers;
            return;
        }
        for (known, new) in self.tiers.iter_mut().zip(tiers) {
            let (ours, foreign) = (known.ours, known.foreign);
            known.added += new.added;
            known.updated += new.updated;
            known.removed += new.removed;
            known.moved_in += new.moved_in;
            known.moved_out += new.moved_out;
            *known = TierReport {
                ours,
                foreign,
                added: known.added,
                updated: known.updated,
                removed: known.removed,
                moved_in: known.moved_in,
                moved_out: known.moved_out,
                ..new
            };
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum End {
    /// No rule `threat.…` is on.
    Off,
    /// Nothing changed since the last run; nothing was looked at twice.
    Unchanged,
    /// Everything was looked at, and there is nothing to do.
    InLine,
    /// Only planned.
    Planned,
    /// Carried out and read back: planning again found nothing left to do.
    Applied,
    /// Carried out in part; the next run goes on.
    Partly {
        stop: Stop,
    },
    /// Carried out, and reading back shows something else.
    Unverified {
        left: String,
    },
    Failed {
        error: String,
    },
    /// A guard holds changes back until a person says that they are meant; what it does not hold back is carried out and read back.
    HeldBack {
        what: String,
    },
    /// Looked at and planned; a freeze keeps everything as it is, but for what became protected: that is removed.
    Frozen {
        until: Timestamp,
        because: String,
    },
    /// Cloudflare takes no changes for the time being.
    Paused {
        until: Timestamp,
        because: String,
    },
}

impl End {
    /// Whether nothing is left undone that should have been done.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Off
                | Self::Unchanged
                | Self::InLine
                | Self::Applied
                | Self::Planned
                | Self::Frozen { .. }
        )
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("no rule `threat.…` is on"),
            Self::Unchanged => f.write_str("nothing changed since the last run"),
            Self::InLine => f.write_str("the lists are in line"),
            Self::Planned => f.write_str("planned, nothing was changed"),
            Self::Applied => f.write_str("applied and verified"),
            Self::Partly { stop } => write!(f, "applied in part, the next run goes on: {stop}"),
            Self::Unverified { left } => write!(f, "applied, NOT verified: {left}"),
            Self::Failed { error } => write!(f, "failed: {error}"),
            Self::HeldBack { what } => write!(f, "held back by a guard: {what}"),
            Self::Frozen { until, because } => {
                write!(
                    f,
                    "frozen until {until}: {because}; only what is protected is removed"
                )
            }
            Self::Paused { until, because } => write!(f, "paused until {until}: {because}"),
        }
    }
}

/// What became of one tier's list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TierReport {
    pub tier: String,
    pub list: String,
    pub power: Option<Power>,
    pub is_there: bool,
    /// Entries of the list before the run: ours, and everybody else's.
    pub ours: u64,
    pub foreign: u64,
    /// Entries of ours after it.
    pub after: u64,
    /// Entries of ours that stay although the tier is off.
    pub dormant: u64,
    pub added: u64,
    pub updated: u64,
    pub removed: u64,
    pub moved_in: u64,
    pub moved_out: u64,
    /// Wanted, and there is no room for them.
    pub left_out: u64,
    /// What a guard held back, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
}

/// A person's word that a guard is to be set aside once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub by: String,
    pub because: String,
}

/// One change of a plan, or of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeLine {
    /// `add`, `update`, `remove`, `move`.
    pub change: String,
    pub list: String,
    pub ip: String,
    /// The list it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why: `reported`, `no longer reported`, `its time is over`, `allow-listed: …`.
    pub because: String,
}

/// One call that carrying a plan out would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCall {
    pub method: String,
    pub path: String,
    /// What it is for: `add 120 items to eil_block`.
    pub does: String,
}
