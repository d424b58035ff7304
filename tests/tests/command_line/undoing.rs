//! `remediate undo`.

use aws_sdk_s3::types::Permission;

use crate::cloud::{CLOSED, OPEN};
use crate::desk::Desk;

/// A desk, a bucket of this name that was repaired, and the change.
async fn repaired(bucket: &str) -> (Desk, String) {
    let desk = Desk::with_rules(&["S3-001"]).await;
    desk.cloud.public_bucket(bucket).await;
    desk.apply(&desk.check("S3-001", bucket))
        .await
        .assert_code(0);
    let change = desk.made().await.remove(0);
    desk.wire.forget();
    (desk, change)
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_repair_when_undone_then_all_is_as_before_and_the_ledger_says_by_whom() {
    let (desk, change) = repaired("undone").await;
    let said = desk.run(&["undo", &change]).await;
    said.assert_code(0).assert_says(&[
        "undo: bucket undone: take READ from everybody",
        "done and read back",
    ]);
    assert_eq!(desk.cloud.grants("undone").await, OPEN);
    let made = desk.made().await;
    assert_eq!(made.len(), 2, "the undoing is a change of its own");
    assert_eq!(made[1], change);
    said.assert_says(&[&made[0]]);
    let history = desk.run(&["history", "--format", "json"]).await;
    history.assert_says(&[&format!("undoes {change} by alice")]);
    let explained = desk.run(&["explain", "undone"]).await;
    explained
        .assert_code(0)
        .assert_says(&["undo: bucket undone", "take READ from everybody: done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_undone_repair_when_undone_again_then_it_is_refused() {
    let (desk, change) = repaired("undone-twice").await;
    desk.run(&["undo", &change]).await.assert_code(0);
    desk.wire.forget();
    let again = desk.run(&["undo", &change]).await;
    again.assert_code(1).assert_says(&["is undone already"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    assert_eq!(desk.made().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_somebody_changed_the_bucket_since_when_undone_then_it_is_refused_and_theirs_stays() {
    let (desk, change) = repaired("moved-on").await;
    let by_hand = [("s3/LogDelivery", Permission::Write)];
    desk.cloud.set_grants("moved-on", &by_hand).await;
    let said = desk.run(&["undo", &change]).await;
    said.assert_code(1)
        .assert_says(&["is not undone, since bucket moved-on was changed since"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    assert_eq!(
        desk.cloud.grants("moved-on").await,
        ["s3/LogDelivery WRITE"]
    );
    assert_eq!(desk.made().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_bucket_that_is_gone_since_when_undone_then_it_is_said() {
    let (desk, change) = repaired("gone-since").await;
    let gone = desk.cloud.s3.delete_bucket().bucket("gone-since");
    gone.send().await.unwrap();
    let said = desk.run(&["undo", &change]).await;
    said.assert_code(1)
        .assert_says(&["bucket gone-since", "does not exist"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_change_that_is_not_known_when_undone_then_it_is_said_where_to_look() {
    let (desk, change) = repaired("other-change").await;
    for unknown in [
        "0199c2a4-0000-7000-8000-000000000000",
        "",
        "../x",
        "\u{1b}[2J",
    ] {
        let said = desk.run(&["undo", unknown]).await;
        said.assert_code(1)
            .assert_says(&["the ledger knows no change", "remediate history"]);
        said.assert_says_nothing_of(&["\u{1b}"]);
    }
    assert_eq!(desk.wire.calls(), [""; 0]);
    // Undoing of an undoing is a repair again, by a person.
    desk.run(&["undo", &change]).await.assert_code(0);
    let undoing = desk.made().await.remove(0);
    desk.run(&["undo", &undoing]).await.assert_code(0);
    assert_eq!(desk.cloud.grants("other-change").await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_revoked_rule_of_a_group_when_undone_then_it_lets_the_same_in_again() {
    let desk = Desk::with_rules(&["EC2-002"]).await;
    let group = desk.cloud.group(&[(22, 22, "0.0.0.0/0")]).await;
    desk.apply(&desk.check("EC2-002", &group))
        .await
        .assert_code(0);
    assert_eq!(desk.cloud.ingress(&group).await, [""; 0]);
    let change = desk.made().await.remove(0);
    desk.run(&["undo", &change]).await.assert_code(0);
    assert_eq!(desk.cloud.ingress(&group).await, ["22-22 from 0.0.0.0/0"]);
}
