//! `services.toml`: where the services are and where their secrets are kept.
//!
//! Every key can be overridden by an environment variable `REMEDIATE_<SECTION>_<KEY>`, such as `REMEDIATE_JIRA_BASE_URL`.
//! A value `env:NAME` is taken from that variable; if it is not set, the key counts as not given.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, Period, Problems};
use crate::secret::SecretRef;

/// `services.toml`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Services {
    pub telegram: Telegram,
    pub jira: Jira,
    pub help: Help,
    pub guides: Guides,
}

/// The keys that hold references to secrets: their `env:` is not replaced by what it names.
pub(super) const SECRETS: [&str; 2] = ["bot_token", "api_token"];
pub(super) const SECTIONS: [&str; 4] = ["telegram", "jira", "help", "guides"];

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telegram {
    /// The Bot API server: `https://api.telegram.org`, or one that is compatible.
    #[schemars(with = "String")]
    pub api_url: Url,
    /// Where the bot's token is kept.
    pub bot_token: SecretRef,
    /// The group that hears, without personal detail, of people who cannot be reached.
    #[serde(
        default,
        deserialize_with = "chat",
        skip_serializing_if = "Option::is_none"
    )]
    pub team_chat: Option<i64>,
    /// The group that hears of storms; the team chat if not given.
    #[serde(
        default,
        deserialize_with = "chat",
        skip_serializing_if = "Option::is_none"
    )]
    pub security_chat: Option<i64>,
    /// How long after a message somebody who still fails is written to again.
    pub renotify_after: Period,
    /// How long one call may take.
    pub timeout: Period,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jira {
    /// Which of the two kinds of Jira it is.
    pub deployment: Deployment,
    /// `https://your-site.atlassian.net`; with a scoped token `https://api.atlassian.com/ex/jira/<cloudId>`; or a Data Center's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub base_url: Option<Url>,
    /// Where people open tickets, if that is not `base_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub browse_url: Option<Url>,
    /// The account of the API token (Cloud).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// An API token (Cloud) or a personal access token (Data Center).
    pub api_token: SecretRef,
    /// The project's key.
    pub project: String,
    /// The type of the tickets, by name.
    pub issue_type: String,
    /// Further labels beside our own; no spaces.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Further fields that the project requires, as the API takes them: `customfield_10010 = { value = "IT" }`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub fields: toml::Table,
    /// Look up the person's account and assign the ticket to it.
    pub assign: bool,
    /// The transition that closes a ticket, by id or name. Without it: the first one into a status of the category `done`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_transition: Option<String>,
    /// The transition that reopens a ticket, by id or name. Without it: the first one into a status of another category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopen_transition: Option<String>,
    /// A failure so soon after closing reopens the ticket; a later one opens a new one.
    pub reopen_within: Period,
    /// The least time between two comments on repeats.
    pub comment_every: Period,
    /// How long Jira's search may lag behind creation. After a lost answer no second ticket is created before that.
    pub search_lag: Period,
    /// How long one call may take.
    pub timeout: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deployment {
    /// Jira Cloud, REST v3, basic authentication with an API token.
    Cloud,
    /// Jira Data Center, REST v2, a personal access token.
    DataCenter,
}

/// Whom people ask.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Help {
    /// As it stands in the guides: `the IT help desk (#it-help)`.
    pub contact: String,
    /// Where they find help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub url: Option<Url>,
}

/// Where the guides can be read outside the messages.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guides {
    /// With `{check}` in it: `https://wiki.example.com/security/{check}`. Without it tickets carry no link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Services {
    pub(super) fn validate(self, text: &str, path: &str) -> Result<Self, ConfigError> {
        let mut problems = Problems::new(path, text);
        let addresses = [
            ("telegram", "api_url", Some(&self.telegram.api_url)),
            ("jira", "base_url", self.jira.base_url.as_ref()),
            ("jira", "browse_url", self.jira.browse_url.as_ref()),
        ];
        for (section, key, url) in addresses {
            if let Some(url) = url
                && (!matches!(url.scheme(), "https" | "http") || url.cannot_be_a_base())
            {
                problems.add(
                    &[section, key],
                    format!("`{url}` is no address of a server: expected `https://…`"),
                );
            }
        }
        for label in &self.jira.labels {
            if label.is_empty()
                || label.contains(char::is_whitespace)
                || label.chars().count() > 255
            {
                problems.add(
                    &["jira", "labels"],
                    format!("`{label}` is no label: expected 1 to 255 characters without spaces"),
                );
            }
        }
        if self.jira.project.is_empty() {
            problems.add(
                &["jira", "project"],
                "is empty: expected a project key such as `SEC`".to_owned(),
            );
        }
        if self
            .guides
            .url
            .as_ref()
            .is_some_and(|url| !url.contains("{check}"))
        {
            problems.add(&["guides", "url"], "has no `{check}` in it".to_owned());
        }
        for (section, period) in [
            ("telegram", self.telegram.timeout),
            ("jira", self.jira.timeout),
        ] {
            if period.get().is_zero() {
                problems.add(
                    &[section, "timeout"],
                    "0 would fail every call: expected such as `10s`".to_owned(),
                );
            }
        }
        problems.finish()?;
        Ok(self)
    }
}

/// A chat id as a number or, from the environment, as text.
fn chat<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Chat {
        Number(i64),
        Text(String),
    }
    match Chat::deserialize(deserializer)? {
        Chat::Number(chat) => Ok(Some(chat)),
        Chat::Text(text) if text.is_empty() => Ok(None),
        Chat::Text(text) => text.parse().map(Some).map_err(|_| {
            serde::de::Error::custom(format!(
                "`{text}` is no chat: expected a number such as -1001234567890"
            ))
        }),
    }
}
