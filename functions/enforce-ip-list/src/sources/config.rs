//! How a source is written down: what it speaks, where it is, how its records become scores, what it may cost.

use std::collections::BTreeMap;
use std::time::Duration;

use remediate_core::config::Period;
use remediate_core::id::digest_hex;
use remediate_core::secret::SecretRef;
use reqwest::header::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// One source of threat data.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// What the source speaks.
    pub kind: Kind,
    /// Where it is. An address that ends with `/` is the server, and the path that the kind prescribes is added
    /// (`collector`: `ips`, `crowdsec`: `v1/decisions/stream`, `misp`: `attributes/restSearch`, `abuseipdb`:
    /// `api/v2/blacklist`); any other is asked as it stands. Its query is kept.
    #[schemars(with = "String")]
    pub url: Url,
    /// Where the token or key is kept. It is sent as the kind prescribes: `Authorization: Bearer` (`collector`, `stix`, feeds),
    /// `X-Api-Key` (`crowdsec`), `Key` (`abuseipdb`), `Authorization` as it is (`misp`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
    /// The header that carries the secret, as it is, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_header: Option<String>,
    /// With it the secret is a password and both go as HTTP basic authentication, as many TAXII servers want it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The score, 0 to 5, of records for which the source gives none. Lists of mere addresses (`plain`; `firehol` without a
    /// `level`) need it; `spamhaus-drop` counts as 5 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Which of the four FireHOL levels the list is: level 1 scores 4, 2 scores 3, 3 scores 2, 4 scores 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Scores by what the source says: the type of a decision (`crowdsec`: `ban`, `captcha`, `throttle`) or a tag (`misp`).
    /// They go before the built-in ones; a tag with 0 wins over all others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, f64>,
    /// How many records to ask for at a time (`collector`, `stix`, `misp`). A collector is asked for 5,000; the others for
    /// whatever they send by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// How long an answer stays good: before that the source is not asked again, however often a run asks. Without it 6 hours for
    /// `abuseipdb`, which gives a free account five downloads a day, 1 hour for `spamhaus-drop`, which asks for that, and no time
    /// for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Period>,
    /// How long the source may be silent, while connecting as well as while sending.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// How long everything together may take, all pages and retries included.
    #[serde(default = "default_time_limit")]
    pub time_limit: Period,
    /// A snapshot with fewer usable records is not believed. At least 1: an empty feed is never taken for an empty list.
    #[serde(default = "default_min_records")]
    pub min_records: u64,
    /// A snapshot with more records is not believed.
    #[serde(default = "default_max_records")]
    pub max_records: u64,
    /// A snapshot with more bytes, all pages together and unpacked, is not believed.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
    /// A snapshot of which a greater share, 0 to 1, has to be rejected is not believed. Ten rejected records are always tolerated.
    #[serde(default = "default_max_rejected")]
    pub max_rejected: f64,
}

/// What a source speaks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An Intelligence Collector: `GET /ips`, JSON records with `ip`, `score` 0–5, `sources`, `is_whitelisted`; paged.
    #[serde(alias = "workshop")]
    Collector,
    /// IPsum: `address<TAB>number of lists`. <https://github.com/stamparm/ipsum>
    Ipsum,
    /// A FireHOL `.netset` or `.ipset`. <https://iplists.firehol.org>
    Firehol,
    /// One address or network a line; comments begin with `#` or `;`.
    Plain,
    /// Spamhaus DROP as JSON lines: `drop_v4.json`, `drop_v6.json`. <https://www.spamhaus.org/blocklists/do-not-route-or-peer/>
    SpamhausDrop,
    /// AbuseIPDB's blacklist. <https://docs.abuseipdb.com/#blacklist-endpoint>
    Abuseipdb,
    /// The decisions of a CrowdSec Local API. <https://docs.crowdsec.net/docs/local_api/bouncers/>
    Crowdsec,
    /// Indicators in STIX 2.1: a bundle, or the objects of a TAXII 2.1 collection.
    Stix,
    /// Attributes of a MISP instance: `POST /attributes/restSearch`.
    Misp,
}

impl Kind {
    /// As it stands in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Ipsum => "ipsum",
            Self::Firehol => "firehol",
            Self::Plain => "plain",
            Self::SpamhausDrop => "spamhaus-drop",
            Self::Abuseipdb => "abuseipdb",
            Self::Crowdsec => "crowdsec",
            Self::Stix => "stix",
            Self::Misp => "misp",
        }
    }

    fn is_paged(self) -> bool {
        matches!(self, Self::Collector | Self::Stix | Self::Misp)
    }

    fn needs_secret(self) -> bool {
        matches!(self, Self::Abuseipdb | Self::Crowdsec | Self::Misp)
    }
}

/// What is wrong with one key of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key below the source: `url`, `level`.
    pub key: &'static str,
    /// What is wrong with it and what was expected.
    pub message: String,
}

