//! The vocabulary of auto-remediate.
//!
//! A [`Finding`] is one rule's verdict on one [`Subject`]. The orchestrator's gate turns it into a [`Decision`];
//! findings that are to be acted on travel as a [`Task`] to a remediation [`Function`], which plans [`Change`]s
//! and applies them under the eye of the [`runner`]. The [`Ledger`](ledger::Ledger) keeps what was decided, done and undone.
//!
//! This crate knows no service but those of the ledger, the configuration and the secrets.

pub mod arn;
pub mod change;
pub mod config;
pub mod decision;
pub mod fault;
pub mod finding;
pub mod function;
pub mod id;
pub mod incident;
pub mod ledger;
pub mod pattern;
pub mod rule;
pub mod runner;
pub mod secret;
pub mod telemetry;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "lambda")]
pub mod lambda;

pub use change::{Change, Inverse, Outcome};
pub use decision::{Decision, SkipReason};
pub use fault::{Fault, FaultClass};
pub use finding::{Device, Evidence, Finding, Severity, Source, Subject, Verdict};
pub use function::{Function, Grouping, Statement, Task};
pub use id::{AccountId, ChangeId, Fingerprint, FunctionName, Person, RuleId, TaskId};
pub use incident::Incident;
pub use rule::{Mode, RiskTier};
