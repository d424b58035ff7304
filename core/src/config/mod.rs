//! Configuration: read, checked, and only then in force.
//!
//! Four TOML files and the guides, from a folder, from the copy that every binary carries, or from S3. A [`Config`] can
//! only be had by validation; what does not validate never becomes active.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::id::{AccountId, digest_hex};

mod edit;
mod networks;
mod packaged;
mod people;
mod period;
mod rules;
mod scope;
mod services;

pub use edit::{EditError, RulesEdit};
pub use networks::{Allowed, Entries, Guards, Network, Networks};
pub use people::{Contact, People, PeopleFile};
pub use period::Period;
pub use rules::{
    Exemption, FieldMap, Frozen, Global, Intake, Match, Rule, RuleConfig, Rules, RulesFile, Scope,
    Storm,
};
pub use services::{
    Cloudflare, CloudflarePlan, Collector, Deployment, Guides, Help, Jira, Services, Telegram,
};

/// The configuration in force.
#[derive(Debug)]
pub struct Config {
    pub rules: Rules,
    pub people: People,
    pub services: Services,
    pub networks: Networks,
    /// Guide templates and what else is under `guides/`: path below it to text.
    pub guides: BTreeMap<String, String>,
    /// Identifies the configuration in the history.
    pub hash: String,
}

/// The files of a configuration as they were read.
#[derive(Clone, Debug, Default)]
pub struct ConfigFiles {
    /// Path below the configuration's folder, with `/`, to text.
    files: BTreeMap<String, String>,
    /// Shown before the file's name in errors: a folder, `packaged`, `s3://…`.
    origin: String,
}

/// What is wrong with a configuration; each problem names file, line and key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}", path = path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{0}: the file is missing")]
    Missing(String),
    #[error("{path}: {message}")]
    Syntax { path: String, message: String },
    #[error("{}", problems.join("\n"))]
    Invalid { problems: Vec<String> },
}

impl ConfigFiles {
    /// The copy that was built into this binary.
    pub fn packaged() -> Self {
        let files = packaged::FILES
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Self {
            files,
            origin: "packaged".to_owned(),
        }
    }

    /// A folder laid out like `config/`.
    ///
    /// # Errors
    /// When it, or a file in it, cannot be read.
    pub fn from_dir(dir: &Path) -> Result<Self, ConfigError> {
        let mut files = BTreeMap::new();
        collect(dir, "", &mut files)?;
        Ok(Self {
            files,
            origin: dir.display().to_string(),
        })
    }

    /// Puts a file in the place of the one of that name.
    pub fn replace(&mut self, path: &str, text: String, origin: &str) {
        self.files.insert(path.to_owned(), text);
        origin.clone_into(&mut self.origin);
    }

    fn text(&self, name: &str) -> Result<(&str, String), ConfigError> {
        let path = format!("{}/{name}", self.origin);
        let text = self
            .files
            .get(name)
            .ok_or_else(|| ConfigError::Missing(path.clone()))?;
        Ok((text, path))
    }
}

fn collect(
    dir: &Path,
    below: &str,
    files: &mut BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| ConfigError::Unreadable { path, source }
    };
    for entry in std::fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = entry.map_err(unreadable(dir))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let name = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        if path.is_dir() {
            collect(&path, &name, files)?;
        } else if name.ends_with(".toml") || name.starts_with("guides/") {
            files.insert(
                name,
                std::fs::read_to_string(&path).map_err(unreadable(&path))?,
            );
        }
    }
    Ok(())
}

impl Config {
    /// Reads and checks everything. `env` looks up environment variables.
    ///
    /// # Errors
    /// Every problem found, with file, line and key. Nothing of the configuration is in force then.
    pub fn load(
        files: &ConfigFiles,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let (text, path) = files.text("rules.toml")?;
        let mut rules: RulesFile = parse(text, &path)?;
        let listed = |name: &str| {
            env(name).map(|list| {
                list.split(',')
                    .map(|item| item.trim().to_owned())
                    .filter(|item| !item.is_empty())
                    .collect::<Vec<_>>()
            })
        };
        if let Some(buckets) = listed("REMEDIATE_INTAKE_BUCKETS") {
            rules.intake.buckets = buckets;
        }
        if let Some(snapshots) = listed("REMEDIATE_INTAKE_SNAPSHOTS") {
            rules.intake.snapshots = snapshots;
        }
        if let Some(accounts) = listed("REMEDIATE_GLOBAL_ACCOUNTS") {
            rules.global.accounts = accounts.into_iter().map(AccountId::new).collect();
        }
        let rules = Rules::validate(rules, text, &path)?;
        let (text, path) = files.text("people.toml")?;
        let people = People::validate(parse(text, &path)?, text, &path)?;
        let (text, path) = files.text("services.toml")?;
        let services: Services = deserialise(with_environment(text, &path, env)?, &path)?;
        let services = services.validate(text, &path)?;
        let networks = load_networks(files)?;
        let guides = files
            .files
            .iter()
            .filter_map(|(path, text)| {
                Some((path.strip_prefix("guides/")?.to_owned(), text.clone()))
            })
            .collect();
        let parts: Vec<&str> = files
            .files
            .iter()
            .flat_map(|(path, text)| [path.as_str(), text])
            .collect();
        Ok(Self {
            rules,
            people,
            services,
            networks,
            guides,
            hash: digest_hex(&parts)[..12].to_owned(),
        })
    }