fn default_timeout() -> Period {
    Period::from_secs(15)
}

fn default_time_limit() -> Period {
    Period::from_secs(120)
}

fn default_min_records() -> u64 {
    1
}

/// Four times what an Enterprise account's lists hold: lower scores that do not fit are left out later, with a word about it.
fn default_max_records() -> u64 {
    2_000_000
}

/// A collector's record has 120 to 250 bytes.
fn default_max_bytes() -> u64 {
    512 << 20
}

fn default_max_rejected() -> f64 {
    0.2
}

impl SourceConfig {
    /// A source that needs no more than an address; everything else as it is where the configuration says nothing.
    pub fn new(kind: Kind, url: Url) -> Self {
        Self {
            kind,
            url,
            secret: None,
            secret_header: None,
            username: None,
            score: None,
            level: None,
            scores: BTreeMap::new(),
            page_size: None,
            every: None,
            timeout: default_timeout(),
            time_limit: default_time_limit(),
            min_records: default_min_records(),
            max_records: default_max_records(),
            max_bytes: default_max_bytes(),
            max_rejected: default_max_rejected(),
        }
    }

    /// How long an answer stays good.
    pub(super) fn every(&self) -> Duration {
        self.every.map_or_else(
            || match self.kind {
                Kind::Abuseipdb => Duration::from_secs(6 * 60 * 60),
                Kind::SpamhausDrop => Duration::from_secs(60 * 60),
                Kind::Collector
                | Kind::Ipsum
                | Kind::Firehol
                | Kind::Plain
                | Kind::Crowdsec
                | Kind::Stix
                | Kind::Misp => Duration::ZERO,
            },
            Period::get,
        )
    }

    /// Stands for everything that decides what records an answer turns into; `name` is what its records' source is called.
    pub(super) fn reading(&self, name: &str) -> String {
        let number = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
        let level = self.level.map(f64::from);
        let mut parts = vec![
            "reading of a source".to_owned(),
            name.to_owned(),
            self.kind.name().to_owned(),
            self.url.to_string(),
            number(self.score),
            number(level),
        ];
        for (name, score) in &self.scores {
            parts.extend([name.clone(), score.to_string()]);
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        digest_hex(&parts)
    }

    /// Everything that cannot work, each with its key; empty if nothing.
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut add = |key, message: String| problems.push(ConfigProblem { key, message });
        self.check_address(&mut add);
        self.check_secret(&mut add);
        self.check_scores(&mut add);
        self.check_limits(&mut add);
        problems
    }

