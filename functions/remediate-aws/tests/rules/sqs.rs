//! Rules of SQS.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Map, Value, json};

use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const RULE: &str = "SQS-004";

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

/// A queue without encryption, tagged and with a timeout of its own. Its name.
async fn queue(bench: &Bench, name: &str) -> String {
    let made = client(bench)
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::SqsManagedSseEnabled, "false")
        .attributes(QueueAttributeName::VisibilityTimeout, "45")
        .tags("team", "finance");
    made.send().await.unwrap();
    name.to_owned()
}

async fn url(bench: &Bench, queue: &str) -> String {
    let answer = client(bench).get_queue_url().queue_name(queue).send().await;
    answer.unwrap().queue_url.unwrap()
}

async fn set(bench: &Bench, queue: &str, name: QueueAttributeName, value: &str) {
    let request = client(bench)
        .set_queue_attributes()
        .queue_url(url(bench, queue).await)
        .attributes(name, value);
    request.send().await.unwrap();
}

/// Every attribute but the time of the last change.
async fn attributes(bench: &Bench, queue: &str) -> Map<String, Value> {
    let answer = client(bench)
        .get_queue_attributes()
        .queue_url(url(bench, queue).await)
        .attribute_names(QueueAttributeName::All)
        .send();
    let attributes = answer.await.unwrap().attributes.unwrap();
    let mut attributes: Map<_, _> = attributes
        .into_iter()
        .map(|(name, value)| (name.as_str().to_owned(), Value::from(value)))
        .collect();
    attributes.remove("LastModifiedTimestamp");
    attributes
}

struct Unencrypted;

#[async_trait]
impl Scene for Unencrypted {
    fn rule(&self) -> &'static str {
        RULE
    }

    async fn broken(&self, bench: &Bench) -> String {
        queue(bench, "jobs").await
    }

    async fn sound(&self, bench: &Bench) -> String {
        let queue = queue(bench, "letters").await;
        set(
            bench,
            &queue,
            QueueAttributeName::KmsMasterKeyId,
            "alias/house",
        )
        .await;
        queue
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        Some(bench.name("gone"))
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(attributes(bench, resource).await)
    }
}

contract!(sqs_004, Unencrypted);

#[tokio::test]
async fn given_no_key_when_repaired_then_sqs_encrypts_and_nothing_else_changes() {
    let bench = Bench::new().await;
    let queue = queue(&bench, "jobs").await;
    let mut expected = attributes(&bench, &queue).await;
    expected.insert("SqsManagedSseEnabled".to_owned(), json!("true"));
    bench.repair(RULE, &queue).await.assert_repaired();
    assert_eq!(attributes(&bench, &queue).await, expected);
}

#[tokio::test]
async fn given_a_key_when_repaired_then_the_queue_encrypts_with_it_and_an_undo_takes_it_away() {
    let bench = Bench::told(RULE, &json!({"kms_key_id": "alias/house"})).await;
    let queue = queue(&bench, "jobs").await;
    let ran = bench.repair(RULE, &queue).await;
    ran.assert_repaired();
    let attribute = |attributes: Map<String, Value>| attributes.get("KmsMasterKeyId").cloned();
    assert_eq!(
        attribute(attributes(&bench, &queue).await),
        Some(json!("alias/house"))
    );
    bench.undo(&ran.change().id).await.unwrap();
    let key = attribute(attributes(&bench, &queue).await);
    assert!(key.is_none() || key == Some(json!("")), "{key:?}");
}

#[tokio::test]
async fn given_a_key_of_another_region_than_the_queues_when_repaired_then_nothing_is_done() {
    let key = "arn:aws:kms:ap-south-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let bench = Bench::told(RULE, &json!({ "kms_key_id": key })).await;
    let queue = queue(&bench, "jobs").await;
    let before = attributes(&bench, &queue).await;
    let ran = bench.repair(RULE, &queue).await;
    for part in ["queue jobs", key, "kms_key_id", "only"] {
        assert!(ran.unsupported().contains(part), "{}", ran.outcome());
    }
    assert_eq!(ran.writes(), [""; 0]);
    assert_eq!(attributes(&bench, &queue).await, before);
}

#[tokio::test]
async fn given_a_key_when_the_queue_is_encrypted_already_then_it_is_left_alone() {
    let bench = Bench::told(RULE, &json!({"kms_key_id": "alias/house"})).await;
    let by_sqs = queue(&bench, "by-sqs").await;
    set(
        &bench,
        &by_sqs,
        QueueAttributeName::SqsManagedSseEnabled,
        "true",
    )
    .await;
    let by_key = queue(&bench, "by-key").await;
    set(
        &bench,
        &by_key,
        QueueAttributeName::KmsMasterKeyId,
        "alias/other",
    )
    .await;
    for queue in [by_sqs, by_key] {
        bench.repair(RULE, &queue).await.assert_left_alone();
    }
}

