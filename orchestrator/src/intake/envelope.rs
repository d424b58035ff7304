//! Envelopes: whatever brings a failure here, told apart by its shape.
//!
//! | shape | from |
//! |---|---|
//! | `Records[].Sns` | SNS, direct |
//! | `Records[].body` | SQS; inside: SNS with its envelope, SNS raw, S3, R2, EventBridge |
//! | `Records[].s3` | S3, direct or inside any of the above |
//! | `detail-type: Object Created` | EventBridge |
//! | `{account, action, bucket, object{key}}` | R2 |
//! | `ruleId` | a scanner's check |
//! | `ip` and `score` | one hostile address, to be enforced at once |

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

use super::check::{self, Check};

/// What one message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Notification {
    /// There is a new object to read.
    Object(ObjectRef),
    /// A scanner's verdict.
    Check(Box<Check>),
    /// One hostile address.
    Threat(Threat),
    /// Nothing to do: recorded and acknowledged.
    Nothing {
        about: String,
        because: &'static str,
    },
}

/// One address with its score, as somebody reports it. What may be enforced of it, its function decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Threat {
    /// An address or a network.
    pub ip: String,
    /// 0 to 5.
    pub score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// An object in a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectRef {
    pub bucket: String,
    /// Decoded.
    pub key: String,
    pub version: Option<String>,
    pub etag: Option<String>,
    /// In bytes, if the notification says.
    pub size: Option<u64>,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Why an envelope could not be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    #[error("message is neither JSON nor a known text: {0}")]
    NotJson(String),
    #[error(
        "message has no shape that is known here: it is {0}; known are SNS, SQS, S3, EventBridge and R2 notifications, scanner checks and hostile addresses"
    )]
    UnknownShape(String),
    #[error("{shape} lacks `{field}`")]
    Lacks {
        shape: &'static str,
        field: &'static str,
    },
    #[error("envelopes are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error(transparent)]
    Check(#[from] check::CheckError),
}

/// One record of a delivery: what can be acknowledged or given back for itself.
#[derive(Debug, PartialEq)]
pub struct Record {
    /// The queue's message id; direct invocations have none.
    pub id: Option<String>,
    pub receipt: Option<String>,
    pub content: Result<Vec<Notification>, EnvelopeError>,
}

/// SQS in SNS in S3 is three deep; nobody sends more.
const MAX_DEPTH: u8 = 5;
const S3_RECORD: &str = "the S3 record";

/// Opens what the function was invoked with.
pub fn open(event: &Value) -> Vec<Record> {
    let queued = |record: &Value| record.get("messageId").is_some() && record.get("body").is_some();
    match event.get("Records").and_then(Value::as_array) {
        Some(records) if records.iter().any(queued) => records.iter().map(open_queued).collect(),
        _ => vec![Record {
            id: None,
            receipt: None,
            content: unwrap(event, None, 0),
        }],
    }
}

fn open_queued(record: &Value) -> Record {
    let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
    let sent = record
        .pointer("/attributes/SentTimestamp")
        .and_then(check::timestamp);
    let content = match text("body") {
        Some(body) => unwrap_text(&body, sent, 0),
        None => Err(EnvelopeError::Lacks {
            shape: "the SQS record",
            field: "body",
        }),
    };
    Record {
        id: text("messageId"),
        receipt: text("receiptHandle"),
        content,
    }
}

/// Opens one message's text.
///
/// # Errors
/// When it has no known shape.
pub fn unwrap_text(
    text: &str,
    published: Option<Timestamp>,
    depth: u8,
) -> Result<Vec<Notification>, EnvelopeError> {
    let trimmed = text.trim().trim_start_matches('\u{feff}');
    match serde_json::from_str::<Value>(trimmed) {
        Ok(Value::String(inner)) if depth < MAX_DEPTH => unwrap_text(&inner, published, depth + 1),
        Ok(value) => unwrap(&value, published, depth),
        Err(_) if trimmed.to_lowercase().starts_with("test message") => {
            Ok(vec![Notification::Nothing {
                about: "test message".to_owned(),
                because: "the scanner announces its channel",
            }])
        }
        Err(error) => Err(EnvelopeError::NotJson(error.to_string())),
    }
}

fn unwrap(
    value: &Value,
    published: Option<Timestamp>,
    depth: u8,
) -> Result<Vec<Notification>, EnvelopeError> {
    if depth >= MAX_DEPTH {
        return Err(EnvelopeError::TooDeep);
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(records) = value.get("Records").and_then(Value::as_array) {
        return records
            .iter()
            .map(|record| unwrap_record(record, published, depth))
            .collect::<Result<Vec<_>, _>>()
            .map(|lists| lists.concat());
    }
    if let Some(message) = text("Message")
        .filter(|_| text("Type") == Some("Notification") || value.get("TopicArn").is_some())
    {
        let published = value
            .get("Timestamp")
            .and_then(check::timestamp)
            .or(published);
        return match text("Type") {
            Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
                Ok(vec![Notification::Nothing {
                    about: "SNS confirmation".to_owned(),
                    because: "subscriptions are confirmed by the template",
                }])
            }
            _ => unwrap_text(message, published, depth + 1),
        };
    }
    if text("Event") == Some("s3:TestEvent") {
        let about = format!("s3:TestEvent of {}", text("Bucket").unwrap_or("a bucket"));
        return Ok(vec![Notification::Nothing {
            about,
            because: "S3 announces its notifications",
        }]);
    }
    if value.get("detail-type").is_some() {
        return event_bridge(value).map(|notification| vec![notification]);
    }
    if value.get("action").is_some() && value.get("object").is_some() {
        return r2(value).map(|notification| vec![notification]);
    }
    if value.get("ruleId").is_some() {
        return Ok(vec![Notification::Check(Box::new(Check::parse(
            value, published,
        )?))]);
    }
    if let (Some(ip), Some(score)) = (text("ip"), value.get("score")) {
        let score = score
            .as_f64()
            .or_else(|| score.as_str()?.trim().parse().ok())
            .ok_or(EnvelopeError::Lacks {
                shape: "the hostile address",
                field: "score (a number)",
            })?;
        return Ok(vec![Notification::Threat(Threat {
            ip: ip.to_owned(),
            score,
            reason: optional(value.get("reason")),
            expires_at: optional(value.get("expires_at")),
            source: optional(value.get("source")),
        })]);
    }
    Err(EnvelopeError::UnknownShape(described(value)))
}

