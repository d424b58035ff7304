//! Rules: what there is to turn on.
//!
//! The tables here are the registry; that of the AWS rules is written by `cargo xtask generate` from the entries in
//! `functions/remediate-aws`. The keys of `config/rules.toml`, the functions of `template.yaml`, the generated rule
//! reference and the listing of `remediate rules` are compared with it by tests, so that a name can never drift.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod aws;
mod form;
mod parameter;
mod posture;
mod threat;

pub use form::{Form, NameGlob};
pub use parameter::{ParameterError, ParameterKind, ParameterSpec, Parameters};

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
    /// What can be set under `parameters`.
    pub parameters: &'static [ParameterSpec],
    /// What its repair needs and costs, where every rule has a Lambda function of its own.
    pub repair: Option<&'static RepairSpec>,
}

/// What one rule's own Lambda function needs and costs.
#[derive(Clone, Copy, Debug)]
pub struct RepairSpec {
    /// What the resource id has to be.
    pub resource: &'static str,
    /// The IAM statements of its role, beside those that all functions share: actions and resources.
    pub grants: &'static [(&'static [&'static str], &'static [&'static str])],
    /// Calls to AWS when nothing is wrong.
    pub calls_compliant: u32,
    /// Calls to AWS to plan, repair and read back.
    pub calls_repair: u32,
    /// How a repair is taken back, or why it cannot be.
    pub undo: &'static str,
}

/// Every rule there is, in the order in which they are listed.
pub fn registry() -> impl Iterator<Item = &'static RuleSpec> + Clone {
    posture::RULES.iter().chain(threat::RULES).chain(aws::RULES)
}

/// The entry of a rule, if there is such a rule.
pub fn spec(id: &str) -> Option<&'static RuleSpec> {
    registry().find(|spec| spec.id == id)
}

/// How a function is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Through a queue of its own: it talks to a third party that limits its rate.
    Queue,
    /// Invoked for each task, asynchronously.
    Invoke,
    /// The same, and every rule is a Lambda function of its own, with its own role.
    InvokePerRule,
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
    FunctionSpec {
        name: "remediate-aws",
        grouping: crate::function::Grouping::PerResource,
        feed: Feed::InvokePerRule,
    },
    FunctionSpec {
        name: "enforce-ip-list",
        grouping: crate::function::Grouping::PerFinding,
        feed: Feed::Invoke,
    },
];

/// The entry of a function, if there is such a function.
pub fn function(name: &str) -> Option<&'static FunctionSpec> {
    FUNCTIONS.iter().find(|spec| spec.name == name)
}
