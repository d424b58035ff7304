//! From a posture log to findings, and on through the gate.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use jiff::Timestamp;
use remediate_core::config::Config;
use remediate_core::function::Notice;
use remediate_core::ledger::Tally;
use remediate_core::{
    Decision, Device, Evidence, Finding, Fingerprint, Person, RuleId, Severity, SkipReason, Source,
    Subject, Verdict,
};

use crate::gate::{self, Storm};
use crate::intake::posture::{
    self, Cause, FieldMap, FieldMaps, Limits, OnProgress, Options, Reading, State,
};
use crate::pipeline::{Handled, Moment, Orchestrator, OrchestratorError};

/// The source kind of these findings.
const SOURCE: &str = "posture";

/// A reading as it goes into the gate.
struct Sorted {
    /// All failures, and the passes that close something.
    findings: Vec<Finding>,
    /// The other passes.
    counted: BTreeMap<(RuleId, &'static str), Tally>,
}

impl Orchestrator {
    /// Reads a posture log and handles what it says.
    ///
    /// # Errors
    /// As [`Orchestrator::handle`]. A log that is cut off or damaged is handled as far as it could be read;
    /// [`Handled::into_complete`] then says what is missing.
    pub async fn posture_log(
        &self,
        name: String,
        reader: Box<dyn Read + Send>,
        moment: Moment,
    ) -> Result<Handled, OrchestratorError> {
        let (reading, broken) = self.read(&name, reader, moment).await?;
        let mut handled = Handled {
            about: name,
            broken,
            ..Handled::default()
        };
        describe(&reading, &mut handled);
        let storms = self.storms(&reading);
        let open = self.open_incidents(&reading, &handled.about).await?;
        let sorted = sort(&self.config, &reading, &open, &handled.about);
        self.announce(&mut handled, &storms, &sorted.findings, moment.now)
            .await;
        drop(reading);
        self.judge_and_send(&mut handled, sorted.findings, &storms, moment)
            .await?;
        self.tally(&mut handled, sorted.counted, moment).await?;
        Ok(handled)
    }

    /// Reads on a thread of its own.
    async fn read(
        &self,
        name: &str,
        reader: Box<dyn Read + Send>,
        moment: Moment,
    ) -> Result<(Reading, Option<OrchestratorError>), OrchestratorError> {
        let options = options(&self.config, moment, self.progress.clone());
        let options = options.map_err(|error| OrchestratorError::Fields {
            reason: error.to_string(),
        })?;
        let read = tokio::task::spawn_blocking(move || posture::read(reader, &options)).await;
        match read.map_err(|_| OrchestratorError::Interrupted {
            object: name.to_owned(),
        })? {
            Ok(reading) => Ok((reading, None)),
            Err(mut error) if keeps_its_rows(&error.cause) => {
                let reading = std::mem::take(&mut *error.reading);
                Ok((
                    reading,
                    Some(OrchestratorError::Read {
                        object: name.to_owned(),
                        source: error,
                    }),
                ))
            }
            Err(source) => Err(OrchestratorError::Read {
                object: name.to_owned(),
                source,
            }),
        }
    }

    /// The checks of rules that are on which too many people fail at once, by name.
    fn storms(&self, reading: &Reading) -> HashMap<String, Storm> {
        reading
            .checks()
            .into_iter()
            .filter_map(|check| {
                Some((
                    check.check.to_owned(),
                    gate::storm(&self.config.rules, check.failing, check.people)?,
                ))
            })
            .collect()
    }

    /// Tells the security team about the storms that hold something back.
    async fn announce(
        &self,
        handled: &mut Handled,
        storms: &HashMap<String, Storm>,
        findings: &[Finding],
        now: Timestamp,
    ) {
        let mut names: Vec<_> = storms.iter().collect();
        names.sort_by_key(|(check, _)| check.as_str());
        for (check, Storm { failing, people }) in names {
            let held = findings
                .iter()
                .find(|finding| finding.failed() && finding.subject_check() == Some(check));
            let acting = held
                .and_then(|finding| self.config.rules.get(&finding.rule))
                .filter(|rule| {
                    rule.config.enabled && rule.config.mode == remediate_core::Mode::Act
                });
            let (Some(held), Some(_)) = (held, acting) else {
                continue;
            };
            let notice = Notice {
                topic: format!("storm {} {check}", held.rule),
                rule: held.rule.clone(),
                title: format!("{failing} of {people} people fail \u{201c}{check}\u{201d} at once"),
                text: format!(
                    "That is more than `storm.max_share` allows, and the check is the likelier culprit than the people. Nothing of it was acted on: no messages, no tickets. Look at the check, then at {}; if the failures are real, raise `storm.max_share` and deliver the log again.",
                    handled.about
                ),
                at: now,
            };
            self.notify(handled, notice).await;
        }
    }

