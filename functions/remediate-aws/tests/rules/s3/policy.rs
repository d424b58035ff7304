//! S3-014.

use async_trait::async_trait;
use aws_sdk_s3::types::{IndexDocument, PublicAccessBlockConfiguration, WebsiteConfiguration};
use remediate_core::rule::Mode;
use serde_json::{Value, json};

use super::{bucket, client};
use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const PARTNER: &str = "arn:aws:iam::111122223333:root";

async fn put(bench: &Bench, bucket: &str, policy: &Value) {
    let request = client(bench)
        .put_bucket_policy()
        .bucket(bucket)
        .policy(policy.to_string());
    request.send().await.unwrap();
}

/// `null` where there is none.
async fn policy(bench: &Bench, bucket: &str) -> Value {
    let answer = client(bench).get_bucket_policy().bucket(bucket).send();
    answer.await.map_or(Value::Null, |answer| {
        serde_json::from_str(&answer.policy.unwrap()).unwrap()
    })
}

async fn block(bench: &Bench, bucket: &str) -> Value {
    let answer = client(bench)
        .get_public_access_block()
        .bucket(bucket)
        .send();
    answer.await.map_or(Value::Null, |answer| {
        let block = answer.public_access_block_configuration.unwrap();
        json!([
            block.block_public_acls,
            block.ignore_public_acls,
            block.block_public_policy,
            block.restrict_public_buckets
        ])
    })
}

async fn with_policy(bench: &Bench, name: &str, statements: Value) -> String {
    let bucket = bucket(bench, name).await;
    let text = statements.to_string().replace("BUCKET", &bucket);
    let statements: Value = serde_json::from_str(&text).unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    put(bench, &bucket, &policy).await;
    bucket
}

