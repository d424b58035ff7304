//! What `run`, `send` and `demo` tell: per finding the decision, the changes and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use orchestrator::dispatch::{Delivery, DispatchError};
use orchestrator::{Handled, Judged, Sent};
use remediate_core::ledger::Disposition;
use remediate_core::{Change, Decision, Outcome, SkipReason, Subject, rule};
use serde_json::json;

use crate::args::Format;
use crate::error::CliError;
use crate::print::{self, Colour, coloured, counted, grouped, named, paint, say, tame};

/// Says what happened, as it happens, and sums it up.
pub struct Reporter {
    format: Format,
    apply: bool,
    colour: bool,
    failures: usize,
    /// Decisions over all inputs.
    decisions: BTreeMap<&'static str, u64>,
    /// Changes that were made.
    made: usize,
    /// Changes that were only planned.
    planned: usize,
    /// Tasks that made changes after which planning again still finds something to do.
    unverified: usize,
    /// Whether a change was made that `remediate undo` can be asked to take back.
    undoable: bool,
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
            made: 0,
            planned: 0,
            unverified: 0,
            undoable: false,
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
        for sent in &handled.sent {
            let changes = changes(sent);
            if made(sent) {
                self.made += changes.len();
                self.undoable |= changes.iter().any(can_be_undone);
            } else {
                self.planned += changes.len();
            }
            self.unverified += usize::from(unverified(sent));
        }
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
            Format::Text => print::error(&error),
            Format::Json => say!("{}", json!({ "error": error })),
        }
    }

    /// The sum, and whether everything went well.
    pub fn finish(self) -> Result<(), CliError> {
        match self.format {
            Format::Text => self.sum_up(),
            Format::Json => say!(
                "{}",
                json!({ "summary": { "decisions": self.decisions, "changes": self.made + self.planned, "made": self.made, "applied": self.apply, "unverified": self.unverified, "failures": self.failures } })
            ),
        }
        match (self.failures, self.unverified) {
            (0, 0) => Ok(()),
            (0, _) => Err(CliError::Reported("something was changed and not verified")),
            _ => Err(CliError::Reported("something failed")),
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
            paint(self.colour, Colour::Bold, &named(&handled.about)),
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
        // A device's check is named; a resource alone would read as if the repair had failed.
        let verdict = match judged.finding.subject {
            Subject::Resource { .. } => format!("check {verdict}"),
            Subject::Device { .. } => verdict.to_owned(),
        };
        say!(
            "  {word} {} {} {verdict}{why}",
            named(judged.finding.rule.as_str()),
            subject(&judged.finding.subject)
        );
        let about = |sent: &&Sent| sent.fingerprints.contains(&judged.fingerprint);
        for sent in all.iter().filter(about) {
            if sent.fingerprints.first() == Some(&judged.fingerprint) {
                self.sent(sent);
            } else {
                let line = format!("{}: together with another finding", sent.function);
                say!("      {}", paint(self.colour, Colour::Dim, &line));
            }
        }
        let waits = judged.decision == Decision::Propose || all.iter().filter(about).any(held);
        // A plan leaves nothing behind that could be sent.
        if self.apply && waits {
            say!(
                "      to carry it out: remediate send {}",
                judged.fingerprint
            );
        }
    }

    fn sent(&self, sent: &Sent) {
        for change in changes(sent) {
            let id = match made(sent) && can_be_undone(change) {
                true => format!("  {}", paint(self.colour, Colour::Dim, change.id.as_str())),
                false => String::new(),
            };
            say!(
                "      {} {}{id}",
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
            Err(error) => {
                let error = error.to_string();
                let own = format!("{}: ", sent.function);
                let error = format!(
                    "failed: {}",
                    tame(error.strip_prefix(&own).unwrap_or(&error))
                );
                say!(
                    "      {}: {}",
                    sent.function,
                    paint(self.colour, Colour::Red, &error)
                );
            }
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

    /// `2 changes made, 1 failure`
    fn ends(&self) -> String {
        let changes = |count: usize| counted(count as u64, "change", "changes");
        let mut ends = Vec::new();
        if self.made > 0 {
            ends.push(format!("{} made", changes(self.made)));
        }
        if self.planned > 0 {
            ends.push(format!("{} planned", changes(self.planned)));
        }
        // A repair that failed may have got half way.
        if ends.is_empty() && !(self.apply && self.failures > 0) {
            ends.push("no changes".to_owned());
        }
        if self.unverified > 0 {
            ends.push(format!("{} NOT verified", self.unverified));
        }
        if self.failures > 0 {
            ends.push(counted(self.failures as u64, "failure", "failures"));
        }
        ends.join(", ")
    }

    fn sum_up(&self) {
        let decisions: Vec<_> = self
            .decisions
            .iter()
            .map(|(decision, count)| format!("{} {}", grouped(*count), decision.replace('_', " ")))
            .collect();
        say!(
            "\n{}: {}",
            if decisions.is_empty() {
                "nothing found".to_owned()
            } else {
                decisions.join(", ")
            },
            self.ends()
        );
        if !self.apply && self.planned > 0 {
            say!("This was a plan; nothing was changed. To carry it out: --apply");
        }
        if self.undoable {
            say!("To take a change back: remediate undo <change>");
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

fn outcome(sent: &Sent) -> Option<&Outcome> {
    match &sent.result {
        Ok(Delivery::Ran(report)) => Some(&report.outcome),
        Ok(Delivery::Queued | Delivery::Invoked) | Err(_) => None,
    }
}

/// Whether its changes were made, and not only planned.
fn made(sent: &Sent) -> bool {
    matches!(
        outcome(sent),
        Some(Outcome::Applied { .. } | Outcome::Unverified { .. })
    )
}

fn unverified(sent: &Sent) -> bool {
    matches!(outcome(sent), Some(Outcome::Unverified { .. }))
}

fn held(sent: &Sent) -> bool {
    matches!(outcome(sent), Some(Outcome::Held { .. }))
}

/// Repairs of resources are, each with its own answer; what people were told is not taken back.
fn can_be_undone(change: &Change) -> bool {
    rule::spec(change.rule.as_str()).is_some_and(|spec| spec.repair.is_some())
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
        Subject::Resource { resource, .. } => named(resource),
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