    /// Looked up together, and not at all if no pass could close anything.
    async fn open_incidents(
        &self,
        reading: &Reading,
        about: &str,
    ) -> Result<HashSet<Fingerprint>, OrchestratorError> {
        let enabled = self.config.rules.iter().any(|(id, rule)| {
            rule.config.enabled
                && rule.config.matches.is_some()
                && id.as_str().starts_with("posture.")
        });
        if !enabled || reading.states().all(|state| !state.passed()) {
            return Ok(HashSet::new());
        }
        let open = self.ledger.open(SOURCE).await;
        Ok(open
            .map_err(|source| OrchestratorError::Ledger {
                object: about.to_owned(),
                source,
            })?
            .into_iter()
            .collect())
    }
}

fn options(
    config: &Config,
    moment: Moment,
    progress: Option<OnProgress>,
) -> Result<Options, posture::FieldMapError> {
    let intake = &config.rules.intake;
    let fields = intake
        .fields
        .as_ref()
        .map_or_else(FieldMaps::default, |fields| FieldMaps {
            maps: vec![FieldMap {
                email: fields.email.clone(),
                check: fields.check.clone(),
                passed: fields.passed.clone(),
                timestamp: fields.timestamp.clone(),
                check_type: fields.check_type.clone(),
                device: fields.device.clone(),
                os: fields.os.clone(),
                os_version: fields.os_version.clone(),
                expected: fields.expected.clone(),
                actual: fields.actual.clone(),
                ..FieldMap::default()
            }],
            passed: [FieldMaps::default().passed, fields.truthy.clone()].concat(),
            failed: [FieldMaps::default().failed, fields.falsy.clone()].concat(),
        });
    let limits = Limits {
        row_bytes: usize::try_from(intake.max_row_bytes).unwrap_or(usize::MAX),
        decompressed_bytes: intake.max_decompressed_bytes,
        ratio: intake.max_ratio.into(),
        ..Limits::default()
    };
    let mut options = Options::new(&fields)?;
    options.limits = limits;
    options.deadline = moment.deadline;
    options.progress = progress;
    options.now = Some(moment.now);
    Ok(options)
}

/// Whether what was read before the error is as good as it will ever be. After a deadline or a broken download the rest is still to come.
fn keeps_its_rows(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Truncated { .. }
            | Cause::Damaged { .. }
            | Cause::TooLarge { .. }
            | Cause::Expands { .. }
    )
}

fn describe(reading: &Reading, handled: &mut Handled) {
    let stats = &reading.stats;
    let counts = [
        ("rows", stats.rows),
        ("good", stats.good),
        ("without_verdict", stats.without_verdict),
        ("bad", stats.bad),
        ("people", stats.people),
        ("bytes", stats.bytes_in),
        ("bytes_decompressed", stats.bytes_out),
    ];
    handled.rows = counts
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    handled.problems = reading
        .problems
        .first()
        .iter()
        .map(ToString::to_string)
        .collect();
}

/// Makes findings of the failures and of the passes that close something; counts the rest without making anything of it.
fn sort(config: &Config, reading: &Reading, open: &HashSet<Fingerprint>, object: &str) -> Sorted {
    let mut sorted = Sorted {
        findings: Vec::new(),
        counted: BTreeMap::new(),
    };
    let mut rules: HashMap<(String, String), RuleId> = HashMap::new();
    for state in reading.states() {
        let check_type = state.check_type().unwrap_or_default().into_owned();
        let rule = rules
            .entry((state.check().to_owned(), check_type))
            .or_insert_with_key(|(check, check_type)| rule_for(config, check, check_type));
        let enabled = config
            .rules
            .get(rule)
            .is_some_and(|rule| rule.config.enabled);
        let subject = || Subject::Device {
            person: Person::new(state.email()),
            device: state.device().to_owned(),
            check: state.check().to_owned(),
        };
        if !state.passed()
            || (enabled && !open.is_empty() && open.contains(&Fingerprint::of(rule, &subject())))
        {
            sorted
                .findings
                .push(finding(rule.clone(), subject(), &state, object));
        } else {
            let reason = if enabled {
                SkipReason::Passed
            } else {
                SkipReason::Disabled
            };
            let tally = sorted
                .counted
                .entry((rule.clone(), reason.name()))
                .or_insert_with(|| Tally {
                    rule: rule.clone(),
                    decision: Decision::Skip(reason),
                    count: 0,
                });
            tally.count += 1;
        }
    }
    sorted
}

/// The rule of a check. Where the configuration has no catch-all, a check may belong to none: then it is recorded under the catch-all's name as unknown.
fn rule_for(config: &Config, check: &str, check_type: &str) -> RuleId {
    config
        .rules
        .for_check(check, check_type)
        .cloned()
        .unwrap_or_else(|| RuleId::from("posture.other"))
}

fn finding(rule: RuleId, subject: Subject, state: &State<'_>, object: &str) -> Finding {
    let text = |value: Option<std::borrow::Cow<'_, str>>| {
        value.map(std::borrow::Cow::into_owned).unwrap_or_default()
    };
    let device = Device {
        id: state.device().to_owned(),
        name: text(state.device_name()),
        os: text(state.os()),
        os_version: text(state.os_version()),
        model: text(state.device_model()),
    };
    Finding {
        rule,
        subject,
        verdict: if state.passed() {
            Verdict::Passed
        } else {
            Verdict::Failed
        },
        observed_at: state.timestamp(),
        severity: Severity::Medium,
        evidence: Evidence {
            title: state.check().to_owned(),
            expected: text(state.expected()),
            actual: text(state.actual()),
            device: Some(device),
            ..Evidence::default()
        },
        source: Source {
            kind: SOURCE.to_owned(),
            object: object.to_owned(),
            row: state.row(),
            offset: state.offset(),
        },
        sent_by: None,
    }
}
