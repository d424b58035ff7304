//! The same message many times at once, and one resource after another.

use aws_sdk_s3::types::Permission;
use serde_json::json;

use crate::cloud::{CLOSED, OPEN};
use crate::desk::{Desk, Said};

#[tokio::test(flavor = "multi_thread")]
async fn given_the_same_message_in_twenty_processes_when_applied_then_one_change_is_made_and_nobody_fails()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("twenty-times").await;
    let file = desk.message(&desk.check("S3-001", &bucket));
    let children: Vec<_> = (0..20)
        .map(|_| desk.command(&["run", "--apply", &file]).spawn().unwrap())
        .collect();
    let mut acted = 0;
    for child in children {
        let said = Said::of(&child.wait_with_output().await.unwrap());
        said.assert_code(0)
            .assert_says_nothing_of(&["error", "Conflict", "locked"]);
        acted += usize::from(said.out.contains("1 change made"));
    }
    assert_eq!(acted, 1);
    assert_eq!(desk.wire.writes(), ["s3:PutBucketAcl"]);
    assert_eq!(desk.made().await.len(), 1);
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_same_message_twenty_times_in_one_file_when_applied_then_one_change_is_made() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("twenty-lines").await;
    let check = desk.check("S3-001", &bucket);
    let said = desk.apply(&json!(vec![check; 20])).await;
    said.assert_code(0)
        .assert_says(&["1 act, 19 duplicate: 1 change made"]);
    assert_eq!(desk.wire.writes(), ["s3:PutBucketAcl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_two_buckets_in_a_row_when_applied_then_no_grant_of_the_one_reaches_the_other() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let one = desk.cloud.public_bucket("row-one").await;
    let two = desk.cloud.public_bucket("row-two").await;
    // The second has one grant alone, which is the one to go.
    let only = [("global/AllUsers", Permission::Read)];
    desk.cloud.set_grants(&two, &only).await;
    let checks = json!([desk.check("S3-001", &one), desk.check("S3-001", &two)]);
    desk.apply(&checks)
        .await
        .assert_code(0)
        .assert_says(&["2 changes made"]);
    assert_eq!(desk.cloud.grants(&one).await, CLOSED);
    assert_eq!(desk.cloud.grants(&two).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_bucket_that_is_gone_among_others_when_applied_then_the_others_are_repaired() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let one = desk.cloud.public_bucket("beside-gone").await;
    let checks = json!([
        desk.check("S3-001", "gone-before"),
        desk.check("S3-001", &one),
        desk.check("S3-999", &one),
    ]);
    let said = desk.apply(&checks).await;
    said.assert_code(0)
        .assert_says(&["does not exist", "no such rule", "1 change made"]);
    assert_eq!(desk.cloud.grants(&one).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_two_rules_about_one_bucket_when_applied_then_each_takes_its_own_grant() {
    let desk = Desk::with_rules(&["S3-001", "S3-003"]).await;
    let bucket = desk.cloud.public_bucket("two-rules").await;
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
    let checks = json!([desk.check("S3-001", &bucket), desk.check("S3-003", &bucket)]);
    desk.apply(&checks)
        .await
        .assert_code(0)
        .assert_says(&["2 changes made"]);
    assert_eq!(
        desk.cloud.grants(&bucket).await,
        ["s3/LogDelivery READ_ACP"]
    );
}
