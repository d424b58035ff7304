//! The way of a finding: facts looked up, decided, sent on, recorded.
//!
//! The order makes a crash harmless at any point: decisions are recorded, then tasks are sent, then the incident is
//! written. A redelivery finds the incidents of what was sent on and does not send it again; what it sends again after a
//! crash in between has the same task id, and the function knows it as done.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use remediate_core::config::Config;
use remediate_core::incident::Seen;
use remediate_core::ledger::{Disposition, Entry, Event, Ledger, LedgerError, Tally};
use remediate_core::{
    Decision, Finding, Fingerprint, FunctionName, Incident, Mode, RuleId, SkipReason, Subject, Task,
};

use crate::dispatch::{self, Delivery, DispatchError, Dispatcher};
use crate::gate::{self, Budget, Facts, Storm};
use crate::intake::envelope::{Notification, ObjectRef};
use crate::intake::objects::{ObjectError, Objects};
use crate::intake::posture::{OnProgress, ReadError};

/// Everything the way of a finding needs. Nothing of a finding is kept in it.
#[derive(Clone)]
pub struct Orchestrator {
    pub config: Arc<Config>,
    pub ledger: Arc<dyn Ledger>,
    pub objects: Arc<dyn Objects>,
    pub dispatcher: Arc<dyn Dispatcher>,
    /// Told how far the reading of a log is.
    pub progress: Option<OnProgress>,
}

/// The moment, and until when there is time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Timestamp,
    pub deadline: Option<Instant>,
}

/// What became of one notification.
#[derive(Debug, Default)]
pub struct Handled {
    /// The object or message.
    pub about: String,
    /// Findings that were decided one by one: all failures, and the passes that close something.
    pub judged: Vec<Judged>,
    /// All other findings, counted.
    pub tally: Vec<Tally>,
    /// What was sent to functions, and what came of it.
    pub sent: Vec<Sent>,
    /// Counts of the rows read: `rows`, `good`, …
    pub rows: BTreeMap<String, u64>,
    /// Rows that could not be used, with their positions; the first ones.
    pub problems: Vec<String>,
    /// Why there was nothing to do, if so.
    pub disposition: Option<(Disposition, String)>,
    /// The object could only be read up to here; what was read was handled.
    pub broken: Option<OrchestratorError>,
}

impl Handled {
    /// How many tasks did not arrive, or failed where they ran in this process.
    pub fn failed(&self) -> usize {
        self.sent.iter().filter(|sent| sent.result.is_err()).count()
    }

    /// Itself, unless something of it has to be delivered again.
    ///
    /// # Errors
    /// When tasks were not taken, or the object could only be read in part.
    pub fn into_complete(mut self) -> Result<Self, OrchestratorError> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let first = self
            .sent
            .iter()
            .find_map(|sent| sent.result.as_ref().err().map(ToString::to_string));
        match first {
            Some(first) => Err(OrchestratorError::NotSent {
                object: self.about.clone(),
                failed: self.failed(),
                of: self.sent.len(),
                first,
            }),
            None => Ok(self),
        }
    }

    /// How many findings ended in each decision.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for tally in &self.tally {
            *counts.entry(tally.decision.name()).or_insert(0) += tally.count;
        }
        // What came as a message is not tallied: there every finding has its entry.
        for judged in self
            .judged
            .iter()
            .filter(|judged| self.tally.is_empty() || judged.recorded_singly())
        {
            *counts.entry(judged.decision.name()).or_insert(0) += 1;
        }
        counts
    }
}

#[derive(Debug)]
pub struct Judged {
    pub fingerprint: Fingerprint,
    pub finding: Finding,
    pub decision: Decision,
    /// The incident as it would be after this finding.
    seen: Seen,
    /// An incident was open for it before.
    was_open: bool,
}

impl Judged {
    /// Whether a decision gets an entry of its own: all that act, and those whose absence somebody could ask about.
    fn recorded_singly(&self) -> bool {
        match &self.decision {
            Decision::Act | Decision::Observe | Decision::Propose => true,
            Decision::Skip(reason) => {
                self.was_open
                    || matches!(
                        reason,
                        SkipReason::Exempt { .. }
                            | SkipReason::Suppressed { .. }
                            | SkipReason::Frozen { .. }
                            | SkipReason::OverBudget { .. }
                            | SkipReason::OutOfScope { .. }
                            | SkipReason::ForeignAccount { .. }
                            | SkipReason::Recurring { .. }
                            | SkipReason::Malformed { .. }
                    )
            }
        }
    }
}

