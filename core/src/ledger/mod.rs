//! The ledger: what was decided, what was changed, what is open, and who is at it.
//!
//! One trait, two implementations: DynamoDB on AWS and one SQLite file on a laptop, held to the same behaviour by
//! [`conformance`].
//!
//! | it keeps | for |
//! |---|---|
//! | [`Incident`]s | the life of each fingerprint; written by the orchestrator |
//! | [`Thread`]s | what one function holds for one group, with the lease of whoever is at it |
//! | [`Entry`]s | the history: decisions (also the negative ones), changes with before and after, outcomes |
//! | budgets, marks | how many changes a rule has had within the hour; numbers that only grow |

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{Change, Outcome};
use crate::decision::Decision;
use crate::finding::Finding;
use crate::id::{Fingerprint, FunctionName, RuleId, TaskId};
use crate::incident::Incident;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "aws")]
pub mod dynamodb;
#[cfg(all(feature = "conformance", feature = "sqlite"))]
pub mod mortal;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "aws", feature = "sqlite"))]
mod stored;

/// Why the ledger did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be reached or refuses us; nothing was written, or it is not known whether.
    #[error("ledger: {action}: {source}")]
    Unavailable {
        action: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody else wrote first; read again.
    #[error("ledger: {key} was changed by somebody else")]
    Conflict { key: String },
    /// What is stored cannot be understood by this version, or what should be stored cannot be held.
    #[error("ledger: {key}: {reason}")]
    Corrupt { key: String, reason: String },
}

/// What a thread is kept by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ThreadKey {
    pub function: FunctionName,
    pub group: String,
}

/// Functions whose group is a person are keyed by an address: masked like one.
impl std::fmt::Display for ThreadKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.contains('@') {
            write!(
                f,
                "{} of {}",
                self.function,
                crate::id::Person::new(&self.group)
            )
        } else {
            write!(f, "{} of {}", self.function, self.group)
        }
    }
}

/// What one function holds for one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    pub key: ThreadKey,
    /// Counts the writes, acquiring included: whoever lost the lease can no longer save.
    pub version: u64,
    /// The tasks that were finished last, newest at the end.
    #[serde(default)]
    pub done: Vec<TaskId>,
    /// A change that was about to be made and whose end is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// What a task that has not ended yet made so far: its next attempt has to tell of it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// The function's own state; `null` in a new thread.
    #[serde(default)]
    pub state: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    pub updated_at: Timestamp,
}

/// Changes that were made, by the task that made them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    pub task: TaskId,
    pub changes: Vec<Change>,
}

impl Thread {
    /// How many finished tasks are remembered. A queue redelivers within hours; a group sees a task per log file.
    pub const REMEMBERED: usize = 64;

    pub fn new(key: ThreadKey, now: Timestamp) -> Self {
        Self {
            key,
            version: 0,
            done: Vec::new(),
            intent: None,
            made: None,
            state: Value::Null,
            lease: None,
            updated_at: now,
        }
    }

    /// What earlier attempts of the task made.
    pub fn made_by(&self, task: &TaskId) -> Vec<Change> {
        let made = self.made.as_ref().filter(|made| made.task == *task);
        made.map(|made| made.changes.clone()).unwrap_or_default()
    }

    /// Remembers what an attempt of the task made.
    pub fn make(&mut self, task: &TaskId, change: Change) {
        match self.made.as_mut().filter(|made| made.task == *task) {
            Some(made) => made.changes.push(change),
            None => {
                self.made = Some(Made {
                    task: task.clone(),
                    changes: vec![change],
                });
            }
        }
    }

    /// Remembers a task as done, forgetting the oldest.
    pub fn finish(&mut self, task: &TaskId) {
        self.made = self.made.take().filter(|made| made.task != *task);
        self.done.retain(|done| done != task);
        self.done.push(task.clone());
        if self.done.len() > Self::REMEMBERED {
            self.done.drain(..self.done.len() - Self::REMEMBERED);
        }
    }
}

/// A change written down before it is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub change: Change,
    pub at: Timestamp,
}

/// Who is at a thread, and until when nobody else may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub owner: String,
    pub until: Timestamp,
}

/// The answer to [`Ledger::acquire`].
#[derive(Clone, Debug, PartialEq)]
pub enum Acquired {
    /// Ours until the lease ends.
    Held(Box<Thread>),
    /// Somebody else's until then.
    Busy { until: Timestamp },
}

/// Whether [`Ledger::save`] keeps the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// More is to come.
    Lease,
    /// Anybody may acquire the thread next.
    Nothing,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Sorts by time (UUIDv7). Recording an entry of the same id again replaces it.
    pub id: String,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The person's address or the resource id: what a history is searched by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub event: Event,
}

