//! Rules of S3.

mod acl;
mod encryption;
mod policy;
mod versioning;

use aws_sdk_s3::Client;

use crate::support::Bench;

fn client(bench: &Bench) -> Client {
    remediate_core::aws::s3_client(&bench.world)
}

/// A bucket of this name in this test's account.
async fn bucket(bench: &Bench, name: &str) -> String {
    let name = bench.name(name);
    let request = client(bench).create_bucket().bucket(&name);
    request.send().await.unwrap();
    name
}

/// Tags it, as Terraform's users do.
async fn tag(bench: &Bench, bucket: &str, key: &str, value: &str) {
    use aws_sdk_s3::types::{Tag, Tagging};

    let tag = Tag::builder().key(key).value(value).build().unwrap();
    let request = client(bench)
        .put_bucket_tagging()
        .bucket(bucket)
        .tagging(Tagging::builder().tag_set(tag).build().unwrap());
    request.send().await.unwrap();
}

/// What S3 answers about the tags of a bucket that a stack deploys; moto lets nobody set such tags.
fn tags_of_stack(stack: &str) -> String {
    format!(
        "<Tagging><TagSet><Tag><Key>aws:cloudformation:stack-name</Key><Value>{stack}</Value></Tag></TagSet></Tagging>"
    )
}
