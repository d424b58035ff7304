//! The collector: its token, its data, and the ways in which it may mislead.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dataset::Dataset;

/// The default collector's bearer token.
pub const DEFAULT_COLLECTOR_TOKEN: &str = "sandbox-collector-token";

/// Everything about the Intelligence Collector that can be set. Every key may also be changed while the sandbox runs:
/// `POST /_sandbox/collector`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectorConfig {
    /// The bearer token that `/ips` asks for; `null` asks for none.
    pub token: Option<String>,
    /// What it knows: an array of records, or a snapshot document with `threats`. `null` is
    /// `examples/threats-snapshot.json`. Records are told as they are, wrong ones too.
    pub threats: Option<Value>,
    /// Moves the dates of the records along, so that `generated_at` is the moment the data were set, less `age_s`.
    /// `false` tells them as they stand, from the next data set on.
    pub redate: bool,
    /// How old the snapshot is, in seconds.
    pub age_s: u64,
    /// Records on a page when the client names no number.
    pub default_limit: usize,
    /// Most records on a page; more are not refused but cut down to this.
    pub max_limit: usize,
    /// The outer shape of an answer.
    pub shape: Shape,
    /// Tells only this share of the records, in per cent, as if the collector had lost the others.
    pub keep_percent: u8,
    /// Added to the true `total`.
    pub total_off_by: i64,
    /// Every page tells another snapshot.
    pub restless: bool,
}

impl Default for CollectorConfig {
    fn default() -> Self {
        Self {
            token: Some(DEFAULT_COLLECTOR_TOKEN.into()),
            threats: None,
            redate: true,
            age_s: 0,
            default_limit: 1_000,
            max_limit: 5_000,
            shape: Shape::Snapshot,
            keep_percent: 100,
            total_off_by: 0,
            restless: false,
        }
    }
}

impl CollectorConfig {
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.keep_percent > 100 {
            return Err("collector: keep_percent is not between 0 and 100".into());
        }
        if self.default_limit == 0 || self.max_limit == 0 {
            return Err("collector: default_limit and max_limit are at least 1".into());
        }
        match &self.threats {
            Some(threats) => Dataset::read(threats).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// The outer shape of an answer. Only the first has pages; the others answer everything at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// `{"schema":1,"snapshot":…,"total":…,"threats":[…],"next_cursor":…}`
    Snapshot,
    /// `[…]`
    Array,
    /// `{"ips":[…]}`
    Ips,
    /// `{"data":[…]}`
    Data,
}