impl Entry {
    /// An entry about a finding.
    pub fn about(finding: &Finding, at: Timestamp, event: Event) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            at,
            rule: Some(finding.rule.clone()),
            fingerprint: Some(finding.fingerprint()),
            subject: Some(finding.subject.search_key().to_owned()).filter(|key| !key.is_empty()),
            event,
        }
    }

    /// An entry about an object or a message as a whole.
    pub fn general(at: Timestamp, event: Event) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            at,
            rule: None,
            fingerprint: None,
            subject: None,
            event,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// What the gate decided about a finding.
    Decided {
        decision: Decision,
        finding: Box<Finding>,
        /// Identifies the configuration it was decided by.
        config: String,
    },
    /// What the gate decided about all the findings of an object that concern no incident, counted.
    Tallied {
        object: String,
        tally: Vec<Tally>,
        rows: BTreeMap<String, u64>,
    },
    /// A message or an object that holds no work: acknowledged or refused.
    Received {
        object: String,
        disposition: Disposition,
        because: String,
    },
    /// One change, from intention to end; the entry's id is the change's.
    Changed {
        change: Box<Change>,
        status: ChangeStatus,
    },
    /// What became of a task, for each of its findings.
    Finished {
        task: TaskId,
        function: FunctionName,
        outcome: Outcome,
    },
}

/// So many findings of one rule ended in one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub rule: RuleId,
    pub decision: Decision,
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Nothing in it to be done.
    Ignored,
    /// It is not for us.
    Refused,
    /// It could not be understood, or only in part.
    Invalid,
    /// Given whole to the function whose business it is.
    Forwarded,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ChangeStatus {
    /// Recorded because the mode says plan only.
    Planned,
    /// About to be made; if it stays at that, the process died or the answer was lost.
    Intended,
    /// Made; `after` is what the other side says is there now.
    Applied {
        after: Value,
    },
    /// Not made, for certain, and why.
    NotMade {
        because: String,
    },
    Failed {
        error: String,
    },
}

impl std::fmt::Display for ChangeStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Planned => f.write_str("planned"),
            Self::Intended => f.write_str("begun and not known to have ended"),
            Self::Applied { .. } => f.write_str("made"),
            Self::NotMade { because } => write!(f, "not made ({because})"),
            Self::Failed { error } => write!(f, "failed ({error})"),
        }
    }
}

/// Which part of the history; newest first.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    pub fingerprint: Option<Fingerprint>,
    /// Exactly this person's address or resource id.
    pub subject: Option<String>,
    pub rule: Option<RuleId>,
    pub since: Option<Timestamp>,
    /// At most so many; 0 means 1,000.
    pub limit: usize,
}

impl HistoryQuery {
    /// The limit, spelled out.
    pub fn limit_or_default(&self) -> usize {
        match self.limit {
            0 => 1000,
            limit => limit,
        }
    }

    /// Whether an entry is asked for.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.fingerprint
            .is_none_or(|print| entry.fingerprint == Some(print))
            && (self.subject.is_none() || self.subject == entry.subject)
            && (self.rule.is_none() || self.rule == entry.rule)
            && self.since.is_none_or(|since| entry.at >= since)
    }
}

/// The reading half.
#[async_trait]
pub trait LedgerRead: Send + Sync {
    /// Those of the incidents that exist, looked up together.
    async fn incidents(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Incident>, LedgerError>;

    /// Every open incident whose findings come from this kind of source (`posture`). A consistent reading.
    async fn open(&self, source: &str) -> Result<Vec<Fingerprint>, LedgerError>;

    async fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>, LedgerError>;

    /// Newest first.
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Entry>, LedgerError>;

    /// The entry of this id; that of a change has the change's id.
    async fn entry(&self, id: &str) -> Result<Option<Entry>, LedgerError>;

    /// The highest number raised under this name; 0 if none was.
    async fn mark(&self, name: &str) -> Result<u64, LedgerError>;
}

/// The whole of it.
#[async_trait]
pub trait Ledger: LedgerRead {
    /// Writes an incident that was made from version `incident.version - 1` (0: none existed).
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when another version is stored.
    async fn put_incident(&self, incident: &Incident) -> Result<(), LedgerError>;

    /// Takes the thread for so long, making it if there is none. A lease that has run out can be taken over.
    async fn acquire(
        &self,
        key: &ThreadKey,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError>;

    /// Writes a thread that is held, and counts its version up.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when the lease ran out and somebody else took it.
    async fn save(
        &self,
        thread: &mut Thread,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// Writes entries; those whose id exists are replaced.
    async fn record(&self, entries: &[Entry]) -> Result<(), LedgerError>;

    /// Takes up to `wanted` of the `per_hour` changes that a rule has in any 60 minutes, and says how many it got.
    async fn reserve(
        &self,
        rule: &RuleId,
        wanted: u32,
        per_hour: u32,
        now: Timestamp,
    ) -> Result<u32, LedgerError>;

    /// Sets the number under this name unless it is that high already.
    async fn raise_mark(&self, name: &str, value: u64) -> Result<(), LedgerError>;

    /// Removes what is past its keeping; where the store expires by itself, nothing is left to do. Says how many.
    async fn expire(&self, now: Timestamp) -> Result<u64, LedgerError>;
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// History entries, from when they were recorded.
    pub history: Duration,
    /// Closed incidents and idle threads, from the last write. Longer than a ticket may still be reopened.
    pub closed: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            history: 400 * DAY,
            closed: 400 * DAY,
        }
    }
}
