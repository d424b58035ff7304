//! What `run`, `send` and `demo` tell: per finding the decision, the changes and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use orchestrator::dispatch::{Delivery, DispatchError};
use orchestrator::{Handled, Judged, Sent};
use remediate_core::ledger::Disposition;
use remediate_core::{Change, Decision, Outcome, SkipReason, Subject};
use serde_json::json;

use crate::args::Format;
use crate::error::CliError;
use crate::print::{Colour, coloured, counted, grouped, paint, say, tame};

/// Says what happened, as it happens, and sums it up.
pub struct Reporter {
    format: Format,
    apply: bool,
    colour: bool,
    failures: usize,
    /// Decisions over all inputs.
    decisions: BTreeMap<&'static str, u64>,
    changes: usize,
    too_old: u64,
}

impl Reporter {
    pub fn new(format: Format, apply: bool) -> Self {
        let colour = format == Format::Text && coloured();
        Self {
            format,
            apply,
            colour,
            failures: 0,
            decisions: BTreeMap::new(),
            changes: 0,
            too_old: 0,
        }
    }

    pub fn handled(&mut self, handled: Handled) {
        for (decision, count) in handled.counts() {
            *self.decisions.entry(decision).or_insert(0) += count;
        }
        self.too_old += handled
            .judged
            .iter()
            .filter(|judged| {
                matches!(
                    &judged.decision,
                    Decision::Skip(SkipReason::Stale {
                        because: remediate_core::decision::Staleness::TooOld
                    })
                )
            })
            .count() as u64;
        self.changes += handled
            .sent
            .iter()
            .map(|sent| changes(sent).len())
            .sum::<usize>();
        match self.format {
            Format::Text => self.text(&handled),
            Format::Json => self.json(&handled),
        }
        if let Err(error) = handled.into_complete() {
            self.failed("", &error.to_string());
        }
    }

    pub fn failed(&mut self, name: &str, error: &str) {
        self.failures += 1;
        let error = if name.is_empty() || error.starts_with(name) {
            error.to_owned()
        } else {
            format!("{name}: {error}")
        };
        match self.format {
            Format::Text => eprintln!("{} {}", paint(self.colour, Colour::Red, "error:"), error),
            Format::Json => say!("{}", json!({ "error": error })),
        }
    }

    /// The sum, and whether everything went well.
    pub fn finish(self) -> Result<(), CliError> {
        match self.format {
            Format::Text => self.sum_up(),
            Format::Json => say!(
                "{}",
                json!({ "summary": { "decisions": self.decisions, "changes": self.changes, "applied": self.apply, "failures": self.failures } })
            ),
        }
        if self.failures == 0 {
            Ok(())
        } else {
            Err(CliError::Reported("something failed"))
        }
    }

    fn text(&self, handled: &Handled) {
        let rows = handled
            .rows
            .get("rows")
            .map(|rows| {
                let people = handled.rows.get("people").copied().unwrap_or(0);
                format!(
                    "  {}, {}",
                    counted(*rows, "row", "rows"),
                    counted(people, "person", "people")
                )
            })
            .unwrap_or_default();
        say!(
            "{}{}",
            paint(self.colour, Colour::Bold, &tame(&handled.about)),
            paint(self.colour, Colour::Dim, &rows)
        );
        if let Some((disposition, because)) = &handled.disposition {
            let word = match disposition {
                Disposition::Ignored => "ignored",
                Disposition::Refused => "refused",
                Disposition::Invalid => "invalid",
                Disposition::Forwarded => "forwarded",
            };
            say!(
                "  {} {}",
                paint(self.colour, Colour::Yellow, word),
                tame(because)
            );
        }
        for problem in handled.problems.iter().take(10) {
            say!(
                "  {} {}",
                paint(self.colour, Colour::Yellow, "unusable"),
                tame(problem)
            );
        }
        if handled.problems.len() > 10 {
            say!(
                "  {} and {} more rows",
                paint(self.colour, Colour::Yellow, "unusable"),
                handled.problems.len() - 10
            );
        }
        for judged in &handled.judged {
            self.judged(judged, &handled.sent);
        }
        for sent in handled
            .sent
            .iter()
            .filter(|sent| sent.fingerprints.is_empty())
        {
            self.sent(sent);
        }
        let passes: u64 = handled
            .tally
            .iter()
            .filter(|tally| tally.decision == Decision::Skip(SkipReason::Passed))
            .map(|tally| tally.count)
            .sum();
        if passes > 0 {
            say!(
                "  {} {} passing, nothing open",
                paint(self.colour, Colour::Dim, "skip"),
                grouped(passes)
            );
        }
    }

    fn judged(&self, judged: &Judged, all: &[Sent]) {
        let word = match judged.decision {
            Decision::Act => paint(self.colour, Colour::Green, "act"),
            Decision::Observe => paint(self.colour, Colour::Cyan, "observe"),
            Decision::Propose => paint(self.colour, Colour::Cyan, "propose"),
            Decision::Skip(_) => paint(self.colour, Colour::Dim, "skip"),
        };
        let why = match &judged.decision {
            Decision::Skip(reason) => format!(": {}", tame(&reason.to_string())),
            _ => String::new(),
        };
        let verdict = if judged.finding.failed() {
            "failed"
        } else {
            "passed"
        };
        say!(
            "  {word} {} {} {verdict}{why}",
            judged.finding.rule,
            subject(&judged.finding.subject)
        );
        if let Decision::Propose = judged.decision {
            say!(
                "      to carry it out: remediate send {}",
                judged.fingerprint
            );
        }
        for sent in all
            .iter()
            .filter(|sent| sent.fingerprints.contains(&judged.fingerprint))
        {
            if sent.fingerprints.first() == Some(&judged.fingerprint) {
                self.sent(sent);
            } else {
                let line = format!("{}: together with another finding", sent.function);
                say!("      {}", paint(self.colour, Colour::Dim, &line));
            }
        }
    }