    /// [`Config::load`] with the environment of this process.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_files(files: &ConfigFiles) -> Result<Self, ConfigError> {
        Self::load(files, &|name| std::env::var(name).ok())
    }
}

/// `networks.toml`; a folder that was made before there was this file has the packaged one.
fn load_networks(files: &ConfigFiles) -> Result<Networks, ConfigError> {
    let packaged = ConfigFiles::packaged();
    let (text, path) = files
        .text("networks.toml")
        .or_else(|_| packaged.text("networks.toml"))?;
    let networks: Networks = parse(text, &path)?;
    networks.validate(text, &path)
}

fn parse<T: DeserializeOwned>(text: &str, path: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })
}

fn deserialise<T: DeserializeOwned>(table: toml::Table, path: &str) -> Result<T, ConfigError> {
    table
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })
}

/// `services.toml` with `env:NAME` values and `REMEDIATE_<SECTION>_<KEY>` variables put in.
fn with_environment(
    text: &str,
    path: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<toml::Table, ConfigError> {
    // A first pass over the text itself: its errors have line and column, those of a table have not.
    let mut table: toml::Table = parse(text, path)?;
    for section in services::SECTIONS {
        let keys = service_keys(section);
        let Some(table) = table.get_mut(section).and_then(toml::Value::as_table_mut) else {
            continue;
        };
        for key in keys {
            if let Some(value) = env(&format!(
                "REMEDIATE_{}_{}",
                section.to_uppercase(),
                key.to_uppercase()
            )) {
                table.insert(key, literal(&value));
            }
        }
        let references: Vec<(String, Option<String>)> = table
            .iter()
            .filter(|(key, _)| !services::SECRETS.contains(&key.as_str()))
            .filter_map(|(key, value)| {
                Some((
                    key.clone(),
                    env(value.as_str()?.strip_prefix("env:")?).filter(|value| !value.is_empty()),
                ))
            })
            .collect();
        for (key, value) in references {
            match value {
                Some(value) => table.insert(key, literal(&value)),
                None => table.remove(&key),
            };
        }
    }
    Ok(table)
}

/// The keys that a section of `services.toml` may have, from the types.
fn service_keys(section: &str) -> Vec<String> {
    let schema = schemars::schema_for!(Services);
    let name = section[..1].to_uppercase() + &section[1..];
    let properties = schema
        .pointer(&format!("/$defs/{name}/properties"))
        .and_then(serde_json::Value::as_object);
    properties
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

/// A variable's text as the value it stands for: lists, numbers and booleans as TOML writes them, anything else as text.
fn literal(text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    match parsed {
        Some(
            value @ (toml::Value::Array(_)
            | toml::Value::Boolean(_)
            | toml::Value::Integer(_)
            | toml::Value::Table(_)),
        ) => value,
        _ => toml::Value::String(text.to_owned()),
    }
}

/// The JSON Schemas of the four files, by file name.
pub fn schemas() -> BTreeMap<&'static str, schemars::Schema> {
    BTreeMap::from([
        ("rules.toml", schemars::schema_for!(RulesFile)),
        ("people.toml", schemars::schema_for!(PeopleFile)),
        ("services.toml", schemars::schema_for!(Services)),
        ("networks.toml", schemars::schema_for!(Networks)),
    ])
}

/// Collects what is wrong, so that a person sees all of it at once.
pub(crate) struct Problems<'a> {
    path: &'a str,
    text: &'a str,
    found: Vec<String>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            text,
            found: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, key: &[&str], mut problem: String) {
        let line = line_of(self.text, key).map_or(String::new(), |line| format!(":{line}"));
        problem.insert_str(0, &format!("{}{line}: {}: ", self.path, key.join(".")));
        self.found.push(problem);
    }

    pub(crate) fn finish(self) -> Result<(), ConfigError> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Invalid {
                problems: self.found,
            })
        }
    }
}

/// The line, counted from 1, at which a key (or the innermost of its parents that is there) stands.
fn line_of(text: &str, key: &[&str]) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let mut item: &toml_edit::Item = document.as_item();
    let mut offset = None;
    for part in key {
        let Some((name, next)) = item
            .as_table_like()
            .and_then(|table| table.get_key_value(part))
        else {
            break;
        };
        item = next;
        offset = name
            .span()
            .map(|span| span.start)
            .or_else(|| next.span().map(|span| span.start))
            .or(offset);
    }
    offset.map(|offset| text[..offset].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests;