    fn check_address(&self, add: &mut impl FnMut(&'static str, String)) {
        if !matches!(self.url.scheme(), "https" | "http") || self.url.host_str().is_none() {
            add(
                "url",
                "is no address of a server: expected `https://…`".to_owned(),
            );
        }
        // Not shown, since it holds a password.
        if !self.url.username().is_empty() || self.url.password().is_some() {
            add(
                "url",
                "holds credentials: put the name into `username` and a reference to the password into `secret`"
                    .to_owned(),
            );
        }
    }

    fn check_secret(&self, add: &mut impl FnMut(&'static str, String)) {
        let kind = self.kind.name();
        if self.secret.is_none() {
            if self.kind.needs_secret() {
                add(
                    "secret",
                    format!("is missing: {kind} answers nobody without a key"),
                );
            }
            if self.username.is_some() {
                add(
                    "username",
                    "needs a `secret`, its password, beside it".to_owned(),
                );
            }
            if self.secret_header.is_some() {
                add("secret_header", "has no `secret` to carry".to_owned());
            }
        }
        if self.username.is_some() && self.secret_header.is_some() {
            add(
                "secret_header",
                "cannot stand beside `username`: basic authentication has its own header"
                    .to_owned(),
            );
        }
        if let Some(header) = &self.secret_header
            && header.parse::<HeaderName>().is_err()
        {
            add(
                "secret_header",
                format!("`{header}` is no name of a header: expected such as `X-Api-Key`"),
            );
        }
    }

    fn check_scores(&self, add: &mut impl FnMut(&'static str, String)) {
        let kind = self.kind.name();
        let fits = |score: f64| (0.0..=5.0).contains(&score);
        if let Some(score) = self.score
            && !fits(score)
        {
            add("score", format!("`{score}` is no score: expected 0 to 5"));
        }
        for (name, score) in &self.scores {
            if !fits(*score) {
                add(
                    "scores",
                    format!("`{name}` has `{score}`, which is no score: expected 0 to 5"),
                );
            }
        }
        if !self.scores.is_empty() && !matches!(self.kind, Kind::Crowdsec | Kind::Misp) {
            add(
                "scores",
                format!("means nothing to {kind}: expected only with crowdsec and misp"),
            );
        }
        match (self.kind, self.level) {
            (Kind::Firehol, Some(1..=4)) => {}
            (Kind::Firehol, Some(level)) => {
                add("level", format!("`{level}` is no level: expected 1 to 4"));
            }
            (Kind::Firehol, None) if self.score.is_none() => add(
                "level",
                "is missing: a FireHOL list needs a `level` (1 to 4) or a `score`".to_owned(),
            ),
            (_, Some(_)) => add(
                "level",
                format!("means nothing to {kind}: expected only with firehol"),
            ),
            (_, None) => {}
        }
        if self.kind == Kind::Plain && self.score.is_none() {
            add(
                "score",
                "is missing: a list of mere addresses does not say how bad they are".to_owned(),
            );
        }
    }

    fn check_limits(&self, add: &mut impl FnMut(&'static str, String)) {
        for (key, period) in [("timeout", self.timeout), ("time_limit", self.time_limit)] {
            if period.get().is_zero() {
                add(
                    key,
                    "0 would fail every call: expected such as `15s`".to_owned(),
                );
            }
        }
        if self.min_records == 0 {
            add(
                "min_records",
                "0 would take an empty feed for an empty list: expected 1 or more".to_owned(),
            );
        }
        if self.max_records < self.min_records {
            add(
                "max_records",
                format!("is less than `min_records`, {}", self.min_records),
            );
        }
        if self.max_bytes == 0 {
            add("max_bytes", "0 would refuse every snapshot".to_owned());
        }
        if !(0.0..=1.0).contains(&self.max_rejected) {
            add(
                "max_rejected",
                format!(
                    "`{}` is no share: expected 0 to 1, such as 0.2",
                    self.max_rejected
                ),
            );
        }
        match self.page_size {
            Some(0) => add(
                "page_size",
                "0 would ask for nothing: expected 1 or more".to_owned(),
            ),
            Some(_) if !self.kind.is_paged() => add(
                "page_size",
                format!(
                    "means nothing to {}, which comes in one piece",
                    self.kind.name()
                ),
            ),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(kind: Kind) -> SourceConfig {
        SourceConfig::new(kind, "https://feeds.example.com/".parse().unwrap())
    }

    fn keys(config: &SourceConfig) -> Vec<&'static str> {
        config.problems().iter().map(|p| p.key).collect()
    }

    #[test]
    fn given_only_kind_and_url_then_a_collector_is_complete() {
        let config: SourceConfig = serde_json::from_str(
            r#"{"kind":"collector","url":"https://collector.example.com/","secret":"env:COLLECTOR_TOKEN"}"#,
        )
        .unwrap();
        assert_eq!(config.problems(), []);
        assert_eq!(config.min_records, 1);
    }

    #[test]
    fn given_a_misspelt_key_then_it_is_refused() {
        let error = serde_json::from_str::<SourceConfig>(
            r#"{"kind":"ipsum","url":"https://x.example/","min_record":5}"#,
        )
        .unwrap_err();
        assert!(error.to_string().contains("min_record"), "{error}");
    }

    #[test]
    fn given_a_pasted_key_then_it_is_refused_and_not_repeated() {
        let error = serde_json::from_str::<SourceConfig>(
            r#"{"kind":"abuseipdb","url":"https://x.example/","secret":"ab12cd34"}"#,
        )
        .unwrap_err();
        assert!(!error.to_string().contains("ab12cd34"), "{error}");
    }

    #[test]
    fn given_a_kind_that_answers_nobody_without_a_key_then_the_secret_is_asked_for() {
        for kind in [Kind::Abuseipdb, Kind::Crowdsec, Kind::Misp] {
            assert_eq!(keys(&source(kind)), ["secret"], "{kind:?}");
        }
    }

    #[test]
    fn given_a_list_of_mere_addresses_then_its_score_is_asked_for() {
        assert_eq!(keys(&source(Kind::Plain)), ["score"]);
        assert_eq!(keys(&source(Kind::Firehol)), ["level"]);
        let mut firehol = source(Kind::Firehol);
        firehol.level = Some(5);
        assert_eq!(keys(&firehol), ["level"]);
        firehol.level = Some(4);
        assert_eq!(firehol.problems(), []);
    }

    #[test]
    fn given_values_that_cannot_work_then_each_is_named() {
        let mut config = source(Kind::Ipsum);
        config.url = "https://me:pw@feeds.example.com/ipsum.txt".parse().unwrap();
        config.score = Some(f64::NAN);
        config.level = Some(1);
        config.scores.insert("ban".to_owned(), 4.0);
        config.page_size = Some(10);
        config.min_records = 0;
        config.max_rejected = 1.5;
        config.timeout = Period::from_secs(0);
        config.username = Some("me".to_owned());
        assert_eq!(
            keys(&config),
            [
                "url",
                "username",
                "score",
                "scores",
                "level",
                "timeout",
                "min_records",
                "max_rejected",
                "page_size"
            ]
        );
        assert!(
            config.problems().iter().all(|p| !p.message.contains("pw")),
            "a password is shown"
        );
    }
}
