//! A ledger that counts and fails, functions that only write down what they were sent, and logs made on the spot.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use orchestrator::dispatch::{Delivery, DispatchError, Dispatched, Dispatcher};
use orchestrator::intake::envelope::ObjectRef;
use orchestrator::intake::objects::{ObjectError, Objects};
use orchestrator::{Handled, Moment, Orchestrator, OrchestratorError};
use remediate_core::config::{Config, ConfigFiles};
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{
    Acquired, Entry, HistoryQuery, Keep, Ledger, LedgerError, LedgerRead, Retention, Thread,
    ThreadKey,
};
use remediate_core::{Fingerprint, Incident, RuleId, Task};

pub const NOW: &str = "2026-11-21T12:00:00Z";

/// Passes calls on to a real ledger, counts the writes, and fails once at the write it is told to.
pub struct Watched {
    pub inner: SqliteLedger,
    pub writes: AtomicUsize,
    fail_at: AtomicUsize,
}

impl Watched {
    pub fn new() -> Arc<Self> {
        let inner = SqliteLedger::open_in_memory(Retention::default()).unwrap();
        Arc::new(Self {
            inner,
            writes: AtomicUsize::new(0),
            fail_at: AtomicUsize::new(usize::MAX),
        })
    }

    /// The write of this number from now on (from 0) fails, as if the process had died before it.
    pub fn fail_at(&self, write: usize) {
        self.writes.store(0, Ordering::SeqCst);
        self.fail_at.store(write, Ordering::SeqCst);
    }

    fn write(&self) -> Result<(), LedgerError> {
        if self.writes.fetch_add(1, Ordering::SeqCst) == self.fail_at.load(Ordering::SeqCst) {
            return Err(LedgerError::Unavailable {
                action: "test",
                source: "told to fail".into(),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl LedgerRead for Watched {
    async fn incidents(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Incident>, LedgerError> {
        self.inner.incidents(fingerprints).await
    }
    async fn open(&self, source: &str) -> Result<Vec<Fingerprint>, LedgerError> {
        self.inner.open(source).await
    }
    async fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>, LedgerError> {
        self.inner.thread(key).await
    }
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Entry>, LedgerError> {
        self.inner.history(query).await
    }
    async fn entry(&self, id: &str) -> Result<Option<Entry>, LedgerError> {
        self.inner.entry(id).await
    }
    async fn mark(&self, name: &str) -> Result<u64, LedgerError> {
        self.inner.mark(name).await
    }
}

#[async_trait]
impl Ledger for Watched {
    async fn put_incident(&self, incident: &Incident) -> Result<(), LedgerError> {
        self.write()?;
        self.inner.put_incident(incident).await
    }
    async fn acquire(
        &self,
        key: &ThreadKey,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        self.write()?;
        self.inner.acquire(key, owner, lease, now).await
    }
    async fn save(
        &self,
        thread: &mut Thread,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write()?;
        self.inner.save(thread, keep, now).await
    }
    async fn record(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        self.write()?;
        self.inner.record(entries).await
    }
    async fn reserve(
        &self,
        rule: &RuleId,
        wanted: u32,
        per_hour: u32,
        now: Timestamp,
    ) -> Result<u32, LedgerError> {
        self.write()?;
        self.inner.reserve(rule, wanted, per_hour, now).await
    }
    async fn raise_mark(&self, name: &str, value: u64) -> Result<(), LedgerError> {
        self.inner.raise_mark(name, value).await
    }
    async fn expire(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.inner.expire(now).await
    }
}

/// Takes tasks and keeps them. Refuses those of one function if told to.
#[derive(Default)]
pub struct Outbox {
    pub tasks: Mutex<Vec<Task>>,
    pub refused: Mutex<Option<String>>,
    delay: Mutex<Duration>,
}

impl Outbox {
    /// Takes so long over every call from now on.
    pub fn slow(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub fn take(&self) -> Vec<Task> {
        std::mem::take(&mut self.tasks.lock().unwrap())
    }
}

#[async_trait]
impl Dispatcher for Outbox {
    async fn dispatch(&self, tasks: Vec<Task>) -> Vec<Dispatched> {
        let refused = self.refused.lock().unwrap().clone();
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        tasks
            .into_iter()
            .map(|task| {
                let id = task.id.clone();
                if refused.as_deref() == Some(task.function.as_str()) {
                    let error = DispatchError::NotAccepted {
                        function: task.function,
                        reason: "told to refuse".to_owned(),
                    };
                    return Dispatched {
                        task: id,
                        result: Err(error),
                    };
                }
                self.tasks.lock().unwrap().push(task);
                Dispatched {
                    task: id,
                    result: Ok(Delivery::Queued),
                }
            })
            .collect()
    }
}

/// Objects from memory.
#[derive(Default)]
pub struct Bucket(pub HashMap<String, Vec<u8>>);

#[async_trait]
impl Objects for Bucket {
    async fn open(&self, object: &ObjectRef) -> Result<Box<dyn std::io::Read + Send>, ObjectError> {
        match self.0.get(&object.key) {
            Some(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.clone()))),
            None => Err(ObjectError::Gone {
                object: object.to_string(),
            }),
        }
    }
}

/// The shipped configuration with all posture rules on, and whatever else a test changes.
pub fn config(change: impl FnOnce(String) -> String) -> Arc<Config> {
    let mut files = ConfigFiles::packaged();
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/rules.toml"))
            .unwrap();
    files.replace(
        "rules.toml",
        change(text.replace("enabled = false", "enabled = true")),
        "test",
    );
    Arc::new(Config::load(&files, &|_| None).unwrap())
}

pub struct House {
    pub orchestrator: Orchestrator,
    pub ledger: Arc<Watched>,
    pub outbox: Arc<Outbox>,
}

impl House {
    pub fn new(config: Arc<Config>) -> Self {
        let ledger = Watched::new();
        let outbox = Arc::new(Outbox::default());
        let objects = Arc::new(Bucket::default());
        let orchestrator = Orchestrator {
            config,
            ledger: ledger.clone(),
            objects,
            dispatcher: outbox.clone(),
            progress: None,
        };
        Self {
            orchestrator,
            ledger,
            outbox,
        }
    }

    pub async fn deliver(&self, log: &str) -> Result<Handled, OrchestratorError> {
        let moment = Moment {
            now: NOW.parse().unwrap(),
            deadline: None,
        };
        let handled = self
            .orchestrator
            .posture_log(
                "s3://logs/a".to_owned(),
                Box::new(std::io::Cursor::new(log.to_owned())),
                moment,
            )
            .await;
        handled.and_then(Handled::into_complete)
    }
}

/// A row of the workshop's format.
pub fn row(email: &str, check: &str, passed: bool, minute: u32) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-21T11:{minute:02}:00Z\",\"email\":\"{email}\",\"name\":\"{check}\",\"passed\":{passed},\"details\":{{\"expected\":\"on\",\"actual\":\"off\",\"device_id\":\"DEV-1\"}}}}\n"
    )
}
