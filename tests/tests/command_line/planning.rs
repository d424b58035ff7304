//! A plan looks and leaves everything as it is; `--apply` repairs, reads back, and says by which id the change goes.

use crate::cloud::{CLOSED, OPEN};
use crate::desk::{Desk, Said};

#[tokio::test(flavor = "multi_thread")]
async fn given_a_public_bucket_when_run_without_apply_then_the_repair_is_told_and_nothing_is_written()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("planned").await;
    let file = desk.message(&desk.check("S3-001", &bucket));
    let said = desk.run(&["run", &file]).await;
    said.assert_code(0).assert_says(&[
        "bucket planned: take READ from everybody",
        "planned (1)",
        "1 change planned",
        "nothing was changed. To carry it out: --apply",
    ]);
    said.assert_says_nothing_of(&["remediate undo", "remediate send"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    assert_eq!(desk.cloud.grants(&bucket).await, OPEN);
    assert!(
        !desk.path().join(".remediate").exists(),
        "a plan leaves no ledger"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_public_bucket_when_applied_then_only_that_grant_goes_and_the_change_can_be_named()
{
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("applied").await;
    let said = desk.apply(&desk.check("S3-001", &bucket)).await;
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
    assert_eq!(desk.wire.writes(), ["s3:PutBucketAcl"]);
    let made = desk.made().await;
    assert_eq!(made.len(), 1, "{made:?}");
    said.assert_code(0).assert_says(&[
        "bucket applied: take READ from everybody",
        "applied and verified (1)",
        "1 change made",
        &made[0],
        "remediate undo <change>",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_repaired_bucket_when_applied_again_then_nothing_is_written() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("applied-twice").await;
    let check = desk.check("S3-001", &bucket);
    desk.apply(&check).await.assert_code(0);
    desk.wire.forget();
    let same = desk.apply(&check).await;
    same.assert_code(0)
        .assert_says(&["handled before", "no changes"]);
    // The scanner reports it anew, since its look was before the repair.
    let anew = desk.apply(&desk.check("S3-001", &bucket)).await;
    anew.assert_code(0)
        .assert_says(&["nothing to change", "no changes"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    assert_eq!(desk.made().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_json_when_applied_then_the_line_holds_decision_change_and_outcome() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("applied-json").await;
    let file = desk.message(&desk.check("S3-001", &bucket));
    let said = desk
        .run(&["run", "--apply", "--format", "json", &file])
        .await;
    said.assert_code(0);
    let lines = said.json_lines();
    assert_eq!(lines[0]["decision"]["decision"], "act");
    assert_eq!(lines[0]["outcome"]["remediate-aws"]["outcome"], "applied");
    assert_eq!(lines[0]["changes"][0]["id"], *desk.made().await[0]);
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!(
        (&summary["made"], &summary["failures"]),
        (&1.into(), &0.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_group_open_to_the_world_when_applied_then_only_that_rule_goes() {
    let desk = Desk::with_rules(&["EC2-002"]).await;
    let rules = [
        (22, 22, "0.0.0.0/0"),
        (22, 22, "10.0.0.0/8"),
        (443, 443, "0.0.0.0/0"),
    ];
    let group = desk.cloud.group(&rules).await;
    let check = desk.check("EC2-002", &group);
    let file = desk.message(&check);
    desk.run(&["run", &file])
        .await
        .assert_code(0)
        .assert_says(&["1 change planned"]);
    assert_eq!(desk.wire.writes(), [""; 0]);
    desk.apply(&check)
        .await
        .assert_code(0)
        .assert_says(&["applied and verified (1)"]);
    assert_eq!(
        desk.cloud.ingress(&group).await,
        ["22-22 from 10.0.0.0/8", "443-443 from 0.0.0.0/0"]
    );
}

/// A run with the profile `audit` of this desk's own files alone.
async fn by_profile(desk: &Desk, profile: &str, credentials: &str, arguments: &[&str]) -> Said {
    std::fs::create_dir(desk.path().join(".aws")).unwrap();
    let endpoint = desk.wire.url();
    let place = format!("region = {}\nendpoint_url = {endpoint}\n", e2e::REGION);
    desk.write(".aws/config", format!("[profile audit]\n{place}{profile}"));
    desk.write(".aws/credentials", credentials);
    let mut command = desk.command(arguments);
    for name in [
        "ENDPOINT_URL",
        "REGION",
        "ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY",
    ] {
        command.env_remove(format!("AWS_{name}"));
    }
    command
        .env("AWS_PROFILE", "audit")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    Said::by(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_profile_when_it_is_named_then_its_credentials_region_and_endpoint_are_used() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("by-profile").await;
    let file = desk.message(&desk.check("S3-001", &bucket));
    let credentials = "[audit]\naws_access_key_id = test\naws_secret_access_key = test\n";
    let said = by_profile(&desk, "", credentials, &["run", "--apply", &file]).await;
    said.assert_code(0)
        .assert_says(&["applied and verified (1)"]);
    assert_eq!(desk.cloud.grants(&bucket).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_profile_whose_credentials_a_program_tells_when_it_is_named_then_they_are_used() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("by-process").await;
    let file = desk.message(&desk.check("S3-001", &bucket));
    let told = r#"{"Version":1,"AccessKeyId":"test","SecretAccessKey":"test"}"#;
    let path = desk.path().join(desk.write("told.json", told));
    let profile = format!("credential_process = /bin/cat {}\n", path.display());
    let said = by_profile(&desk, &profile, "", &["run", &file]).await;
    said.assert_code(0).assert_says(&["1 change planned"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_profile_of_identity_center_without_a_login_when_it_is_named_then_it_is_the_login_that_is_missed()
 {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let file = desk.message(&desk.check("S3-001", "any-bucket"));
    let profile = "sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Auditor\n\
        [sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-central-1\n";
    let said = by_profile(&desk, profile, "", &["run", &file]).await;
    said.assert_code(1).assert_says(&["token"]);
    said.assert_says_nothing_of(&["cargo feature"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_no_credentials_when_a_rule_is_on_then_it_says_so_and_fails() {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let file = desk.message(&desk.check("S3-001", "nobodys"));
    let mut command = desk.command(&["run", &file]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let said = Said::by(command).await;
    said.assert_code(1).assert_says(&["credentials"]);
    said.assert_says_nothing_of(&["DispatchFailure", "ConnectorError", "CredentialsNotLoaded("]);
}
