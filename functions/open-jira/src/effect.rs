//! What one change does to Jira, as data.

use jiff::Timestamp;
use remediate_core::change::Inverse;
use remediate_core::{Change, ChangeId, Fingerprint, Person, RuleId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::document::Document;
use crate::state::Told;

/// One change. Which ticket is meant is in the thread; `key` is there to notice when that has become another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    Create {
        ticket: Box<Ticket>,
    },
    Comment {
        key: String,
        body: Document,
        told: Told,
    },
    /// `at` is when the check was seen passing.
    Close {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        at: Timestamp,
    },
    Reopen {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
}

/// A ticket before Jira has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// One line, at most 255 UTF-16 code units.
    pub summary: String,
    pub description: Document,
    pub labels: Vec<String>,
    pub fingerprint: Fingerprint,
    pub rule: RuleId,
    /// Whom it is to be assigned to, if their account is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    pub told: Told,
}

/// How a change is taken back.
pub(crate) fn inverse(change: &Change<Effect>) -> Inverse<Effect> {
    let back = |effect: Effect, target: String, summary: String, after| {
        Inverse::Reversible(Box::new(Change {
            id: ChangeId::fresh(),
            function: change.function.clone(),
            rule: change.rule.clone(),
            fingerprints: change.fingerprints.clone(),
            target,
            summary,
            before: change.after.clone(),
            after,
            notes: Vec::new(),
            effect,
        }))
    };
    match &change.effect {
        Effect::Create { ticket } => back(
            Effect::Close {
                key: None,
                at: ticket.told.observed_at,
            },
            format!("the ticket of {}", ticket.fingerprint),
            format!("close the ticket of {}", ticket.fingerprint),
            json!({ "status": "closed" }),
        ),
        Effect::Close { key: Some(key), .. } => back(
            Effect::Reopen {
                key: Some(key.clone()),
            },
            format!("ticket {key}"),
            format!("reopen {key}"),
            json!({ "status": "open" }),
        ),
        Effect::Close { key: None, .. } => back(
            Effect::Reopen { key: None },
            change.target.clone(),
            format!("reopen {}", change.target),
            json!({ "status": "open" }),
        ),
        Effect::Reopen { key } => back(
            Effect::Close {
                key: key.clone(),
                at: Timestamp::now(),
            },
            change.target.clone(),
            format!("close {}", change.target),
            json!({ "status": "closed" }),
        ),
        Effect::Comment { .. } => {
            Inverse::Irreversible("people may have read it and answered it: a comment stays")
        }
    }
}
