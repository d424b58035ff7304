//! Drives every function alike: recover, absorb, plan, apply, plan again, record.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::change::{Change, Inverse, Outcome};
use crate::fault::{Fault, FaultClass};
use crate::function::{Function, Plan, Receipt, Recovery, Task, WriteGrant};
use crate::id::{ChangeId, FunctionName};
use crate::ledger::{
    Acquired, ChangeStatus, Entry, Event, Intent, Keep, Ledger, LedgerError, Thread, ThreadKey,
};
use crate::rule::Mode;

/// What a function holds in a thread, in lines that a person understands.
///
/// # Errors
/// When the state was written by a version that this one does not understand.
pub fn describe<F: Function>(
    function: &F,
    thread: &Thread,
) -> Result<Vec<String>, serde_json::Error> {
    let state = match &thread.state {
        Value::Null => F::State::default(),
        state => serde_json::from_value(state.clone())?,
    };
    Ok(function.describe(&state))
}

/// Where a task is run.
pub struct Runner<'a, F> {
    pub function: &'a F,
    pub ledger: &'a dyn Ledger,
    /// Names this process in leases.
    pub owner: &'a str,
    /// Longer than anything this process may live to do.
    pub lease: Duration,
}

/// What became of a task, and through which changes.
#[derive(Clone, Debug)]
pub struct Report {
    pub outcome: Outcome,
    pub changes: Vec<Change>,
}

/// Why a task is not finished. Nothing of it is lost: the record goes back to its queue.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E: Fault> {
    #[error("{function}: {group} is being worked on until {until}")]
    Busy {
        function: &'static str,
        group: ThreadKey,
        until: Timestamp,
        retry_after: Duration,
    },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{function}: the state of {group} cannot be understood by this version: {source}")]
    State {
        function: &'static str,
        group: ThreadKey,
        source: serde_json::Error,
    },
    #[error("{function}: {source}")]
    Function { function: &'static str, source: E },
    /// What was changed stays changed, and is in the history; it could not be read back.
    #[error("{made}: made, but NOT verified: {source}")]
    Unverified { made: String, source: Box<Self> },
}

impl<E: Fault> RunError<E> {
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Busy { retry_after, .. } => FaultClass::Transient {
                after: Some(*retry_after),
            },
            Self::Ledger(LedgerError::Corrupt { .. }) | Self::State { .. } => FaultClass::Permanent,
            Self::Ledger(_) => FaultClass::Transient { after: None },
            Self::Function { source, .. } => source.class(),
            Self::Unverified { source, .. } => source.class(),
        }
    }
}

/// Why a change is not undone. Nothing was changed, save for [`UndoError::Unverified`].
#[derive(Debug, thiserror::Error)]
pub enum UndoError<E: Fault> {
    #[error("the ledger knows no change {0}: `remediate history` lists them")]
    Unknown(ChangeId),
    #[error("change {change} is {status}: only what was made can be undone")]
    NotMade { change: ChangeId, status: String },
    #[error("change {0} is undone already: all is as it was before it")]
    AlreadyUndone(ChangeId),
    #[error("change {change} cannot be undone: {because}")]
    Irreversible { change: ChangeId, because: String },
    /// Somebody changed it since; what is there now stays.
    #[error(
        "change {change} is not undone, since {target} was changed since: it is {found}, and the change had made it {left}"
    )]
    MovedOn {
        change: ChangeId,
        target: String,
        found: Value,
        left: Value,
    },
    #[error("change {change} was undone, but {target} is {found} afterwards instead of {wanted}")]
    Unverified {
        change: ChangeId,
        target: String,
        found: Value,
        wanted: Value,
    },
    #[error(transparent)]
    Run(#[from] RunError<E>),
}

impl<E: Fault> From<LedgerError> for UndoError<E> {
    fn from(error: LedgerError) -> Self {
        Self::Run(error.into())
    }
}

