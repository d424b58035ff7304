//! The ledger on AWS: one DynamoDB table.
//!
//! | what | `pk` | `sk` | beside `body` (JSON) |
//! |---|---|---|---|
//! | incident | `FP#<fingerprint>` | `INCIDENT` | `version`, `write_id`; open: `open_in`; closed: `expires_at` |
//! | open incident | `OPEN#<kind of source>#<shard 0–15>` | fingerprint | no body |
//! | entry about a fingerprint | `FP#<fingerprint>` | entry id | `id`, `day`, `expires_at`; as far as known `subject`, `rule` |
//! | entry about nothing | `ID#<entry id>` | entry id | the same |
//! | thread | `THREAD#<function>#<group>` | `STATE` | `version`, `write_id`, `updated_at`, `expires_at`; held: `lease_owner`, `lease_until` |
//! | budget | `BUDGET#<rule>` | `MINUTES` | `version`, `write_id`, `expires_at` |
//! | mark | `MARK#<name>` | `MARK` | no body; `mark`, kept for ever |
//!
//! Entries alone are in the indexes `by_subject`, `by_rule` and `by_day`, each sorted by entry id; [`schema::TABLE`] has the table as data.
//! `day` is the day at which the entry's id was made. Indexes may lag behind the table by a moment; everything that a decision depends on
//! (incidents, the open set, threads, budgets, marks) is read from the table, consistently.
//!
//! **Lost answers.** The SDK sends a request again when no answer came, and the first one may have been carried out. Every conditional write
//! therefore leaves a `write_id` of its own: a condition that fails on finding our own `write_id` has been met.
//!
//! **Expiry** is DynamoDB's own, on `expires_at`; it takes up to some days, so reads pass over what is past it
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>).
//!
//! **Limits.** An item holds 400 KB; what is larger is refused before it is sent. A partition of an index takes 1,000 writes of 1 KB a second, and all
//! entries of a day or of a rule share one: a burst of more entries than that is throttled and waits its turn here.

mod batch;
mod budgets;
mod call;
mod history;
mod incidents;
mod item;
pub mod schema;
mod threads;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::{
    Acquired, Entry, HistoryQuery, Keep, Ledger, LedgerError, LedgerRead, Retention, Thread,
    ThreadKey,
};
use crate::id::{Fingerprint, RuleId};
use crate::incident::Incident;

/// A ledger in a DynamoDB table that [`schema::TABLE`] describes.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    client: Client,
    table: String,
    retention: Retention,
}

impl DynamoLedger {
    pub fn new(client: Client, table: impl Into<String>, retention: Retention) -> Self {
        Self {
            client,
            table: table.into(),
            retention,
        }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }
}

#[async_trait]
impl LedgerRead for DynamoLedger {
    async fn incidents(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Incident>, LedgerError> {
        self.look_up_incidents(fingerprints).await
    }

    async fn open(&self, source: &str) -> Result<Vec<Fingerprint>, LedgerError> {
        self.list_open(source).await
    }

    async fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>, LedgerError> {
        self.read_thread(key).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Entry>, LedgerError> {
        self.query_history(query).await
    }

    async fn entry(&self, id: &str) -> Result<Option<Entry>, LedgerError> {
        self.find_entry(id).await
    }

    async fn mark(&self, name: &str) -> Result<u64, LedgerError> {
        self.read_mark(name).await
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn put_incident(&self, incident: &Incident) -> Result<(), LedgerError> {
        self.write_incident(incident).await
    }

    async fn acquire(
        &self,
        key: &ThreadKey,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        self.acquire_thread(key, owner, lease, now).await
    }

    async fn save(
        &self,
        thread: &mut Thread,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.save_thread(thread, keep, now).await
    }

    async fn record(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        self.record_entries(entries).await
    }

    async fn reserve(
        &self,
        rule: &RuleId,
        wanted: u32,
        per_hour: u32,
        now: Timestamp,
    ) -> Result<u32, LedgerError> {
        self.reserve_changes(rule, wanted, per_hour, now).await
    }

    async fn raise_mark(&self, name: &str, value: u64) -> Result<(), LedgerError> {
        self.write_mark(name, value).await
    }

    async fn expire(&self, _now: Timestamp) -> Result<u64, LedgerError> {
        Ok(0)
    }
}
