//! The contract between the orchestrator and a remediation function.
//!
//! A function is a reducer and a planner over a [`thread`](crate::ledger::Thread), the state that the ledger keeps for it
//! per group (per person, per finding, per resource): [`Function::absorb`] takes a task's findings in, [`Function::plan`]
//! says what would have to change for the world to match, [`Function::apply`] does exactly one of those changes.
//! The [runner](crate::runner) drives all functions alike.
//!
//! Dry-run is a matter of type: `plan` is handed a [`Function::Reader`], which has no mutating call. A [`Function::Writer`]
//! can only be made with a [`WriteGrant`], and only the runner can make one, in mode `act`.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{Change, Inverse};
use crate::fault::Fault;
use crate::finding::Finding;
use crate::id::{FunctionName, RuleId, TaskId, digest_hex};
use crate::rule::Mode;

/// How a function wants its findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// All of a person's findings together.
    PerPerson,
    /// Each finding for itself.
    PerFinding,
    /// The findings of one rule about one resource. The group is the resource alone, so that two rules never work on it at once.
    PerResource,
}

impl Grouping {
    /// The group that a finding belongs to.
    pub fn group_of(self, finding: &Finding) -> String {
        match (self, finding.subject.person()) {
            (Self::PerPerson, Some(person)) => person.as_str().to_owned(),
            (Self::PerResource, _) => finding.subject.resource_key(),
            (Self::PerPerson, None) | (Self::PerFinding, _) => finding.fingerprint().to_string(),
        }
    }
}

/// One piece of work for one function: what travels through its queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub function: FunctionName,
    /// What the function's thread is kept by; see [`Grouping`].
    pub group: String,
    pub mode: Mode,
    pub payload: Payload,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    /// Failures and passes that were decided to be acted on.
    Findings { findings: Vec<Finding> },
    /// Something the security team should hear about once.
    Notice { notice: Notice },
}

/// Word to the security team, told once per topic and day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about, stably: `storm posture.firewall`.
    pub topic: String,
    pub rule: RuleId,
    pub title: String,
    pub text: String,
    pub at: Timestamp,
}

impl Task {
    /// A task for findings of one group. Its id is that of the observations, so that the same ones make the same task; sent by a person
    /// they make another.
    pub fn of_findings(
        function: &FunctionName,
        group: String,
        mode: Mode,
        findings: Vec<Finding>,
    ) -> Self {
        let mut observed: Vec<String> = findings
            .iter()
            .map(|finding| {
                let by = finding.sent_by.as_deref().unwrap_or_default();
                format!(
                    "{} {:?} {}{by}",
                    finding.fingerprint(),
                    finding.verdict,
                    finding.observed_at
                )
            })
            .collect();
        observed.sort();
        let mut parts = vec![function.as_str(), &group];
        parts.extend(observed.iter().map(String::as_str));
        let id = TaskId::new(digest_hex(&parts));
        Self {
            id,
            function: function.clone(),
            group,
            mode,
            payload: Payload::Findings { findings },
        }
    }

    /// A task that carries a notice. The day is part of its identity.
    pub fn of_notice(function: &FunctionName, mode: Mode, notice: Notice) -> Self {
        let day = notice.at.strftime("%F").to_string();
        let id = TaskId::new(digest_hex(&[
            function.as_str(),
            "notice",
            &notice.topic,
            &day,
        ]));
        Self {
            id,
            function: function.clone(),
            group: format!("notice {}", notice.topic),
            mode,
            payload: Payload::Notice { notice },
        }
    }

    pub fn findings(&self) -> &[Finding] {
        match &self.payload {
            Payload::Findings { findings } => findings,
            Payload::Notice { .. } => &[],
        }
    }
}

/// Permission to make a writer. It cannot be made outside this crate.
#[derive(Debug)]
pub struct WriteGrant(pub(crate) ());

/// What planning found.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan<E> {
    /// In this order. None: everything is right already.
    Changes(Vec<Change<E>>),
    /// These would be right, but a person has to say so first: the probe found something that the repair would cut off, or
    /// somebody keeps reverting it.
    Held {
        because: String,
        changes: Vec<Change<E>>,
    },
    /// Something is wrong that the function cannot repair.
    Unsupported { because: String },
}

/// What applying a change brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is made; `after` is what the other side says is there now.
    Made { after: Value },
    /// It was not made, for certain, and the state says why (a chat that takes no messages, a ticket that somebody closed
    /// meanwhile): planning again finds another way, or leaves it.
    NotMade { because: String },
}

/// What became of a change whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It had been carried out; the state says so now.
    Done(Receipt),
    /// It had not been carried out (or doing it twice is the same as once): plan again.
    NotDone,
}

/// A remediation function.
#[async_trait]
pub trait Function: Send + Sync {
    /// What the ledger keeps per group.
    type State: Serialize + DeserializeOwned + Default + Clone + Send + Sync;
    /// What one change does, as data.
    type Effect: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// Looks at the outside world and cannot change it.
    type Reader: Send + Sync;
    /// Changes the outside world.
    type Writer: Send + Sync;
    type Error: Fault;

    /// Its name in the registry, the configuration and the template.
    const NAME: &'static str;
    const GROUPING: Grouping;
    /// How often it may plan and apply before what is left counts as unverified. More than one where applying can
    /// teach something that planning could not know (a chat that turns out to be closed).
    const ROUNDS: usize = 1;

    fn reader(&self) -> Self::Reader;
    fn writer(&self, grant: &WriteGrant) -> Self::Writer;

    /// Takes the task's findings into the state. Pure, and idempotent: the same findings again change nothing.
    fn absorb(&self, task: &Task, state: &mut Self::State, now: Timestamp);

    /// What has to change. Pure apart from reads.
    async fn plan(
        &self,
        task: &Task,
        state: &Self::State,
        reader: &Self::Reader,
        now: Timestamp,
    ) -> Result<Plan<Self::Effect>, Self::Error>;

    /// Performs exactly this change and notes in the state what is there now. Safe to repeat.
    async fn apply(
        &self,
        change: &Change<Self::Effect>,
        state: &mut Self::State,
        writer: &Self::Writer,
        now: Timestamp,
    ) -> Result<Receipt, Self::Error>;

    /// Finds out about a change that was intended but whose end is unknown: the process died, or the answer was lost.
    /// `intended_at` is when it was written down.
    async fn recover(
        &self,
        change: &Change<Self::Effect>,
        intended_at: Timestamp,
        state: &mut Self::State,
        writer: &Self::Writer,
        now: Timestamp,
    ) -> Result<Recovery, Self::Error>;

    /// What it holds for a group, in lines that a person understands: `ticket SEC-12 is open`.
    fn describe(&self, state: &Self::State) -> Vec<String>;

    /// What is there now, in the form of the change's `before` and `after`; nothing if the function cannot say, and then nothing of
    /// it can be undone.
    async fn observe(
        &self,
        _change: &Change<Self::Effect>,
        _reader: &Self::Reader,
    ) -> Result<Option<Value>, Self::Error> {
        Ok(None)
    }

    /// How the change is taken back.
    fn inverse(&self, change: &Change<Self::Effect>) -> Inverse<Self::Effect>;

    /// The IAM statements that planning and applying need, beside those of the ledger and the queue that all functions share.
    fn permissions(&self) -> Vec<Statement>;
}

/// An IAM statement as data: `Allow` these actions on these resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub actions: Vec<String>,
    /// ARNs, with the template's own names in `${…}`.
    pub resources: Vec<String>,
}
