//! Repairs that wait for a person: proposed, or held back; and what somebody keeps reverting.

use crate::cloud::{CLOSED, OPEN};
use crate::desk::{Desk, Said};

/// The fingerprint that a hint `remediate send <fingerprint>` names.
fn to_send(said: &Said) -> String {
    let hint = said.out.split_once("remediate send ");
    let (_, hint) = hint.unwrap_or_else(|| panic!("no hint how to send it:\n{said}"));
    hint.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_mode_propose_when_applied_then_it_waits_and_a_person_sends_it() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    desk.run(&["rules", "mode", "S3-001", "propose"])
        .await
        .assert_code(0);
    let bucket = desk.cloud.public_bucket("proposed").await;
    let said = desk.apply(&desk.check("S3-001", &bucket)).await;
    said.assert_code(0).assert_says(&[
        "propose S3-001 proposed check failed",
        "1 propose: 1 change planned",
    ]);
    said.assert_says_nothing_of(&["change made"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    let sent = desk.run(&["send", &to_send(&said)]).await;
    sent.assert_code(0)
        .assert_says(&["applied and verified (1)", "1 change made"]);
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
    let twice = desk.run(&["send", &to_send(&said)]).await;
    twice.assert_code(0).assert_says(&["no changes"]);
    assert_eq!(desk.made().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_repair_that_is_held_back_when_a_person_sends_it_then_it_is_made() {
    let desk = Desk::with_rules(&["S3-014"]).await;
    let bucket = desk.cloud.public_bucket("website").await;
    make_public_website(&desk, &bucket).await;
    let held = desk.apply(&desk.check("S3-014", &bucket)).await;
    held.assert_code(0)
        .assert_says(&["held back for a person", "1 change planned"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    let sent = desk.run(&["send", &to_send(&held)]).await;
    sent.assert_code(0)
        .assert_says(&["applied and verified (1)"]);
    assert_eq!(desk.made().await.len(), 1);
}

async fn make_public_website(desk: &Desk, bucket: &str) {
    use aws_sdk_s3::types::{IndexDocument, WebsiteConfiguration};
    let s3 = &desk.cloud.s3;
    let index = IndexDocument::builder()
        .suffix("index.html")
        .build()
        .unwrap();
    let website = WebsiteConfiguration::builder()
        .index_document(index)
        .build();
    let put = s3
        .put_bucket_website()
        .bucket(bucket)
        .website_configuration(website);
    put.send().await.unwrap();
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{bucket}/*"),
        }],
    });
    let put = s3
        .put_bucket_policy()
        .bucket(bucket)
        .policy(policy.to_string());
    put.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_plan_of_a_proposal_when_sent_then_it_is_said_that_nothing_waits() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    desk.run(&["rules", "mode", "S3-001", "propose"])
        .await
        .assert_code(0);
    let bucket = desk.cloud.public_bucket("only-planned").await;
    let file = desk.message(&desk.check("S3-001", &bucket));
    let planned = desk.run(&["run", "--format", "json", &file]).await;
    let print = planned.json_lines()[0]["fingerprint"]
        .as_str()
        .unwrap()
        .to_owned();
    let sent = desk.run(&["send", &print]).await;
    sent.assert_code(1)
        .assert_says(&["nothing was proposed, tried or held back"]);
    desk.run(&["send", "no-fingerprint"]).await.assert_code(2);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_somebody_who_keeps_reverting_when_applied_a_fourth_time_then_it_waits_for_a_person()
{
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("reverted").await;
    for _ in 0..3 {
        desk.apply(&desk.check("S3-001", &bucket))
            .await
            .assert_code(0)
            .assert_says(&["1 change made"]);
        desk.cloud.open_bucket(&bucket).await;
    }
    let fourth = desk.apply(&desk.check("S3-001", &bucket)).await;
    fourth.assert_code(0).assert_says(&[
        "held back for a person",
        "somebody or something is reverting it",
    ]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
    assert_eq!(desk.made().await.len(), 3);
    desk.run(&["send", &to_send(&fourth)]).await.assert_code(0);
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_something_left_open_when_the_configuration_is_changed_and_it_is_sent_then_it_is_tried_once_more()
 {
    let desk = Desk::with_rules(&["EC2-002"]).await;
    let group = desk
        .cloud
        .group(&[(22, 22, "0.0.0.0/0"), (20, 25, "0.0.0.0/0")])
        .await;
    let check = desk.check("EC2-002", &group);
    let said = desk.apply(&check).await;
    // What is made is told, and that the door is still open.
    said.assert_code(1).assert_says(&[
        "applied, NOT verified",
        "set on_wider",
        "1 change made, 1 NOT verified",
    ]);
    assert_eq!(desk.cloud.ingress(&group).await, ["20-25 from 0.0.0.0/0"]);
    desk.narrow_wider_rules("EC2-002");
    desk.apply(&check)
        .await
        .assert_code(0)
        .assert_says(&["handled before"]);
    let explained = desk.run(&["explain", &group, "--format", "json"]).await;
    let print = explained.json_lines()[0]["incidents"][0]["fingerprint"]
        .as_str()
        .unwrap()
        .to_owned();
    let sent = desk.run(&["send", &print]).await;
    sent.assert_code(0).assert_says(&["applied and verified"]);
    assert_eq!(
        desk.cloud.ingress(&group).await,
        ["20-21 from 0.0.0.0/0", "23-25 from 0.0.0.0/0"]
    );
}
