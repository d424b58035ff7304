//! Rules of KMS.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeySpec, KeyState, KeyUsageType, Tag};
use remediate_core::change::Outcome;
use serde_json::{Value, json};

use crate::support::contract::{Undo, contract};
use crate::support::{Bench, Scene};

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

/// A key with a description and a tag. Its id.
async fn key(bench: &Bench) -> String {
    let tag = Tag::builder().tag_key("team").tag_value("finance").build();
    let made = client(bench)
        .create_key()
        .description("of the books")
        .tags(tag.unwrap())
        .send();
    made.await.unwrap().key_metadata.unwrap().key_id
}

async fn signing_key(bench: &Bench) -> String {
    let made = client(bench)
        .create_key()
        .key_spec(KeySpec::Rsa2048)
        .key_usage(KeyUsageType::SignVerify)
        .send();
    made.await.unwrap().key_metadata.unwrap().key_id
}

async fn schedule_deletion(bench: &Bench, key: &str) {
    let request = client(bench).schedule_key_deletion().key_id(key);
    request.pending_window_in_days(7).send().await.unwrap();
}

async fn key_state(bench: &Bench, key: &str) -> KeyState {
    let answer = client(bench).describe_key().key_id(key).send().await;
    answer.unwrap().key_metadata.unwrap().key_state.unwrap()
}

/// All that KMS says of a key.
async fn all(bench: &Bench, key: &str) -> Value {
    let client = client(bench);
    let described = client.describe_key().key_id(key).send().await.unwrap();
    let rotation = client.get_key_rotation_status().key_id(key).send().await;
    let policy = client
        .get_key_policy()
        .key_id(key)
        .policy_name("default")
        .send()
        .await
        .unwrap();
    let tags = client
        .list_resource_tags()
        .key_id(key)
        .send()
        .await
        .unwrap();
    json!([
        format!("{:?}", described.key_metadata),
        rotation.map(|rotation| rotation.key_rotation_enabled).ok(),
        policy.policy,
        format!("{:?}", tags.tags),
    ])
}

fn gone() -> Option<String> {
    Some("1234abcd-12ab-34cd-56ef-1234567890ab".to_owned())
}

struct Unrotated;

#[async_trait]
impl Scene for Unrotated {
    fn rule(&self) -> &'static str {
        "KMS-002"
    }

    async fn broken(&self, bench: &Bench) -> String {
        key(bench).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        let key = key(bench).await;
        let enabled = client(bench).enable_key_rotation().key_id(&key).send();
        enabled.await.unwrap();
        key
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        gone()
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        all(bench, resource).await
    }
}

struct ToBeDeleted;

#[async_trait]
impl Scene for ToBeDeleted {
    fn rule(&self) -> &'static str {
        "KMS-004"
    }

    async fn broken(&self, bench: &Bench) -> String {
        let key = key(bench).await;
        schedule_deletion(bench, &key).await;
        key
    }

    async fn sound(&self, bench: &Bench) -> String {
        key(bench).await
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        gone()
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        all(bench, resource).await
    }

    fn undo(&self) -> Undo {
        Undo::Refused
    }
}

contract!(kms_002, Unrotated);
contract!(kms_004, ToBeDeleted);

#[tokio::test]
async fn given_a_period_when_rotation_is_turned_on_then_kms_is_told_it() {
    let bench = Bench::told("KMS-002", &json!({ "period_days": 180 })).await;
    let key = key(&bench).await;
    let ran = bench.repair("KMS-002", &key).await;
    ran.assert_repaired();
    let write = ran.calls.iter().find(|call| call.writes()).unwrap();
    let asked: Value = serde_json::from_str(&write.body).unwrap();
    assert_eq!(asked, json!({ "KeyId": key, "RotationPeriodInDays": 180 }));
}

#[tokio::test]
async fn given_a_key_that_is_rotated_at_another_period_when_reported_then_it_keeps_that() {
    let bench = Bench::told("KMS-002", &json!({ "period_days": 180 })).await;
    let key = key(&bench).await;
    bench.wire.on("kms:GetKeyRotationStatus").always().answers(
        200,
        &json!({ "KeyId": key, "KeyRotationEnabled": true, "RotationPeriodInDays": 2000 })
            .to_string(),
    );
    bench.repair("KMS-002", &key).await.assert_left_alone();
}

#[tokio::test]
async fn given_an_arn_when_reported_then_it_is_the_key_of_that_arn_and_region() {
    let bench = Bench::new().await;
    let elsewhere = bench
        .world
        .to_builder()
        .region(aws_config::Region::from_static("eu-west-1"))
        .build();
    let made = Client::new(&elsewhere).create_key().send().await.unwrap();
    let arn = made.key_metadata.unwrap().arn.unwrap();
    // The finding itself says us-east-1.
    let ran = bench.repair("KMS-002", &arn).await;
    ran.assert_repaired();
    assert!(
        ran.calls
            .iter()
            .any(|call| call.service == "kms" && call.region == "eu-west-1")
    );
}

#[tokio::test]
async fn given_an_asymmetric_key_when_reported_then_it_says_why_kms_does_not_rotate_it() {
    // moto answers `false`, KMS either that or that the operation is not supported.
    for refused in [false, true] {
        let bench = Bench::new().await;
        let key = signing_key(&bench).await;
        if refused {
            let status = bench.wire.on("kms:GetKeyRotationStatus").always();
            status.refused(400, "UnsupportedOperationException", "");
        }
        let ran = bench.repair("KMS-002", &key).await;
        assert!(ran.unsupported().contains("RSA_2048"), "{}", ran.outcome());
    }
}

