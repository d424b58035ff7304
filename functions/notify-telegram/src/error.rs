//! What can go wrong, and what a retry can do about it.

use remediate_core::ledger::LedgerError;
use remediate_core::secret::SecretError;
use remediate_core::{Fault, FaultClass};

use crate::client::CallError;
use crate::lint::GuideProblem;

#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// Guides that cannot be read at all; what is merely wrong in them is `remediate config check`'s to say.
    #[error("guides: {}", listed(.0))]
    Guides(Vec<GuideProblem>),
    /// A language's set of phrases cannot be read.
    #[error("guides/{path}: {reason}")]
    Phrases { path: String, reason: String },
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// `doing` names neither person nor chat.
    #[error("{doing}: {source}")]
    Call {
        doing: &'static str,
        source: CallError,
        /// Whether doing it twice is the same as doing it once, as it is with an edit.
        repeatable: bool,
    },
}

fn listed(problems: &[GuideProblem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl Fault for NotifyError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Guides(_) | Self::Phrases { .. } | Self::Secret(_) => FaultClass::Configuration,
            Self::Ledger(LedgerError::Corrupt { .. }) => FaultClass::Permanent,
            Self::Ledger(_) => FaultClass::Transient { after: None },
            Self::Call {
                source, repeatable, ..
            } => source.class(*repeatable),
        }
    }
}

impl CallError {
    fn class(&self, repeatable: bool) -> FaultClass {
        match self {
            Self::Flood { after } => FaultClass::Flood { after: *after },
            Self::Refused { .. } => FaultClass::Configuration,
            Self::Unavailable { .. } => FaultClass::Transient { after: None },
            Self::Unanswered { .. } if repeatable => FaultClass::Transient { after: None },
            Self::Unanswered { .. } => FaultClass::Ambiguous { after: None },
            // The function answers these itself; where it cannot, the same call fails again.
            Self::Unreachable { .. }
            | Self::Migrated { .. }
            | Self::CannotParse { .. }
            | Self::TooLong
            | Self::NotModified
            | Self::Gone { .. }
            | Self::Rejected { .. } => FaultClass::Permanent,
        }
    }
}
