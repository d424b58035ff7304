//! What `remediate run` takes, and what it says of the rest.

use e2e::REGION;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cloud::{CLOSED, OPEN};
use crate::desk::Desk;

/// Public buckets of these names, and their checks.
async fn public_buckets<const N: usize>(desk: &Desk, names: [&str; N]) -> [Value; N] {
    for name in names {
        desk.cloud.public_bucket(name).await;
    }
    names.map(|name| desk.check("S3-001", name))
}

async fn assert_closed(desk: &Desk, names: &[&str]) {
    for name in names {
        assert_eq!(desk.cloud.grants(name).await, CLOSED, "{name}");
    }
}

/// As SNS wraps what is published.
fn sns(desk: &Desk, message: &Value) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": format!("arn:aws:sns:{REGION}:{}:CloudConformity", desk.account),
        "Message": message.to_string(),
        "Timestamp": Timestamp::now().to_string(),
        "SignatureVersion": "1",
    })
}

/// As a function gets it from a queue.
fn sqs(bodies: &[String]) -> Value {
    let records: Vec<_> = (1..)
        .zip(bodies)
        .map(|(number, body)| {
            json!({
                "messageId": format!("message-{number}"),
                "receiptHandle": "handle",
                "body": body,
                "attributes": { "SentTimestamp": Timestamp::now().as_millisecond().to_string() },
                "eventSource": "aws:sqs",
            })
        })
        .collect();
    json!({ "Records": records })
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_array_when_applied_then_each_message_is_handled() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let checks = public_buckets(&desk, ["array-one", "array-two"]).await;
    desk.apply(&json!(checks))
        .await
        .assert_code(0)
        .assert_says(&["2 act: 2 changes made"]);
    assert_closed(&desk, &["array-one", "array-two"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_broken_line_among_messages_when_applied_then_it_is_named_and_the_others_are_handled()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let [one, two] = public_buckets(&desk, ["lines-one", "lines-two"]).await;
    let cut = &one.to_string()[..100];
    let file = desk.write("checks.ndjson", format!("{one}\n{cut}\n{two}\n"));
    let said = desk.run(&["run", "--apply", &file]).await;
    said.assert_code(1).assert_says(&[
        "checks.ndjson: line 2: is no JSON",
        "2 changes made, 1 failure",
    ]);
    assert_closed(&desk, &["lines-one", "lines-two"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_broken_first_line_when_applied_then_the_rest_are_messages_all_the_same() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let [one] = public_buckets(&desk, ["after-broken"]).await;
    let file = desk.write("checks.ndjson", format!("{{broken\n{one}\n"));
    let said = desk.run(&["run", "--apply", &file]).await;
    said.assert_code(1).assert_says(&[
        "checks.ndjson: line 1: is no JSON",
        "1 change made, 1 failure",
    ]);
    assert_closed(&desk, &["after-broken"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_sns_envelope_when_applied_then_its_message_is_handled() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let [check] = public_buckets(&desk, ["in-sns"]).await;
    desk.apply(&sns(&desk, &check)).await.assert_code(0);
    assert_closed(&desk, &["in-sns"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_queues_batch_when_applied_then_envelopes_in_it_are_opened_and_a_bad_record_is_told()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let [enveloped, raw] = public_buckets(&desk, ["in-sqs-in-sns", "in-sqs-raw"]).await;
    let batch = sqs(&[
        sns(&desk, &enveloped).to_string(),
        "neither JSON nor a known text".to_owned(),
        raw.to_string(),
    ]);
    let said = desk.apply(&batch).await;
    said.assert_code(1)
        .assert_says(&["neither JSON nor a known text", "2 changes made, 1 failure"]);
    assert_closed(&desk, &["in-sqs-in-sns", "in-sqs-raw"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_standard_input_when_applied_then_it_is_read() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let [check] = public_buckets(&desk, ["from-stdin"]).await;
    let said = desk
        .run_with_input(&["run", "--apply", "-"], &check.to_string())
        .await;
    said.assert_code(0).assert_says(&["1 change made"]);
    assert_closed(&desk, &["from-stdin"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_message_of_many_lines_that_breaks_when_run_then_one_error_names_the_line() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let [check] = public_buckets(&desk, ["many-lines"]).await;
    let pretty = serde_json::to_string_pretty(&check).unwrap();
    let broken = pretty.replacen("\"status\": \"FAILURE\",", "\"status\": \"FAILURE\"", 1);
    let line = 2 + broken
        .lines()
        .position(|line| line.contains("\"status\""))
        .unwrap();
    let file = desk.write("check.json", format!("{broken}\n{pretty}\n"));
    let said = desk.run(&["run", &file]).await;
    said.assert_code(1).assert_says(&[
        &format!("check.json: line {line}: is no JSON: expected `,` or `}}`"),
        "1 change planned, 1 failure",
    ]);
    assert_eq!(said.err.lines().count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_files_that_hold_no_message_when_run_then_each_is_named_and_nothing_is_called() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    for (name, content, wanted) in [
        ("hello.txt", "hello\n", "hello.txt"),
        (
            "random.bin",
            "\u{0}\u{1}\u{2}PK\u{3}\u{4}\u{7f}\n",
            "random.bin",
        ),
        (
            "half.json",
            "{\"ruleId\": \"S3-001\", \"status\": \"FAIL",
            "half.json",
        ),
        (
            "undecided.json",
            r#"{"ruleId":"S3-001","status":"PERHAPS","resource":"x"}"#,
            "`status` is `PERHAPS`: expected FAILURE or SUCCESS",
        ),
    ] {
        let file = desk.write(name, content);
        let said = desk.run(&["run", "--apply", &file]).await;
        said.assert_code(1).assert_says(&[wanted]);
        said.assert_says_nothing_of(&["panicked", "0 rows"]);
    }
    assert_eq!(desk.wire.writes(), [""; 0]);
    desk.run(&["run", "missing.json"])
        .await
        .assert_code(1)
        .assert_says(&["missing.json: No such file or directory"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_empty_file_when_run_then_nothing_is_found_in_it() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    for content in ["", " \n\n", "[]", "\u{feff}"] {
        let file = desk.write("empty.json", content);
        let said = desk.run(&["run", "--apply", &file]).await;
        said.assert_code(0)
            .assert_says(&["empty.json", "nothing found: no changes"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_scanners_announcement_when_run_then_it_is_ignored_with_a_word() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let envelope = sns(&desk, &json!("Test Message from Cloud Conformity"));
    let said = desk.apply(&envelope).await;
    said.assert_code(0)
        .assert_says(&["ignored", "the scanner announces its channel"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_old_message_when_applied_then_it_changes_nothing_and_the_way_out_is_named() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let [mut check] = public_buckets(&desk, ["long-ago"]).await;
    // As a text, as some scanners send it.
    check["lastModifiedDate"] = json!("1561233332308");
    check["failureDiscoveryDate"] = Value::Null;
    let said = desk.apply(&check).await;
    said.assert_code(0)
        .assert_says(&["older than the freshness window", "--freshness 3650d"]);
    assert_eq!(desk.cloud.grants("long-ago").await, OPEN);
    let file = desk.message(&check);
    let taken = desk
        .run(&["run", "--apply", "--freshness", "3650d", &file])
        .await;
    taken.assert_code(0);
    assert_closed(&desk, &["long-ago"]).await;
}
