//! Looking things up in what a test finds.

use std::path::Path;

use e2e::Posture;
use e2e::venv::repository;
use jiff::{SignedDuration, Timestamp};
use remediate_core::ledger::{ChangeStatus, Entry, Event};
use remediate_core::{Decision, Outcome};
use serde_json::Value;

/// A moment so many minutes ago, as logs write it. Old observations change nothing, so that no sample can have a fixed date.
pub(crate) fn minutes_ago(minutes: i64) -> String {
    (Timestamp::now() - SignedDuration::from_mins(minutes)).to_string()
}

/// Alice's laptop fails the check.
pub(crate) fn failure(at: &str) -> Posture<'_> {
    Posture {
        person: "alice@example.com",
        device: "LAPTOP-7",
        passed: false,
        at,
    }
}

/// Alice's laptop passes it.
pub(crate) fn pass(at: &str) -> Posture<'_> {
    Posture {
        passed: true,
        ..failure(at)
    }
}

/// The body of the first record of a recorded queue event.
pub(crate) fn recorded_body(fixture: &str) -> String {
    let path = repository()
        .join("tests/fixtures/envelopes")
        .join(Path::new(fixture));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let event: Value = serde_json::from_str(&text).unwrap();
    event["Records"][0]["body"].as_str().unwrap().to_owned()
}

/// The decisions in a history, newest first.
pub(crate) fn decisions(history: &[Entry]) -> Vec<&Decision> {
    history
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Decided { decision, .. } => Some(decision),
            _ => None,
        })
        .collect()
}

/// The outcomes in a history, newest first.
pub(crate) fn outcomes(history: &[Entry]) -> Vec<&Outcome> {
    history
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Finished { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect()
}

/// How many changes were made.
pub(crate) fn made(history: &[Entry]) -> usize {
    let applied = |entry: &&Entry| {
        matches!(
            entry.event,
            Event::Changed {
                status: ChangeStatus::Applied { .. },
                ..
            }
        )
    };
    history.iter().filter(applied).count()
}

/// The disposition of an object or a message that held no work.
pub(crate) fn received(history: &[Entry]) -> Vec<&Event> {
    history
        .iter()
        .map(|entry| &entry.event)
        .filter(|event| matches!(event, Event::Received { .. }))
        .collect()
}
