//! What starts a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What starts a run: the JSON that the Lambda function is invoked with.
///
/// ```json
/// {"kind":"sync"}
/// {"kind":"snapshot","bucket":"threats","key":"2026/01/02.json","version_id":"3sL4…"}
/// {"kind":"address","ip":"198.51.100.7","score":5,"reason":"credential stuffing","expires_at":"2026-01-02T00:00:00Z","source":"soc"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    /// Ask the collector and bring the lists in line. EventBridge's scheduled event means the same.
    Sync,
    /// A snapshot lies in S3; it takes the place of the one that was pushed before.
    Snapshot {
        bucket: String,
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version_id: Option<String>,
    },
    /// One address is to be enforced now, whatever the collector says of it later.
    Address(Address),
}

/// One address that somebody, or something, names by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// An address or a network: `203.0.113.7`, `203.0.113.0/24`.
    pub ip: String,
    /// 0 to 5, like a collector's.
    pub score: f64,
    /// Why; shown by `remediate threats check` and kept in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends by itself; without it after the time that the level has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Why an invocation is no trigger.
#[derive(Debug, thiserror::Error)]
#[error(
    "the event is no trigger: {reason}; expected {{\"kind\":\"sync\"}}, {{\"kind\":\"snapshot\",\"bucket\":…,\"key\":…}}, {{\"kind\":\"address\",\"ip\":…,\"score\":…}} or EventBridge's scheduled event"
)]
pub struct NotATrigger {
    reason: String,
}

impl Trigger {
    /// Reads an event: one of ours, or EventBridge's scheduled one
    /// (<https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-eventbridge-scheduled-event.html>).
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_event(event: &Value) -> Result<Self, NotATrigger> {
        let scheduled = event.get("source").and_then(Value::as_str) == Some("aws.events")
            || event.get("detail-type").and_then(Value::as_str) == Some("Scheduled Event");
        if scheduled && event.get("kind").is_none() {
            return Ok(Self::Sync);
        }
        serde_json::from_value(event.clone()).map_err(|error| NotATrigger {
            reason: error.to_string(),
        })
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sync => f.write_str("sync"),
            Self::Snapshot { bucket, key, .. } => write!(f, "snapshot s3://{bucket}/{key}"),
            Self::Address(address) => write!(f, "address {}", address.ip),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn given_the_three_kinds_when_an_event_is_read_then_each_is_itself() {
        let snapshot = json!({"kind": "snapshot", "bucket": "b", "key": "k"});
        assert!(matches!(
            Trigger::from_event(&snapshot).unwrap(),
            Trigger::Snapshot {
                version_id: None,
                ..
            }
        ));
        let address = json!({"kind": "address", "ip": "198.51.100.7", "score": 4, "expires_at": "2026-01-02T00:00:00Z"});
        assert!(matches!(
            Trigger::from_event(&address).unwrap(),
            Trigger::Address(Address { ref ip, expires_at: Some(_), .. }) if ip == "198.51.100.7"
        ));
        assert_eq!(
            Trigger::from_event(&json!({"kind": "sync"})).unwrap(),
            Trigger::Sync
        );
    }

    #[test]
    fn given_eventbridges_scheduled_event_when_it_is_read_then_it_is_a_sync() {
        let event = json!({
            "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "123456789012", "time": "2026-01-02T00:00:00Z",
            "region": "eu-central-1", "resources": ["arn:aws:events:eu-central-1:123456789012:rule/sync"], "detail": {},
        });
        assert_eq!(Trigger::from_event(&event).unwrap(), Trigger::Sync);
    }

    #[test]
    fn given_anything_else_when_it_is_read_then_the_error_says_what_was_expected() {
        let error = Trigger::from_event(&json!({"kind": "purge"}))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("purge") && error.contains("\"kind\":\"sync\""),
            "{error}"
        );
    }
}
