//! Opening a ticket: one `POST`, whatever the project's screens look like.

use std::collections::BTreeSet;

use remediate_core::Person;
use remediate_core::config::Deployment;
use serde_json::{Map, Value, json};

use crate::apply::Writer;
use crate::client::Created;
use crate::effect::Ticket;
use crate::error::{JiraError, Problems};

/// The property that every ticket of ours has. People do not see it; those who may see the ticket can read it.
pub(crate) const PROPERTY: &str = "auto-remediate";

/// The fields that a ticket can do without.
const OPTIONAL: [&str; 4] = ["labels", "assignee", "properties", "description"];

/// A ticket that was made.
pub(crate) struct Made {
    pub(crate) created: Created,
    pub(crate) assignee: Option<String>,
    /// Whether the project took the description.
    pub(crate) described: bool,
}

impl Writer {
    /// Creates it. A definite refusal of a field that can be spared created nothing, so it is tried again without.
    pub(crate) async fn create(&self, ticket: &Ticket) -> Result<Made, JiraError> {
        let action = format!("create a ticket in {}", self.config.services.jira.project);
        let mut assignee = self.assignee(ticket.person.as_ref()).await?;
        let mut left_out: BTreeSet<&str> = OPTIONAL
            .into_iter()
            .filter(|field| self.memory.is_absent(field))
            .collect();
        loop {
            let fields = self.fields(ticket, assignee.as_deref(), &left_out);
            let properties = match left_out.contains("properties") {
                true => Vec::new(),
                false => vec![(PROPERTY, property(ticket))],
            };
            let error = match self.client.create(&action, fields, &properties).await {
                Ok(created) => {
                    return Ok(Made {
                        created,
                        assignee: assignee.filter(|_| !left_out.contains("assignee")),
                        described: !left_out.contains("description"),
                    });
                }
                Err(error) => error,
            };
            let spared = self.spare(&error, &left_out, assignee.is_some());
            if spared.is_empty() {
                return Err(self.explained(error));
            }
            tracing::warn!(?spared, %error, "the ticket is created without what jira refuses");
            for field in spared {
                left_out.insert(field);
                match (field, &ticket.person) {
                    // Who cannot be assigned here says nothing about others.
                    ("assignee", Some(person)) => {
                        self.memory.learn_account(person, None);
                        assignee = None;
                    }
                    (field, _) => self.memory.learn_absent(field),
                }
            }
        }
    }

    /// The fields of ours that the refusal is about and that were sent. Jira names them as keys or, in the account's
    /// language, in the message.
    fn spare(
        &self,
        error: &JiraError,
        left_out: &BTreeSet<&str>,
        assigned: bool,
    ) -> Vec<&'static str> {
        let Some((400 | 422, problems)) = error.refused() else {
            return Vec::new();
        };
        let configured = &self.config.services.jira.fields;
        OPTIONAL
            .into_iter()
            .filter(|field| !left_out.contains(field))
            .filter(|field| *field != "assignee" || assigned)
            // What somebody asked for in `[jira.fields]` is not given up quietly.
            .filter(|field| !configured.contains_key(*field))
            .filter(|field| is_about(problems, field))
            .collect()
    }

    fn fields(
        &self,
        ticket: &Ticket,
        assignee: Option<&str>,
        left_out: &BTreeSet<&str>,
    ) -> Map<String, Value> {
        let jira = &self.config.services.jira;
        let mut fields: Map<String, Value> = jira
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), json_of(value)))
            .collect();
        let mut labels: Vec<Value> = ticket.labels.iter().map(|label| json!(label)).collect();
        if let Some(Value::Array(configured)) = fields.get("labels") {
            labels.extend(
                configured
                    .iter()
                    .filter(|label| !labels.contains(label))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        fields.insert("project".to_owned(), json!({ "key": jira.project }));
        fields.insert("issuetype".to_owned(), issue_type(&jira.issue_type));
        fields.insert("summary".to_owned(), json!(ticket.summary));
        if !left_out.contains("description") {
            fields.insert(
                "description".to_owned(),
                self.client.body(&ticket.description),
            );
        }
        if !left_out.contains("labels") {
            fields.insert("labels".to_owned(), Value::Array(labels));
        }
        if let Some(account) = assignee.filter(|_| !left_out.contains("assignee")) {
            let key = match jira.deployment {
                Deployment::Cloud => "accountId",
                Deployment::DataCenter => "name",
            };
            fields.insert("assignee".to_owned(), json!({ key: account }));
        }
        fields
    }

    /// The account to assign to, from `people.toml` or looked up before the ticket is made, so that making it stays one call.
    /// Not finding one never stands in the way of the ticket.
    async fn assignee(&self, person: Option<&Person>) -> Result<Option<String>, JiraError> {
        let Some(person) = person else {
            return Ok(None);
        };
        if !self.config.services.jira.assign || self.memory.is_absent("assignee") {
            return Ok(None);
        }
        if let Some(known) = self.memory.account(person) {
            return Ok(known);
        }
        let configured = self
            .config
            .people
            .get(person)
            .and_then(|contact| contact.jira_account.clone());
        if configured.is_some() {
            return Ok(configured);
        }
        if !person.as_str().contains('@') {
            return Ok(None);
        }
        let action = format!("look up the account of {person}");
        match self.client.account_of(&action, person.as_str()).await {
            Ok(account) => {
                self.memory.learn_account(person, account.clone());
                Ok(account)
            }
            Err(error @ (JiraError::Refused { .. } | JiraError::Misaddressed { .. })) => {
                tracing::info!(%error, "the ticket is not assigned");
                self.memory.learn_account(person, None);
                Ok(None)
            }
            Err(error @ (JiraError::NoAnswer { .. } | JiraError::Conflict { .. })) => {
                tracing::warn!(%error, "the ticket is not assigned");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A refusal that names what to set where.
    fn explained(&self, error: JiraError) -> JiraError {
        let JiraError::Refused {
            action,
            status: 400,
            detail,
            problems,
        } = error
        else {
            return error;
        };
        for (field, key) in [("project", "project"), ("issuetype", "issue_type")] {
            if problems.fields.contains_key(field) {
                return JiraError::Misconfigured {
                    action,
                    key,
                    detail,
                };
            }
        }
        let jira = &self.config.services.jira;
        let missing: Vec<&str> = problems
            .fields
            .keys()
            .map(String::as_str)
            .filter(|field| !jira.fields.contains_key(*field))
            .filter(|field| !["summary", "description", "labels"].contains(field))
            .collect();
        if missing.is_empty() {
            JiraError::Refused {
                action,
                status: 400,
                detail,
                problems,
            }
        } else {
            JiraError::MissingFields {
                action,
                fields: missing.join(", "),
                detail,
            }
        }
    }
}

fn is_about(problems: &Problems, field: &str) -> bool {
    let named = |message: &String| {
        message.contains(&format!("'{field}'")) || message.contains(&format!("\"{field}\""))
    };
    problems.fields.contains_key(field) || problems.messages.iter().any(named)
}

/// An issue type by its number or by its name.
fn issue_type(name: &str) -> Value {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        json!({ "id": name })
    } else {
        json!({ "name": name })
    }
}

fn property(ticket: &Ticket) -> Value {
    json!({ "fingerprint": ticket.fingerprint, "rule": ticket.rule })
}

/// A configured value as the API takes it. TOML's dates become text.
fn json_of(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(flag) => json!(flag),
        toml::Value::Datetime(date) => json!(date.to_string()),
        toml::Value::Array(items) => items.iter().map(json_of).collect(),
        toml::Value::Table(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), json_of(value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
