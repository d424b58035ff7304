//! `people.toml`: how to reach somebody.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Problems};
use crate::id::Person;

/// `people.toml` as it is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeopleFile {
    pub defaults: Defaults,
    /// One table per e-mail address: `[people."alice@example.com"]`.
    #[serde(default)]
    pub people: BTreeMap<String, Contact>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The language of guides for whoever has none, as a tag such as `en` or `pt-BR`.
    pub language: String,
}

/// How to reach one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What to call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their chat with the bot; they must have pressed Start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telegram_chat: Option<i64>,
    /// Their Jira account id (Cloud) or user name (Data Center). Without it the address is looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jira_account: Option<String>,
    /// The language to write to them in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// `people.toml`, found sound.
#[derive(Clone, Debug, Default)]
pub struct People {
    default_language: String,
    people: BTreeMap<Person, Contact>,
}

impl People {
    pub(super) fn validate(file: PeopleFile, text: &str, path: &str) -> Result<Self, ConfigError> {
        let mut problems = Problems::new(path, text);
        let is_language = |tag: &str| {
            !tag.is_empty()
                && tag
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_language(&file.defaults.language) {
            problems.add(
                &["defaults", "language"],
                format!(
                    "`{}` is no language tag: expected one such as `en` or `pt-BR`",
                    file.defaults.language
                ),
            );
        }
        let mut people = BTreeMap::new();
        for (email, contact) in file.people {
            let path = ["people", email.as_str()];
            if !email.contains('@') {
                problems.add(&path, "is no e-mail address".to_owned());
            }
            if contact
                .language
                .as_deref()
                .is_some_and(|tag| !is_language(tag))
            {
                problems.add(
                    &path,
                    "has a language that is no language tag: expected one such as `en` or `pt-BR`"
                        .to_owned(),
                );
            }
            if contact.telegram_chat.is_some_and(|chat| chat <= 0) {
                problems.add(
                    &path,
                    "has the chat of a group: a person's chat is a positive number".to_owned(),
                );
            }
            if people.insert(Person::new(&email), contact).is_some() {
                problems.add(
                    &path,
                    "is listed twice (upper and lower case are the same)".to_owned(),
                );
            }
        }
        problems.finish()?;
        Ok(Self {
            default_language: file.defaults.language,
            people,
        })
    }

    pub fn get(&self, person: &Person) -> Option<&Contact> {
        self.people.get(person)
    }

    /// The language to write to this person in.
    pub fn language(&self, person: &Person) -> &str {
        self.get(person)
            .and_then(|contact| contact.language.as_deref())
            .unwrap_or(&self.default_language)
    }

    pub fn default_language(&self) -> &str {
        &self.default_language
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Person, &Contact)> {
        self.people.iter()
    }
}
