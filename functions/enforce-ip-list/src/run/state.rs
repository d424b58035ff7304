//! What is remembered from run to run. It lives in the ledger, in the thread that also holds the lease.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::Head;
use super::bulk::InFlight;
use super::quota::Quota;
use super::tiers::PerTier;
use crate::cloudflare::Ranges;
use crate::sources::Validators;

/// The thread's state. A few kilobytes: what is large lies in the [store](super::store).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub lists: PerTier<Option<ListState>>,
    /// A run began to change lists and has not come to an end that is certain: something it sent may still be carried out.
    pub writing: bool,
    /// Accepted by Cloudflare, end unknown.
    pub operation: Option<InFlight>,
    pub sources: BTreeMap<String, SourceState>,
    /// Addresses that were named by themselves and are not in a list yet. Once they are, their tag says until when they stay.
    pub addresses: Vec<NamedAddress>,
    pub ranges: Option<KnownRanges>,
    /// What held when a run last found nothing left to do.
    pub settled: Option<Settled>,
    /// Networks that Cloudflare does not take, by their text: not sent again for a week.
    pub refused: BTreeMap<String, Refused>,
    pub quota: Quota,
    /// Cloudflare takes no changes until then.
    pub paused: Option<Paused>,
    pub audit: Head,
    pub last_run: Option<Timestamp>,
    /// The last run that left nothing undone and was refused nothing.
    pub last_success: Option<Timestamp>,
    pub totals: Totals,
}

/// One of our lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListState {
    pub id: String,
    pub name: String,
    /// The copy of its items in the store, if there is one that can be relied on.
    pub copy: Option<Copy>,
}

/// A copy of a list's items, and how Cloudflare described the list when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    pub key: String,
    pub num_items: u64,
    pub modified_on: Option<Timestamp>,
}

/// What is known of a source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceState {
    pub validators: Validators,
    pub snapshot: Option<String>,
    pub generated_at: Option<Timestamp>,
    /// When it last answered with something usable, or that nothing changed.
    pub fresh_at: Option<Timestamp>,
    /// Its records in the store.
    pub key: Option<String>,
    pub records: u64,
    pub rejected: u64,
    /// Since when it has not been usable, and why.
    pub failing: Option<Failing>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    pub since: Timestamp,
    pub reason: String,
}

/// An address that somebody named by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedAddress {
    pub ip: String,
    pub score: f64,
    pub reason: Option<String>,
    pub source: String,
    pub named_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRanges {
    pub ranges: Ranges,
    pub at: Timestamp,
}

/// What held when a run last found nothing left to do: while it all holds still, one call tells so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Of the configuration, and the version of this program.
    pub config: String,
    /// When the first entry, allow-list line or source ends by itself.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub reason: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    pub until: Timestamp,
    pub reason: String,
}

/// Counts since the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    pub runs: u64,
    pub failed_runs: u64,
    pub added: u64,
    pub removed: u64,
    pub moved: u64,
    pub calls: u64,
}
