//! Single rules of a zone's rulesets, found by their `ref`. A ruleset is never replaced: it may hold other people's rules.
//!
//! <https://developers.cloudflare.com/ruleset-engine/rulesets-api/>

use std::sync::Arc;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::connection::{Call, Connection, RULES_PERMISSION};
use super::{CloudflareError, Reader, Writer};
use crate::run::apply::Grant;

/// Where in the handling of a request a ruleset stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Phase {
    #[serde(rename = "http_request_firewall_custom")]
    Custom,
    #[serde(rename = "http_ratelimit")]
    RateLimit,
}

impl Phase {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Custom => "http_request_firewall_custom",
            Self::RateLimit => "http_ratelimit",
        }
    }
}

/// The entry point of a phase, with all the rules in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Ruleset {
    pub id: String,
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// A rule as the API gives it, as much of it as is compared.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Rule {
    pub id: String,
    #[serde(default, rename = "ref")]
    pub reference: String,
    #[serde(default)]
    pub action: String,
    #[serde(default)]
    pub expression: String,
    #[serde(default)]
    pub enabled: bool,
    #[serde(default)]
    pub ratelimit: Option<Value>,
}

/// A rule as we want it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleDraft {
    #[serde(rename = "ref")]
    pub reference: String,
    pub description: String,
    pub action: String,
    pub expression: String,
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratelimit: Option<Value>,
}

impl RuleDraft {
    /// Whether a rule that is there is this one already. Whether it is enabled is its owner's business.
    pub fn is(&self, rule: &Rule) -> bool {
        self.action == rule.action
            && self.expression == rule.expression
            && match (&self.ratelimit, &rule.ratelimit) {
                // The API adds fields with their defaults.
                (Some(Value::Object(wanted)), Some(Value::Object(found))) => wanted
                    .iter()
                    .all(|(key, value)| found.get(key) == Some(value)),
                (wanted, found) => wanted == found,
            }
    }
}

impl Reader {
    /// The entry point of a phase; nothing if no rule was ever made in it.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn entry_point(
        &self,
        zone: &str,
        phase: Phase,
    ) -> Result<Option<Ruleset>, CloudflareError> {
        let action = format!("read the rules of the phase {}", phase.name());
        let path = [
            "zones",
            zone,
            "rulesets",
            "phases",
            phase.name(),
            "entrypoint",
        ];
        let call = Call {
            remedy: RULES_PERMISSION,
            ..Call::read(&action, &path)
        };
        match self.connection.call(&call).await {
            Ok(answer) => Ok(Some(answer.owned(&call)?)),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How a rule gets where it is wanted.
enum Way<'a> {
    /// The phase has no ruleset yet.
    NewRuleset {
        phase: Phase,
    },
    NewRule {
        ruleset: &'a str,
    },
    Change {
        ruleset: &'a str,
        rule: &'a str,
    },
}

async fn send(
    connection: &Connection,
    zone: &str,
    way: &Way<'_>,
    draft: &RuleDraft,
    rehearse: bool,
) -> Result<(), CloudflareError> {
    let verb = if rehearse { "rehearse" } else { "make" };
    let action = format!("{verb} the rule {}", draft.reference);
    let (method, path, body) = match way {
        Way::NewRuleset { phase } => (
            Method::POST,
            vec!["zones", zone, "rulesets"],
            json!({"name": "default", "kind": "zone", "phase": phase.name(), "rules": [draft]}),
        ),
        Way::NewRule { ruleset } => (
            Method::POST,
            vec!["zones", zone, "rulesets", ruleset, "rules"],
            json!(draft),
        ),
        Way::Change { ruleset, rule } => (
            Method::PATCH,
            vec!["zones", zone, "rulesets", ruleset, "rules", rule],
            json!(draft),
        ),
    };
    let query: &[(&str, &str)] = if rehearse {
        &[("dry_run", "true")]
    } else {
        &[]
    };
    let call = Call {
        query,
        remedy: RULES_PERMISSION,
        ..Call::write(&action, method, &path, body.to_string())
    };
    let answer = connection.call(&call).await?;
    // A server that knows no `dry_run` answers with what it made.
    if rehearse && !answer.owned::<Value>(&call)?.is_null() {
        return Err(CloudflareError::Refused {
            action,
            status: answer.status.as_u16(),
            detail: "the server does not rehearse: it carried the change out".to_owned(),
            errors: Vec::new(),
        });
    }
    Ok(())
}

/// Lets the API check a rule without storing it: entitlements, expressions and references, as if it were meant.
pub struct Rehearsal {
    connection: Arc<Connection>,
}

impl Rehearsal {
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Asks whether the rule would be taken.
    ///
    /// # Errors
    /// What the API would refuse it with.
    pub async fn rule(
        &self,
        zone: &str,
        phase: Phase,
        ruleset: Option<&Ruleset>,
        draft: &RuleDraft,
    ) -> Result<(), CloudflareError> {
        send(
            &self.connection,
            zone,
            &way(phase, ruleset, draft),
            draft,
            true,
        )
        .await
    }
}

/// By its `ref`; without one of that name it is new.
fn way<'a>(phase: Phase, ruleset: Option<&'a Ruleset>, draft: &RuleDraft) -> Way<'a> {
    let Some(ruleset) = ruleset else {
        return Way::NewRuleset { phase };
    };
    let known = ruleset
        .rules
        .iter()
        .find(|rule| rule.reference == draft.reference);
    match known {
        Some(rule) => Way::Change {
            ruleset: &ruleset.id,
            rule: &rule.id,
        },
        None => Way::NewRule {
            ruleset: &ruleset.id,
        },
    }
}

impl Writer {
    /// A writer over the connection with the token for rules.
    pub fn for_rules(connection: Arc<Connection>, grant: &Grant) -> Self {
        Self::new(connection, grant)
    }

    /// Makes the rule, or changes the one of the same `ref`.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn put_rule(
        &self,
        zone: &str,
        phase: Phase,
        ruleset: Option<&Ruleset>,
        draft: &RuleDraft,
    ) -> Result<(), CloudflareError> {
        send(
            &self.connection,
            zone,
            &way(phase, ruleset, draft),
            draft,
            false,
        )
        .await
    }
}
