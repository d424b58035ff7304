//! A scanner's check, as Conformity (now Vision One Cloud Risk Management) publishes it.
//!
//! No schema is published; the shape is that of captured messages. So: unknown fields are ignored, numbers may be texts,
//! and only what is needed to know what failed, and whether, is required.

use std::collections::BTreeMap;

use jiff::Timestamp;
use remediate_core::{AccountId, Evidence, Finding, RuleId, Severity, Source, Subject, Verdict};
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
            Some(Value::String(resource)) => resource.clone(),
            Some(Value::Number(resource)) => resource.to_string(),
            _ => String::new(),
        };
        let account = Some(text("cloudProviderId"))
            .filter(|id| !id.is_empty())
            .or_else(|| arn_account(&resource));
        let subject = Subject::Resource {
            resource,
            account: account.map(AccountId::new),
            region: Some(text("region")).filter(|region| !region.is_empty()),
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

fn arn_account(resource: &str) -> Option<String> {
    let account = resource.strip_prefix("arn:")?.split(':').nth(3)?;
    (account.len() == 12).then(|| account.to_owned())
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
