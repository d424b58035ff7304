//! What can go wrong with Jira, and what that means for the work.

use std::time::Duration;

use remediate_core::fault::{Fault, FaultClass};
use remediate_core::secret::SecretError;

/// Why it was not done. `action` says what was being done to what: `create a ticket in SEC`, `comment on SEC-12`.
/// Neither tokens nor addresses are in any of these.
#[derive(Debug, thiserror::Error)]
pub enum JiraError {
    #[error("{action}: `jira.{key}` is not set: {remedy}")]
    Unconfigured {
        action: String,
        key: &'static str,
        remedy: &'static str,
    },
    #[error("jira: no HTTP client can be made: {0}")]
    Client(String),
    #[error("{action}: {source}")]
    Secret { action: String, source: SecretError },
    /// No connection: nothing was sent.
    #[error("{action}: jira cannot be reached: {reason}")]
    Unreachable { action: String, reason: String },
    /// A reading call that got no usable answer.
    #[error("{action}: no answer from jira: {reason}")]
    NoAnswer {
        action: String,
        reason: String,
        after: Option<Duration>,
    },
    /// A writing call that may have been carried out.
    #[error("{action}: it is not known whether jira did it: {reason}")]
    Lost {
        action: String,
        reason: String,
        after: Option<Duration>,
    },
    #[error(
        "{action}: jira takes no more calls for {wait} s ({reason})",
        wait = after.as_secs()
    )]
    Limited {
        action: String,
        after: Duration,
        /// Only this ticket is written to too often; other tickets are not concerned.
        one_issue: bool,
        reason: String,
    },
    #[error("{action}: jira refuses our credentials (HTTP {status}): {detail}; {remedy}")]
    Unauthorised {
        action: String,
        status: u16,
        detail: String,
        remedy: String,
    },
    /// What answered is not the API that was expected.
    #[error("{action}: {detail}; check `jira.base_url` and `jira.deployment` in services.toml")]
    Misaddressed { action: String, detail: String },
    /// The project or issue type is not there, or not for us.
    #[error("{action}: {detail}; check `jira.{key}` in services.toml")]
    Misconfigured {
        action: String,
        key: &'static str,
        detail: String,
    },
    #[error(
        "{action}: the project requires {fields}, set under [jira.fields] in services.toml: {detail}"
    )]
    MissingFields {
        action: String,
        fields: String,
        detail: String,
    },
    #[error("{action}: jira refused (HTTP {status}): {detail}")]
    Refused {
        action: String,
        status: u16,
        detail: String,
        problems: Problems,
    },
    /// Somebody else is writing to the same ticket.
    #[error("{action}: the ticket is being changed by somebody else: {detail}")]
    Conflict { action: String, detail: String },
    #[error(
        "{action}: `jira.{key}` is transition `{transition}`, which leads to the status `{status}`, not {wanted}; name another one in services.toml"
    )]
    WrongTransition {
        action: String,
        key: &'static str,
        transition: String,
        status: String,
        wanted: &'static str,
    },
    /// Jira accepted the transition, and reading back shows something else.
    #[error("{action}: jira accepted it, but the ticket's status is `{status}`")]
    NotVerified { action: String, status: String },
    /// The lost ticket may still turn up.
    #[error(
        "{action}: the answer was lost and the ticket cannot be found yet; looking again in {wait} s",
        wait = after.as_secs()
    )]
    NotFoundYet { action: String, after: Duration },
    /// It was looked for as long as it could take, and is not there.
    #[error("{action}: it was not carried out: {reason}")]
    NotDone { action: String, reason: String },
}

/// What Jira found wrong, in either of its two shapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    pub messages: Vec<String>,
    /// Field id to what is wrong with it.
    pub fields: std::collections::BTreeMap<String, String>,
}

impl JiraError {
    /// The status, if Jira refused.
    pub(crate) fn refused(&self) -> Option<(u16, &Problems)> {
        match self {
            Self::Refused {
                status, problems, ..
            } => Some((*status, problems)),
            _ => None,
        }
    }

    /// The ticket is not there (any more).
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.refused(), Some((404, _)))
    }
}

impl Fault for JiraError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Unconfigured { .. }
            | Self::Client(_)
            | Self::Secret { .. }
            | Self::Unauthorised { .. }
            | Self::Misaddressed { .. }
            | Self::Misconfigured { .. } => FaultClass::Configuration,
            Self::Unreachable { .. }
            | Self::Conflict { .. }
            | Self::NotVerified { .. }
            | Self::NotDone { .. } => FaultClass::Transient { after: None },
            Self::NoAnswer { after, .. } => FaultClass::Transient { after: *after },
            Self::Lost { after, .. } => FaultClass::Ambiguous { after: *after },
            Self::NotFoundYet { after, .. } => FaultClass::Ambiguous {
                after: Some(*after),
            },
            Self::Limited {
                after,
                one_issue: false,
                ..
            } => FaultClass::Flood { after: *after },
            Self::Limited {
                after,
                one_issue: true,
                ..
            } => FaultClass::Transient {
                after: Some(*after),
            },
            Self::MissingFields { .. } | Self::Refused { .. } | Self::WrongTransition { .. } => {
                FaultClass::Permanent
            }
        }
    }
}
