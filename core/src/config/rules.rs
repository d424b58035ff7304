//! `rules.toml`: which rules are on, how far they may go, and what may come in.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scope::{CompiledScope, Globs};
use super::{ConfigError, Period, Problems};
use crate::arn::is_account;
use crate::finding::Finding;
use crate::id::{AccountId, FunctionName, RuleId};
use crate::rule::{self, Mode, Parameters};

/// `rules.toml` as it is written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    pub global: Global,
    pub intake: Intake,
    pub storm: Storm,
    /// One table per rule: `[rules."posture.firewall"]`.
    pub rules: BTreeMap<RuleId, RuleConfig>,
}

/// What holds for all rules.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Global {
    /// The AWS accounts whose resources may be repaired. A finding for any other is refused; an empty list refuses all of them.
    #[serde(default)]
    pub accounts: Vec<AccountId>,
    /// Scanners that name an account by an id of their own, as Conformity's older messages do: that id to the AWS account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scanner_accounts: BTreeMap<String, AccountId>,
    /// Findings observed longer ago than this change nothing.
    pub freshness: Period,
    /// How long the history is kept.
    pub retention: Period,
    /// The function that tells the security team about storms and the like.
    pub notices: FunctionName,
    /// While this stands, nothing acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Frozen>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// When it ends by itself: `2027-01-02T00:00:00Z`.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Shown with every finding that is held back.
    pub reason: String,
}

/// What may come in, and how much of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// The buckets whose objects are read as posture logs. Objects from any other are refused. `REMEDIATE_INTAKE_BUCKETS` overrides it (comma-separated).
    #[serde(default)]
    pub buckets: Vec<String>,
    /// Where snapshots of threats are put: `bucket` or `bucket/prefix`. A new object there is given to `enforce-ip-list` instead of being read as a posture log. `REMEDIATE_INTAKE_SNAPSHOTS` overrides it (comma-separated).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<String>,
    /// The longest row that is read, in bytes.
    pub max_row_bytes: u64,
    /// The most that one object may unpack to, in bytes.
    pub max_decompressed_bytes: u64,
    /// How many times its size an object may unpack to, counted once 64 MiB have come out.
    pub max_ratio: u32,
    /// Where the values are in rows of your own format. The formats `workshop` and `cloudflare` are known without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<FieldMap>,
}

/// JSON pointers (RFC 6901) into a row: `/user/mail`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldMap {
    /// The person's e-mail address.
    pub email: String,
    /// The name of the check.
    pub check: String,
    /// The verdict.
    pub passed: String,
    /// When it was checked: RFC 3339, or seconds, milli-, micro- or nanoseconds since 1970.
    pub timestamp: String,
    /// The type of the check, where names are free text.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub check_type: Option<String>,
    /// What identifies the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Its operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The version of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// What should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// What `passed` holds when the check passed, beside `true`; upper and lower case are the same.
    #[serde(default)]
    pub truthy: Vec<String>,
    /// What `passed` holds when the check failed, beside `false`.
    #[serde(default)]
    pub falsy: Vec<String>,
}

/// When so many people fail one check at once, the check is the likelier culprit: nothing of it is acted on, and the security team is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// The share of the people seen in one object, 0 to 1, above which a check is held back.
    pub max_share: f64,
    /// Objects that show fewer people than this are never a storm.
    pub min_people: u64,
}

/// One rule.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Whether the rule does anything at all.
    pub enabled: bool,
    /// What happens to a failure while it is on.
    pub mode: Mode,
    /// The remediation functions that its failures go to.
    pub functions: Vec<FunctionName>,
    /// The device checks that are this rule's (rules `posture.…` only).
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<Match>,
    /// Repairs started in any 60 minutes, one that then finds nothing to change included. Further ones are held back and recorded;
    /// `remediate send` starts them later. Of `threat.…`, addresses that are named one by one:
    /// what a sync may change, `[guards]` of networks.toml says.
    pub max_changes_per_hour: u32,
    /// What the repair can be told: `remediate rules show <rule>` lists it. What is not set has its default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Only what every given list matches.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub only: Scope,
    /// Nothing that any given list matches.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub except: Scope,
    /// What is left alone for a while, and on whose word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exemptions: Vec<Exemption>,
}

/// Which device checks belong to a rule. The type is asked first, since names are free text.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Check types, whole (`disk_encryption`); upper and lower case are the same.
    #[serde(default)]
    pub types: Vec<String>,
    /// Globs for check names. Before comparing, names are put in lower case and `_` and spaces become `-`. `*` alone makes the rule the catch-all.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Lists of globs: `*`, `?` and `[a-z]` stand for any character, `/` and `:` included; case does not matter. An empty list says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// AWS account numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// AWS regions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Resource ids. An ARN is also held against its account, region and name, whichever way the finding names the resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// `key=value`, both globs. `only` sees the tags that the scanner reported; `except` those that the resource has now, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// E-mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Device ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
}

