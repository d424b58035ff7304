//! S3-016.

use async_trait::async_trait;
use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};
use serde_json::{Value, json};

use super::{bucket, client};
use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

async fn encrypt(bench: &Bench, bucket: &str, with: ServerSideEncryption, key: Option<&str>) {
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(with)
        .set_kms_master_key_id(key.map(str::to_owned))
        .build()
        .unwrap();
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .build();
    let request = client(bench)
        .put_bucket_encryption()
        .bucket(bucket)
        .server_side_encryption_configuration(
            ServerSideEncryptionConfiguration::builder()
                .rules(rule)
                .build()
                .unwrap(),
        );
    request.send().await.unwrap();
}

/// Since 2023 AWS gives every bucket an encryption; what has none is one of which it was deleted, or another service's.
async fn plain(bench: &Bench, name: &str) -> String {
    let bucket = bucket(bench, name).await;
    let request = client(bench).delete_bucket_encryption().bucket(&bucket);
    request.send().await.unwrap();
    bucket
}

/// Algorithm and key; `null` where there is none.
async fn encryption(bench: &Bench, bucket: &str) -> Value {
    let answer = client(bench).get_bucket_encryption().bucket(bucket).send();
    let Ok(answer) = answer.await else {
        return Value::Null;
    };
    let configuration = answer.server_side_encryption_configuration.unwrap();
    let default = configuration.rules[0]
        .apply_server_side_encryption_by_default
        .clone()
        .unwrap();
    json!([default.sse_algorithm.as_str(), default.kms_master_key_id])
}

struct Plain {
    key: &'static str,
}

#[async_trait]
impl Scene for Plain {
    fn rule(&self) -> &'static str {
        "S3-016"
    }

    fn parameters(&self) -> Value {
        json!({ "kms_key": self.key })
    }

    async fn broken(&self, bench: &Bench) -> String {
        plain(bench, "plain").await
    }

    async fn sound(&self, bench: &Bench) -> String {
        let bucket = bucket(bench, "encrypted").await;
        encrypt(
            bench,
            &bucket,
            ServerSideEncryption::AwsKms,
            Some("alias/theirs"),
        )
        .await;
        bucket
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        Some(bench.name("gone"))
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        encryption(bench, resource).await
    }
}

contract!(keys_of_s3, Plain { key: "" });
contract!(a_kms_key, Plain { key: KEY });

#[tokio::test]
async fn new_objects_are_encrypted_with_what_is_configured() {
    for (key, expected) in [
        ("", json!(["AES256", null])),
        (KEY, json!(["aws:kms", KEY])),
    ] {
        let bench = Bench::told("S3-016", &json!({ "kms_key": key })).await;
        let bucket = plain(&bench, "plain").await;
        bench.repair("S3-016", &bucket).await.assert_repaired();
        assert_eq!(encryption(&bench, &bucket).await, expected);
    }
}

#[tokio::test]
async fn given_a_key_of_another_region_than_the_buckets_when_repaired_then_nothing_is_done() {
    let key = KEY.replace("us-east-1", "eu-west-1");
    let bench = Bench::told("S3-016", &json!({ "kms_key": key })).await;
    let bucket = plain(&bench, "abroad").await;
    let ran = bench.repair("S3-016", &bucket).await;
    for part in ["us-east-1", key.as_str(), "kms_key", "only"] {
        assert!(ran.unsupported().contains(part), "{}", ran.outcome());
    }
    assert_eq!(ran.writes(), [""; 0]);
    assert_eq!(encryption(&bench, &bucket).await, Value::Null);
}

#[tokio::test]
async fn an_encryption_that_is_set_is_not_replaced_by_the_configured_key() {
    let bench = Bench::told("S3-016", &json!({ "kms_key": KEY })).await;
    let bucket = bucket(&bench, "set").await;
    encrypt(&bench, &bucket, ServerSideEncryption::Aes256, None).await;
    bench.repair("S3-016", &bucket).await.assert_left_alone();
    assert_eq!(encryption(&bench, &bucket).await, json!(["AES256", null]));
}

#[tokio::test]
async fn an_encryption_that_somebody_sets_between_look_and_write_stays() {
    let bench = Bench::told("S3-016", &json!({ "kms_key": KEY })).await;
    let bucket = plain(&bench, "busy").await;
    let (client, name) = (client(&bench), bucket.clone());
    bench
        .wire
        .on("s3:GetBucketEncryption")
        .nth(2)
        .after(async move {
            let default = ServerSideEncryptionByDefault::builder()
                .sse_algorithm(ServerSideEncryption::Aes256)
                .build()
                .unwrap();
            let rule = ServerSideEncryptionRule::builder()
                .apply_server_side_encryption_by_default(default)
                .build();
            let configuration = ServerSideEncryptionConfiguration::builder().rules(rule);
            let request = client
                .put_bucket_encryption()
                .bucket(name)
                .server_side_encryption_configuration(configuration.build().unwrap());
            request.send().await.unwrap();
        });
    let ran = bench.repair("S3-016", &bucket).await;
    ran.assert_left_alone();
    assert_eq!(encryption(&bench, &bucket).await, json!(["AES256", null]));
}
