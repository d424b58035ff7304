//! What has to change in Jira for it to say what was observed. Pure: everything is in the thread.

use jiff::{SignedDuration, Timestamp};
use remediate_core::config::Config;
use remediate_core::function::Plan;
use remediate_core::{Change, ChangeId, FunctionName, Verdict};
use serde_json::{Value, json};

use crate::document::Document;
use crate::effect::Effect;
use crate::observations::{Pass, Run};
use crate::state::{About, Failure, Issue, State, Status, Told};
use crate::{text, wording};

/// Plans one thread.
pub(crate) fn plan(config: &Config, state: &State, now: Timestamp) -> Plan<Effect> {
    let Some(about) = &state.about else {
        return Plan::Changes(Vec::new());
    };
    let planner = Planner {
        config,
        state,
        about,
        now,
    };
    match (state.seen.run(), &state.failure) {
        (Some(run), Some(failure)) => Plan::Changes(planner.failing(run, failure)),
        _ => planner.passing(),
    }
}

struct Planner<'a> {
    config: &'a Config,
    state: &'a State,
    about: &'a About,
    now: Timestamp,
}

impl Planner<'_> {
    fn failing(&self, run: Run, failure: &Failure) -> Vec<Change<Effect>> {
        let Some(issue) = &self.state.issue else {
            return vec![self.create(failure, run)];
        };
        match issue.status {
            Status::Open if issue.undescribed => vec![self.describe(issue, failure, run)],
            Status::Open => self.repeat(issue, failure, run).into_iter().collect(),
            Status::Closed { at, by_us } => {
                let since_closing = if by_us {
                    self.state
                        .seen
                        .first_failure_after(at)
                        .map(|recurred| recurred.duration_since(at))
                } else {
                    // Their clock and that of the log are not the same: what counts is that we hear of it afterwards.
                    is_news(issue, run).then(|| self.now.duration_since(at))
                };
                match since_closing {
                    Some(since) => self.recurrence(issue, since, failure, run),
                    None => Vec::new(),
                }
            }
        }
    }

    /// A comment on what happened since, if it is time for one.
    fn repeat(&self, issue: &Issue, failure: &Failure, run: Run) -> Option<Change<Effect>> {
        let told = issue.told;
        let is_time = self.now.duration_since(issue.written_at)
            >= self.config.services.jira.comment_every.signed();
        if issue.unexplained {
            Some(self.again(issue, failure, run))
        } else if !(is_news(issue, run) && is_time) {
            None
        } else if told.verdict == Verdict::Passed {
            Some(self.again(issue, failure, run))
        } else {
            let body = wording::still_failing(self.config, failure, run);
            let what = format!("still failing ({} failures)", run.count);
            Some(self.comment(issue, body, wording::told(run), &what))
        }
    }

    fn again(&self, issue: &Issue, failure: &Failure, run: Run) -> Change<Effect> {
        let body = wording::failing_again(self.config, failure, run);
        self.comment(issue, body, wording::told(run), "failing again")
    }

    /// The ticket is closed, and it fails: soon after, the same ticket; later, another one.
    fn recurrence(
        &self,
        issue: &Issue,
        since_closing: SignedDuration,
        failure: &Failure,
        run: Run,
    ) -> Vec<Change<Effect>> {
        let is_soon = since_closing <= self.config.services.jira.reopen_within.signed();
        if is_soon && issue.unreopenable.is_none() {
            vec![self.reopen(issue, run), self.again(issue, failure, run)]
        } else {
            vec![self.create(failure, run)]
        }
    }

    fn passing(&self) -> Plan<Effect> {
        let (Some(issue), Some(pass)) = (&self.state.issue, self.state.seen.pass()) else {
            return Plan::Changes(Vec::new());
        };
        if !issue.is_open() {
            return Plan::Changes(Vec::new());
        }
        let mut changes = Vec::new();
        if issue.told.verdict == Verdict::Failed {
            let told = Told {
                verdict: Verdict::Passed,
                observed_at: pass.at,
                failures: issue.told.failures,
            };
            let body = wording::passed(self.about, pass, issue.told);
            changes.push(self.comment(issue, body, told, "the check passed"));
        }
        match (&issue.unclosable, changes.is_empty()) {
            (Some(because), true) => Plan::Unsupported {
                because: format!("ticket {} cannot be closed: {because}", issue.key),
            },
            _ => {
                changes.push(self.close(issue, pass));
                Plan::Changes(changes)
            }
        }
    }

    fn create(&self, failure: &Failure, run: Run) -> Change<Effect> {
        let ticket = wording::ticket(self.config, self.state, self.about, failure, run);
        let jira = &self.config.services.jira;
        let after = json!({
            "project": jira.project,
            "issue_type": jira.issue_type,
            "summary": ticket.summary,
            "labels": ticket.labels,
        });
        self.change(
            format!("project {}", jira.project),
            format!(
                "open a ticket in {}: {}, {}",
                jira.project,
                self.about.rule,
                text::title(&self.about.subject.to_string())
            ),
            Value::Null,
            after,
            Effect::Create {
                ticket: Box::new(ticket),
            },
        )
    }

    /// The description as a comment, where the project's screen has no field for it.
    fn describe(&self, issue: &Issue, failure: &Failure, run: Run) -> Change<Effect> {
        let ticket = wording::ticket(self.config, self.state, self.about, failure, run);
        self.comment(
            issue,
            ticket.description,
            ticket.told,
            "what failed, where, and what to do",
        )
    }

    fn comment(&self, issue: &Issue, body: Document, told: Told, what: &str) -> Change<Effect> {
        self.change(
            format!("ticket {}", issue.key),
            format!("comment on {}: {what}", issue.key),
            json!({ "told": issue.told }),
            json!({ "told": told, "says": body.opening() }),
            Effect::Comment {
                key: issue.key.clone(),
                body,
                told,
            },
        )
    }

    fn close(&self, issue: &Issue, pass: &Pass) -> Change<Effect> {
        self.change(
            format!("ticket {}", issue.key),
            format!(
                "close {}: passed at {}",
                issue.key,
                wording::instant(pass.at)
            ),
            json!({ "status": "open" }),
            json!({ "status": "closed" }),
            Effect::Close {
                key: Some(issue.key.clone()),
                at: pass.at,
            },
        )
    }

    fn reopen(&self, issue: &Issue, run: Run) -> Change<Effect> {
        self.change(
            format!("ticket {}", issue.key),
            format!(
                "reopen {}: failing again since {}",
                issue.key,
                wording::instant(run.first)
            ),
            json!({ "status": "closed" }),
            json!({ "status": "open" }),
            Effect::Reopen {
                key: Some(issue.key.clone()),
            },
        )
    }

    fn change(
        &self,
        target: String,
        summary: String,
        before: Value,
        after: Value,
        effect: Effect,
    ) -> Change<Effect> {
        Change {
            id: ChangeId::fresh(),
            function: FunctionName::new(crate::NAME),
            rule: self.about.rule.clone(),
            fingerprints: vec![self.about.fingerprint],
            target,
            summary,
            before,
            after,
            notes: Vec::new(),
            effect,
        }
    }
}

/// Whether it failed since the ticket was last written to.
fn is_news(issue: &Issue, run: Run) -> bool {
    issue.told.verdict == Verdict::Passed || run.newest > issue.told.observed_at
}