#[derive(Debug)]
pub struct Sent {
    pub function: FunctionName,
    pub fingerprints: Vec<Fingerprint>,
    pub result: Result<Delivery, DispatchError>,
}

/// Why a notification was not handled to its end. It is to be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorError {
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error("{object}: {source}")]
    Read { object: String, source: ReadError },
    #[error("{object}: {source}")]
    Ledger { object: String, source: LedgerError },
    #[error(
        "{object}: time ran out after {done} of {of} findings were sent on; delivering it again goes on from there"
    )]
    Deadline {
        object: String,
        done: usize,
        of: usize,
    },
    #[error("{object}: {failed} of {of} tasks did not get done: {first}")]
    NotSent {
        object: String,
        failed: usize,
        of: usize,
        first: String,
    },
    #[error("intake.fields: {reason}")]
    Fields { reason: String },
    #[error("{object}: reading it was interrupted")]
    Interrupted { object: String },
}

impl OrchestratorError {
    /// Whether the same delivery can succeed later without a person's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Object(error) => matches!(
                error,
                ObjectError::Unavailable { .. } | ObjectError::Denied { .. }
            ),
            Self::Read { source, .. } => source.cause.is_retryable(),
            Self::Ledger { source, .. } => !matches!(source, LedgerError::Corrupt { .. }),
            Self::Fields { .. } => false,
            Self::Deadline { .. } | Self::NotSent { .. } | Self::Interrupted { .. } => true,
        }
    }
}

/// Findings sent on between two looks at the clock.
const CHUNK: usize = 100;
/// Ledger writes under way at once.
const WRITES: usize = 16;

impl Orchestrator {
    /// Handles one notification.
    ///
    /// # Errors
    /// What kept it from being handled to its end; it is to be delivered again.
    pub async fn handle(
        &self,
        notification: Notification,
        moment: Moment,
    ) -> Result<Handled, OrchestratorError> {
        match notification {
            Notification::Nothing { about, because } => {
                self.put_aside(about, Disposition::Ignored, because.to_owned(), moment)
                    .await
            }
            Notification::Check(check) => {
                let finding = self.with_account(check.finding);
                self.findings(finding.source.object.clone(), vec![finding], moment)
                    .await
            }
            Notification::Threat(threat) => {
                let about = format!("hostile address {}", threat.ip);
                let signal = signal("address", &threat);
                self.enforce(about, signal, moment).await
            }
            Notification::Object(object) => self.object(object, moment).await,
        }
    }

