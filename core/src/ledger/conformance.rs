//! The behaviour that every ledger is held to.
//!
//! [`ledger_conformance!`](crate::ledger_conformance) makes one test of each case:
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! mod in_memory {
//!     use remediate_core::ledger::{Retention, sqlite::SqliteLedger};
//!
//!     async fn ledger(retention: Retention) -> SqliteLedger {
//!         SqliteLedger::open_in_memory(retention).unwrap()
//!     }
//!
//!     remediate_core::ledger_conformance!(ledger);
//! }
//! ```
//!
//! A case asks for an empty ledger and uses it as several workers would, at the same time where that matters. What is read through an index may
//! lag behind in some stores; the cases wait for it. Cases about keeping wait for some seconds to pass, because a store's expiry goes
//! by the clock.

// These are tests: a failed expectation is to panic with what it found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod budgets;
pub mod history;
pub mod incidents;
pub mod keeping;
pub mod threads;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Barrier;

use super::{Ledger, Retention};
use crate::finding::{Device, Evidence, Finding, Severity, Source, Subject, Verdict};
use crate::id::Person;
use crate::incident::{Incident, Seen};

/// Makes a test of every case, against the ledgers that `$make`, an `async fn(Retention) -> impl Ledger`, makes empty.
#[macro_export]
macro_rules! ledger_conformance {
    ($make:expr) => {
        $crate::ledger_conformance! { @of $make;
            incidents::an_incident_is_read_back_as_it_was_written,
            incidents::an_incident_that_exists_cannot_be_made_again,
            incidents::a_write_from_an_older_version_is_a_conflict,
            incidents::of_twenty_writers_of_one_version_exactly_one_wins,
            incidents::hundreds_are_looked_up_together,
            incidents::the_open_set_follows_opening_closing_and_reopening,
            incidents::the_open_set_is_kept_per_kind_of_source,
            incidents::the_open_set_is_right_after_many_changes_at_once,
            threads::a_thread_is_made_by_acquiring_it,
            threads::reading_a_thread_neither_makes_nor_takes_it,
            threads::a_held_thread_is_busy_even_for_the_same_owner,
            threads::a_lease_that_is_over_is_taken_over_and_the_loser_cannot_save,
            threads::an_older_hold_of_the_same_owner_cannot_save,
            threads::a_lease_that_ran_out_untaken_can_still_be_saved,
            threads::of_twenty_that_acquire_at_once_exactly_one_holds,
            threads::saving_keeps_or_releases_the_lease,
            threads::what_is_released_cannot_be_saved,
            threads::threads_are_kept_apart,
            threads::finished_tasks_are_remembered_up_to_their_number,
            threads::an_intent_outlives_a_crash,
            threads::any_state_survives,
            threads::a_state_of_200_kilobytes_survives,
            history::every_kind_of_entry_is_read_back_as_it_was_written,
            history::an_entry_of_the_same_id_is_replaced,
            history::of_two_entries_of_one_id_in_one_call_the_last_stands,
            history::recording_nothing_is_no_error,
            history::an_entry_is_found_by_its_id,
            history::the_history_is_found_by_each_of_its_keys,
            history::several_criteria_must_all_be_met,
            history::since_and_limit_cut_the_history_off,
            history::a_thousand_entries_and_more_are_read_in_order,
            history::strange_subjects_are_found_exactly,
            budgets::a_budget_is_granted_until_it_is_used_up,
            budgets::twenty_callers_at_once_get_no_more_than_the_budget,
            budgets::a_budget_comes_back_after_an_hour,
            budgets::budgets_are_kept_per_rule,
            budgets::a_mark_only_rises,
            budgets::of_many_marks_raised_at_once_the_highest_stands,
            keeping::entries_past_their_keeping_are_gone,
            keeping::closed_incidents_past_their_keeping_are_gone_and_open_ones_stay,
            keeping::idle_threads_past_their_keeping_are_new_and_held_ones_stay,
            keeping::what_is_within_its_keeping_stays,
        }
    };
    (@of $make:expr; $($subject:ident::$case:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            $crate::ledger::conformance::$subject::$case($make).await;
        }
    )*};
}

/// A moment for the cases that bring their own clock.
fn noon() -> Timestamp {
    Timestamp::from_second(1_800_014_400).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A failure of the given rule on device `number` of one person, with something in every field.
fn failure(rule: &str, number: u32, at: Timestamp) -> Finding {
    Finding {
        rule: rule.into(),
        subject: Subject::Device {
            person: Person::new("zoë.müller@例え.jp"),
            device: format!("DEV-{number}"),
            check: "firewall „strict“".to_owned(),
        },
        verdict: Verdict::Failed,
        observed_at: at,
        severity: Severity::High,
        evidence: Evidence {
            title: "Firewall <on> & \"strict\"".to_owned(),
            message: "line one\nline two\t\u{1F525}\u{0}".to_owned(),
            expected: String::new(),
            actual: "off'; DROP TABLE incident; --".to_owned(),
            device: Some(Device {
                id: format!("DEV-{number}"),
                name: "Zoës Laptop".to_owned(),
                ..Device::default()
            }),
            extra: BTreeMap::from([("tags".to_owned(), json!({"": [null, 1.5, -7, u64::MAX]}))]),
        },
        source: Source {
            kind: "posture".to_owned(),
            object: "s3://logs/2026/11/03 a+b.json.gz".to_owned(),
            row: 4,
            offset: 1 << 40,
        },
        sent_by: None,
    }
}

fn opened(finding: &Finding) -> Incident {
    observed(None, finding)
}

/// The incident after one more observation, which must matter.
fn observed(known: Option<&Incident>, finding: &Finding) -> Incident {
    match Incident::observe(known, finding) {
        Seen::Opened(next) | Seen::Repeated(next) | Seen::Resolved(next) => *next,
        other => panic!("the case is wrong: {other:?}"),
    }
}

fn passed(finding: &Finding, at: Timestamp) -> Finding {
    Finding {
        verdict: Verdict::Passed,
        observed_at: at,
        ..finding.clone()
    }
}

/// Long enough that no case sees anything expire.
fn kept() -> Retention {
    Retention::default()
}

/// Does something as many workers at the same moment would.
async fn at_once<L, T, F>(
    ledger: &Arc<L>,
    workers: usize,
    work: impl Fn(Arc<L>, usize) -> F,
) -> Vec<T>
where
    L: Ledger + 'static,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(workers));
    let running: Vec<_> = (0..workers)
        .map(|number| {
            let (start, work) = (Arc::clone(&start), work(Arc::clone(ledger), number));
            tokio::spawn(async move {
                start.wait().await;
                work.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for worker in running {
        results.push(worker.await.unwrap());
    }
    results
}