impl Scope {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Somebody took responsibility for leaving this as it is, until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// A glob for the resource id, the person's e-mail address or the device id.
    pub subject: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day it holds, in UTC: `2027-01-31`.
    #[serde(with = "day")]
    #[schemars(with = "String")]
    pub until: Date,
}

/// A date written as a TOML date or as text.
mod day {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Date, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is no day: expected a text such as \"2027-01-31\""
            ))
        })
    }
}

/// `rules.toml`, found sound: what the gate works by.
#[derive(Debug)]
pub struct Rules {
    pub global: Global,
    pub intake: Intake,
    pub storm: Storm,
    rules: BTreeMap<RuleId, Rule>,
    /// The rules that match device checks, in the registry's order, and the catch-all.
    device_rules: Vec<RuleId>,
    catch_all: Option<RuleId>,
}

/// One rule with its globs compiled.
#[derive(Debug)]
pub struct Rule {
    pub config: RuleConfig,
    /// What is set, and the defaults of the rest.
    pub parameters: Parameters,
    types: Vec<String>,
    names: Globs,
    only: CompiledScope,
    except: CompiledScope,
    exemptions: Vec<(Globs, Exemption)>,
}

impl Rules {
    pub(super) fn validate(file: RulesFile, text: &str, path: &str) -> Result<Self, ConfigError> {
        let mut problems = Problems::new(path, text);
        check_globals(&file, &mut problems);
        let mut rules = BTreeMap::new();
        let mut catch_all = None;
        for (id, config) in &file.rules {
            check_rule(id, config, &mut problems);
            if let Some(rule) = Rule::compile(id, config, &mut problems) {
                if config
                    .matches
                    .as_ref()
                    .is_some_and(|matches| matches.names.iter().any(|name| name == "*"))
                    && let Some(other) = catch_all.replace(id.clone())
                {
                    problems.add(
                        &["rules", id.as_str(), "match"],
                        format!("`{other}` is the catch-all already; only one rule can match `*`"),
                    );
                }
                rules.insert(id.clone(), rule);
            }
        }
        problems.finish()?;
        let device_rules = rule::registry()
            .map(|spec| RuleId::from(spec.id))
            .filter(|id| catch_all.as_ref() != Some(id))
            .filter(|id| {
                rules
                    .get(id)
                    .is_some_and(|rule| rule.config.matches.is_some())
            })
            .collect();
        Ok(Self {
            global: file.global,
            intake: file.intake,
            storm: file.storm,
            rules,
            device_rules,
            catch_all,
        })
    }

    pub fn get(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&RuleId, &Rule)> {
        self.rules.iter()
    }

    /// The rule that a device check belongs to: by its type, else by its name, else the catch-all.
    pub fn for_check(&self, name: &str, check_type: &str) -> Option<&RuleId> {
        let check_type = check_type.to_lowercase();
        let name = normalised(name);
        let mut device_rules = self.device_rules.iter();
        let by_type = device_rules
            .clone()
            .find(|id| !check_type.is_empty() && self.rules[*id].types.contains(&check_type));
        by_type
            .or_else(|| device_rules.find(|id| self.rules[*id].names.is_match(&name)))
            .or(self.catch_all.as_ref())
    }
}

/// Check names as the globs see them.
fn normalised(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', ' '], "-")
}

impl Rule {
    fn compile(id: &RuleId, config: &RuleConfig, problems: &mut Problems<'_>) -> Option<Self> {
        let matches = config.matches.clone().unwrap_or_default();
        let names: Vec<String> = matches.names.iter().map(|name| normalised(name)).collect();
        let names = Globs::compile(&names, &["rules", id.as_str(), "match", "names"], problems)?;
        let only = CompiledScope::compile(&config.only, &["rules", id.as_str(), "only"], problems)?;
        let except =
            CompiledScope::compile(&config.except, &["rules", id.as_str(), "except"], problems)?;
        let mut exemptions = Vec::new();
        for exemption in &config.exemptions {
            let subject = Globs::compile(
                std::slice::from_ref(&exemption.subject),
                &["rules", id.as_str(), "exemptions"],
                problems,
            )?;
            exemptions.push((subject, exemption.clone()));
        }
        let types = matches
            .types
            .iter()
            .map(|name| name.to_lowercase())
            .collect();
        let specs = rule::spec(id.as_str()).map_or(&[][..], |spec| spec.parameters);
        let parameters = Parameters::new(specs, &config.parameters)
            .map_err(|error| {
                problems.add(&["rules", id.as_str(), "parameters"], error.to_string());
            })
            .ok()?;
        Some(Self {
            config: config.clone(),
            parameters,
            types,
            names,
            only,
            except,
            exemptions,
        })
    }

