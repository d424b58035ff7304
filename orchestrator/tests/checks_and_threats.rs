//! Failed checks of AWS resources and news of hostile addresses: what is sent on, how it is grouped, and what is not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use orchestrator::intake::envelope::{self, Notification, ObjectRef};
use orchestrator::{Handled, Moment, OrchestratorError};
use remediate_core::ledger::LedgerRead;
use serde_json::{Value, json};
use support::{House, NOW, config};

fn check(rule: &str, resource: &str, status: &str, minute: u32) -> Value {
    json!({
        "id": format!("ccc:HJzFMHchx:{rule}:S3:eu-west-1:{resource}"),
        "accountId": "HJzFMHchx",
        "cloudProviderId": "123456789012",
        "ruleId": rule,
        "region": "eu-west-1",
        "resource": resource,
        "status": status,
        "lastModifiedDate": format!("2026-11-21T11:{minute:02}:00Z"),
    })
}

fn ours(text: &str) -> String {
    text.replace("accounts = []", "accounts = [\"123456789012\"]")
}

async fn handle(house: &House, notification: Notification) -> Result<Handled, OrchestratorError> {
    let moment = Moment {
        now: NOW.parse().unwrap(),
        deadline: None,
    };
    let handled = house.orchestrator.handle(notification, moment).await?;
    handled.into_complete()
}

async fn arrive(house: &House, event: &Value) -> Result<Handled, OrchestratorError> {
    let notification = envelope::open(event).remove(0).content.unwrap().remove(0);
    handle(house, notification).await
}

#[tokio::test]
async fn two_rules_about_one_bucket_are_two_tasks_of_one_group() {
    let house = House::new(config(|text| ours(&text)));
    for rule in ["S3-001", "S3-003"] {
        arrive(&house, &check(rule, "reports", "FAILURE", 0))
            .await
            .unwrap();
    }
    let tasks = house.outbox.take();
    let of: Vec<_> = tasks
        .iter()
        .map(|task| {
            (
                task.function.as_str(),
                task.group.as_str(),
                task.findings().len(),
            )
        })
        .collect();
    assert_eq!(of, [("remediate-aws", "123456789012 reports", 1); 2]);
}

#[tokio::test]
async fn a_passed_check_closes_the_incident_and_starts_no_function() {
    let house = House::new(config(|text| ours(&text)));
    arrive(&house, &check("S3-001", "reports", "FAILURE", 0))
        .await
        .unwrap();
    assert_eq!(house.outbox.take().len(), 1);
    arrive(&house, &check("S3-001", "reports", "SUCCESS", 1))
        .await
        .unwrap();
    assert!(house.outbox.take().is_empty());
    assert!(house.ledger.open("conformity").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_resource_that_fails_again_takes_its_repair_out_of_the_hourly_budget() {
    let house = House::new(config(|text| {
        ours(&text).replace("max_changes_per_hour = 20\n", "max_changes_per_hour = 1\n")
    }));
    arrive(&house, &check("S3-001", "reports", "FAILURE", 0))
        .await
        .unwrap();
    let again = arrive(&house, &check("S3-001", "reports", "FAILURE", 1))
        .await
        .unwrap();
    assert_eq!(again.counts(), [("over_budget", 1)].into());
    assert_eq!(house.outbox.take().len(), 1);
}

#[tokio::test]
async fn an_account_that_the_scanner_names_in_its_own_way_is_looked_up() {
    let mut nameless = check("S3-001", "reports", "FAILURE", 0);
    nameless.as_object_mut().unwrap().remove("cloudProviderId");
    let unknown = House::new(config(|text| ours(&text)));
    let handled = arrive(&unknown, &nameless).await.unwrap();
    assert_eq!(handled.counts(), [("foreign_account", 1)].into());
    let known = House::new(config(|text| {
        ours(&text).replace(
            "[intake]",
            "[global.scanner_accounts]\nHJzFMHchx = \"123456789012\"\n\n[intake]",
        )
    }));
    arrive(&known, &nameless).await.unwrap();
    assert_eq!(known.outbox.take().len(), 1);
}

fn fixture() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/envelopes/threat-in-sns-in-sqs.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn a_hostile_address_is_given_to_the_function_that_enforces() {
    let house = House::new(config(|text| text));
    arrive(&house, &fixture()).await.unwrap();
    let signal = json!({
        "kind": "address", "ip": "198.51.100.7", "score": 5.0, "reason": "credential stuffing",
        "expires_at": "2026-11-22T00:00:00Z", "source": "soc",
    });
    assert_eq!(
        *house.outbox.signals.lock().unwrap(),
        [("enforce-ip-list".to_owned(), signal)]
    );
}

#[tokio::test]
async fn with_its_rules_off_a_hostile_address_goes_nowhere() {
    let house = House::new(config(|text| {
        text.replace("enabled = true", "enabled = false")
    }));
    let handled = arrive(&house, &fixture()).await.unwrap();
    assert!(house.outbox.signals.lock().unwrap().is_empty());
    assert!(
        handled
            .disposition
            .unwrap()
            .1
            .contains("no rule of enforce-ip-list")
    );
}

#[tokio::test]
async fn a_hostile_address_that_is_not_taken_is_delivered_again() {
    let house = House::new(config(|text| text));
    *house.outbox.refused.lock().unwrap() = Some("enforce-ip-list".to_owned());
    let error = arrive(&house, &fixture()).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[tokio::test]
async fn a_snapshot_of_threats_is_not_read_as_a_posture_log() {
    let house = House::new(config(|text| {
        text.replace(
            "buckets = []",
            "buckets = [\"ours\"]\nsnapshots = [\"ours/snapshots/\"]",
        )
    }));
    let object = ObjectRef {
        bucket: "ours".to_owned(),
        key: "snapshots/a.json".to_owned(),
        version: Some("7".to_owned()),
        ..ObjectRef::default()
    };
    handle(&house, Notification::Object(object)).await.unwrap();
    let signal = json!({ "kind": "snapshot", "bucket": "ours", "key": "snapshots/a.json", "version_id": "7" });
    assert_eq!(
        *house.outbox.signals.lock().unwrap(),
        [("enforce-ip-list".to_owned(), signal)]
    );
}
