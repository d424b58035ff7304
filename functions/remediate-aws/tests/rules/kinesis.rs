//! Rules of Kinesis Data Streams.

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::EncryptionType;
use remediate_core::runner::UndoError;
use serde_json::{Value, json};

use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const RULE: &str = "Kinesis-001";
const OWN_KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

/// A stream, tagged and with a retention of its own.
async fn stream(bench: &Bench, name: &str) -> String {
    let client = client(bench);
    let name = bench.name(name);
    let made = client.create_stream().stream_name(&name).shard_count(1);
    made.send().await.unwrap();
    // moto makes it active when it is described.
    let described = client.describe_stream().stream_name(&name).send().await;
    described.unwrap();
    let longer = client
        .increase_stream_retention_period()
        .stream_name(&name)
        .retention_period_hours(48);
    longer.send().await.unwrap();
    let tagged = client
        .add_tags_to_stream()
        .stream_name(&name)
        .tags("team", "finance");
    tagged.send().await.unwrap();
    name
}

async fn encrypt(bench: &Bench, stream: &str, key: &str) {
    let request = client(bench)
        .start_stream_encryption()
        .stream_name(stream)
        .encryption_type(EncryptionType::Kms)
        .key_id(key);
    request.send().await.unwrap();
}

async fn key(bench: &Bench, stream: &str) -> Value {
    let answer = client(bench)
        .describe_stream_summary()
        .stream_name(stream)
        .send();
    let summary = answer.await.unwrap().stream_description_summary.unwrap();
    let encrypted = summary.encryption_type == Some(EncryptionType::Kms);
    json!(encrypted.then_some(summary.key_id).flatten())
}

struct Unencrypted;

#[async_trait]
impl Scene for Unencrypted {
    fn rule(&self) -> &'static str {
        RULE
    }

    async fn broken(&self, bench: &Bench) -> String {
        stream(bench, "orders").await
    }

    async fn sound(&self, bench: &Bench) -> String {
        let stream = stream(bench, "payments").await;
        encrypt(bench, &stream, OWN_KEY).await;
        stream
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        Some(bench.name("gone"))
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        let answer = client(bench)
            .describe_stream_summary()
            .stream_name(resource)
            .send();
        let summary = answer.await.unwrap().stream_description_summary.unwrap();
        json!({
            "key": key(bench, resource).await,
            "hours": summary.retention_period_hours,
            "shards": summary.open_shard_count,
        })
    }
}

contract!(kinesis_001, Unencrypted);

#[tokio::test]
async fn given_no_key_when_repaired_then_it_is_the_one_that_aws_manages() {
    let bench = Bench::new().await;
    let stream = stream(&bench, "orders").await;
    let ran = bench.repair(RULE, &stream).await;
    ran.assert_repaired();
    assert_eq!(ran.change().after, json!({"key": "alias/aws/kinesis"}));
    assert_eq!(key(&bench, &stream).await, "alias/aws/kinesis");
}

#[tokio::test]
async fn given_an_arn_and_a_key_of_ones_own_when_repaired_then_that_stream_has_that_key() {
    let bench = Bench::told(RULE, &json!({"kms_key_id": OWN_KEY})).await;
    let stream = stream(&bench, "orders").await;
    let arn = format!(
        "arn:aws:kinesis:us-east-1:{}:stream/{stream}",
        bench.account
    );
    bench.repair(RULE, &arn).await.assert_repaired();
    assert_eq!(key(&bench, &stream).await, OWN_KEY);
}

#[tokio::test]
async fn given_another_key_when_it_is_encrypted_then_its_key_is_never_switched() {
    let bench = Bench::told(RULE, &json!({"kms_key_id": "alias/house"})).await;
    let stream = stream(&bench, "orders").await;
    encrypt(&bench, &stream, OWN_KEY).await;
    bench.repair(RULE, &stream).await.assert_left_alone();
    assert_eq!(key(&bench, &stream).await, OWN_KEY);
}

#[tokio::test]
async fn given_a_shared_stream_when_only_unshared_ones_may_be_repaired_then_a_person_has_to_say_so()
{
    let bench = Bench::told(RULE, &json!({"act_if": "not_shared"})).await;
    let shared = stream(&bench, "shared").await;
    let policy = client(&bench)
        .put_resource_policy()
        .resource_arn(format!(
            "arn:aws:kinesis:us-east-1:{}:stream/{shared}",
            bench.account
        ))
        .policy(r#"{"Version":"2012-10-17","Statement":[]}"#);
    policy.send().await.unwrap();
    let ran = bench.repair(RULE, &shared).await;
    assert!(ran.held().contains("resource policy"), "{}", ran.held());

    let private = stream(&bench, "private").await;
    bench.repair(RULE, &private).await.assert_repaired();
}

/// A description of a stream that is not encrypted yet.
fn being_changed(bench: &Bench, stream: &str) -> String {
    let summary = json!({"StreamDescriptionSummary": {
        "StreamName": stream,
        "StreamARN": format!("arn:aws:kinesis:us-east-1:{}:stream/{stream}", bench.account),
        "StreamStatus": "UPDATING",
        "RetentionPeriodHours": 24,
        "StreamCreationTimestamp": 1_700_000_000,
        "EnhancedMonitoring": [],
        "EncryptionType": "NONE",
        "OpenShardCount": 1,
    }});
    summary.to_string()
}

#[tokio::test]
async fn given_encryption_takes_a_while_when_repaired_then_its_end_is_waited_for() {
    let bench = Bench::new().await;
    let stream = stream(&bench, "orders").await;
    let describe = bench.wire.on("kinesis:DescribeStreamSummary").nth(2);
    describe.answers(200, &being_changed(&bench, &stream));
    let ran = bench.repair(RULE, &stream).await;
    ran.assert_repaired();
    assert_eq!(ran.names().len(), 5 + 1, "{:?}", ran.names());
}

#[tokio::test]
async fn given_a_stream_that_is_being_changed_when_repaired_then_it_comes_back_later() {
    let bench = Bench::new().await;
    let stream = stream(&bench, "orders").await;
    let describe = bench.wire.on("kinesis:DescribeStreamSummary");
    describe.answers(200, &being_changed(&bench, &stream));
    let ran = bench.repair(RULE, &stream).await;
    assert!(ran.error().class().is_retryable(), "{}", ran.error());
    assert!(
        ran.error().to_string().contains("UPDATING"),
        "{}",
        ran.error()
    );
    assert!(ran.writes().is_empty());
    bench.repair(RULE, &stream).await.assert_repaired();
}

#[tokio::test]
async fn given_somebody_switched_the_key_since_when_undone_then_it_stays_encrypted() {
    let bench = Bench::told(RULE, &json!({"kms_key_id": OWN_KEY})).await;
    let stream = stream(&bench, "orders").await;
    let ran = bench.repair(RULE, &stream).await;
    let other = "ffffffff-12ab-34cd-56ef-1234567890ab";
    encrypt(&bench, &stream, other).await;
    let undone = bench.undo(&ran.change().id).await;
    assert!(
        matches!(undone, Err(UndoError::MovedOn { .. })),
        "{undone:?}"
    );
    assert_eq!(key(&bench, &stream).await, other);
}
