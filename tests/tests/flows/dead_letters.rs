//! A repair that keeps failing: its task ends in the on-failure queue of the rules' functions, and is sent again from there.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use e2e::{ACCOUNT, World, queue, template};
use remediate_core::ledger::Entry;
use remediate_core::{Decision, Outcome, Task};
use serde_json::{Value, json};

use crate::records::{decisions, made, outcomes};
use crate::resources::{check, of_everybody, public_bucket};

const BUCKET: &str = "reports";
const REFUSAL: &str = "s3:PutBucketAcl is not allowed";

/// The bucket fails its check now.
fn failure() -> String {
    check("S3-001", BUCKET, "FAILURE", ACCOUNT)
}

/// Nobody may change the bucket's ACL.
async fn lock(world: &World) {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutBucketAcl",
            "Resource": format!("arn:aws:s3:::{BUCKET}"),
        }],
    });
    let request = world.aws.s3.put_bucket_policy().bucket(BUCKET);
    let request = request.policy(policy.to_string());
    request.send().await.unwrap();
}

async fn unlock(world: &World) {
    let request = world.aws.s3.delete_bucket_policy().bucket(BUCKET);
    request.send().await.unwrap();
}

/// A world in which this message was published, and whose repair is refused.
async fn refusing(message: &str) -> World {
    let world = World::with_aws_rules(&["S3-001"]).await;
    public_bucket(&world.aws, BUCKET).await;
    lock(&world).await;
    world.publish(message).await;
    world
}

/// The same, when the task has become a dead letter, which is handed back too.
async fn refused_for_good(message: &str) -> (World, Value) {
    let world = refusing(message).await;
    world
        .eventually("the task is a dead letter", async || {
            world.depth("RuleFunctionsDeadLettersUrl").await.visible == 1
        })
        .await;
    let url = world.stack.output("RuleFunctionsDeadLettersUrl");
    let messages = queue::receive(&world.aws, url).await;
    let letter = serde_json::from_str(messages[0].body().unwrap()).unwrap();
    (world, letter)
}

/// How often Lambda tries, as the template says.
fn tries() -> usize {
    let function = &template::load()["Resources"][template::function_of("S3-001")]["Properties"];
    let retries = &function["EventInvokeConfig"]["MaximumRetryAttempts"];
    usize::try_from(retries.as_u64().unwrap()).unwrap() + 1
}

fn refused(history: &[Entry]) -> usize {
    let outcomes = outcomes(history).into_iter();
    let refused = outcomes.filter(|outcome| {
        matches!(outcome, Outcome::Failed { retryable: false, error } if error.contains(REFUSAL))
    });
    refused.count()
}

/// Sends a dead letter's task to its function again, as docs/DEPLOYING.md says; hands back what the function answers, if it is
/// waited for.
async fn send_again(world: &World, letter: &Value, how: InvocationType) -> Value {
    let function = letter["requestContext"]["functionArn"].as_str().unwrap();
    let request = world.aws.lambda.invoke().function_name(function);
    let request = request.payload(Blob::new(letter["requestPayload"].to_string()));
    let answer = request.invocation_type(how).send().await.unwrap();
    assert_eq!(answer.function_error(), None);
    let answer = answer.payload.unwrap_or_else(|| Blob::new(""));
    serde_json::from_slice(answer.as_ref()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_repair_that_is_refused_then_it_is_tried_again_recorded_as_failed_and_left_with_the_cause_for_a_person()
 {
    let (world, letter) = refused_for_good(&failure()).await;
    assert_eq!(letter["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(letter["responsePayload"]["errorType"], "TaskFailed");
    let error = letter["responsePayload"]["errorMessage"].as_str().unwrap();
    assert!(error.contains(REFUSAL), "{error}");
    let task: Task = serde_json::from_value(letter["requestPayload"].clone()).unwrap();
    let finding = &task.findings()[0];
    assert_eq!(finding.rule.as_str(), "S3-001");
    assert_eq!(finding.subject.search_key(), BUCKET);

    let history = world.history().await;
    assert_eq!(decisions(&history), [&Decision::Act], "{history:#?}");
    assert_eq!(refused(&history), tries(), "{history:#?}");
    assert_eq!(outcomes(&history).len(), tries(), "{history:#?}");
    assert_eq!(made(&history), 0, "{history:#?}");
    assert_eq!(of_everybody(&world.aws, BUCKET).await, ["READ", "WRITE"]);
    let words = world.ministack.last_words(4000);
    assert!(words.contains("\"TaskFailed\":1.0"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_repair_that_is_refused_when_the_cause_goes_between_two_tries_then_the_next_repairs_and_no_letter_is_left()
 {
    let world = refusing(&failure()).await;
    world
        .eventually("the first try has failed", async || {
            refused(&world.history().await) > 0
        })
        .await;
    unlock(&world).await;
    world
        .eventually("a later try repairs", async || {
            outcomes(&world.history().await).contains(&&Outcome::Applied { changes: 1 })
        })
        .await;
    assert_eq!(of_everybody(&world.aws, BUCKET).await, ["WRITE"]);
    assert_eq!(made(&world.history().await), 1);
    assert!(world.depth("RuleFunctionsDeadLettersUrl").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_dead_letter_when_its_task_is_sent_again_after_the_cause_is_gone_then_the_resource_is_repaired_once()
 {
    let (world, letter) = refused_for_good(&failure()).await;
    unlock(&world).await;

    send_again(&world, &letter, InvocationType::Event).await;
    world
        .eventually("the repair is recorded", async || {
            outcomes(&world.history().await).len() == tries() + 1
        })
        .await;
    let history = world.history().await;
    assert_eq!(outcomes(&history)[0], &Outcome::Applied { changes: 1 });
    assert_eq!(of_everybody(&world.aws, BUCKET).await, ["WRITE"]);

    let again = send_again(&world, &letter, InvocationType::RequestResponse).await;
    assert_eq!(again, json!({ "outcome": "already_done" }));
    assert_eq!(made(&world.history().await), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_dead_letter_when_the_check_is_published_again_after_the_cause_is_gone_then_that_repairs_and_the_letter_changes_nothing()
 {
    let message = failure();
    let (world, letter) = refused_for_good(&message).await;
    unlock(&world).await;
    world.publish(&message).await;
    world
        .eventually("the repair is recorded", async || {
            outcomes(&world.history().await).len() == tries() + 1
        })
        .await;
    let history = world.history().await;
    assert_eq!(
        decisions(&history),
        [&Decision::Act, &Decision::Act],
        "{history:#?}"
    );
    assert_eq!(outcomes(&history)[0], &Outcome::Applied { changes: 1 });
    assert_eq!(of_everybody(&world.aws, BUCKET).await, ["WRITE"]);

    let late = send_again(&world, &letter, InvocationType::RequestResponse).await;
    assert_eq!(late, json!({ "outcome": "compliant" }));
    assert_eq!(made(&world.history().await), 1);
}
