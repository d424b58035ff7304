//! What the tests of this crate share.

use std::path::Path;

use jiff::Timestamp;
use remediate_core::config::{Config, ConfigFiles};
use remediate_core::finding::{Evidence, Finding, Severity, Source, Subject, Verdict};
use remediate_core::id::Person;

pub(crate) const ALICE: &str = "alice@example.com";

pub(crate) const PEOPLE: &str = r#"
[defaults]
language = "en"

[people."alice@example.com"]
name = "Alice"
telegram_chat = 1001
"#;

pub(crate) const TELEGRAM: &str = "team_chat = -1001234567890";

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

pub(crate) fn finding(rule: &str, device: &str, second: i64, failed: bool) -> Finding {
    Finding {
        rule: rule.into(),
        subject: Subject::Device {
            person: Person::new(ALICE),
            device: device.to_owned(),
            check: format!("{}_check", rule.trim_start_matches("posture.")),
        },
        verdict: if failed {
            Verdict::Failed
        } else {
            Verdict::Passed
        },
        observed_at: at(second),
        severity: Severity::Medium,
        evidence: Evidence {
            expected: "enabled".to_owned(),
            actual: "disabled".to_owned(),
            ..Evidence::default()
        },
        source: Source::default(),
        sent_by: None,
    }
}

fn services(telegram: &str) -> String {
    format!(
        r##"
[telegram]
api_url = "https://api.telegram.org"
bot_token = "env:NO_SUCH_VARIABLE"
renotify_after = "24h"
timeout = "2s"
{telegram}
[jira]
deployment = "cloud"
api_token = "env:NO_SUCH_VARIABLE"
project = "SEC"
issue_type = "Task"
assign = false
reopen_within = "7d"
comment_every = "24h"
search_lag = "60s"
timeout = "15s"
[help]
contact = "#it-help"
url = "https://help.example.com/"
[guides]
"##
    )
}

/// A configuration with these people and additions to `[telegram]`, and the guides of the repository if wanted.
pub(crate) fn config(people: &str, telegram: &str, guides: &[(&str, &str)]) -> Config {
    let mut files = ConfigFiles::default();
    let rules = include_str!("../../../config/rules.toml");
    for (path, text) in [
        ("rules.toml", rules),
        ("people.toml", people),
        ("services.toml", &services(telegram)),
    ] {
        files.replace(path, text.to_owned(), "test");
    }
    for (path, text) in guides {
        files.replace(&format!("guides/{path}"), (*text).to_owned(), "test");
    }
    Config::load(&files, &|_| None).unwrap()
}

pub(crate) fn config_with_guides(guides: &[(&str, &str)]) -> Config {
    config(PEOPLE, TELEGRAM, guides)
}

fn read_guides() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/guides");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            found.push((
                format!("{}/{}", name(&folder), name(&file)),
                std::fs::read_to_string(&file).unwrap(),
            ));
        }
    }
    found
}

/// The guides that are shipped, with people and services for tests.
pub(crate) fn shipped(people: &str, telegram: &str) -> Config {
    let guides = read_guides();
    let guides: Vec<_> = guides
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    config(people, telegram, &guides)
}

pub(crate) fn shipped_config() -> Config {
    shipped(PEOPLE, TELEGRAM)
}
