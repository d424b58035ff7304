//! A scanner's check, as Conformity (now Vision One Cloud Risk Management) publishes it.
//!
//! No schema is published; the shape is that of captured messages. So: unknown fields are ignored, numbers may be texts,
//! and only what is needed to know what failed, and whether, is required.

use std::collections::BTreeMap;

use jiff::Timestamp;
use remediate_core::arn::{self, Arn};
use remediate_core::{
    AccountId, Evidence, Finding, RuleId, Severity, SkipReason, Source, Subject, Verdict,
};
use serde_json::Value;

/// One check of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub finding: Finding,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckError {
    #[error("check: `ruleId` is no text")]
    NoRule,
    #[error("check of {rule}: `status` is {status}: expected FAILURE or SUCCESS")]
    NoVerdict { rule: String, status: String },
}

impl Check {
    /// Reads a check. `published` is when its envelope was sent: that is its age, since a check found long ago may well be sent today.
    ///
    /// # Errors
    /// When it says neither which rule nor whether it failed.
    pub fn parse(check: &Value, published: Option<Timestamp>) -> Result<Self, CheckError> {
        let text = |name: &str| {
            check
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let rule = Some(text("ruleId"))
            .filter(|rule| !rule.is_empty())
            .ok_or(CheckError::NoRule)?;
        let verdict = match text("status").to_uppercase().as_str() {
            "FAILURE" => Verdict::Failed,
            "SUCCESS" => Verdict::Passed,
            other => {
                let status = if other.is_empty() {
                    "missing".to_owned()
                } else {
                    format!("`{other}`")
                };
                return Err(CheckError::NoVerdict { rule, status });
            }
        };
        let resource = match check.get("resource") {
            Some(Value::String(resource)) => resource.trim().to_owned(),
            Some(Value::Number(resource)) => resource.to_string(),
            _ => String::new(),
        };
        let account = Some(text("cloudProviderId"))
            .filter(|id| !id.is_empty())
            .or_else(|| {
                let account = Arn::parse(&resource)?.account;
                arn::is_account(account).then(|| account.to_owned())
            });
        // The region that the ARN names is the one that is repaired in, and so the one that scopes have to see.
        let region = Arn::parse(&resource)
            .map(|arn| arn.region.to_owned())
            .filter(|region| !region.is_empty())
            .unwrap_or_else(|| arn::without_zone(&text("region")).to_owned());
        let subject = Subject::Resource {
            resource,
            account: account.map(AccountId::new),
            region: Some(region).filter(|region| !region.is_empty()),
        };
        let dates = [
            "lastModifiedDate",
            "lastStatusUpdateDate",
            "failureDiscoveryDate",
            "createdDate",
        ];
        let observed_at = published
            .or_else(|| {
                dates
                    .iter()
                    .filter_map(|name| timestamp(check.get(name)?))
                    .max()
            })
            .unwrap_or(Timestamp::UNIX_EPOCH);
        let kept = [
            "id",
            "accountId",
            "service",
            "tags",
            "extradata",
            "ccrn",
            "link",
            "resolutionPageUrl",
            "resolutionPageURL",
            "categories",
            "descriptorType",
            "eventId",
            "suppressed",
            "suppressed-until",
            "suppressedUntil",
            "ignored",
        ];
        let extra: BTreeMap<String, Value> = kept
            .iter()
            .filter_map(|name| {
                Some((
                    (*name).to_owned(),
                    check.get(name).filter(|value| !value.is_null())?.clone(),
                ))
            })
            .collect();
        let evidence = Evidence {
            title: text("ruleTitle"),
            message: text("message"),
            extra,
            ..Evidence::default()
        };
        let source = Source {
            kind: "conformity".to_owned(),
            object: text("id"),
            row: 0,
            offset: 0,
        };
        Ok(Self {
            finding: Finding {
                rule: RuleId::new(rule),
                subject,
                verdict,
                observed_at,
                severity: severity(&text("riskLevel")),
                evidence,
                source,
                sent_by: None,
            },
        })
    }
}

fn severity(level: &str) -> Severity {
    match level.to_uppercase().as_str() {
        "LOW" => Severity::Low,
        "HIGH" => Severity::High,
        "VERY_HIGH" => Severity::VeryHigh,
        "EXTREME" => Severity::Extreme,
        _ => Severity::Medium,
    }
}

/// Why nothing is done about a failure that somebody has accepted in the scanner, if somebody has.
pub(crate) fn accepted(finding: &Finding, now: Timestamp) -> Option<SkipReason> {
    let said = |name: &str| finding.evidence.extra.get(name);
    let is = |name: &str| match said(name) {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let until = ["suppressed-until", "suppressedUntil"]
        .iter()
        .find_map(|name| timestamp(said(name)?));
    let suppressed = is("suppressed") && until.is_none_or(|until| now < until);
    (finding.failed() && (suppressed || is("ignored"))).then_some(SkipReason::Suppressed { until })
}

/// A moment as RFC 3339 or as milliseconds since 1970, as a number or as a text.
pub(super) fn timestamp(value: &Value) -> Option<Timestamp> {
    let milliseconds = |number: i64| Timestamp::from_millisecond(number).ok();
    match value {
        Value::Number(number) => milliseconds(number.as_i64()?),
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| milliseconds(text.parse().ok()?)),
        _ => None,
    }
}
