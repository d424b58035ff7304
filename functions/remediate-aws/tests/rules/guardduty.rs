//! Rules of GuardDuty.

use async_trait::async_trait;
use aws_sdk_guardduty::Client;
use serde_json::{Value, json};

use crate::support::contract::{Undo, contract};
use crate::support::{Bench, Scene};

const RULE: &str = "GD-001";

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

async fn detector(bench: &Bench, enabled: bool) -> String {
    let made = client(bench)
        .create_detector()
        .enable(enabled)
        .tags("team", "security");
    made.send().await.unwrap().detector_id.unwrap()
}

/// Whether each detector watches.
async fn detectors(bench: &Bench) -> Vec<String> {
    let client = client(bench);
    let ids = client.list_detectors().send().await.unwrap().detector_ids;
    let mut found = Vec::new();
    for id in ids.unwrap_or_default() {
        let detector = client.get_detector().detector_id(id).send().await.unwrap();
        found.push(detector.status.unwrap().as_str().to_owned());
    }
    found
}

struct Unwatched;

#[async_trait]
impl Scene for Unwatched {
    fn rule(&self) -> &'static str {
        RULE
    }

    async fn broken(&self, _: &Bench) -> String {
        String::new()
    }

    async fn sound(&self, bench: &Bench) -> String {
        detector(bench, true).await;
        String::new()
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        None
    }

    async fn state(&self, bench: &Bench, _: &str) -> Value {
        json!(detectors(bench).await)
    }

    fn undo(&self) -> Undo {
        // A detector that was made is suspended: deleting it would delete its findings.
        Undo::Breaks
    }
}

contract!(gd_001, Unwatched);

#[tokio::test]
async fn given_a_suspended_detector_when_repaired_then_it_is_woken_and_no_other_made() {
    let bench = Bench::new().await;
    detector(&bench, false).await;
    let ran = bench.repair(RULE, "").await;
    ran.assert_repaired();
    assert_eq!(ran.writes(), ["guardduty:UpdateDetector"]);
    assert_eq!(ran.names().len(), 6, "{:?}", ran.names());
    assert_eq!(detectors(&bench).await, ["ENABLED"]);
    bench.undo(&ran.change().id).await.unwrap();
    assert_eq!(detectors(&bench).await, ["DISABLED"]);
}

#[tokio::test]
async fn given_an_administrator_when_its_member_is_suspended_then_the_plan_names_it() {
    let bench = Bench::new().await;
    detector(&bench, false).await;
    let answer = json!({"administrator": {
        "accountId": "999999999999", "relationshipStatus": "Enabled",
    }});
    bench
        .wire
        .on("guardduty:GetAdministratorAccount")
        .answers(200, &answer.to_string());
    let ran = bench.repair(RULE, "").await;
    ran.assert_repaired();
    let notes = ran.change().notes.join("; ");
    assert!(notes.contains("999999999999"), "{notes}");
}

#[tokio::test]
async fn given_the_foundation_alone_is_wanted_when_a_detector_is_made_then_every_plan_is_switched_off()
 {
    for (plans, off) in [("default", 0), ("foundational", 5)] {
        let bench = Bench::told(RULE, &json!({"plans": plans})).await;
        let ran = bench.repair(RULE, "").await;
        ran.assert_repaired();
        let made = ran
            .calls
            .iter()
            .find(|call| call.operation == "CreateDetector")
            .unwrap();
        let body: Value = serde_json::from_str(&made.body).unwrap();
        let features = body["features"].as_array().cloned().unwrap_or_default();
        assert_eq!(features.len(), off, "{body}");
        assert!(
            features
                .iter()
                .all(|feature| feature["status"] == "DISABLED"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn given_a_detector_on_the_second_page_when_repaired_then_it_is_found() {
    let bench = Bench::new().await;
    let id = detector(&bench, true).await;
    let first = json!({"detectorIds": [], "nextToken": "more"});
    let second = json!({"detectorIds": [id]});
    for page in [first, second] {
        bench
            .wire
            .on("guardduty:ListDetectors")
            .answers(200, &page.to_string());
    }
    let ran = bench.repair(RULE, "").await;
    ran.assert_left_alone();
    assert_eq!(ran.names().len(), 3, "{:?}", ran.names());
}
