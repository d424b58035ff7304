//! Globs, and what of a finding they are held against.

use super::Problems;
use super::rules::Scope;
use crate::arn::{Arn, is_account, is_region};
use crate::finding::{Finding, Subject};
use crate::pattern::Glob;

/// Patterns of which one has to match: `*`, `?` and `[a-z]`, each over any character. Case does not matter.
#[derive(Debug)]
pub(super) struct Globs(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    whole: Glob,
    /// Set where the pattern is an ARN: what a resource has to be that its finding names by its name alone.
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    region: Glob,
    account: Glob,
    names: Vec<Glob>,
}

impl Globs {
    pub(super) fn compile(
        patterns: &[String],
        path: &[&str],
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let mut compiled = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            match Glob::parse(pattern) {
                Ok(whole) => compiled.push(Entry {
                    whole,
                    parts: Parts::of(pattern),
                }),
                Err(because) => {
                    problems.add(path, format!("`{pattern}` is no glob: {because}"));
                    return None;
                }
            }
        }
        Some(Self(compiled))
    }

    pub(super) fn is_match(&self, value: &str) -> bool {
        self.0.iter().any(|entry| entry.whole.fits(value))
    }

    /// Whether one of them is the resource, the person's e-mail address or the device id.
    pub(super) fn names(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Device { person, device, .. } => {
                self.is_match(person.as_str()) || self.is_match(device)
            }
            Subject::Resource {
                resource,
                account,
                region,
            } => {
                let spellings = spellings(resource);
                let account = account.as_ref().map_or("", |account| account.as_str());
                let region = region.as_deref().unwrap_or_default();
                self.0.iter().any(|entry| {
                    spellings.iter().any(|name| entry.whole.fits(name))
                        || entry
                            .parts
                            .as_ref()
                            .is_some_and(|parts| parts.fit(&spellings, account, region))
                })
            }
        }
    }
}

impl Parts {
    fn of(pattern: &str) -> Option<Self> {
        let arn = Arn::parse(pattern)?;
        let any_if_empty = |part: &str| Glob::parse(if part.is_empty() { "*" } else { part }).ok();
        Some(Self {
            region: any_if_empty(arn.region)?,
            account: any_if_empty(arn.account)?,
            names: spellings(pattern)[1..]
                .iter()
                .map(|name| Glob::parse(name).ok())
                .collect::<Option<_>>()?,
        })
    }

    fn fit(&self, spellings: &[&str], account: &str, region: &str) -> bool {
        // One ARN against another is compared as a whole.
        Arn::parse(spellings[0]).is_none()
            && self.region.fits(region)
            && self.account.fits(account)
            && spellings
                .iter()
                .any(|name| self.names.iter().any(|glob| glob.fits(name)))
    }
}

/// The ways to write a resource, as it was sent first: of an ARN and of a queue's URL there is the name too, so that what was left out
/// by its name stays left out when a scanner names it otherwise.
fn spellings(resource: &str) -> Vec<&str> {
    let resource = resource.trim();
    let mut spellings = vec![resource];
    if let Some(arn) = Arn::parse(resource) {
        // `bucket`, `key/<id>`, `function:<name>:<alias>`, `stack/<name>/<id>`
        spellings.push(arn.rest);
        if let Some((_kind, name)) = arn.rest.split_once(['/', ':']) {
            spellings.push(name);
            spellings.extend(name.split_once(['/', ':']).map(|(name, _)| name));
        }
    } else if resource.contains("://") {
        spellings.extend(resource.rsplit('/').next());
    }
    spellings
}

/// The lists of `only` or `except`; nothing where a list is empty.
#[derive(Debug)]
pub(super) struct CompiledScope {
    lists: [(&'static str, Option<Globs>); 6],
}

impl CompiledScope {
    pub(super) fn compile(
        scope: &Scope,
        path: &[&str],
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let mut compile = |name: &'static str, list: &[String]| {
            let path: Vec<&str> = path.iter().copied().chain([name]).collect();
            if list.is_empty() {
                Some((name, None))
            } else {
                let mut entries = Vec::with_capacity(list.len());
                for entry in list {
                    match sound(name, entry) {
                        Ok(entry) => entries.push(entry),
                        Err(because) => {
                            problems.add(&path, format!("`{entry}` {because}"));
                            return None;
                        }
                    }
                }
                Some((name, Some(Globs::compile(&entries, &path, problems)?)))
            }
        };
        Some(Self {
            lists: [
                compile("accounts", &scope.accounts)?,
                compile("regions", &scope.regions)?,
                compile("resources", &scope.resources)?,
                compile("tags", &scope.tags)?,
                compile("people", &scope.people)?,
                compile("devices", &scope.devices)?,
            ],
        })
    }

    /// The first list that matches.
    pub(super) fn matching(&self, finding: &Finding) -> Option<&'static str> {
        self.given()
            .find(|(name, globs)| matches_any(globs, name, finding))
            .map(|(name, _)| name)
    }

    /// The first list that is given and does not match.
    pub(super) fn lacking(&self, finding: &Finding) -> Option<&'static str> {
        self.given()
            .find(|(name, globs)| !matches_any(globs, name, finding))
            .map(|(name, _)| name)
    }

    /// Whether the list of tags has one of these.
    pub(super) fn has_tag(&self, tags: &[(String, String)]) -> bool {
        self.given()
            .filter(|(name, _)| *name == "tags")
            .any(|(_, globs)| {
                tags.iter()
                    .any(|(key, value)| globs.is_match(&format!("{key}={value}")))
            })
    }

    fn given(&self) -> impl Iterator<Item = (&'static str, &Globs)> {
        self.lists
            .iter()
            .filter_map(|(name, globs)| Some((*name, globs.as_ref()?)))
    }
}

/// An entry as it is held against findings. What could match nothing is refused, since in `except` it would let everything through.
fn sound(list: &str, entry: &str) -> Result<String, &'static str> {
    let wild = entry.contains(['*', '?', '[']);
    match list {
        _ if entry.trim().is_empty() => Err("is empty"),
        "accounts" if !wild && !is_account(entry) => Err("is no account: expected 12 digits"),
        "regions" if !wild && entry != "global" && !is_region(entry) => {
            Err("is no region: expected one such as eu-central-1, or `global`")
        }
        "tags" => {
            // As scanners write them.
            let entry = entry.replacen("::", "=", 1);
            if wild || entry.contains('=') {
                Ok(entry)
            } else {
                Err("is no tag: expected key=value")
            }
        }
        _ => Ok(entry.to_owned()),
    }
}

fn matches_any(globs: &Globs, list: &str, finding: &Finding) -> bool {
    let is = |value: &str| globs.is_match(value);
    match (&finding.subject, list) {
        (Subject::Resource { account, .. }, "accounts") => {
            account.as_ref().is_some_and(|account| is(account.as_str()))
        }
        (Subject::Resource { region, .. }, "regions") => region.as_deref().is_some_and(is),
        (subject @ Subject::Resource { .. }, "resources") => globs.names(subject),
        (Subject::Device { person, .. }, "people") => is(person.as_str()),
        (Subject::Device { device, .. }, "devices") => is(device),
        (_, "tags") => finding
            .evidence
            .extra
            .get("tags")
            .and_then(|tags| tags.as_array())
            .is_some_and(|tags| {
                // Scanners write `key::value`.
                tags.iter()
                    .filter_map(|tag| tag.as_str())
                    .any(|tag| is(&tag.replacen("::", "=", 1)))
            }),
        _ => false,
    }
}
