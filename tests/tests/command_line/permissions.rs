//! Credentials that may only look: a plan works with them, `--apply` fails loudly.

use std::sync::Arc;

use e2e::ACCOUNT;
use e2e::moto::Moto;
use serde_json::json;

use crate::cloud::{Cloud, OPEN};
use crate::desk::Desk;

/// Makes a user who may do this. Access key id and secret.
async fn user(cloud: &Cloud, name: &str, actions: &[&str]) -> [String; 2] {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    });
    let iam = &cloud.iam;
    iam.create_user().user_name(name).send().await.unwrap();
    let put = iam.put_user_policy().user_name(name).policy_name("all");
    put.policy_document(policy.to_string())
        .send()
        .await
        .unwrap();
    let made = iam
        .create_access_key()
        .user_name(name)
        .send()
        .await
        .unwrap();
    let key = made.access_key.unwrap();
    [key.access_key_id, key.secret_access_key]
}

/// A desk with credentials that may only look, and a cloud that is administrated past it.
async fn auditors_desk() -> Desk {
    // Each of the three calls that make a user.
    let start = || Moto::evaluating_iam_after(3);
    let moto = Arc::new(tokio::task::spawn_blocking(start).await.unwrap());
    let nobody = ["nobody", "nothing"].map(str::to_owned);
    let unguarded = Cloud::of_account(ACCOUNT, &nobody, moto.url()).await;
    let administrator = user(&unguarded, "administrator", &["*"]).await;
    let mut desk = Desk::before(moto, ACCOUNT.to_owned(), administrator).await;
    desk.credentials = user(
        &desk.cloud,
        "auditor",
        &["s3:Get*", "s3:List*", "ec2:Describe*"],
    )
    .await;
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn given_credentials_that_may_only_look_then_a_plan_works_and_applying_names_what_is_denied()
{
    let desk = auditors_desk().await;
    desk.enable(&["S3-001", "EC2-002"]).await;
    let bucket = desk.cloud.public_bucket("audited").await;
    let group = desk.cloud.group(&[(22, 22, "0.0.0.0/0")]).await;
    let checks = json!([desk.check("S3-001", &bucket), desk.check("EC2-002", &group)]);
    let file = desk.message(&checks);
    let planned = desk.run(&["run", &file]).await;
    planned
        .assert_code(0)
        .assert_says(&["2 act: 2 changes planned"]);
    let applied = desk.run(&["run", "--apply", &file]).await;
    applied.assert_code(1).assert_says(&[
        "bucket audited: s3:PutBucketAcl is not allowed (AccessDenied)",
        "ec2:RevokeSecurityGroupIngress is not allowed",
        "2 act: 2 failures",
    ]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
    assert_eq!(desk.cloud.ingress(&group).await, ["22-22 from 0.0.0.0/0"]);
    assert_eq!(desk.changes().await, ["failed", "failed"]);
    assert_eq!(desk.outcomes().await, ["failed", "failed"]);
    let history = desk.run(&["history", "--resource", &bucket]).await;
    history.assert_says(&["failed: ", "s3:PutBucketAcl is not allowed"]);
    // It is not forgotten as handled: with the right credentials the same message is carried out.
    let mut desk = desk;
    desk.credentials = user(&desk.cloud, "operator", &["s3:*", "ec2:*"]).await;
    let again = desk.run(&["run", "--apply", &file]).await;
    again.assert_code(0).assert_says(&["2 act: 2 changes made"]);
    assert_eq!(desk.cloud.ingress(&group).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_credentials_that_may_not_even_look_then_a_plan_fails_and_names_the_call() {
    let mut desk = auditors_desk().await;
    desk.enable(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("unseen").await;
    desk.credentials = user(&desk.cloud, "stranger", &["ec2:Describe*"]).await;
    let file = desk.message(&desk.check("S3-001", &bucket));
    let said = desk.run(&["run", &file]).await;
    said.assert_code(1)
        .assert_says(&["bucket unseen: s3:GetBucketAcl is not allowed (AccessDenied)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_credentials_that_aws_does_not_know_then_it_is_said_once_and_nothing_goes_on() {
    let mut desk = auditors_desk().await;
    desk.enable(&["S3-001"]).await;
    desk.credentials = ["AKIAIOSFODNN7EXAMPLE", "wrong"].map(str::to_owned);
    let file = desk.message(&desk.check("S3-001", "any-bucket"));
    let said = desk.run(&["run", "--apply", &file]).await;
    // moto does not say it in STS's words, so that the error's code is not found in its answer.
    said.assert_code(1).assert_says(&[
        "it is not known which account the credentials are of",
        "sts:GetCallerIdentity",
        "403",
    ]);
    assert_eq!(desk.wire.calls(), ["sts:GetCallerIdentity"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_repair_of_two_calls_when_the_second_is_denied_then_what_was_done_is_in_the_history()
 {
    let mut desk = auditors_desk().await;
    desk.enable(&["EC2-002"]).await;
    desk.narrow_wider_rules("EC2-002");
    let group = desk.cloud.group(&[(20, 25, "0.0.0.0/0")]).await;
    let may = [
        "ec2:Describe*",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
    ];
    desk.credentials = user(&desk.cloud, "half-operator", &may).await;
    let said = desk.apply(&desk.check("EC2-002", &group)).await;
    said.assert_code(1).assert_says(&[
        "ec2:RevokeSecurityGroupIngress is not allowed",
        "1 act: 1 failure",
    ]);
    said.assert_says_nothing_of(&["no changes"]);
    assert_eq!(
        desk.cloud.ingress(&group).await,
        [
            "20-21 from 0.0.0.0/0",
            "20-25 from 0.0.0.0/0",
            "23-25 from 0.0.0.0/0"
        ]
    );
    // With the right credentials it goes on from there.
    let may = ["ec2:*"];
    desk.credentials = user(&desk.cloud, "operator", &may).await;
    let again = desk.run(&["run", "--apply", "check.json"]).await;
    again.assert_code(0).assert_says(&["applied and verified"]);
    assert_eq!(
        desk.cloud.ingress(&group).await,
        ["20-21 from 0.0.0.0/0", "23-25 from 0.0.0.0/0"]
    );
    assert_eq!(desk.changes().await, ["applied", "failed", "applied"]);
}
