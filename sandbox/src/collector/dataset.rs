//! What the collector knows: records as text, ready to be told half a million times.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// The data set of the demo.
const EXAMPLE: &str = include_str!("../../../examples/threats-snapshot.json");
/// The keys of a record, and of the document around it, that hold a moment.
const MOMENTS: [&str; 4] = ["generated_at", "first_seen", "last_seen", "expires_at"];

/// One record: its JSON, and its score if it has a usable one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) json: Box<str>,
    pub(crate) score: Option<f64>,
}

/// Everything the collector knows at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Dataset {
    /// The document's own, if it names one.
    pub(crate) snapshot: Option<String>,
    pub(crate) generated_at: Option<Timestamp>,
    pub(crate) records: Vec<Record>,
}

/// The document as the sandbox reads it; what else is in it is not told.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    snapshot: Option<String>,
    #[serde(default)]
    generated_at: Option<Timestamp>,
    threats: Vec<Value>,
}

impl Dataset {
    /// Reads an array of records, or a document with `threats`.
    pub(crate) fn read(data: &Value) -> Result<Self, String> {
        let document = if data.is_array() {
            Document {
                snapshot: None,
                generated_at: None,
                threats: Vec::deserialize(data).map_err(|error| format!("threats: {error}"))?,
            }
        } else {
            Document::deserialize(data).map_err(|error| {
                format!("threats: expected an array of records, or an object with the array threats: {error}")
            })?
        };
        Ok(Self {
            snapshot: document.snapshot,
            generated_at: document.generated_at,
            records: document.threats.iter().map(record).collect(),
        })
    }

    /// The data set of the demo.
    pub(crate) fn example() -> Self {
        serde_json::from_str(EXAMPLE)
            .map_err(|error| error.to_string())
            .and_then(|document| Self::read(&document))
            .unwrap_or_default()
    }

    /// Moves every date along, so that the data set is as old as if it had been generated at `moment`.
    pub(crate) fn redate(&mut self, moment: Timestamp) {
        let Some(generated_at) = self.generated_at.replace(moment) else {
            return;
        };
        let by = moment.duration_since(generated_at);
        for known in &mut self.records {
            if MOMENTS.iter().any(|key| known.json.contains(key))
                && let Ok(mut value) = serde_json::from_str::<Value>(&known.json)
            {
                shift(&mut value, by);
                *known = record(&value);
            }
        }
    }
}

fn record(value: &Value) -> Record {
    Record {
        json: value.to_string().into_boxed_str(),
        score: value["score"].as_f64(),
    }
}

fn shift(record: &mut Value, by: SignedDuration) {
    for key in MOMENTS {
        let moved = record[key]
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
            .and_then(|at| at.checked_add(by).ok());
        if let (Some(at), Some(place)) = (moved, record.get_mut(key)) {
            *place = Value::String(format!("{at:.0}"));
        }
    }
}