    /// Which of the scopes leaves the finding out, if one does.
    pub fn out_of_scope(&self, finding: &Finding) -> Option<String> {
        if let Some(list) = self.only.lacking(finding) {
            return Some(format!("only.{list}"));
        }
        self.except
            .matching(finding)
            .map(|list| format!("except.{list}"))
    }

    /// Whether `except.tags` leaves out a resource that has these tags, which its finding need not name.
    pub fn excepts_tags(&self, tags: &[(String, String)]) -> bool {
        self.except.has_tag(tags)
    }

    /// The exemption that holds for the finding now, with the moment it ends.
    pub fn exemption(&self, finding: &Finding, now: Timestamp) -> Option<(&Exemption, Timestamp)> {
        self.exemptions.iter().find_map(|(subject, exemption)| {
            let until = exemption
                .until
                .tomorrow()
                .ok()?
                .to_zoned(TimeZone::UTC)
                .ok()?
                .timestamp();
            (now < until && subject.names(&finding.subject)).then_some((exemption, until))
        })
    }
}

fn check_globals(file: &RulesFile, problems: &mut Problems<'_>) {
    for account in &file.global.accounts {
        if !is_account(account.as_str()) {
            problems.add(
                &["global", "accounts"],
                format!("`{account}` is no AWS account number: expected twelve digits"),
            );
        }
    }
    if !(0.0..=1.0).contains(&file.storm.max_share) {
        problems.add(
            &["storm", "max_share"],
            format!(
                "{} is no share: expected a number from 0 to 1",
                file.storm.max_share
            ),
        );
    }
    for (key, value) in [
        ("max_row_bytes", file.intake.max_row_bytes),
        ("max_decompressed_bytes", file.intake.max_decompressed_bytes),
        ("max_ratio", file.intake.max_ratio.into()),
    ] {
        if value == 0 {
            problems.add(
                &["intake", key],
                "0 would refuse everything: expected 1 or more".to_owned(),
            );
        }
    }
    if let Some(fields) = &file.intake.fields {
        let pointers = [
            &fields.email,
            &fields.check,
            &fields.passed,
            &fields.timestamp,
        ];
        let optional = [
            &fields.check_type,
            &fields.device,
            &fields.os,
            &fields.os_version,
            &fields.expected,
            &fields.actual,
        ];
        for pointer in pointers.into_iter().chain(optional.into_iter().flatten()) {
            if !pointer.starts_with('/') {
                problems.add(&["intake", "fields"], format!("`{pointer}` is no JSON pointer: expected it to begin with `/`, such as `/user/mail`"));
            }
        }
    }
}

fn check_rule(id: &RuleId, config: &RuleConfig, problems: &mut Problems<'_>) {
    let path = ["rules", id.as_str()];
    let Some(spec) = rule::spec(id.as_str()) else {
        problems.add(
            &path,
            format!("there is no rule `{id}`: `remediate rules list` shows those there are"),
        );
        return;
    };
    if config.functions.is_empty() {
        problems.add(
            &["rules", id.as_str(), "functions"],
            format!(
                "names no function: expected one or more of {}",
                spec.functions.join(", ")
            ),
        );
    }
    for function in &config.functions {
        if !spec.functions.contains(&function.as_str()) {
            problems.add(
                &["rules", id.as_str(), "functions"],
                format!(
                    "`{function}` does not serve this rule: expected one or more of {}",
                    spec.functions.join(", ")
                ),
            );
        }
    }
    if id.as_str().starts_with("posture.") && config.matches.is_none() {
        problems.add(
            &path,
            "has no `match`: expected `match = { types = […], names = […] }`".to_owned(),
        );
    }
    if !id.as_str().starts_with("posture.") && config.matches.is_some() {
        problems.add(
            &["rules", id.as_str(), "match"],
            "is for device checks alone: only rules `posture.…` have it".to_owned(),
        );
    }
    if id.as_str().starts_with("threat.") {
        let scopes = [
            ("only", !config.only.is_empty()),
            ("except", !config.except.is_empty()),
            ("exemptions", !config.exemptions.is_empty()),
        ];
        for (key, _) in scopes.into_iter().filter(|(_, is_set)| *is_set) {
            problems.add(
                &["rules", id.as_str(), key],
                "does not hold for addresses: whom nothing may be enforced against, `own` and `[[allow]]` in networks.toml say"
                    .to_owned(),
            );
        }
    }
    for exemption in &config.exemptions {
        if exemption.owner.trim().is_empty() || exemption.reason.trim().is_empty() {
            problems.add(
                &["rules", id.as_str(), "exemptions"],
                format!(
                    "the exemption of `{}` wants an owner and a reason",
                    exemption.subject
                ),
            );
        }
    }
}
