//! Every kind of message that arrives at the intake queue.

use e2e::{World, queue};
use remediate_core::ledger::{Disposition, Event};
use remediate_core::{Decision, SkipReason};
use serde_json::{Value, json};

use crate::arrivals::{nothing_was_lost, one_of_each};
use crate::records::{decisions, failure, minutes_ago, received, recorded_body};

/// The check that a recorded SNS envelope carries, observed now.
fn conformity_check(resource: &str) -> Value {
    let envelope: Value = serde_json::from_str(&recorded_body("check-in-sns-in-sqs.json")).unwrap();
    let mut check: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    for key in [
        "lastModifiedDate",
        "lastStatusUpdateDate",
        "failureDiscoveryDate",
    ] {
        check[key] = json!(now);
    }
    check["resource"] = json!(resource);
    check
}

/// The notification of a store that is not on AWS: it names no version.
fn r2_notification(world: &World, key: &str) -> String {
    let bucket = world.stack.output("PostureBucketName");
    let object = json!({ "key": key, "size": 1024, "eTag": "abc123" });
    json!({ "account": "account_id", "action": "PutObject", "bucket": bucket, "object": object })
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_new_stack_when_s3_sends_its_test_event_then_it_is_acknowledged_and_recorded() {
    let world = World::as_shipped().await;
    world
        .eventually("it is recorded", async || !world.history().await.is_empty())
        .await;
    world.settled().await;
    let history = world.history().await;
    let [
        Event::Received {
            disposition,
            because,
            ..
        },
    ] = received(&history)[..]
    else {
        panic!("{history:#?}")
    };
    assert_eq!(*disposition, Disposition::Ignored, "{because}");
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_conformity_check_when_it_is_published_to_the_topic_then_it_is_recorded_as_skipped()
{
    let world = World::with_rule_on().await;
    let topic = world.stack.output("TopicArn");
    world
        .aws
        .sns
        .publish()
        .topic_arn(topic)
        .message(conformity_check("example-reports").to_string())
        .send()
        .await
        .unwrap();
    world
        .eventually("it is decided", async || {
            !decisions(&world.history().await).is_empty()
        })
        .await;
    world.settled().await;
    let history = world.history().await;
    assert_eq!(decisions(&history), [&Decision::Skip(SkipReason::Disabled)]);
    assert!(world.sandbox.calls().is_empty());
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_log_when_only_a_notification_of_the_r2_form_names_it_then_it_is_read() {
    let world = World::with_rule_on().await;
    world.silence_bucket().await;
    // Over many lines, as the description of the format has it.
    let row = serde_json::to_string_pretty(&failure(&minutes_ago(3)).row()).unwrap();
    world.put_object("logs/posture.json", &row).await;
    world
        .send_to_intake(&r2_notification(&world, "logs/posture.json"))
        .await;
    one_of_each(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_log_that_is_notified_of_several_times_at_once_then_what_it_says_is_done_once() {
    let world = World::with_rule_on().await;
    let again = r2_notification(&world, "log.json");
    world.put_log("log.json", &[failure(&minutes_ago(3))]).await;
    for _ in 0..3 {
        world.send_to_intake(&again).await;
    }
    one_of_each(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_notification_about_another_bucket_then_it_is_refused_and_recorded() {
    let world = World::with_rule_on().await;
    world.settled().await;
    let notification = json!({ "account": "a", "action": "PutObject", "bucket": "somebody-elses", "object": { "key": "x.json", "size": 10, "eTag": "e" } });
    world.send_to_intake(&notification.to_string()).await;
    let refused = |event: &&Event| {
        matches!(
            event,
            Event::Received {
                disposition: Disposition::Refused,
                ..
            }
        )
    };
    world
        .eventually("it is refused", async || {
            received(&world.history().await).iter().any(refused)
        })
        .await;
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_log_that_was_deleted_meanwhile_then_its_notification_is_acknowledged() {
    let world = World::with_rule_on().await;
    world
        .send_to_intake(&r2_notification(&world, "gone.json"))
        .await;
    let gone = |event: &&Event| matches!(event, Event::Received { object, disposition: Disposition::Ignored, .. } if object.contains("gone.json"));
    world
        .eventually("it is recorded", async || {
            received(&world.history().await).iter().any(gone)
        })
        .await;
    world.settled().await;
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_one_bad_record_in_a_batch_then_only_it_comes_back_and_becomes_a_dead_letter() {
    let world = World::with_rule_on().await;
    world.settled().await;
    let bodies =
        ["first", "second", "third"].map(|resource| conformity_check(resource).to_string());
    let batch = [
        bodies[0].clone(),
        "{\"truncated\": ".to_owned(),
        bodies[1].clone(),
        bodies[2].clone(),
    ];
    queue::send_together(&world.aws, world.stack.output("IntakeQueueUrl"), &batch).await;
    world
        .eventually("the bad one is a dead letter", async || {
            world.depth("IntakeDeadLettersUrl").await.visible == 1
        })
        .await;
    world.settled().await;
    assert_eq!(
        decisions(&world.history().await).len(),
        3,
        "each of the others was handled once"
    );
    let dead = queue::receive(&world.aws, world.stack.output("IntakeDeadLettersUrl")).await;
    assert_eq!(
        dead.iter()
            .map(|message| message.body().unwrap())
            .collect::<Vec<_>>(),
        ["{\"truncated\": "]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_dead_letter_when_its_cause_is_repaired_and_it_is_redriven_then_it_is_handled() {
    let world = World::with_rule_on().await;
    world.silence_bucket().await;
    world.put_object("late.json", "this is no log").await;
    world
        .send_to_intake(&r2_notification(&world, "late.json"))
        .await;
    let dead = async || world.depth("IntakeDeadLettersUrl").await.visible == 1;
    world.eventually("it is a dead letter", dead).await;

    world
        .put_log("late.json", &[failure(&minutes_ago(2))])
        .await;
    let (dead, intake) = (
        world.stack.output("IntakeDeadLettersUrl"),
        world.stack.output("IntakeQueueUrl"),
    );
    assert!(
        world.sandbox.calls().is_empty(),
        "nothing happens by itself"
    );
    assert_eq!(queue::redrive(&world.aws, dead, intake).await, 1);
    one_of_each(&world).await;
}
