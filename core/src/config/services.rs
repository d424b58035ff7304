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
    #[serde(default)]
    pub cloudflare: Cloudflare,
    #[serde(default)]
    pub collector: Collector,
    /// Further sources of threats beside the collector, by name: `[feeds.ipsum]`. Their keys are those of docs/IP-LISTS.md; the
    /// function `enforce-ip-list` checks them, since it alone knows the formats.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, serde_json::Value>>")]
    pub feeds: BTreeMap<String, toml::Table>,
}

/// The keys that hold references to secrets: their `env:` is not replaced by what it names.
pub(super) const SECRETS: [&str; 4] = ["bot_token", "api_token", "rules_token", "secret"];
pub(super) const SECTIONS: [&str; 6] = [
    "telegram",
    "jira",
    "help",
    "guides",
    "cloudflare",
    "collector",
];

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

/// The Cloudflare account whose IP Lists are kept in line. Without `account_id` the rules `threat.…` have nothing to work on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cloudflare {
    /// The API: `https://api.cloudflare.com/client/v4`.
    #[schemars(with = "String")]
    pub api_url: Url,
    /// The account's id, 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// An API token with the permission *Account Filter Lists: Edit* and no other.
    pub api_token: SecretRef,
    /// An API token with *Zone WAF: Edit*, used by `remediate threats setup --rules` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_token: Option<SecretRef>,
    /// The account's plan, which decides how many lists and entries there may be.
    pub plan: CloudflarePlan,
    /// Marks our entries in the lists. Two installations on one account need two names.
    pub instance: String,
    /// The list of the addresses that are blocked.
    pub block_list: String,
    /// The list of those that get a challenge.
    pub challenge_list: String,
    /// The list of those that are slowed down.
    pub rate_limit_list: String,
    /// How long one call may take.
    pub timeout: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CloudflarePlan {
    /// 1 list, 10,000 entries; custom rules can block.
    Free,
    /// 10 lists, 10,000 entries; rules can block and challenge.
    Pro,
    /// 10 lists, 10,000 entries; rate-limit rules can ask for the address too.
    Business,
    /// 1,000 lists, 500,000 entries.
    Enterprise,
}

impl CloudflarePlan {
    /// As Cloudflare writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Pro => "Pro",
            Self::Business => "Business",
            Self::Enterprise => "Enterprise",
        }
    }
}

impl Default for Cloudflare {
    fn default() -> Self {
        Self {
            api_url: api_of_cloudflare(),
            account_id: None,
            api_token: SecretRef::Env("CLOUDFLARE_API_TOKEN".to_owned()),
            rules_token: None,
            plan: CloudflarePlan::Free,
            instance: "main".to_owned(),
            block_list: "eil_block".to_owned(),
            challenge_list: "eil_challenge".to_owned(),
            rate_limit_list: "eil_rate_limit".to_owned(),
            timeout: Period::from_secs(15),
        }
    }
}

/// Where the API is, <https://developers.cloudflare.com/api/>.
#[allow(clippy::expect_used)]
fn api_of_cloudflare() -> Url {
    // A constant: it either always parses or no test passes.
    "https://api.cloudflare.com/client/v4"
        .parse()
        .expect("the address is one")
}

/// The Intelligence Collector. Without `url` there is none, and the feeds alone say what is hostile.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Collector {
    /// Where it is: `https://collector.example.com/`, whose `ips` is asked for; an address that does not end with `/` is asked as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub url: Option<Url>,
    /// Where the bearer token is kept that it asks for, if it asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
    /// How long it may be silent.
    pub timeout: Period,
    /// A snapshot with fewer usable records is not believed.
    pub min_records: u64,
    /// A snapshot of which a greater share, 0 to 1, has to be rejected is not believed.
    pub max_rejected: f64,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            url: None,
            secret: None,
            timeout: Period::from_secs(15),
            min_records: 1,
            max_rejected: 0.2,
        }
    }
}

impl Cloudflare {
    fn check(&self, problems: &mut Problems<'_>) {
        if let Some(account) = &self.account_id
            && !(account.len() == 32 && account.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            problems.add(
                &["cloudflare", "account_id"],
                format!("`{account}` is no account id: expected 32 hexadecimal digits"),
            );
        }
        let lists = [
            ("block_list", &self.block_list),
            ("challenge_list", &self.challenge_list),
            ("rate_limit_list", &self.rate_limit_list),
        ];
        for (index, (key, name)) in lists.iter().enumerate() {
            let sound = (1..=50).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            if !sound {
                problems.add(
                    &["cloudflare", key],
                    format!("`{name}` is no name of a list: expected 1 to 50 of a-z, 0-9 and _"),
                );
            }
            if lists[..index].iter().any(|(_, other)| other == name) {
                problems.add(
                    &["cloudflare", key],
                    format!("`{name}` is the name of another list already: they must differ"),
                );
            }
        }
        // It stands in every comment, between `eil1:` and a blank.
        if !(1..=32).contains(&self.instance.len())
            || !self
                .instance
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        {
            problems.add(
                &["cloudflare", "instance"],
                format!(
                    "`{}` is no name of an installation: expected 1 to 32 of a-z, 0-9 and -",
                    self.instance
                ),
            );
        }
    }
}

impl Services {
    pub(super) fn validate(self, text: &str, path: &str) -> Result<Self, ConfigError> {
        let mut problems = Problems::new(path, text);
        let addresses = [
            ("telegram", "api_url", Some(&self.telegram.api_url)),
            ("jira", "base_url", self.jira.base_url.as_ref()),
            ("jira", "browse_url", self.jira.browse_url.as_ref()),
            ("cloudflare", "api_url", Some(&self.cloudflare.api_url)),
            ("collector", "url", self.collector.url.as_ref()),
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
            ("cloudflare", self.cloudflare.timeout),
            ("collector", self.collector.timeout),
        ] {
            if period.get().is_zero() {
                problems.add(
                    &[section, "timeout"],
                    "0 would fail every call: expected such as `10s`".to_owned(),
                );
            }
        }
        self.cloudflare.check(&mut problems);
        if self.collector.min_records == 0 {
            problems.add(
                &["collector", "min_records"],
                "0 would take an empty snapshot for an empty list: expected 1 or more".to_owned(),
            );
        }
        if !(0.0..=1.0).contains(&self.collector.max_rejected) {
            problems.add(
                &["collector", "max_rejected"],
                format!(
                    "{} is no share: expected 0 to 1",
                    self.collector.max_rejected
                ),
            );
        }
        for (name, feed) in &self.feeds {
            for key in ["kind", "url"] {
                if !feed.get(key).is_some_and(toml::Value::is_str) {
                    problems.add(&["feeds", name], format!("has no `{key}`"));
                }
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