fn public() -> Value {
    json!({
        "Sid": "PublicRead", "Effect": "Allow", "Principal": "*",
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::BUCKET/*",
    })
}

fn partner() -> Value {
    json!({
        "Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": PARTNER},
        "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"],
    })
}

fn tls() -> Value {
    json!({
        "Sid": "Allow", "Effect": "Deny", "Principal": "*",
        "Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    })
}

struct Public {
    how: &'static str,
}

#[async_trait]
impl Scene for Public {
    fn rule(&self) -> &'static str {
        "S3-014"
    }

    fn parameters(&self) -> Value {
        json!({ "how": self.how })
    }

    async fn broken(&self, bench: &Bench) -> String {
        with_policy(bench, "public", json!([tls(), public(), partner()])).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        with_policy(bench, "sound", json!([tls(), partner()])).await
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        Some(bench.name("gone"))
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!([policy(bench, resource).await, block(bench, resource).await])
    }
}

contract!(remove, Public { how: "remove" });
contract!(narrow, Public { how: "narrow" });

/// The policy stays open to look at, so that reading back takes one more look at what makes it void.
mod block_public_access {
    use super::*;
    use crate::support::contract::promise;

    const SCENE: Public = Public {
        how: "block-public-access",
    };

    #[tokio::test]
    async fn the_policy_stays_and_is_made_void() {
        let bench = Bench::told("S3-014", &SCENE.parameters()).await;
        let bucket = SCENE.broken(&bench).await;
        let before = policy(&bench, &bucket).await;
        bench.repair("S3-014", &bucket).await.assert_repaired();
        assert_eq!(policy(&bench, &bucket).await, before);
        assert_eq!(
            block(&bench, &bucket).await,
            json!([false, false, true, true])
        );
        bench.repair("S3-014", &bucket).await.assert_left_alone();
    }

    #[tokio::test]
    async fn given_a_policy_that_names_a_partner_when_made_void_then_the_plan_names_it() {
        let bench = Bench::told("S3-014", &SCENE.parameters()).await;
        let bucket = SCENE.broken(&bench).await;
        let ran = bench.repair("S3-014", &bucket).await;
        let notes = ran.change().notes.join("\n");
        assert!(notes.contains(PARTNER), "{notes}");

        let bucket = with_policy(&bench, "unshared", json!([tls(), public()])).await;
        let ran = bench.repair("S3-014", &bucket).await;
        assert!(ran.change().notes.is_empty(), "{:?}", ran.change().notes);
    }

    #[tokio::test]
    async fn what_was_blocked_stays_blocked() {
        let bench = Bench::told("S3-014", &SCENE.parameters()).await;
        let bucket = SCENE.broken(&bench).await;
        let acls = PublicAccessBlockConfiguration::builder().ignore_public_acls(true);
        let request = client(&bench)
            .put_public_access_block()
            .bucket(&bucket)
            .public_access_block_configuration(acls.build());
        request.send().await.unwrap();
        bench.repair("S3-014", &bucket).await.assert_repaired();
        assert_eq!(
            block(&bench, &bucket).await,
            json!([false, true, true, true])
        );
    }

    #[tokio::test]
    async fn the_other_promises_are_kept() {
        promise::once(&SCENE).await;
        promise::planned(&SCENE).await;
        promise::denied(&SCENE).await;
        promise::throttled(&SCENE).await;
        promise::lost(&SCENE).await;
        promise::undone(&SCENE).await;
    }
}

#[tokio::test]
async fn every_shape_of_everybody_is_taken_out_and_whom_it_names_stays() {
    let with = |principal: Value| {
        let mut statement = public();
        statement["Principal"] = principal;
        statement
    };
    let without_principal = |not: Value| {
        let mut statement = with(Value::Null);
        statement.as_object_mut().unwrap().remove("Principal");
        statement["NotPrincipal"] = not;
        statement
    };
    for (statement, left) in [
        (with(json!("*")), None),
        (with(json!({"AWS": "*"})), None),
        (with(json!({"AWS": ["*"]})), None),
        (
            with(json!({"AWS": [PARTNER, "*"]})),
            Some(json!({"AWS": [PARTNER]})),
        ),
        (
            with(json!({"AWS": "*", "Service": "cloudtrail.amazonaws.com"})),
            Some(json!({"Service": "cloudtrail.amazonaws.com"})),
        ),
        (without_principal(json!({"AWS": PARTNER})), None),
    ] {
        let bench = Bench::new().await;
        let bucket = with_policy(&bench, "shape", json!([statement, partner()])).await;
        bench.repair("S3-014", &bucket).await.assert_repaired();
        let after = policy(&bench, &bucket).await;
        let statements = after["Statement"].as_array().unwrap();
        assert_eq!(
            statements.len(),
            if left.is_some() { 2 } else { 1 },
            "{after}"
        );
        if let Some(left) = left {
            assert_eq!(statements[0]["Principal"], left);
        }
        assert_eq!(statements.last().unwrap()["Sid"], "Partner");
    }
}

#[tokio::test]
async fn a_single_statement_that_is_public_takes_the_policy_with_it_and_an_undo_brings_it_back() {
    let bench = Bench::new().await;
    let bucket = with_policy(&bench, "single", public()).await;
    let before = policy(&bench, &bucket).await;
    let ran = bench.repair("S3-014", &bucket).await;
    ran.assert_repaired();
    assert_eq!(ran.writes(), ["s3:DeleteBucketPolicy"]);
    assert_eq!(policy(&bench, &bucket).await, Value::Null);
    bench.undo(&ran.change().id).await.unwrap();
    assert_eq!(policy(&bench, &bucket).await, before);
}

#[tokio::test]
async fn what_conditions_limit_to_known_callers_is_left_and_what_they_do_not_is_not() {
    for (condition, open) in [
        (
            json!({"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}}),
            false,
        ),
        (
            json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
            false,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
            false,
        ),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), true),
        (
            json!({"StringLike": {"aws:Referer": "https://example.com/*"}}),
            true,
        ),
        (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), true),
    ] {
        let bench = Bench::new().await;
        let mut statement = public();
        statement["Condition"] = condition.clone();
        let bucket = with_policy(&bench, "conditioned", json!([statement])).await;
        let before = policy(&bench, &bucket).await;
        let ran = bench.repair("S3-014", &bucket).await;
        if open {
            ran.assert_repaired();
            assert_eq!(policy(&bench, &bucket).await, Value::Null, "{condition}");
        } else {
            ran.assert_left_alone();
            assert_eq!(policy(&bench, &bucket).await, before, "{condition}");
        }
    }
}

#[tokio::test]
async fn what_denies_share_out_among_them_and_limit_to_known_callers_is_left() {
    let deny = |elements: Value| {
        let mut statement = json!({
            "Effect": "Deny", "Principal": "*",
            "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}},
        });
        let elements = elements.as_object().unwrap().clone();
        statement.as_object_mut().unwrap().extend(elements);
        statement
    };
    let mut allow = public();
    allow["Action"] = json!(["s3:GetObject", "s3:PutObject"]);
    allow["Resource"] = json!(["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"]);
    for denies in [
        [
            json!({"Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET"}),
            json!({"Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET/*"}),
        ],
        [
            json!({"Action": "s3:GetObject", "Resource": "*"}),
            json!({"NotAction": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}),
        ],
    ] {
        let bench = Bench::new().await;
        let [one, other] = denies.map(deny);
        let bucket = with_policy(&bench, "shared", json!([allow, one, other])).await;
        bench.repair("S3-014", &bucket).await.assert_left_alone();

        // With one of them alone it is open.
        let bucket = with_policy(&bench, "half", json!([allow, one])).await;
        bench.repair("S3-014", &bucket).await.assert_repaired();
    }
}

#[tokio::test]
async fn narrowed_the_account_takes_everybodys_place() {
    let bench = Bench::told("S3-014", &json!({"how": "narrow"})).await;
    let bucket = with_policy(&bench, "narrow", json!([public(), partner()])).await;
    bench.repair("S3-014", &bucket).await.assert_repaired();
    let after = policy(&bench, &bucket).await;
    let root = format!("arn:aws:iam::{}:root", bench.account);
    assert_eq!(after["Statement"][0]["Principal"], json!({"AWS": root}));
    assert_eq!(after["Statement"][0]["Sid"], "PublicRead");
}

#[tokio::test]
async fn a_website_waits_for_a_person_unless_told_otherwise() {
    let website = async |bench: &Bench| {
        let bucket = with_policy(bench, "site", json!([public()])).await;
        let index = IndexDocument::builder().suffix("index.html").build();
        let request = client(bench)
            .put_bucket_website()
            .bucket(&bucket)
            .website_configuration(
                WebsiteConfiguration::builder()
                    .index_document(index.unwrap())
                    .build(),
            );
        request.send().await.unwrap();
        bucket
    };
    let bench = Bench::new().await;
    let bucket = website(&bench).await;
    let ran = bench.repair("S3-014", &bucket).await;
    assert!(ran.held().contains("website"));
    assert_ne!(policy(&bench, &bucket).await, Value::Null);
    let mut sent = bench.finding("S3-014", &bucket);
    sent.sent_by = Some("alice".to_owned());
    bench.run(&sent, Mode::Act).await.assert_repaired();

    let bench = Bench::told("S3-014", &json!({"websites": true})).await;
    let bucket = website(&bench).await;
    bench.repair("S3-014", &bucket).await.assert_repaired();
}

#[tokio::test]
async fn a_bucket_without_a_policy_is_as_it_should_be() {
    let bench = Bench::new().await;
    let bucket = bucket(&bench, "none").await;
    bench.repair("S3-014", &bucket).await.assert_left_alone();
}

#[tokio::test]
async fn a_policy_that_cannot_be_understood_is_left_to_a_person() {
    for policy in [
        "[]",
        r#"{"Statement":[{"Effect":"Perhaps","Principal":"*"}]}"#,
    ] {
        let bench = Bench::new().await;
        let bucket = bucket(&bench, "odd").await;
        let answer = bench.wire.on("s3:GetBucketPolicy").always();
        answer.answers(200, policy);
        let ran = bench.repair("S3-014", &bucket).await;
        assert!(
            ran.unsupported().contains("cannot be understood"),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn an_empty_answer_is_not_taken_for_a_bucket_without_a_policy() {
    let bench = Bench::new().await;
    let bucket = with_policy(&bench, "empty", json!([public()])).await;
    bench
        .wire
        .on("s3:GetBucketPolicy")
        .always()
        .answers(200, "");
    let ran = bench.repair("S3-014", &bucket).await;
    assert!(ran.error().to_string().contains("has no policy"));
}

#[tokio::test]
async fn where_public_buckets_are_restricted_the_policy_is_void() {
    let bench = Bench::new().await;
    let bucket = with_policy(&bench, "void", json!([public()])).await;
    let restricting = PublicAccessBlockConfiguration::builder().restrict_public_buckets(true);
    let request = client(&bench)
        .put_public_access_block()
        .bucket(&bucket)
        .public_access_block_configuration(restricting.build());
    request.send().await.unwrap();
    bench.repair("S3-014", &bucket).await.assert_left_alone();
}