#[tokio::test]
async fn given_a_url_when_repaired_then_it_is_the_queue_of_that_url_and_region() {
    let bench = Bench::new().await;
    let elsewhere = bench
        .world
        .to_builder()
        .region(aws_config::Region::from_static("eu-west-1"))
        .build();
    let made = Client::new(&elsewhere)
        .create_queue()
        .queue_name("jobs.fifo")
        .attributes(QueueAttributeName::FifoQueue, "true")
        .attributes(QueueAttributeName::SqsManagedSseEnabled, "false");
    made.send().await.unwrap();
    let url = format!(
        "https://sqs.eu-west-1.amazonaws.com/{}/jobs.fifo",
        bench.account
    );
    let ran = bench.repair(RULE, &url).await;
    ran.assert_repaired();
    let regions: Vec<_> = ran
        .calls
        .iter()
        .filter(|call| call.service == "sqs")
        .map(|call| call.region.as_str())
        .collect();
    assert!(
        !regions.is_empty() && regions.iter().all(|region| *region == "eu-west-1"),
        "{regions:?}"
    );
}

#[tokio::test]
async fn given_a_url_of_another_account_when_repaired_then_the_queue_of_that_name_here_is_not_touched()
 {
    let bench = Bench::new().await;
    let queue = queue(&bench, "jobs").await;
    let before = attributes(&bench, &queue).await;
    let url = "https://sqs.us-east-1.amazonaws.com/999999999999/jobs";
    let ran = bench.repair(RULE, url).await;
    assert!(ran.unsupported().contains("999999999999"));
    assert_eq!(attributes(&bench, &queue).await, before);
}

#[tokio::test]
async fn given_sqs_passes_the_change_on_slowly_when_repaired_then_its_end_is_waited_for() {
    let bench = Bench::new().await;
    let queue = queue(&bench, "jobs").await;
    let stale = json!({"Attributes": {"SqsManagedSseEnabled": "false"}});
    let look = bench.wire.on("sqs:GetQueueAttributes").nth(2);
    look.answers(200, &stale.to_string());
    let ran = bench.repair(RULE, &queue).await;
    ran.assert_repaired();
    assert_eq!(ran.names().len(), 7 + 1, "{:?}", ran.names());
}

/// Lets a topic send to the queue, as a subscription needs it.
async fn subscribe(bench: &Bench, queue: &str) {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": format!("arn:aws:sqs:us-east-1:{}:{queue}", bench.account),
    }]});
    set(
        bench,
        queue,
        QueueAttributeName::Policy,
        &policy.to_string(),
    )
    .await;
}

#[tokio::test]
async fn given_a_key_and_a_topic_that_sends_when_repaired_then_the_plan_names_whom_the_key_may_cut_off()
 {
    let bench = Bench::told(RULE, &json!({"kms_key_id": "alias/house"})).await;
    let queue = queue(&bench, "jobs").await;
    subscribe(&bench, &queue).await;
    let ran = bench.repair(RULE, &queue).await;
    ran.assert_repaired();
    let notes = ran.change().notes.join("; ");
    assert!(notes.contains("sns.amazonaws.com"), "{notes}");
}

#[tokio::test]
async fn given_services_are_to_be_spared_when_a_topic_sends_then_a_person_has_to_say_so() {
    let with_a_key = json!({"kms_key_id": "alias/house", "act_if": "no_services"});
    let bench = Bench::told(RULE, &with_a_key).await;
    let subscribed = queue(&bench, "alarms").await;
    subscribe(&bench, &subscribed).await;
    let ran = bench.repair(RULE, &subscribed).await;
    assert!(ran.held().contains("sns.amazonaws.com"), "{}", ran.held());
    let alone = queue(&bench, "jobs").await;
    bench.repair(RULE, &alone).await.assert_repaired();

    // Keys of SQS cut nobody off.
    let bench = Bench::told(RULE, &json!({"act_if": "no_services"})).await;
    let subscribed = queue(&bench, "alarms").await;
    subscribe(&bench, &subscribed).await;
    let ran = bench.repair(RULE, &subscribed).await;
    ran.assert_repaired();
    assert!(ran.change().notes.is_empty(), "{:?}", ran.change().notes);
}
