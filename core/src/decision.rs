//! What is to happen to a finding, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Every finding ends in exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", content = "reason", rename_all = "snake_case")]
pub enum Decision {
    /// Repair it (or, for a pass, close what is open).
    Act,
    /// Plan and record only, as the rule's mode says.
    Observe,
    /// Plan, record and wait for a person to send it.
    Propose,
    /// Do nothing, for this reason.
    Skip(SkipReason),
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum SkipReason {
    /// No rule of that name in the configuration.
    UnknownRule,
    Disabled,
    /// The check passed and no incident is open for it.
    Passed,
    /// The finding names an account that is not on the configured list, or none where one is needed.
    ForeignAccount {
        account: String,
    },
    /// `only` or `except` of the rule leaves it out.
    OutOfScope {
        by: String,
    },
    /// Somebody took responsibility for it until a date.
    Exempt {
        owner: String,
        until: Timestamp,
        because: String,
    },
    /// Somebody accepted it in the scanner; without a date, for good.
    Suppressed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    Frozen {
        until: Timestamp,
        because: String,
    },
    /// The rule has started as many repairs as it may in an hour.
    OverBudget {
        per_hour: u32,
    },
    /// Older than the freshness window, or older than what is already known.
    Stale {
        because: Staleness,
    },
    /// The very same observation was handled before.
    Duplicate,
    /// Repaired again and again: somebody or something is reverting it.
    Recurring {
        repairs: u32,
    },
    /// So many people fail the same check at once that the check is the likelier culprit.
    Storm {
        failing: u64,
        people: u64,
    },
    /// The finding does not name what it is about in a form that can be trusted.
    Malformed {
        because: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Staleness {
    /// Outside the configured freshness window.
    TooOld,
    /// A newer observation of the same subject is known already.
    Superseded,
}

impl SkipReason {
    /// The name of the reason alone, for counting.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnknownRule => "unknown_rule",
            Self::Disabled => "disabled",
            Self::Passed => "passed",
            Self::ForeignAccount { .. } => "foreign_account",
            Self::OutOfScope { .. } => "out_of_scope",
            Self::Exempt { .. } => "exempt",
            Self::Suppressed { .. } => "suppressed",
            Self::Frozen { .. } => "frozen",
            Self::OverBudget { .. } => "over_budget",
            Self::Stale { .. } => "stale",
            Self::Duplicate => "duplicate",
            Self::Recurring { .. } => "recurring",
            Self::Storm { .. } => "storm",
            Self::Malformed { .. } => "malformed",
        }
    }
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownRule => f.write_str("no such rule in the configuration"),
            Self::Disabled => f.write_str("the rule is disabled"),
            Self::Passed => f.write_str("passed, and nothing is open for it"),
            Self::ForeignAccount { account } if account.is_empty() => {
                f.write_str("the finding names no account")
            }
            Self::ForeignAccount { account } => write!(f, "account {account} is not one of ours"),
            Self::OutOfScope { by } => write!(f, "left out by {by}"),
            Self::Exempt {
                owner,
                until,
                because,
            } => write!(f, "exempt until {until} by {owner}: {because}"),
            Self::Suppressed { until: None } => f.write_str("suppressed in the scanner"),
            Self::Suppressed { until: Some(until) } => {
                write!(f, "suppressed in the scanner until {until}")
            }
            Self::Frozen { until, because } => write!(f, "frozen until {until}: {because}"),
            Self::OverBudget { per_hour } => {
                write!(
                    f,
                    "the rule has started as many repairs as it may in an hour ({per_hour})"
                )
            }
            Self::Stale {
                because: Staleness::TooOld,
            } => f.write_str("older than the freshness window"),
            Self::Stale {
                because: Staleness::Superseded,
            } => f.write_str("a newer observation is known"),
            Self::Duplicate => f.write_str("handled before"),
            Self::Recurring { repairs } => write!(
                f,
                "repaired {repairs} times already: somebody is reverting it"
            ),
            Self::Storm { failing, people } => write!(
                f,
                "{failing} of {people} people fail this check at once: held back"
            ),
            Self::Malformed { because } => write!(f, "malformed: {because}"),
        }
    }
}

impl Decision {
    /// `act`, `observe`, `propose`, or the skip reason's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Observe => "observe",
            Self::Propose => "propose",
            Self::Skip(reason) => reason.name(),
        }
    }
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Skip(reason) => write!(f, "skip: {reason}"),
            acting => f.write_str(acting.name()),
        }
    }
}
