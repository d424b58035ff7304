//! A ledger for tests that can be told to fail: a process that dies before or after any of its writes looks just like that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::sqlite::SqliteLedger;
use super::{
    Acquired, Entry, HistoryQuery, Keep, Ledger, LedgerError, LedgerRead, Thread, ThreadKey,
};
use crate::id::{Fingerprint, RuleId};
use crate::incident::Incident;
use async_trait::async_trait;
use jiff::Timestamp;

/// From the nth write on, nothing works any more: as if the process had died there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The nth write is not carried out.
    Before(usize),
    /// The nth write is carried out, and nobody learns of it.
    After(usize),
}

#[derive(Debug, Default)]
struct Script {
    death: Option<Death>,
    writes: usize,
}

/// A [`SqliteLedger`] that dies on command.
pub struct MortalLedger {
    store: Arc<SqliteLedger>,
    script: Mutex<Script>,
}

enum Fate {
    Carry,
    CarryAndFail,
    Fail,
}

impl MortalLedger {
    pub fn new(store: Arc<SqliteLedger>) -> Self {
        Self {
            store,
            script: Mutex::default(),
        }
    }

    /// Writes are counted from here on, the first one being number 1.
    pub fn die(&self, death: Death) {
        *self.script() = Script {
            death: Some(death),
            writes: 0,
        };
    }

    /// Everything works again, and nobody holds a lease. Says how many writes were asked for meanwhile.
    ///
    /// # Errors
    /// When the ledger itself fails.
    pub fn revive(&self) -> Result<usize, LedgerError> {
        let script = std::mem::take(&mut *self.script());
        self.store.break_leases()?;
        Ok(script.writes)
    }

    /// How many writes were asked for since the start, or the last order to die.
    pub fn writes(&self) -> usize {
        self.script().writes
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self) -> Fate {
        let mut script = self.script();
        script.writes += 1;
        match script.death {
            Some(Death::Before(n)) if script.writes >= n => Fate::Fail,
            Some(Death::After(n)) if script.writes == n => Fate::CarryAndFail,
            Some(Death::After(n)) if script.writes > n => Fate::Fail,
            _ => Fate::Carry,
        }
    }
}

fn dead() -> LedgerError {
    LedgerError::Unavailable {
        action: "write",
        source: "the process is dead".into(),
    }
}

macro_rules! fated {
    ($self:ident, $call:expr) => {
        match $self.fate() {
            Fate::Carry => $call.await,
            Fate::Fail => Err(dead()),
            Fate::CarryAndFail => {
                $call.await?;
                Err(dead())
            }
        }
    };
}

#[async_trait]
impl LedgerRead for MortalLedger {
    async fn incidents(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Incident>, LedgerError> {
        self.store.incidents(fingerprints).await
    }

    async fn open(&self, source: &str) -> Result<Vec<Fingerprint>, LedgerError> {
        self.store.open(source).await
    }

    async fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>, LedgerError> {
        self.store.thread(key).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Entry>, LedgerError> {
        self.store.history(query).await
    }

    async fn entry(&self, id: &str) -> Result<Option<Entry>, LedgerError> {
        self.store.entry(id).await
    }

    async fn mark(&self, name: &str) -> Result<u64, LedgerError> {
        self.store.mark(name).await
    }
}

#[async_trait]
impl Ledger for MortalLedger {
    async fn put_incident(&self, incident: &Incident) -> Result<(), LedgerError> {
        fated!(self, self.store.put_incident(incident))
    }

    async fn acquire(
        &self,
        key: &ThreadKey,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        fated!(self, self.store.acquire(key, owner, lease, now))
    }

    async fn save(
        &self,
        thread: &mut Thread,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        fated!(self, self.store.save(thread, keep, now))
    }

    async fn record(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        fated!(self, self.store.record(entries))
    }

    async fn reserve(
        &self,
        rule: &RuleId,
        wanted: u32,
        per_hour: u32,
        now: Timestamp,
    ) -> Result<u32, LedgerError> {
        fated!(self, self.store.reserve(rule, wanted, per_hour, now))
    }

    async fn raise_mark(&self, name: &str, value: u64) -> Result<(), LedgerError> {
        fated!(self, self.store.raise_mark(name, value))
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.store.expire(now).await
    }
}
