//! What the ledger keeps per fingerprint.

use jiff::Timestamp;
use remediate_core::function::Task;
use remediate_core::{
    AccountId, Evidence, Finding, Fingerprint, Person, RuleId, Severity, Source, Subject, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::observations::Observations;
use crate::text::Excerpt;

/// The thread of one fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    #[serde(default)]
    pub seen: Observations,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// The newest failure, while it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The newest ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<Issue>,
    /// The keys of the tickets before that one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
}

/// What it is all about. The subject's names are cut to what can be shown; the fingerprint is that of the whole names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub rule: RuleId,
    pub subject: Subject,
    pub fingerprint: Fingerprint,
}

/// What was seen when it failed last, cut to what a ticket can hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub at: Timestamp,
    pub severity: Severity,
    pub title: Excerpt,
    pub message: Excerpt,
    pub expected: Excerpt,
    pub actual: Excerpt,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<remediate_core::Device>,
    pub source: Source,
}

/// A ticket of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// The number that stays when the ticket is moved to another project.
    pub id: String,
    pub key: String,
    pub status: Status,
    pub created_at: Timestamp,
    /// When it was last written to, by creating it or by a comment.
    pub written_at: Timestamp,
    /// What the ticket says by now.
    pub told: Told,
    /// The account it was given to when it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Reopened, and it does not say why yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unexplained: bool,
    /// Created without a description: the project's screen has no such field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undescribed: bool,
    /// Why the workflow does not let it be closed; it is not tried again before the next run of failures was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclosable: Option<String>,
    /// Why the workflow does not let it be reopened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreopenable: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Status {
    Open,
    Closed {
        /// For our own closing when the check was seen passing; for a person's when they closed it.
        at: Timestamp,
        by_us: bool,
    },
}

/// What was said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub verdict: Verdict,
    /// The observation it was said about.
    pub observed_at: Timestamp,
    /// How many failures had been counted.
    pub failures: u64,
}

impl Issue {
    pub fn is_open(&self) -> bool {
        self.status == Status::Open
    }
}

impl State {
    /// The tickets, in lines for people.
    pub(crate) fn describe(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(issue) = &self.issue {
            lines.push(match issue.status {
                Status::Open => {
                    format!("ticket {} is open since {:.0}", issue.key, issue.created_at)
                }
                Status::Closed { at, by_us: true } => {
                    format!("ticket {} is closed: passed at {at:.0}", issue.key)
                }
                Status::Closed { at, by_us: false } => format!(
                    "ticket {} was closed by somebody else, noticed at {at:.0}",
                    issue.key
                ),
            });
            if let Some(because) = &issue.unclosable {
                lines.push(format!("ticket {} cannot be closed: {because}", issue.key));
            }
        }
        if !self.earlier.is_empty() {
            lines.push(format!("earlier tickets: {}", self.earlier.join(", ")));
        }
        lines
    }

    /// How many keys of earlier tickets are kept.
    const EARLIER: usize = 16;

    /// Takes a task's findings in; see [`Observations`] for what order and repetition mean.
    pub fn absorb(&mut self, task: &Task) {
        for finding in task.findings() {
            self.about.get_or_insert_with(|| About {
                rule: finding.rule.clone(),
                subject: shortened_subject(&finding.subject),
                fingerprint: finding.fingerprint(),
            });
            match finding.verdict {
                Verdict::Passed => self.seen.passed(finding.observed_at, &finding.source),
                Verdict::Failed => {
                    if self.seen.failed(finding.observed_at) {
                        self.note_failure(finding);
                    }
                }
            }
        }
        if self.seen.run().is_none() {
            self.failure = None;
        }
    }

    /// Of two accounts of one instant, the one from the later row stands, whichever came first.
    fn note_failure(&mut self, finding: &Finding) {
        let rank = |at: Timestamp, source: &Source| (at, source.object.clone(), source.row);
        let known = self
            .failure
            .as_ref()
            .map(|known| rank(known.at, &known.source));
        if known < Some(rank(finding.observed_at, &finding.source)) {
            self.failure = Some(Failure::of(finding));
        }
    }

    /// The ticket is no more: the next failure opens another.
    pub(crate) fn forget_issue(&mut self) {
        self.issue = None;
    }

    /// Another ticket takes the place of the present one.
    pub(crate) fn replace_issue(&mut self, issue: Issue) {
        if let Some(before) = self.issue.replace(issue) {
            self.earlier.push(before.key);
        }
        let surplus = self.earlier.len().saturating_sub(Self::EARLIER);
        self.earlier.drain(..surplus);
    }

    /// Whether a ticket is one that this thread knows.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.earlier.iter().any(|earlier| earlier == key)
            || self.issue.as_ref().is_some_and(|issue| issue.key == key)
    }
}

impl Failure {
    /// What is kept of a value, in characters: no ticket can hold more, and a row may be a megabyte.
    const VALUE: usize = 12_000;
    /// What is kept of what explains it.
    const EXPLANATION: usize = 4_000;
    /// What is kept of a name.
    const NAME: usize = 500;

    fn of(finding: &Finding) -> Self {
        let Evidence {
            title,
            message,
            expected,
            actual,
            device,
            ..
        } = &finding.evidence;
        Self {
            at: finding.observed_at,
            severity: finding.severity,
            title: Excerpt::of(title, Self::NAME),
            message: Excerpt::of(message, Self::EXPLANATION),
            expected: Excerpt::of(expected, Self::EXPLANATION),
            actual: Excerpt::of(actual, Self::VALUE),
            device: device.as_ref().map(shortened),
            source: finding.source.clone(),
        }
    }
}

fn short(text: &str) -> String {
    Excerpt::of(text, Failure::NAME).text
}

fn shortened_subject(subject: &Subject) -> Subject {
    match subject {
        Subject::Resource {
            resource,
            account,
            region,
        } => Subject::Resource {
            resource: short(resource),
            account: account
                .as_ref()
                .map(|account| AccountId::new(short(account.as_str()))),
            region: region.as_deref().map(short),
        },
        Subject::Device {
            person,
            device,
            check,
        } => Subject::Device {
            person: Person::new(&short(person.as_str())),
            device: short(device),
            check: short(check),
        },
    }
}

fn shortened(device: &remediate_core::Device) -> remediate_core::Device {
    remediate_core::Device {
        id: short(&device.id),
        name: short(&device.name),
        os: short(&device.os),
        os_version: short(&device.os_version),
        model: short(&device.model),
    }
}