    fn sent(&self, sent: &Sent) {
        for change in changes(sent) {
            say!(
                "      {} {}",
                paint(self.colour, Colour::Dim, "→"),
                tame(&change.summary)
            );
        }
        let notes: BTreeSet<_> = changes(sent)
            .iter()
            .flat_map(|change| &change.notes)
            .collect();
        for note in notes {
            say!("        {}", paint(self.colour, Colour::Dim, &tame(note)));
        }
        match &sent.result {
            Ok(Delivery::Queued) => say!("      {}: queued", sent.function),
            Ok(Delivery::Invoked) => say!("      {}: invoked", sent.function),
            Ok(Delivery::Ran(report)) => {
                say!("      {}: {}", sent.function, self.outcome(&report.outcome));
            }
            Err(error) => say!(
                "      {}: {}",
                sent.function,
                paint(self.colour, Colour::Red, &tame(&error.to_string()))
            ),
        }
    }

    fn outcome(&self, outcome: &Outcome) -> String {
        let colour = match outcome {
            Outcome::Applied { .. } => Colour::Green,
            Outcome::Compliant | Outcome::AlreadyDone => Colour::Dim,
            Outcome::Planned { .. } => Colour::Cyan,
            Outcome::Held { .. } | Outcome::Unverified { .. } | Outcome::Unsupported { .. } => {
                Colour::Yellow
            }
            Outcome::Failed { .. } => Colour::Red,
        };
        paint(self.colour, colour, &tame(&outcome.to_string()))
    }

    fn json(&self, handled: &Handled) {
        if let Some((disposition, because)) = &handled.disposition {
            say!(
                "{}",
                json!({ "object": handled.about, "disposition": disposition, "because": because })
            );
        }
        for judged in &handled.judged {
            let about: Vec<_> = handled
                .sent
                .iter()
                .filter(|sent| sent.fingerprints.contains(&judged.fingerprint))
                .collect();
            let changes: Vec<&Change> = about.iter().flat_map(|sent| changes(sent)).collect();
            let outcome: BTreeMap<_, _> = about
                .iter()
                .map(|sent| (sent.function.as_str(), outcome_json(sent)))
                .collect();
            say!(
                "{}",
                json!({ "fingerprint": judged.fingerprint, "finding": judged.finding, "decision": judged.decision, "changes": changes, "outcome": outcome })
            );
        }
        for tally in &handled.tally {
            say!("{}", json!({ "object": handled.about, "tally": tally }));
        }
        if !handled.rows.is_empty() {
            say!(
                "{}",
                json!({ "object": handled.about, "rows": handled.rows, "problems": handled.problems })
            );
        }
    }

    fn sum_up(&self) {
        let decisions: Vec<_> = self
            .decisions
            .iter()
            .map(|(decision, count)| format!("{} {}", grouped(*count), decision.replace('_', " ")))
            .collect();
        let changes = match (self.apply, self.changes) {
            (_, 0) => "no changes".to_owned(),
            (true, count) => format!("{} made", counted(count as u64, "change", "changes")),
            (false, count) => format!("{} planned", counted(count as u64, "change", "changes")),
        };
        say!(
            "\n{}: {changes}",
            if decisions.is_empty() {
                "nothing found".to_owned()
            } else {
                decisions.join(", ")
            }
        );
        if !self.apply && self.changes > 0 {
            say!("This was a plan; nothing was changed. To carry it out: --apply");
        }
        if self.too_old > 0 {
            say!(
                "Older than `global.freshness`: {}. To take them all the same: --freshness 3650d",
                counted(self.too_old, "finding", "findings")
            );
        }
        if self.decisions.contains_key("disabled")
            && self
                .decisions
                .keys()
                .all(|decision| *decision == "disabled")
        {
            say!("All rules concerned are off. To turn one on: remediate rules enable <rule>");
        }
    }
}

fn changes(sent: &Sent) -> &[Change] {
    match &sent.result {
        Ok(Delivery::Ran(report)) => &report.changes,
        Ok(Delivery::Queued | Delivery::Invoked) | Err(_) => &[],
    }
}

fn outcome_json(sent: &Sent) -> serde_json::Value {
    match &sent.result {
        Ok(Delivery::Ran(report)) => json!(report.outcome),
        Ok(Delivery::Queued) => json!({ "outcome": "queued" }),
        Ok(Delivery::Invoked) => json!({ "outcome": "invoked" }),
        Err(DispatchError::Failed { reason, retryable }) => {
            json!({ "outcome": "failed", "retryable": retryable, "error": reason })
        }
        Err(error) => json!({ "outcome": "failed", "retryable": true, "error": error.to_string() }),
    }
}

/// The whole of it: the terminal is the user's own.
pub fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Resource { resource, .. } if resource.is_empty() => "the account".to_owned(),
        Subject::Resource { resource, .. } => tame(resource),
        Subject::Device {
            person,
            device,
            check,
        } => {
            let device = if device.is_empty() {
                String::new()
            } else {
                format!(" {}", tame(device))
            };
            format!("{}{device} {}", tame(person.as_str()), tame(check))
        }
    }
}