    async fn object(
        &self,
        object: ObjectRef,
        moment: Moment,
    ) -> Result<Handled, OrchestratorError> {
        let name = object.to_string();
        if self.is_snapshot(&object) {
            let snapshot = serde_json::json!({ "bucket": object.bucket, "key": object.key, "version_id": object.version });
            return self
                .enforce(name, signal("snapshot", &snapshot), moment)
                .await;
        }
        if !self.config.rules.intake.buckets.contains(&object.bucket) {
            let because = format!("bucket {} is not in `intake.buckets`", object.bucket);
            return self
                .put_aside(name, Disposition::Refused, because, moment)
                .await;
        }
        match self.objects.open(&object).await {
            Ok(reader) => self.posture_log(name, reader, moment).await,
            Err(ObjectError::Gone { .. }) => {
                tracing::warn!(object = name, "Object was deleted before it was read.");
                self.put_aside(
                    name,
                    Disposition::Ignored,
                    "it was deleted before it was read".to_owned(),
                    moment,
                )
                .await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the object lies where snapshots of threats are put.
    fn is_snapshot(&self, object: &ObjectRef) -> bool {
        self.config.rules.intake.snapshots.iter().any(|place| {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            bucket == object.bucket && object.key.starts_with(prefix)
        })
    }

    /// The finding with its account, where the scanner named it by an id of its own.
    fn with_account(&self, mut finding: Finding) -> Finding {
        let scanner_account = finding
            .evidence
            .extra
            .get("accountId")
            .and_then(serde_json::Value::as_str);
        let known = scanner_account
            .and_then(|id| self.config.rules.global.scanner_accounts.get(id))
            .cloned();
        if let Subject::Resource { account, .. } = &mut finding.subject
            && account.is_none()
        {
            *account = known;
        }
        finding
    }

    /// Gives news of hostile addresses to the function that enforces them, if any of its rules is on.
    async fn enforce(
        &self,
        about: String,
        signal: serde_json::Value,
        moment: Moment,
    ) -> Result<Handled, OrchestratorError> {
        let function = FunctionName::from(ENFORCER);
        let mut rules = self.config.rules.iter();
        if !rules.any(|(_, rule)| rule.config.enabled && rule.config.functions.contains(&function))
        {
            let because = format!("no rule of {ENFORCER} is enabled");
            return self
                .put_aside(about, Disposition::Ignored, because, moment)
                .await;
        }
        let result = self.dispatcher.signal(&function, &signal).await;
        let because = match &result {
            Ok(_) => format!("given to {ENFORCER}"),
            Err(error) => format!("not taken by {ENFORCER}: {error}"),
        };
        let mut handled = self
            .put_aside(about, Disposition::Forwarded, because, moment)
            .await?;
        handled.sent.push(Sent {
            function,
            fingerprints: Vec::new(),
            result,
        });
        Ok(handled)
    }

    async fn put_aside(
        &self,
        about: String,
        disposition: Disposition,
        because: String,
        moment: Moment,
    ) -> Result<Handled, OrchestratorError> {
        let event = Event::Received {
            object: about.clone(),
            disposition,
            because: because.clone(),
        };
        self.record(&about, &[Entry::general(moment.now, event)])
            .await?;
        Ok(Handled {
            about,
            disposition: Some((disposition, because)),
            ..Handled::default()
        })
    }

    /// Findings that came as messages.
    ///
    /// # Errors
    /// As [`Orchestrator::handle`].
    pub async fn findings(
        &self,
        about: String,
        findings: Vec<Finding>,
        moment: Moment,
    ) -> Result<Handled, OrchestratorError> {
        let mut handled = Handled {
            about,
            ..Handled::default()
        };
        self.judge_and_send(&mut handled, findings, &HashMap::new(), moment)
            .await?;
        // A message holds one finding or few: each is worth its entry whatever was decided.
        let undecided = handled
            .judged
            .iter()
            .filter(|judged| !judged.recorded_singly());
        let entries: Vec<_> = undecided
            .map(|judged| self.decision_entry(judged, moment.now))
            .collect();
        self.record(&handled.about, &entries).await?;
        Ok(handled)
    }

    /// Decides on the findings, sends on what is to be sent, and records all but what is only to be counted.
    pub(crate) async fn judge_and_send(
        &self,
        handled: &mut Handled,
        findings: Vec<Finding>,
        storms: &HashMap<String, Storm>,
        moment: Moment,
    ) -> Result<(), OrchestratorError> {
        handled.judged = self
            .judge(&handled.about, findings, storms, moment.now)
            .await?;
        let skipped = handled.judged.iter().filter(|judged| {
            matches!(judged.decision, Decision::Skip(_)) && judged.recorded_singly()
        });
        let entries: Vec<_> = skipped
            .map(|judged| self.decision_entry(judged, moment.now))
            .collect();
        self.record(&handled.about, &entries).await?;
        for (decision, mode) in [
            (Decision::Act, Mode::Act),
            (Decision::Observe, Mode::Observe),
            (Decision::Propose, Mode::Propose),
        ] {
            self.send(handled, &decision, mode, moment).await?;
        }
        Ok(())
    }

    async fn judge(
        &self,
        about: &str,
        findings: Vec<Finding>,
        storms: &HashMap<String, Storm>,
        now: Timestamp,
    ) -> Result<Vec<Judged>, OrchestratorError> {
        let prints: Vec<_> = findings.iter().map(Finding::fingerprint).collect();
        let enabled = |finding: &Finding| {
            self.config
                .rules
                .get(&finding.rule)
                .is_some_and(|rule| rule.config.enabled)
        };
        let wanted: Vec<_> = findings
            .iter()
            .zip(&prints)
            .filter(|(finding, _)| enabled(finding))
            .map(|(_, print)| *print)
            .collect();
        let known = if wanted.is_empty() {
            HashMap::new()
        } else {
            self.ledger
                .incidents(&wanted)
                .await
                .map_err(|source| ledger(about, source))?
        };
        let facts: Vec<Facts> = findings
            .iter()
            .zip(&prints)
            .map(|(finding, print)| Facts {
                now,
                seen: Incident::observe(known.get(print), finding),
                storm: finding
                    .subject_check()
                    .and_then(|check| storms.get(check))
                    .copied(),
                budget: Budget::Left,
            })
            .collect();
        let mut decisions: Vec<_> = findings
            .iter()
            .zip(&facts)
            .map(|(finding, facts)| gate::decide(finding, &self.config.rules, facts))
            .collect();
        self.spend(about, &findings, &facts, &mut decisions, now)
            .await?;
        Ok(findings
            .into_iter()
            .zip(prints)
            .zip(facts)
            .zip(decisions)
            .map(|(((finding, fingerprint), facts), decision)| Judged {
                was_open: known.get(&fingerprint).is_some_and(Incident::is_open),
                fingerprint,
                finding,
                decision,
                seen: facts.seen,
            })
            .collect())
    }

    /// Takes the changes out of the rules' hourly budgets; who gets none is decided on again.
    async fn spend(
        &self,
        about: &str,
        findings: &[Finding],
        facts: &[Facts],
        decisions: &mut [Decision],
        now: Timestamp,
    ) -> Result<(), OrchestratorError> {
        let mut wanted: BTreeMap<&RuleId, Vec<usize>> = BTreeMap::new();
        for (index, (finding, facts)) in findings.iter().zip(facts).enumerate() {
            // A resource that fails again is repaired again; a person who still fails is only told again.
            let repairs = match facts.seen {
                Seen::Opened(_) => true,
                Seen::Repeated(_) => matches!(finding.subject, Subject::Resource { .. }),
                _ => false,
            };
            if decisions[index] == Decision::Act && repairs {
                wanted.entry(&finding.rule).or_default().push(index);
            }
        }
        for (rule, indices) in wanted {
            let per_hour = self
                .config
                .rules
                .get(rule)
                .map_or(0, |rule| rule.config.max_changes_per_hour);
            let asked = u32::try_from(indices.len()).unwrap_or(u32::MAX);
            let granted = self
                .ledger
                .reserve(rule, asked, per_hour, now)
                .await
                .map_err(|source| ledger(about, source))?;
            for index in indices.into_iter().skip(granted as usize) {
                let facts = Facts {
                    budget: Budget::Used,
                    ..facts[index].clone()
                };
                decisions[index] = gate::decide(&findings[index], &self.config.rules, &facts);
            }
        }
        Ok(())
    }

    /// Sends on all findings of one decision, a chunk at a time, never parting what belongs to one person.
    async fn send(
        &self,
        handled: &mut Handled,
        decision: &Decision,
        mode: Mode,
        moment: Moment,
    ) -> Result<(), OrchestratorError> {
        let mut order: Vec<usize> = (0..handled.judged.len())
            .filter(|index| handled.judged[*index].decision == *decision)
            .collect();
        order.sort_by(|a, b| sort_key(&handled.judged[*a]).cmp(&sort_key(&handled.judged[*b])));
        let of = order.len();
        let mut done = 0;
        while done < of {
            if moment
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
            {
                return Err(OrchestratorError::Deadline {
                    object: handled.about.clone(),
                    done,
                    of,
                });
            }
            let mut end = (done + CHUNK).min(of);
            while end < of
                && sort_key(&handled.judged[order[end]]).0
                    == sort_key(&handled.judged[order[end - 1]]).0
            {
                end += 1;
            }
            let chunk: Vec<&Judged> = order[done..end]
                .iter()
                .map(|index| &handled.judged[*index])
                .collect();
            let sent = self
                .send_chunk(&handled.about, &chunk, mode, moment.now)
                .await?;
            handled.sent.extend(sent);
            done = end;
        }
        Ok(())
    }

    async fn send_chunk(
        &self,
        about: &str,
        chunk: &[&Judged],
        mode: Mode,
        now: Timestamp,
    ) -> Result<Vec<Sent>, OrchestratorError> {
        let entries: Vec<_> = chunk
            .iter()
            .map(|judged| self.decision_entry(judged, now))
            .collect();
        self.record(about, &entries).await?;
        let functions = |finding: &Finding| {
            self.config
                .rules
                .get(&finding.rule)
                .map_or(&[][..], |rule| &rule.config.functions[..])
        };
        let addressed: Vec<_> = chunk
            .iter()
            .map(|judged| (&judged.finding, functions(&judged.finding)))
            .collect();
        let tasks = dispatch::tasks(&addressed, mode)
            .map_err(|error| not_sent(about, chunk.len(), &error))?;
        let heads: Vec<_> = tasks
            .iter()
            .map(|task| {
                (
                    task.function.clone(),
                    task.findings()
                        .iter()
                        .map(Finding::fingerprint)
                        .collect::<Vec<_>>(),
                )
            })
            .collect();
        let results = self.dispatcher.dispatch(tasks).await;
        let sent: Vec<_> = heads
            .into_iter()
            .zip(results)
            .map(|((function, fingerprints), dispatched)| Sent {
                function,
                fingerprints,
                result: dispatched.result,
            })
            .collect();
        if mode == Mode::Act {
            let missed: HashSet<_> = sent
                .iter()
                .filter(|sent| sent.result.is_err())
                .flat_map(|sent| &sent.fingerprints)
                .collect();
            let arrived = chunk
                .iter()
                .filter(|judged| !missed.contains(&judged.fingerprint));
            stream::iter(arrived.map(|judged| self.remember(judged)))
                .buffer_unordered(WRITES)
                .try_collect::<Vec<_>>()
                .await
                .map_err(|source| ledger(about, source))?;
        }
        Ok(sent)
    }

    /// Writes the incident. Somebody else may have written it meanwhile: then the finding is folded into theirs.
    async fn remember(&self, judged: &Judged) -> Result<(), LedgerError> {
        let mut seen = judged.seen.clone();
        loop {
            let (Seen::Opened(incident) | Seen::Repeated(incident) | Seen::Resolved(incident)) =
                &seen
            else {
                return Ok(());
            };
            match self.ledger.put_incident(incident).await {
                Err(LedgerError::Conflict { .. }) => {
                    let known = self.ledger.incidents(&[judged.fingerprint]).await?;
                    seen = Incident::observe(known.get(&judged.fingerprint), &judged.finding);
                }
                other => return other,
            }
        }
    }

    /// Tells the security team, through the function that the configuration names. Told once per topic and day.
    pub(crate) async fn notify(
        &self,
        handled: &mut Handled,
        notice: remediate_core::function::Notice,
    ) {
        let task = Task::of_notice(&self.config.rules.global.notices, Mode::Act, notice);
        let function = task.function.clone();
        let results = self.dispatcher.dispatch(vec![task]).await;
        handled
            .sent
            .extend(results.into_iter().map(|dispatched| Sent {
                function: function.clone(),
                fingerprints: Vec::new(),
                result: dispatched.result,
            }));
    }

    /// Counts what is not worth an entry of its own, and records the counts with what could not be read.
    pub(crate) async fn tally(
        &self,
        handled: &mut Handled,
        counted: BTreeMap<(RuleId, &'static str), Tally>,
        moment: Moment,
    ) -> Result<(), OrchestratorError> {
        let mut counted = counted;
        for judged in handled
            .judged
            .iter()
            .filter(|judged| !judged.recorded_singly())
        {
            let key = (judged.finding.rule.clone(), judged.decision.name());
            let tally = counted.entry(key).or_insert_with(|| Tally {
                rule: judged.finding.rule.clone(),
                decision: judged.decision.clone(),
                count: 0,
            });
            tally.count += 1;
        }
        handled.tally = counted.into_values().collect();
        let mut entries = vec![Entry::general(
            moment.now,
            Event::Tallied {
                object: handled.about.clone(),
                tally: handled.tally.clone(),
                rows: handled.rows.clone(),
            },
        )];
        if !handled.problems.is_empty() {
            let because = handled
                .problems
                .iter()
                .take(20)
                .cloned()
                .collect::<Vec<_>>()
                .join("\n");
            entries.push(Entry::general(
                moment.now,
                Event::Received {
                    object: handled.about.clone(),
                    disposition: Disposition::Invalid,
                    because,
                },
            ));
        }
        self.record(&handled.about, &entries).await
    }

    fn decision_entry(&self, judged: &Judged, now: Timestamp) -> Entry {
        let event = Event::Decided {
            decision: judged.decision.clone(),
            finding: Box::new(judged.finding.clone()),
            config: self.config.hash.clone(),
        };
        Entry::about(&judged.finding, now, event)
    }

    async fn record(&self, about: &str, entries: &[Entry]) -> Result<(), OrchestratorError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.ledger
            .record(entries)
            .await
            .map_err(|source| ledger(about, source))
    }
}

/// The function that news of hostile addresses go to.
const ENFORCER: &str = "enforce-ip-list";

/// What a function is told, with what kind of thing it is.
fn signal(kind: &str, content: &impl serde::Serialize) -> serde_json::Value {
    let mut signal = serde_json::to_value(content).unwrap_or_default();
    if let Some(members) = signal.as_object_mut() {
        members.insert("kind".to_owned(), kind.into());
    }
    signal
}

/// Findings of one person, or of one resource, lie side by side.
fn sort_key(judged: &Judged) -> (&str, Fingerprint) {
    (judged.finding.subject.search_key(), judged.fingerprint)
}

fn ledger(about: &str, source: LedgerError) -> OrchestratorError {
    OrchestratorError::Ledger {
        object: about.to_owned(),
        source,
    }
}

fn not_sent(about: &str, of: usize, error: &DispatchError) -> OrchestratorError {
    OrchestratorError::NotSent {
        object: about.to_owned(),
        failed: of,
        of,
        first: error.to_string(),
    }
}