fn unwrap_record(
    record: &Value,
    published: Option<Timestamp>,
    depth: u8,
) -> Result<Vec<Notification>, EnvelopeError> {
    if let Some(s3) = record.get("s3") {
        return s3_record(record, s3).map(|notification| vec![notification]);
    }
    if let Some(sns) = record.get("Sns") {
        let message = sns
            .get("Message")
            .and_then(Value::as_str)
            .ok_or(EnvelopeError::Lacks {
                shape: "the SNS record",
                field: "Message",
            })?;
        let published = sns
            .get("Timestamp")
            .and_then(check::timestamp)
            .or(published);
        return unwrap_text(message, published, depth + 1);
    }
    if let Some(body) = record.get("body").and_then(Value::as_str) {
        return unwrap_text(body, published, depth + 1);
    }
    Err(EnvelopeError::UnknownShape(described(record)))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
fn s3_record(record: &Value, s3: &Value) -> Result<Notification, EnvelopeError> {
    let lacks = |field| EnvelopeError::Lacks {
        shape: S3_RECORD,
        field,
    };
    let bucket = s3
        .pointer("/bucket/name")
        .and_then(Value::as_str)
        .ok_or_else(|| lacks("s3.bucket.name"))?;
    let key = s3
        .pointer("/object/key")
        .and_then(Value::as_str)
        .ok_or_else(|| lacks("s3.object.key"))?;
    let object = ObjectRef {
        bucket: bucket.to_owned(),
        key: form_decoded(key),
        version: optional(s3.pointer("/object/versionId")),
        etag: optional(s3.pointer("/object/eTag")),
        size: s3.pointer("/object/size").and_then(number),
    };
    let event = record
        .get("eventName")
        .and_then(Value::as_str)
        .unwrap_or("ObjectCreated:");
    Ok(created(
        object,
        event.trim_start_matches("s3:").starts_with("ObjectCreated"),
    ))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>; the key is not encoded there.
fn event_bridge(event: &Value) -> Result<Notification, EnvelopeError> {
    let lacks = |field| EnvelopeError::Lacks {
        shape: "the EventBridge event",
        field,
    };
    let kind = event
        .get("detail-type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if event.get("source").and_then(Value::as_str) != Some("aws.s3") {
        return Err(EnvelopeError::UnknownShape(format!(
            "an EventBridge event `{kind}`"
        )));
    }
    let detail = event.get("detail").ok_or_else(|| lacks("detail"))?;
    let object = ObjectRef {
        bucket: optional(detail.pointer("/bucket/name"))
            .ok_or_else(|| lacks("detail.bucket.name"))?,
        key: optional(detail.pointer("/object/key")).ok_or_else(|| lacks("detail.object.key"))?,
        version: optional(detail.pointer("/object/version-id")),
        etag: optional(detail.pointer("/object/etag")),
        size: detail.pointer("/object/size").and_then(number),
    };
    Ok(created(object, kind == "Object Created"))
}

/// <https://developers.cloudflare.com/r2/buckets/event-notifications/>; the key is not encoded there.
fn r2(message: &Value) -> Result<Notification, EnvelopeError> {
    let lacks = |field| EnvelopeError::Lacks {
        shape: "the R2 notification",
        field,
    };
    let object = ObjectRef {
        bucket: optional(message.get("bucket")).ok_or_else(|| lacks("bucket"))?,
        key: optional(message.pointer("/object/key")).ok_or_else(|| lacks("object.key"))?,
        version: None,
        etag: optional(message.pointer("/object/eTag")),
        size: message.pointer("/object/size").and_then(number),
    };
    let action = message
        .get("action")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(created(
        object,
        matches!(
            action,
            "PutObject" | "CopyObject" | "CompleteMultipartUpload"
        ),
    ))
}

/// Sorts out the objects that hold no log.
fn created(object: ObjectRef, is_created: bool) -> Notification {
    let file = object.key.rsplit('/').next().unwrap_or_default();
    let because = if !is_created {
        "not the creation of an object"
    } else if object.key.ends_with('/') {
        "a folder marker"
    } else if object.size == Some(0) {
        "an empty object"
    } else if file.starts_with("ownership-challenge") {
        "Logpush proves that the bucket is its own"
    } else {
        return Notification::Object(object);
    };
    Notification::Nothing {
        about: object.to_string(),
        because,
    }
}

/// S3 encodes keys as a form does: a space is `+`, a plus is `%2B`.
fn form_decoded(key: &str) -> String {
    let spaces = key.replace('+', " ");
    percent_decode_str(&spaces).decode_utf8_lossy().into_owned()
}

fn optional(value: Option<&Value>) -> Option<String> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty() && *text != "null")
        .map(str::to_owned)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// What a value looks like, without its content: it may hold personal data.
fn described(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&str> = members.keys().map(String::as_str).take(12).collect();
            names.sort_unstable();
            format!(
                "an object with {}",
                if names.is_empty() {
                    "no members".to_owned()
                } else {
                    names.join(", ")
                }
            )
        }
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::String(_) => "a text".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Null => "null".to_owned(),
    }
}
