//! From a log to tasks and incidents: once, in any order, over any crash.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestrator::intake::envelope::{Notification, ObjectRef};
use orchestrator::{Moment, Orchestrator, OrchestratorError};
use remediate_core::ledger::mortal::Death;
use remediate_core::ledger::{Disposition, Event, HistoryQuery, LedgerRead};
use remediate_core::{Decision, SkipReason, Task};
use support::{Bucket, House, NOW, config, row};

fn kinds(tasks: &[Task]) -> Vec<(String, usize)> {
    let mut kinds: Vec<_> = tasks
        .iter()
        .map(|task| (task.function.to_string(), task.findings().len()))
        .collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn a_failure_becomes_one_task_per_function() {
    let house = House::new(config(|text| text));
    house
        .deliver(&row("alice@example.com", "firewall", false, 0))
        .await
        .unwrap();
    assert_eq!(
        kinds(&house.outbox.take()),
        [
            ("notify-telegram".to_owned(), 1),
            ("open-jira".to_owned(), 1)
        ]
    );
}

#[tokio::test]
async fn all_failures_of_a_person_travel_together_to_telegram_and_singly_to_jira() {
    let house = House::new(config(|text| text));
    let log = row("alice@example.com", "firewall", false, 0)
        + &row("alice@example.com", "antivirus", false, 1)
        + &row("bob@example.com", "firewall", false, 2);
    house.deliver(&log).await.unwrap();
    assert_eq!(
        kinds(&house.outbox.take()),
        [
            ("notify-telegram", 1),
            ("notify-telegram", 2),
            ("open-jira", 1),
            ("open-jira", 1),
            ("open-jira", 1)
        ]
        .map(|(name, count)| (name.to_owned(), count))
    );
}

#[tokio::test]
async fn with_all_rules_off_nothing_is_sent_and_the_reason_is_recorded() {
    let house = House::new(config(|text| {
        text.replace("enabled = true", "enabled = false")
    }));
    let handled = house
        .deliver(&row("alice@example.com", "firewall", false, 0))
        .await
        .unwrap();
    assert!(house.outbox.take().is_empty());
    assert_eq!(handled.counts(), [("disabled", 1)].into());
    let history = house
        .ledger
        .history(&HistoryQuery::default())
        .await
        .unwrap();
    assert!(
        matches!(&history[..], [entry] if matches!(&entry.event, Event::Tallied { tally, .. } if tally[0].decision == Decision::Skip(SkipReason::Disabled)))
    );
}

#[tokio::test]
async fn the_same_log_again_sends_nothing() {
    let house = House::new(config(|text| text));
    let log = row("alice@example.com", "firewall", false, 0);
    house.deliver(&log).await.unwrap();
    house.outbox.take();
    let again = house.deliver(&log).await.unwrap();
    assert!(house.outbox.take().is_empty());
    assert_eq!(again.counts(), [("duplicate", 1)].into());
}

#[tokio::test]
async fn a_pass_closes_and_a_late_older_failure_does_not_reopen() {
    let house = House::new(config(|text| text));
    house
        .deliver(&row("alice@example.com", "firewall", false, 10))
        .await
        .unwrap();
    house.outbox.take();
    house
        .deliver(&row("alice@example.com", "firewall", true, 20))
        .await
        .unwrap();
    assert_eq!(house.outbox.take().len(), 2);
    assert!(house.ledger.open("posture").await.unwrap().is_empty());
    let late = house
        .deliver(&row("alice@example.com", "firewall", false, 15))
        .await
        .unwrap();
    assert!(house.outbox.take().is_empty());
    assert_eq!(late.counts(), [("stale", 1)].into());
}

#[tokio::test]
async fn a_late_older_pass_does_not_resolve() {
    let house = House::new(config(|text| text));
    house
        .deliver(&row("alice@example.com", "firewall", false, 10))
        .await
        .unwrap();
    house.outbox.take();
    house
        .deliver(&row("alice@example.com", "firewall", true, 5))
        .await
        .unwrap();
    assert!(house.outbox.take().is_empty());
    assert_eq!(house.ledger.open("posture").await.unwrap().len(), 1);
}

#[tokio::test]
async fn many_passing_rows_cost_no_more_writes_than_few() {
    let house = House::new(config(|text| text));
    let log: String = (0..5_000)
        .map(|number| row(&format!("p{number}@example.com"), "firewall", true, 0))
        .collect();
    house.deliver(&log).await.unwrap();
    assert_eq!(house.ledger.writes(), 1);
}

#[tokio::test]
async fn a_check_that_too_many_fail_is_held_back_and_told_once() {
    let house = House::new(config(|text| text));
    let log: String = (0..30)
        .map(|number| {
            row(
                &format!("p{number}@example.com"),
                "firewall",
                number % 2 == 0,
                0,
            )
        })
        .collect();
    let handled = house.deliver(&log).await.unwrap();
    let tasks = house.outbox.take();
    assert_eq!(
        kinds(&tasks),
        [("notify-telegram".to_owned(), 0)],
        "only the notice"
    );
    assert_eq!(handled.counts(), [("passed", 15), ("storm", 15)].into());
}

#[tokio::test]
async fn beyond_the_hourly_budget_failures_wait() {
    let house = House::new(config(|text| {
        text.replace("max_changes_per_hour = 500", "max_changes_per_hour = 3")
    }));
    let log: String = (0..5)
        .map(|number| row(&format!("p{number}@example.com"), "firewall", false, 0))
        .collect();
    let handled = house.deliver(&log).await.unwrap();
    assert_eq!(handled.counts(), [("act", 3), ("over_budget", 2)].into());
}

#[tokio::test]
async fn in_mode_observe_tasks_only_plan_and_the_incident_stays_unopened() {
    let house = House::new(config(|text| {
        text.replace("mode = \"act\"", "mode = \"observe\"")
    }));
    house
        .deliver(&row("alice@example.com", "firewall", false, 0))
        .await
        .unwrap();
    assert!(
        house
            .outbox
            .take()
            .iter()
            .all(|task| task.mode == remediate_core::Mode::Observe)
    );
    assert!(house.ledger.open("posture").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_function_does_not_take_is_sent_again_and_the_rest_is_not() {
    let house = House::new(config(|text| text));
    let log = row("alice@example.com", "firewall", false, 0);
    *house.outbox.refused.lock().unwrap() = Some("open-jira".to_owned());
    let error = house.deliver(&log).await.unwrap_err();
    assert!(
        matches!(
            error,
            OrchestratorError::NotSent {
                failed: 1,
                of: 2,
                ..
            }
        ),
        "{error}"
    );
    let first = house.outbox.take();
    *house.outbox.refused.lock().unwrap() = None;
    house.deliver(&log).await.unwrap();
    let second = house.outbox.take();
    assert_eq!(
        kinds(&second),
        [
            ("notify-telegram".to_owned(), 1),
            ("open-jira".to_owned(), 1)
        ]
    );
    assert_eq!(
        first[0].id,
        second
            .iter()
            .find(|task| task.function == first[0].function)
            .unwrap()
            .id,
        "the same observation is the same task"
    );
}

#[tokio::test]
async fn after_a_crash_at_any_write_delivering_again_loses_nothing_and_makes_no_new_task() {
    let log = row("alice@example.com", "firewall", false, 0)
        + &row("bob@example.com", "firewall", false, 1)
        + &row("alice@example.com", "antivirus", false, 2);
    let reference = House::new(config(|text| text));
    reference.deliver(&log).await.unwrap();
    let writes = reference.ledger.writes();
    let wanted: HashSet<_> = reference
        .outbox
        .take()
        .into_iter()
        .map(|task| task.id)
        .collect();
    assert!(writes > 4);
    for crash in 1..=writes {
        let house = House::new(config(|text| text));
        house.ledger.die(Death::Before(crash));
        house.deliver(&log).await.unwrap_err();
        house.ledger.revive().unwrap();
        house.deliver(&log).await.unwrap();
        let sent: HashSet<_> = house
            .outbox
            .take()
            .into_iter()
            .map(|task| task.id)
            .collect();
        assert!(
            sent.is_superset(&wanted),
            "crash at write {crash}: a task is missing"
        );
        assert_eq!(
            house.ledger.open("posture").await.unwrap().len(),
            3,
            "crash at write {crash}"
        );
        house.deliver(&log).await.unwrap();
        assert!(
            house.outbox.take().is_empty(),
            "crash at write {crash}: a third delivery sends something"
        );
    }
}

#[tokio::test]
async fn out_of_time_the_object_fails_and_the_next_delivery_goes_on_from_there() {
    let house = House::new(config(|text| text));
    let log = row("alice@example.com", "firewall", false, 0);
    let moment = Moment {
        now: NOW.parse().unwrap(),
        deadline: Some(Instant::now()),
    };
    let error = house
        .orchestrator
        .posture_log(
            "s3://logs/a".to_owned(),
            Box::new(std::io::Cursor::new(log.clone())),
            moment,
        )
        .await
        .unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(house.outbox.take().is_empty());
    house.deliver(&log).await.unwrap();
    assert_eq!(house.outbox.take().len(), 2);
}

#[tokio::test]
async fn out_of_time_halfway_what_was_sent_on_is_not_sent_again() {
    let house = House::new(config(|text| {
        text.replace("max_share = 0.3", "max_share = 1.0")
    }));
    let log: String = (0..250)
        .map(|number| row(&format!("p{number}@example.com"), "firewall", false, 0))
        .collect();
    house.outbox.slow(Duration::from_millis(400));
    let moment = Moment {
        now: NOW.parse().unwrap(),
        deadline: Some(Instant::now() + Duration::from_millis(600)),
    };
    let reader = Box::new(std::io::Cursor::new(log.clone()));
    let error = house
        .orchestrator
        .posture_log("s3://logs/a".to_owned(), reader, moment)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            OrchestratorError::Deadline {
                done: 100 | 200,
                of: 250,
                ..
            }
        ),
        "{error}"
    );
    let first: HashSet<_> = house
        .outbox
        .take()
        .into_iter()
        .map(|task| task.id)
        .collect();
    house.outbox.slow(Duration::ZERO);
    house.deliver(&log).await.unwrap();
    let second: HashSet<_> = house
        .outbox
        .take()
        .into_iter()
        .map(|task| task.id)
        .collect();
    assert_eq!(first.len() + second.len(), 500);
    assert!(first.is_disjoint(&second));
}

#[tokio::test]
async fn bad_rows_are_reported_with_their_place_and_the_good_ones_are_handled() {
    let house = House::new(config(|text| text));
    let log = format!(
        "{}garbage\n{{\"timestamp\":1,\"email\":5}}\n{}",
        row("alice@example.com", "firewall", false, 0),
        row("bob@example.com", "firewall", false, 0)
    );
    let handled = house.deliver(&log).await.unwrap();
    assert_eq!(house.outbox.take().len(), 4);
    assert_eq!(handled.problems.len(), 2);
    let history = house
        .ledger
        .history(&HistoryQuery::default())
        .await
        .unwrap();
    assert!(history.iter().any(|entry| matches!(
        &entry.event,
        Event::Received {
            disposition: Disposition::Invalid,
            ..
        }
    )));
}

#[tokio::test]
async fn a_log_that_is_cut_off_is_handled_as_far_as_it_goes_and_still_fails() {
    use std::io::Write as _;
    let house = House::new(config(|text| text));
    let log: String = (0..2_000)
        .map(|number| {
            row(
                &format!("p{number}@example.com"),
                &format!("check {number}"),
                number > 0,
                0,
            )
        })
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(log.as_bytes()).unwrap();
    let mut bytes = gzip.finish().unwrap();
    bytes.truncate(bytes.len() - 20);
    let moment = Moment {
        now: NOW.parse().unwrap(),
        deadline: None,
    };
    let handled = house
        .orchestrator
        .posture_log(
            "s3://logs/a".to_owned(),
            Box::new(std::io::Cursor::new(bytes)),
            moment,
        )
        .await
        .unwrap();
    assert_eq!(house.outbox.take().len(), 2);
    assert!(matches!(
        handled.into_complete(),
        Err(OrchestratorError::Read { .. })
    ));
}

#[tokio::test]
async fn objects_of_other_buckets_are_refused_and_recorded_and_deleted_ones_put_aside() {
    let House {
        orchestrator,
        ledger,
        outbox,
    } = House::new(config(|text| {
        text.replace("buckets = []", "buckets = [\"ours\"]")
    }));
    let objects = Arc::new(Bucket(HashMap::from([(
        "log.json".to_owned(),
        row("alice@example.com", "firewall", false, 0).into_bytes(),
    )])));
    let orchestrator = Orchestrator {
        objects,
        ..orchestrator
    };
    let moment = Moment {
        now: NOW.parse().unwrap(),
        deadline: None,
    };
    let object = |bucket: &str, key: &str| {
        Notification::Object(ObjectRef {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            ..ObjectRef::default()
        })
    };
    let refused = orchestrator
        .handle(object("theirs", "log.json"), moment)
        .await
        .unwrap();
    assert!(matches!(
        refused.disposition,
        Some((Disposition::Refused, _))
    ));
    let gone = orchestrator
        .handle(object("ours", "deleted.json"), moment)
        .await
        .unwrap();
    assert!(matches!(gone.disposition, Some((Disposition::Ignored, _))));
    assert!(outbox.take().is_empty());
    assert_eq!(
        ledger
            .history(&HistoryQuery::default())
            .await
            .unwrap()
            .len(),
        2
    );
    orchestrator
        .handle(object("ours", "log.json"), moment)
        .await
        .unwrap();
    assert_eq!(outbox.take().len(), 2);
}

#[tokio::test]
async fn a_check_of_an_unknown_rule_is_recorded_as_skipped() {
    let house = House::new(config(|text| text));
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/envelopes/check-in-sns-in-sqs.json"
    ))
    .unwrap();
    let text = text.replace("S3-001", "S3-999");
    let mut records = orchestrator::intake::envelope::open(&serde_json::from_str(&text).unwrap());
    let moment = Moment {
        now: NOW.parse().unwrap(),
        deadline: None,
    };
    for notification in records.remove(0).content.unwrap() {
        house
            .orchestrator
            .handle(notification, moment)
            .await
            .unwrap();
    }
    let history = house
        .ledger
        .history(&HistoryQuery {
            subject: Some("example-reports".to_owned()),
            ..HistoryQuery::default()
        })
        .await
        .unwrap();
    assert!(
        matches!(&history[..], [entry] if matches!(&entry.event, Event::Decided { decision: Decision::Skip(SkipReason::UnknownRule), .. }))
    );
}
