//! What was observed, normalised from any source.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Fingerprint, Person, RuleId};

/// One rule's verdict on one subject at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: RuleId,
    pub subject: Subject,
    pub verdict: Verdict,
    /// When the source saw it, not when we read it.
    pub observed_at: Timestamp,
    pub severity: Severity,
    pub evidence: Evidence,
    pub source: Source,
    /// Who pressed "send" on it, and when, if a person did: that is the approval which mode `propose` waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_by: Option<String>,
}

impl Finding {
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.rule, &self.subject)
    }

    pub fn failed(&self) -> bool {
        self.verdict == Verdict::Failed
    }

    /// The name of the device check, if it is one.
    pub fn subject_check(&self) -> Option<&str> {
        match &self.subject {
            Subject::Device { check, .. } => Some(check),
            Subject::Resource { .. } => None,
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// A cloud resource, by the id the scanner uses: a bucket's name, `sg-…`, an access key id. Empty for a check of a whole account.
    Resource {
        resource: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
    },
    /// One check on one device of one person.
    Device {
        person: Person,
        device: String,
        check: String,
    },
}

impl Subject {
    pub fn resource(resource: impl Into<String>) -> Self {
        Self::Resource {
            resource: resource.into(),
            account: None,
            region: None,
        }
    }

    /// The parts that make two subjects the same one.
    pub(crate) fn key_parts(&self) -> Vec<&str> {
        match self {
            Self::Resource {
                resource,
                account,
                region,
            } => {
                vec![
                    "resource",
                    account.as_ref().map_or("", AccountId::as_str),
                    region.as_deref().unwrap_or(""),
                    resource,
                ]
            }
            Self::Device {
                person,
                device,
                check,
            } => vec!["device", person.as_str(), device, check],
        }
    }

    /// The person, if it is about one.
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Device { person, .. } => Some(person),
            Self::Resource { .. } => None,
        }
    }

    /// What identifies the thing itself, whichever rule speaks of it: account and resource, or account and region for a check of
    /// a whole account. Regions are left out beside a resource, since scanners name a bucket's now as its own and now as `global`.
    pub(crate) fn resource_key(&self) -> String {
        match self {
            Self::Resource {
                resource,
                account,
                region,
            } => {
                let account = account.as_ref().map_or("", AccountId::as_str);
                let which = if resource.is_empty() {
                    region.as_deref().unwrap_or_default()
                } else {
                    resource
                };
                format!("{account} {which}")
            }
            Self::Device { .. } => self.key_parts().join(" "),
        }
    }

    /// What a person looks for in the history: the e-mail address or the resource id. Personal data, like what it is made of.
    pub fn search_key(&self) -> &str {
        match self {
            Self::Device { person, .. } => person.as_str(),
            Self::Resource { resource, .. } => resource,
        }
    }
}

/// For logs and errors: persons are masked.
impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Resource { resource, .. } if resource.is_empty() => f.write_str("the account"),
            Self::Resource { resource, .. } => f.write_str(resource),
            Self::Device {
                person,
                device,
                check,
            } if device.is_empty() => write!(f, "{check} of {person}"),
            Self::Device {
                person,
                device,
                check,
            } => write!(f, "{check} on {device} of {person}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Failed,
    Passed,
}

#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Low,
    #[default]
    Medium,
    High,
    VeryHigh,
    Extreme,
}

/// What the source said about it. Everything here is data from outside: escape it wherever it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What the check is called where it comes from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actual: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// Whatever else a function may need: tags, extra data, links.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, serde_json::Value>,
}

/// The device as the posture log described it; any part may be unknown and is then empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// As the source writes it (`windows`, `Mac OS X`, `linux` …); [`Device::platform`] makes sense of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
}

/// The operating systems that guides are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    Windows,
    Macos,
    Linux,
    Ios,
    Android,
}

impl Platform {
    pub const ALL: [Self; 5] = [
        Self::Windows,
        Self::Macos,
        Self::Linux,
        Self::Ios,
        Self::Android,
    ];

    /// The name that guides carry in their file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Macos => "macos",
            Self::Linux => "linux",
            Self::Ios => "ios",
            Self::Android => "android",
        }
    }

    /// Makes sense of what logs call an operating system. `None` is honest: a guide for the wrong one is worse than one for all.
    pub fn recognise(os: &str) -> Option<Self> {
        let os = os.trim().to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| os.contains(word));
        // "darwin" holds "win", so the Apple names come first.
        if has(&["ipados", "iphone", "ipad"]) || os.starts_with("ios") {
            Some(Self::Ios)
        } else if has(&["mac", "darwin", "os x"]) {
            Some(Self::Macos)
        } else if has(&["android"]) {
            Some(Self::Android)
        } else if has(&["windows"]) || os.starts_with("win") {
            Some(Self::Windows)
        } else if has(&[
            "linux", "ubuntu", "debian", "fedora", "red hat", "rhel", "arch", "suse", "mint",
        ]) {
            Some(Self::Linux)
        } else {
            None
        }
    }
}

impl Device {
    pub fn platform(&self) -> Option<Platform> {
        Platform::recognise(&self.os).or_else(|| Platform::recognise(&self.os_version))
    }
}

/// Where a finding came from, exactly enough to find it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `posture`, `conformity`, …
    pub kind: String,
    /// `s3://bucket/key`, a file's path, a topic's ARN.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// Row in the object, counted from 1; 0 where there are no rows.
    #[serde(default)]
    pub row: u64,
    /// Byte offset of the row in the decompressed object.
    #[serde(default)]
    pub offset: u64,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.row {
            0 => f.write_str(&self.object),
            row => write!(f, "{} row {row}", self.object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operating_systems_are_recognised_by_the_names_that_logs_use() {
        let table = [
            ("windows", Some(Platform::Windows)),
            ("Windows 11 Pro", Some(Platform::Windows)),
            ("Darwin", Some(Platform::Macos)),
            ("Mac OS X", Some(Platform::Macos)),
            ("macOS 15.1", Some(Platform::Macos)),
            ("iOS 18.1", Some(Platform::Ios)),
            ("iPadOS", Some(Platform::Ios)),
            ("ANDROID", Some(Platform::Android)),
            ("Ubuntu 24.04", Some(Platform::Linux)),
            ("chromeos", None),
            ("", None),
        ];
        for (name, platform) in table {
            assert_eq!(Platform::recognise(name), platform, "{name}");
        }
    }

    #[test]
    fn a_subject_shows_no_address() {
        let subject = Subject::Device {
            person: Person::new("alice@example.com"),
            device: "DEV-1".into(),
            check: "firewall".into(),
        };
        assert_eq!(subject.to_string(), "firewall on DEV-1 of a…@example.com");
    }
}
