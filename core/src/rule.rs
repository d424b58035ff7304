//! Rules: what there is to turn on.
//!
//! The table here is the registry. The keys of `config/rules.toml`, the functions of `template.yaml`, the generated rule
//! reference and the listing of `remediate rules` are compared with it by tests, so that a name can never drift.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to a failure of an enabled rule.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Plan and record; nothing else.
    Observe,
    /// Plan, record, and wait for a person to send it.
    Propose,
    /// Repair it.
    Act,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::Propose => "propose",
            Self::Act => "act",
        })
    }
}

/// What a repair can cost when it is wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RiskTier {
    /// Somebody reads a message or a ticket.
    Notice,
    /// Takes exposure away or adds protection; nothing that works today stops.
    Safe,
    /// Can cut off users or workloads that rely on the exposure.
    CanCutOff,
    /// Cannot be taken back, or changes a whole account.
    Irreversible,
}

impl std::fmt::Display for RiskTier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Notice => "notice",
            Self::Safe => "safe",
            Self::CanCutOff => "can cut off",
            Self::Irreversible => "irreversible",
        })
    }
}

/// One entry of the registry.
#[derive(Clone, Copy, Debug)]
pub struct RuleSpec {
    pub id: &'static str,
    pub title: &'static str,
    pub tier: RiskTier,
    /// The mode it ships with.
    pub mode: Mode,
    /// The remediation functions that may serve it.
    pub functions: &'static [&'static str],
    /// What a wrong or unexpected repair can do, for the person who turns it on.
    pub effect: &'static str,
}

const DEVICE_CHECK: RuleSpec = RuleSpec {
    id: "",
    title: "",
    tier: RiskTier::Notice,
    mode: Mode::Act,
    functions: &["notify-telegram", "open-jira"],
    effect: "the person gets a Telegram message with a guide, and a Jira ticket is opened; both are closed by a pass",
};

/// Every rule there is.
pub const REGISTRY: &[RuleSpec] = &[
    RuleSpec {
        id: "posture.disk-encryption",
        title: "Disk is encrypted",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.antivirus",
        title: "Antivirus is running and up to date",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.os-updates",
        title: "Operating system is up to date",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.firewall",
        title: "Host firewall is on",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.screen-lock",
        title: "Screen locks by itself",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.other",
        title: "Any other device check",
        ..DEVICE_CHECK
    },
];

/// The entry of a rule, if there is such a rule.
pub fn spec(id: &str) -> Option<&'static RuleSpec> {
    REGISTRY.iter().find(|spec| spec.id == id)
}

/// How a function is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Through a queue of its own: it talks to a third party that limits its rate.
    Queue,
}

/// One remediation function.
#[derive(Clone, Copy, Debug)]
pub struct FunctionSpec {
    pub name: &'static str,
    pub grouping: crate::function::Grouping,
    pub feed: Feed,
}

/// Every remediation function there is.
pub const FUNCTIONS: &[FunctionSpec] = &[
    FunctionSpec {
        name: "notify-telegram",
        grouping: crate::function::Grouping::PerPerson,
        feed: Feed::Queue,
    },
    FunctionSpec {
        name: "open-jira",
        grouping: crate::function::Grouping::PerFinding,
        feed: Feed::Queue,
    },
];

/// The entry of a function, if there is such a function.
pub fn function(name: &str) -> Option<&'static FunctionSpec> {
    FUNCTIONS.iter().find(|spec| spec.name == name)
}