#[tokio::test]
async fn given_a_disabled_key_when_reported_then_it_is_not_touched() {
    let bench = Bench::new().await;
    let key = key(&bench).await;
    client(&bench)
        .disable_key()
        .key_id(&key)
        .send()
        .await
        .unwrap();
    let ran = bench.repair("KMS-002", &key).await;
    assert!(ran.unsupported().contains("disabled"), "{}", ran.outcome());
}

#[tokio::test]
async fn given_a_replica_when_reported_then_it_names_the_primary_key() {
    let bench = Bench::new().await;
    let id = "mrk-1234abcd12ab34cd56ef1234567890ab";
    let arn = |region: &str| format!("arn:aws:kms:{region}:{}:key/{id}", bench.account);
    let wire = &bench.wire;
    wire.on("kms:GetKeyRotationStatus").answers(
        200,
        &json!({ "KeyId": arn("us-east-1"), "KeyRotationEnabled": false }).to_string(),
    );
    let metadata = json!({ "KeyMetadata": {
        "KeyId": id, "Arn": arn("us-east-1"), "Enabled": true, "KeyState": "Enabled", "KeyManager": "CUSTOMER",
        "Origin": "AWS_KMS", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": true,
        "MultiRegionConfiguration": {
            "MultiRegionKeyType": "REPLICA",
            "PrimaryKey": { "Arn": arn("eu-west-1"), "Region": "eu-west-1" },
            "ReplicaKeys": [{ "Arn": arn("us-east-1"), "Region": "us-east-1" }],
        },
    } });
    wire.on("kms:DescribeKey")
        .answers(200, &metadata.to_string());
    let ran = bench.repair("KMS-002", id).await;
    assert!(
        ran.unsupported().contains(&arn("eu-west-1")),
        "{}",
        ran.outcome()
    );
}

#[tokio::test]
async fn given_an_alias_when_reported_then_no_call_is_made() {
    let bench = Bench::new().await;
    for rule in ["KMS-002", "KMS-004"] {
        let ran = bench.repair(rule, "alias/books").await;
        assert!(
            ran.unsupported().contains("aliases are not taken"),
            "{}",
            ran.outcome()
        );
        assert!(ran.names().is_empty(), "{:?}", ran.names());
    }
}

#[tokio::test]
async fn given_shipped_parameters_when_a_deletion_is_cancelled_then_the_key_stays_disabled_and_it_says_so()
 {
    let bench = Bench::new().await;
    let key = ToBeDeleted.broken(&bench).await;
    let ran = bench.repair("KMS-004", &key).await;
    ran.assert_repaired();
    assert_eq!(key_state(&bench, &key).await, KeyState::Disabled);
    let change = ran.change();
    assert!(
        change.notes.iter().any(|note| note.contains("disabled")),
        "{:?}",
        change.notes
    );
    assert!(
        change.summary.contains("cancel its deletion on 20"),
        "{}",
        change.summary
    );
}

#[tokio::test]
async fn given_enable_when_a_deletion_is_cancelled_then_the_key_can_be_used_and_that_alone_can_be_undone()
 {
    let bench = Bench::told("KMS-004", &json!({ "enable": true })).await;
    let key = ToBeDeleted.broken(&bench).await;
    let ran = bench.repair("KMS-004", &key).await;
    ran.assert_repaired();
    assert_eq!(ran.writes(), ["kms:CancelKeyDeletion", "kms:EnableKey"]);
    assert_eq!(key_state(&bench, &key).await, KeyState::Enabled);
    bench.repair("KMS-004", &key).await.assert_left_alone();
    let enabling = &ran.report().changes[1];
    bench.undo(&enabling.id).await.unwrap();
    assert_eq!(key_state(&bench, &key).await, KeyState::Disabled);
}

#[tokio::test]
async fn given_enabling_fails_when_the_finding_comes_back_then_a_person_is_asked_instead_of_all_being_called_well()
 {
    let bench = Bench::told("KMS-004", &json!({ "enable": true })).await;
    let key = ToBeDeleted.broken(&bench).await;
    bench.wire.on("kms:EnableKey").always().throttled();
    assert!(
        bench
            .repair("KMS-004", &key)
            .await
            .error()
            .class()
            .is_retryable()
    );
    bench.wire.calm();
    let ran = bench.repair("KMS-004", &key).await;
    assert!(ran.held().contains("disabled"), "{}", ran.outcome());
    assert_eq!(key_state(&bench, &key).await, KeyState::Disabled);
}

#[tokio::test]
async fn given_kms_refuses_a_second_cancelling_when_the_first_answer_was_lost_then_it_counts_as_done()
 {
    let bench = Bench::new().await;
    let key = ToBeDeleted.broken(&bench).await;
    bench.wire.on("kms:CancelKeyDeletion").answer_lost();
    bench.wire.on("kms:CancelKeyDeletion").refused(
        400,
        "KMSInvalidStateException",
        "is not pending deletion",
    );
    let ran = bench.repair("KMS-004", &key).await;
    assert_eq!(
        *ran.outcome(),
        Outcome::Applied { changes: 1 },
        "{:?}",
        ran.names()
    );
}