/// What it is when planning finds nothing (more) to change.
fn verified(changes: usize) -> Outcome {
    match changes {
        0 => Outcome::Compliant,
        changes => Outcome::Applied { changes },
    }
}

impl<F: Function> Runner<'_, F> {
    /// Takes a change back, if what is there now is still what the change left. `by` is who asks for it; it is recorded with the
    /// change that takes it back. Hands that back.
    ///
    /// # Errors
    /// Why it was not taken back.
    pub async fn undo(
        &self,
        id: &ChangeId,
        by: &str,
        now: Timestamp,
    ) -> Result<Change, UndoError<F::Error>> {
        let (entry, change) = self.made(id).await?;
        let key = self
            .key_of(&change)
            .await?
            .ok_or_else(|| UndoError::Irreversible {
                change: id.clone(),
                because: "the incident that it answered is not in the ledger any more".to_owned(),
            })?;
        let mut thread = match self
            .ledger
            .acquire(&key, self.owner, self.lease, now)
            .await?
        {
            Acquired::Held(thread) => *thread,
            Acquired::Busy { until } => return Err(self.busy(key, until, now).into()),
        };
        let undone = self.take_back(&entry, &change, by, &mut thread, now).await;
        self.ledger.save(&mut thread, Keep::Nothing, now).await?;
        undone
    }

    /// The change of this id, if it was made.
    async fn made(&self, id: &ChangeId) -> Result<(Entry, Change<F::Effect>), UndoError<F::Error>> {
        let entry = self.ledger.entry(id.as_str()).await?;
        let Some(
            entry @ Entry {
                event: Event::Changed { .. },
                ..
            },
        ) = entry
        else {
            return Err(UndoError::Unknown(id.clone()));
        };
        let Event::Changed { change, status } = &entry.event else {
            return Err(UndoError::Unknown(id.clone()));
        };
        if !matches!(status, ChangeStatus::Applied { .. }) {
            return Err(UndoError::NotMade {
                change: id.clone(),
                status: status.to_string(),
            });
        }
        let typed = change.typed().map_err(|source| RunError::State {
            function: F::NAME,
            group: ThreadKey {
                function: FunctionName::new(F::NAME),
                group: change.target.clone(),
            },
            source,
        })?;
        Ok((entry, typed))
    }

    /// The thread that the change belongs to: that of the finding which it answers.
    async fn key_of(
        &self,
        change: &Change<F::Effect>,
    ) -> Result<Option<ThreadKey>, UndoError<F::Error>> {
        let incidents = self.ledger.incidents(&change.fingerprints).await?;
        Ok(incidents.values().next().map(|incident| ThreadKey {
            function: FunctionName::new(F::NAME),
            group: F::GROUPING.group_of(&incident.finding),
        }))
    }

    async fn take_back(
        &self,
        entry: &Entry,
        change: &Change<F::Effect>,
        by: &str,
        thread: &mut Thread,
        now: Timestamp,
    ) -> Result<Change, UndoError<F::Error>> {
        let irreversible = |because: &str| UndoError::Irreversible {
            change: change.id.clone(),
            because: because.to_owned(),
        };
        let back = match self.function.inverse(change) {
            Inverse::Reversible(back) => Change {
                notes: vec![format!("undoes {} by {by}", change.id)],
                ..*back
            },
            Inverse::Irreversible(because) => return Err(irreversible(because)),
        };
        let reader = self.function.reader();
        let found = self
            .function
            .observe(&back, &reader)
            .await
            .map_err(|source| self.failed(source))?
            .ok_or_else(|| irreversible("this function cannot see what is there now"))?;
        if found == back.after {
            return Err(UndoError::AlreadyUndone(change.id.clone()));
        }
        if found != back.before {
            return Err(UndoError::MovedOn {
                change: change.id.clone(),
                target: change.target.clone(),
                found,
                left: back.before,
            });
        }
        self.carry_back(entry, change, &back, thread, now).await?;
        let found = self
            .function
            .observe(&back, &reader)
            .await
            .map_err(|source| self.failed(source))?
            .unwrap_or_default();
        if found != back.after {
            return Err(UndoError::Unverified {
                change: change.id.clone(),
                target: change.target.clone(),
                found,
                wanted: back.after,
            });
        }
        back.to_record()
            .map_err(|source| self.unreadable_in(&thread.key, source).into())
    }

    async fn carry_back(
        &self,
        entry: &Entry,
        change: &Change<F::Effect>,
        back: &Change<F::Effect>,
        thread: &mut Thread,
        now: Timestamp,
    ) -> Result<(), UndoError<F::Error>> {
        let record = back
            .to_record()
            .map_err(|source| self.unreadable_in(&thread.key, source))?;
        let entry = |status| Entry {
            id: back.id.as_str().to_owned(),
            at: now,
            event: Event::Changed {
                change: Box::new(record.clone()),
                status,
            },
            ..entry.clone()
        };
        self.ledger.record(&[entry(ChangeStatus::Intended)]).await?;
        let writer = self.function.writer(&WriteGrant(()));
        // What the function remembers of its repairs is not touched: taking one back is not one more.
        let mut state = self.state_of(thread)?;
        let status = match self.function.apply(back, &mut state, &writer, now).await {
            Ok(Receipt::Made { after }) => ChangeStatus::Applied { after },
            Ok(Receipt::NotMade { because }) => {
                self.ledger
                    .record(&[entry(ChangeStatus::NotMade {
                        because: because.clone(),
                    })])
                    .await?;
                return Err(UndoError::Irreversible {
                    change: change.id.clone(),
                    because,
                });
            }
            // It may be the answer that failed, and not the change.
            Err(source) => match self.function.observe(back, &self.function.reader()).await {
                Ok(Some(found)) if found == back.after => ChangeStatus::Applied { after: found },
                _ => {
                    let status = ChangeStatus::Failed {
                        error: source.to_string(),
                    };
                    self.ledger.record(&[entry(status)]).await?;
                    return Err(self.failed(source).into());
                }
            },
        };
        self.ledger.record(&[entry(status)]).await?;
        Ok(())
    }

    /// Runs a task to its end.
    ///
    /// # Errors
    /// Whatever kept it from ending. What was applied until then is in the ledger; running the same task again goes on from there.
    pub async fn run(&self, task: &Task, now: Timestamp) -> Result<Report, RunError<F::Error>> {
        match task.mode {
            Mode::Observe | Mode::Propose => self.plan_only(task, now).await,
            Mode::Act => self.act(task, now).await,
        }
    }

    /// Plans against a copy of the state. No thread is acquired, no writer exists.
    async fn plan_only(&self, task: &Task, now: Timestamp) -> Result<Report, RunError<F::Error>> {
        let key = self.key(task);
        let mut state = match self.ledger.thread(&key).await? {
            Some(thread) => self.state_of(&thread)?,
            None => F::State::default(),
        };
        self.function.absorb(task, &mut state, now);
        let plan = self
            .function
            .plan(task, &state, &self.function.reader(), now)
            .await
            .map_err(|source| self.failed(source))?;
        let report = match plan {
            Plan::Unsupported { because } => Report {
                outcome: Outcome::Unsupported { because },
                changes: Vec::new(),
            },
            Plan::Changes(changes) if changes.is_empty() => Report {
                outcome: Outcome::Compliant,
                changes: Vec::new(),
            },
            Plan::Changes(changes) => {
                let changes = self.proposed(task, &changes, now).await?;
                Report {
                    outcome: Outcome::Planned {
                        changes: changes.len(),
                    },
                    changes,
                }
            }
            Plan::Held { because, changes } => self.held(task, because, &changes, now).await?,
        };
        self.finished(task, &report.outcome, now).await?;
        Ok(report)
    }

    /// Records what would be changed.
    async fn proposed(
        &self,
        task: &Task,
        changes: &[Change<F::Effect>],
        now: Timestamp,
    ) -> Result<Vec<Change>, RunError<F::Error>> {
        let changes = changes
            .iter()
            .map(Change::to_record)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| self.unreadable(task, source))?;
        let entries: Vec<_> = changes
            .iter()
            .map(|change| self.change_entry(task, change, ChangeStatus::Planned, now))
            .collect();
        self.ledger.record(&entries).await?;
        Ok(changes)
    }

    async fn held(
        &self,
        task: &Task,
        because: String,
        changes: &[Change<F::Effect>],
        now: Timestamp,
    ) -> Result<Report, RunError<F::Error>> {
        let changes = self.proposed(task, changes, now).await?;
        Ok(Report {
            outcome: Outcome::Held {
                changes: changes.len(),
                because,
            },
            changes,
        })
    }

    async fn act(&self, task: &Task, now: Timestamp) -> Result<Report, RunError<F::Error>> {
        let key = self.key(task);
        let mut thread = match self
            .ledger
            .acquire(&key, self.owner, self.lease, now)
            .await?
        {
            Acquired::Held(thread) => *thread,
            Acquired::Busy { until } => return Err(self.busy(key, until, now)),
        };
        if thread.done.contains(&task.id) {
            self.ledger.save(&mut thread, Keep::Nothing, now).await?;
            return Ok(Report {
                outcome: Outcome::AlreadyDone,
                changes: Vec::new(),
            });
        }
        let mut state = self.state_of(&thread)?;
        let worked = self.work(task, &mut thread, &mut state, now).await;
        thread.state =
            serde_json::to_value(&state).map_err(|source| self.unreadable(task, source))?;
        match worked {
            Ok(report) => {
                thread.finish(&task.id);
                self.ledger.save(&mut thread, Keep::Nothing, now).await?;
                self.finished(task, &report.outcome, now).await?;
                Ok(report)
            }
            // The ledger itself failed, or the lease is lost: what it holds stands.
            Err(lost @ RunError::Ledger(_)) => Err(lost),
            Err(error) => {
                self.ledger.save(&mut thread, Keep::Nothing, now).await?;
                let outcome = Outcome::Failed {
                    retryable: error.class().is_retryable(),
                    error: error.to_string(),
                };
                self.finished(task, &outcome, now).await?;
                Err(error)
            }
        }
    }

    async fn work(
        &self,
        task: &Task,
        thread: &mut Thread,
        state: &mut F::State,
        now: Timestamp,
    ) -> Result<Report, RunError<F::Error>> {
        let mut changes = thread.made_by(&task.id);
        match self.attempt(task, thread, state, &mut changes, now).await {
            Ok(outcome) => Ok(Report { outcome, changes }),
            Err(lost @ RunError::Ledger(_)) => Err(lost),
            Err(error) if changes.is_empty() => Err(error),
            Err(error) => {
                let made = changes.iter().map(|change| change.summary.as_str());
                Err(RunError::Unverified {
                    made: made.collect::<Vec<_>>().join("; "),
                    source: Box::new(error),
                })
            }
        }
    }

    /// Adds to `changes` what it makes, whatever its end; where all is held back for a person, what is held.
    async fn attempt(
        &self,
        task: &Task,
        thread: &mut Thread,
        state: &mut F::State,
        changes: &mut Vec<Change>,
        now: Timestamp,
    ) -> Result<Outcome, RunError<F::Error>> {
        let writer = self.function.writer(&WriteGrant(()));
        changes.extend(self.recover(task, thread, state, &writer, now).await?);
        self.function.absorb(task, state, now);
        let reader = self.function.reader();
        for _ in 0..F::ROUNDS {
            match self.plan(task, state, &reader, now).await? {
                // What was changed is not forgotten over what cannot be.
                Plan::Unsupported { because } => {
                    let outcome = if changes.is_empty() {
                        Outcome::Unsupported { because }
                    } else {
                        Outcome::Unverified {
                            changes: changes.len(),
                            left: because,
                        }
                    };
                    return Ok(outcome);
                }
                Plan::Held {
                    because,
                    changes: held,
                } if changes.is_empty() => {
                    let report = self.held(task, because, &held, now).await?;
                    *changes = report.changes;
                    return Ok(report.outcome);
                }
                Plan::Held { because, .. } => {
                    return Ok(Outcome::Unverified {
                        changes: changes.len(),
                        left: because,
                    });
                }
                // Seen after the last write, or without any: this is the verification.
                Plan::Changes(planned) if planned.is_empty() => {
                    return Ok(verified(changes.len()));
                }
                Plan::Changes(planned) => {
                    for change in &planned {
                        changes.extend(
                            self.apply(task, change, thread, state, &writer, now)
                                .await?,
                        );
                    }
                }
            }
        }
        Ok(match self.plan(task, state, &reader, now).await? {
            Plan::Changes(left) if left.is_empty() => verified(changes.len()),
            Plan::Changes(left) => {
                let left = left
                    .iter()
                    .map(|change| change.summary.as_str())
                    .collect::<Vec<_>>()
                    .join("; ");
                Outcome::Unverified {
                    changes: changes.len(),
                    left,
                }
            }
            Plan::Unsupported { because } | Plan::Held { because, .. } => Outcome::Unverified {
                changes: changes.len(),
                left: because,
            },
        })
    }

    async fn plan(
        &self,
        task: &Task,
        state: &F::State,
        reader: &F::Reader,
        now: Timestamp,
    ) -> Result<Plan<F::Effect>, RunError<F::Error>> {
        self.function
            .plan(task, state, reader, now)
            .await
            .map_err(|source| self.failed(source))
    }

    /// Settles a change that an earlier attempt left open.
    async fn recover(
        &self,
        task: &Task,
        thread: &mut Thread,
        state: &mut F::State,
        writer: &F::Writer,
        now: Timestamp,
    ) -> Result<Option<Change>, RunError<F::Error>> {
        let Some(intent) = thread.intent.clone() else {
            return Ok(None);
        };
        let change: Change<F::Effect> = intent
            .change
            .typed()
            .map_err(|source| self.unreadable(task, source))?;
        let recovery = self
            .function
            .recover(&change, intent.at, state, writer, now)
            .await
            .map_err(|source| self.failed(source))?;
        thread.intent = None;
        match recovery {
            Recovery::Done(receipt) => {
                self.receipt(task, intent.change, receipt, thread, state, now)
                    .await
            }
            Recovery::NotDone => {
                let status = ChangeStatus::Failed {
                    error: "interrupted before it was carried out".to_owned(),
                };
                self.settle(task, &intent.change, status, thread, state, now)
                    .await?;
                Ok(None)
            }
        }
    }

    /// Writes the intention down, makes the change, writes the end down.
    async fn apply(
        &self,
        task: &Task,
        change: &Change<F::Effect>,
        thread: &mut Thread,
        state: &mut F::State,
        writer: &F::Writer,
        now: Timestamp,
    ) -> Result<Option<Change>, RunError<F::Error>> {
        let record = change
            .to_record()
            .map_err(|source| self.unreadable(task, source))?;
        self.ledger
            .record(&[self.change_entry(task, &record, ChangeStatus::Intended, now)])
            .await?;
        thread.intent = Some(Intent {
            change: record.clone(),
            at: now,
        });
        thread.state =
            serde_json::to_value(&*state).map_err(|source| self.unreadable(task, source))?;
        self.ledger.save(thread, Keep::Lease, now).await?;
        match self.function.apply(change, state, writer, now).await {
            Ok(receipt) => {
                thread.intent = None;
                self.receipt(task, record, receipt, thread, state, now)
                    .await
            }
            Err(source) => {
                // An ambiguous end keeps its intent: the next attempt has to find out first.
                if !matches!(source.class(), FaultClass::Ambiguous { .. }) {
                    thread.intent = None;
                    let status = ChangeStatus::Failed {
                        error: source.to_string(),
                    };
                    self.ledger
                        .record(&[self.change_entry(task, &record, status, now)])
                        .await?;
                }
                Err(self.failed(source))
            }
        }
    }

    /// Settles a change by its receipt; hands it back if it was made.
    async fn receipt(
        &self,
        task: &Task,
        change: Change,
        receipt: Receipt,
        thread: &mut Thread,
        state: &F::State,
        now: Timestamp,
    ) -> Result<Option<Change>, RunError<F::Error>> {
        let (status, made) = match receipt {
            Receipt::Made { after } => (ChangeStatus::Applied { after }, true),
            Receipt::NotMade { because } => (ChangeStatus::NotMade { because }, false),
        };
        if made {
            thread.make(&task.id, change.clone());
        }
        self.settle(task, &change, status, thread, state, now)
            .await?;
        Ok(made.then_some(change))
    }

    /// History first, state second: after a crash between the two the intent is still there, and recovering finds the change made.
    async fn settle(
        &self,
        task: &Task,
        change: &Change,
        status: ChangeStatus,
        thread: &mut Thread,
        state: &F::State,
        now: Timestamp,
    ) -> Result<(), RunError<F::Error>> {
        self.ledger
            .record(&[self.change_entry(task, change, status, now)])
            .await?;
        thread.state =
            serde_json::to_value(state).map_err(|source| self.unreadable(task, source))?;
        self.ledger.save(thread, Keep::Lease, now).await?;
        Ok(())
    }

    async fn finished(
        &self,
        task: &Task,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let event = || Event::Finished {
            task: task.id.clone(),
            function: task.function.clone(),
            outcome: outcome.clone(),
        };
        let entries: Vec<_> = match task.findings() {
            [] => vec![Entry::general(now, event())],
            findings => findings
                .iter()
                .map(|finding| Entry::about(finding, now, event()))
                .collect(),
        };
        self.ledger.record(&entries).await
    }

    /// Its identity is the change's alone: whichever task settles it writes the same entry.
    fn change_entry(
        &self,
        task: &Task,
        change: &Change,
        status: ChangeStatus,
        now: Timestamp,
    ) -> Entry {
        let event = Event::Changed {
            change: Box::new(change.clone()),
            status,
        };
        let entry = match task.findings().first() {
            Some(finding) => Entry::about(finding, now, event),
            None => Entry::general(now, event),
        };
        Entry {
            id: change.id.as_str().to_owned(),
            rule: Some(change.rule.clone()),
            fingerprint: change.fingerprints.first().copied(),
            ..entry
        }
    }

    fn key(&self, task: &Task) -> ThreadKey {
        ThreadKey {
            function: FunctionName::new(F::NAME),
            group: task.group.clone(),
        }
    }

    fn state_of(&self, thread: &Thread) -> Result<F::State, RunError<F::Error>> {
        match &thread.state {
            Value::Null => Ok(F::State::default()),
            state => serde_json::from_value(state.clone()).map_err(|source| RunError::State {
                function: F::NAME,
                group: thread.key.clone(),
                source,
            }),
        }
    }

    fn unreadable(&self, task: &Task, source: serde_json::Error) -> RunError<F::Error> {
        self.unreadable_in(&self.key(task), source)
    }

    fn unreadable_in(&self, key: &ThreadKey, source: serde_json::Error) -> RunError<F::Error> {
        RunError::State {
            function: F::NAME,
            group: key.clone(),
            source,
        }
    }

    fn busy(&self, group: ThreadKey, until: Timestamp, now: Timestamp) -> RunError<F::Error> {
        RunError::Busy {
            function: F::NAME,
            group,
            until,
            retry_after: Duration::try_from(until.duration_since(now)).unwrap_or_default()
                + Duration::from_secs(1),
        }
    }

    fn failed(&self, source: F::Error) -> RunError<F::Error> {
        RunError::Function {
            function: F::NAME,
            source,
        }
    }
}
