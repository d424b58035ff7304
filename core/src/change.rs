//! Changes: what a function means to do, what it was before, and how it is taken back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ChangeId, Fingerprint, FunctionName, RuleId};

/// One intended effect. `E` is the function's own type of effect; in the ledger it is JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change<E = Value> {
    pub id: ChangeId,
    pub function: FunctionName,
    pub rule: RuleId,
    /// The findings it answers.
    pub fingerprints: Vec<Fingerprint>,
    /// What it touches: `bucket reports`, `chat 1001`, `ticket SEC-12`.
    pub target: String,
    /// A line that a person understands: `close ticket SEC-12`.
    pub summary: String,
    pub before: Value,
    pub after: Value,
    /// What a person should know beside it: who owns the resource, what is only in force after a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    pub effect: E,
}

impl<E: Serialize> Change<E> {
    /// The form in which it is kept.
    ///
    /// # Errors
    /// When the effect has no JSON form.
    pub fn to_record(&self) -> Result<Change, serde_json::Error> {
        Ok(Change {
            id: self.id.clone(),
            function: self.function.clone(),
            rule: self.rule.clone(),
            fingerprints: self.fingerprints.clone(),
            target: self.target.clone(),
            summary: self.summary.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            notes: self.notes.clone(),
            effect: serde_json::to_value(&self.effect)?,
        })
    }
}

impl Change {
    /// The typed form of a kept change.
    ///
    /// # Errors
    /// When the effect was written by a version that this one does not understand.
    pub fn typed<E: serde::de::DeserializeOwned>(&self) -> Result<Change<E>, serde_json::Error> {
        Ok(Change {
            id: self.id.clone(),
            function: self.function.clone(),
            rule: self.rule.clone(),
            fingerprints: self.fingerprints.clone(),
            target: self.target.clone(),
            summary: self.summary.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            notes: self.notes.clone(),
            effect: serde_json::from_value(self.effect.clone())?,
        })
    }
}

/// How a change is taken back. Every function must say which.
#[derive(Clone, Debug, PartialEq)]
pub enum Inverse<E> {
    Reversible(Box<Change<E>>),
    /// Why it cannot be.
    Irreversible(&'static str),
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing had to be changed.
    Compliant,
    /// The ledger holds this very task as done; nothing was repeated.
    AlreadyDone,
    /// Planned and recorded, not carried out.
    Planned {
        changes: usize,
    },
    /// Planned and recorded; it waits for a person although the rule may act.
    Held {
        changes: usize,
        because: String,
    },
    /// Carried out, and planning again found nothing left to do.
    Applied {
        changes: usize,
    },
    /// Carried out, but planning again still finds something to do. `left` says what.
    Unverified {
        changes: usize,
        left: String,
    },
    /// Nothing this function can repair; a person has to.
    Unsupported {
        because: String,
    },
    Failed {
        retryable: bool,
        error: String,
    },
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Compliant => f.write_str("nothing to change"),
            Self::AlreadyDone => f.write_str("done before"),
            Self::Planned { changes } => write!(f, "planned ({changes})"),
            Self::Held { because, .. } => write!(f, "held back for a person: {because}"),
            Self::Applied { changes } => write!(f, "applied and verified ({changes})"),
            Self::Unverified { left, .. } => write!(f, "applied, NOT verified: {left}"),
            Self::Unsupported { because } => write!(f, "not done: {because}"),
            Self::Failed {
                retryable: true,
                error,
            } => write!(f, "failed, will be tried again: {error}"),
            Self::Failed {
                retryable: false,
                error,
            } => write!(f, "failed: {error}"),
        }
    }
}
