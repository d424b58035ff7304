//! S3-012.

use async_trait::async_trait;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use serde_json::{Value, json};

use super::{bucket, client};
use crate::support::contract::{Undo, contract};
use crate::support::{Bench, Scene};

/// A bucket on which versioning was never on, or is off again.
struct Off {
    again: bool,
}

/// `null` where it was never on. moto names the root of this answer otherwise than S3, so that the SDK cannot be asked.
async fn versioning(bench: &Bench, bucket: &str) -> Value {
    let answer = client(bench).get_bucket_versioning().bucket(bucket).send();
    let text = match answer.await {
        Ok(answer) => return json!(answer.status.map(|status| status.as_str().to_owned())),
        Err(error) => {
            let body = error.raw_response().unwrap().body().bytes().unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        }
    };
    let status = text.split_once("<Status>");
    json!(status.and_then(|(_, rest)| Some(rest.split_once('<')?.0.to_owned())))
}

async fn set(bench: &Bench, bucket: &str, status: BucketVersioningStatus) {
    let configuration = VersioningConfiguration::builder().status(status);
    let request = client(bench)
        .put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(configuration.build());
    request.send().await.unwrap();
}

#[async_trait]
impl Scene for Off {
    fn rule(&self) -> &'static str {
        "S3-012"
    }

    async fn broken(&self, bench: &Bench) -> String {
        let bucket = bucket(bench, "off").await;
        if self.again {
            set(bench, &bucket, BucketVersioningStatus::Suspended).await;
        }
        bucket
    }

    async fn sound(&self, bench: &Bench) -> String {
        let bucket = bucket(bench, "on").await;
        set(bench, &bucket, BucketVersioningStatus::Enabled).await;
        bucket
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        Some(bench.name("gone"))
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        versioning(bench, resource).await
    }

    fn undo(&self) -> Undo {
        if self.again {
            Undo::Restores
        } else {
            Undo::Breaks
        }
    }
}

contract!(never_on, Off { again: false });
contract!(suspended, Off { again: true });

#[tokio::test]
async fn the_answer_is_understood_as_s3_writes_it() {
    let bench = Bench::new().await;
    let bucket = bucket(&bench, "written").await;
    bench.wire.on("s3:GetBucketVersioning").always().answers(
        200,
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>",
    );
    bench.repair("S3-012", &bucket).await.assert_left_alone();
}

#[tokio::test]
async fn an_answer_that_is_none_fails() {
    let bench = Bench::new().await;
    let bucket = bucket(&bench, "none").await;
    let answer = bench.wire.on("s3:GetBucketVersioning").always();
    answer.answers(200, "<html>we are down for maintenance</html>");
    let ran = bench.repair("S3-012", &bucket).await;
    assert!(ran.error().to_string().contains("s3:GetBucketVersioning"));
    assert!(ran.writes().is_empty());
}

#[tokio::test]
async fn with_mfa_delete_only_the_root_user_can_turn_it_on() {
    let bench = Bench::new().await;
    let bucket = bucket(&bench, "mfa").await;
    bench.wire.on("s3:GetBucketVersioning").always().answers(
        200,
        "<VersioningConfiguration><Status>Suspended</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>",
    );
    let ran = bench.repair("S3-012", &bucket).await;
    assert!(ran.unsupported().contains("MFA delete"));
}

#[tokio::test]
async fn the_cost_is_said() {
    let bench = Bench::new().await;
    let bucket = bucket(&bench, "cost").await;
    let ran = bench.repair("S3-012", &bucket).await;
    let notes = &ran.change().notes;
    assert!(
        notes.iter().any(|note| note.contains("billed")),
        "{notes:?}"
    );
}
