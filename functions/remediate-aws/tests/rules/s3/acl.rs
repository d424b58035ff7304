//! S3-001 to S3-010 and CT-003.

use async_trait::async_trait;
use aws_sdk_s3::types::{
    AccessControlPolicy, Grant, Grantee, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    Permission, PublicAccessBlockConfiguration, Type,
};
use remediate_core::change::Outcome;
use remediate_core::rule::Mode;
use remediate_core::runner::UndoError;
use serde_json::{Value, json};

use super::{bucket, client, tag, tags_of_stack};
use crate::support::bench::in_region;
use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const EVERYONE: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const ANY_ACCOUNT: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

const RULES: [(&str, &str, &str); 10] = [
    ("S3-001", EVERYONE, "READ"),
    ("S3-002", EVERYONE, "READ_ACP"),
    ("S3-003", EVERYONE, "WRITE"),
    ("S3-004", EVERYONE, "WRITE_ACP"),
    ("S3-005", EVERYONE, "FULL_CONTROL"),
    ("S3-006", ANY_ACCOUNT, "READ"),
    ("S3-007", ANY_ACCOUNT, "READ_ACP"),
    ("S3-008", ANY_ACCOUNT, "WRITE"),
    ("S3-009", ANY_ACCOUNT, "WRITE_ACP"),
    ("S3-010", ANY_ACCOUNT, "FULL_CONTROL"),
];

fn to_group(uri: &str, permission: &str) -> Grant {
    let grantee = Grantee::builder().r#type(Type::Group).uri(uri);
    Grant::builder()
        .grantee(grantee.build().unwrap())
        .permission(Permission::from(permission))
        .build()
}

fn to_user(id: &str, permission: &str) -> Grant {
    let grantee = Grantee::builder().r#type(Type::CanonicalUser).id(id);
    Grant::builder()
        .grantee(grantee.build().unwrap())
        .permission(Permission::from(permission))
        .build()
}

/// Puts grants beside those that are there.
async fn grant(client: aws_sdk_s3::Client, bucket: String, more: Vec<Grant>) {
    let now = client
        .get_bucket_acl()
        .bucket(&bucket)
        .send()
        .await
        .unwrap();
    let mut grants = now.grants.unwrap();
    grants.extend(more);
    let policy = AccessControlPolicy::builder()
        .owner(now.owner.unwrap())
        .set_grants(Some(grants))
        .build();
    let request = client
        .put_bucket_acl()
        .bucket(bucket)
        .access_control_policy(policy);
    request.send().await.unwrap();
}

/// The grants, one a line: `READ to http://…`.
async fn grants(bench: &Bench, bucket: &str) -> Vec<String> {
    let answer = client(bench).get_bucket_acl().bucket(bucket).send();
    let grants = answer.await.unwrap().grants.unwrap();
    let lines = grants.into_iter().map(|grant| {
        let grantee = grant.grantee.unwrap();
        let whom = grantee.uri.or(grantee.id).unwrap();
        format!("{} to {whom}", grant.permission.unwrap().as_str())
    });
    lines.collect()
}

/// A bucket with these grants beside its owner's.
async fn granting(bench: &Bench, name: &str, more: Vec<Grant>) -> String {
    let bucket = bucket(bench, name).await;
    grant(client(bench), bucket.clone(), more).await;
    bucket
}

/// Grants that have to stay wherever they are.
fn bystanders() -> Vec<Grant> {
    vec![
        to_group(LOG_DELIVERY, "WRITE"),
        to_group(LOG_DELIVERY, "READ_ACP"),
        to_user(&"ab".repeat(32), "FULL_CONTROL"),
    ]
}

struct Granted {
    rule: &'static str,
    group: &'static str,
    permission: &'static str,
}

#[async_trait]
impl Scene for Granted {
    fn rule(&self) -> &'static str {
        self.rule
    }

    async fn broken(&self, bench: &Bench) -> String {
        let mut more = bystanders();
        more.insert(1, to_group(self.group, self.permission));
        granting(bench, "broken", more).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        granting(bench, "sound", bystanders()).await
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        Some(bench.name("gone"))
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(grants(bench, resource).await)
    }
}

contract!(
    s3_001,
    Granted {
        rule: "S3-001",
        group: EVERYONE,
        permission: "READ"
    }
);
contract!(
    s3_010,
    Granted {
        rule: "S3-010",
        group: ANY_ACCOUNT,
        permission: "FULL_CONTROL"
    }
);
contract!(
    ct_003,
    Granted {
        rule: "CT-003",
        group: ANY_ACCOUNT,
        permission: "WRITE"
    }
);

#[tokio::test]
async fn each_rule_takes_its_own_grant_and_no_other() {
    for (rule, group, permission) in RULES {
        let bench = Bench::new().await;
        let all = RULES
            .iter()
            .map(|(_, group, permission)| to_group(group, permission));
        let bucket = granting(&bench, "all", all.chain(bystanders()).collect()).await;
        let before = grants(&bench, &bucket).await;
        bench.repair(rule, &bucket).await.assert_repaired();
        let mut expected = before;
        expected.retain(|line| *line != format!("{permission} to {group}"));
        assert_eq!(grants(&bench, &bucket).await, expected, "{rule}");
    }
}

#[tokio::test]
async fn the_trails_bucket_keeps_only_named_accounts_and_log_delivery() {
    let bench = Bench::new().await;
    let all = RULES
        .iter()
        .map(|(_, group, permission)| to_group(group, permission));
    let bucket = granting(&bench, "trail", all.chain(bystanders()).collect()).await;
    let ran = bench.repair("CT-003", &bucket).await;
    ran.assert_repaired();
    let left = grants(&bench, &bucket).await;
    assert_eq!(left.len(), 1 + bystanders().len(), "{left:?}");
    assert!(
        left.iter().all(|line| !line.contains("/global/")),
        "{left:?}"
    );
}

#[tokio::test]
async fn nothing_of_one_bucket_reaches_the_next_in_a_warm_process() {
    let bench = Bench::new().await;
    let partner = "cd".repeat(32);
    let first = granting(
        &bench,
        "first",
        vec![
            to_user(&partner, "FULL_CONTROL"),
            to_group(EVERYONE, "READ"),
            to_group(EVERYONE, "WRITE"),
        ],
    )
    .await;
    let second = granting(&bench, "second", vec![to_group(EVERYONE, "READ")]).await;
    bench.repair("S3-001", &first).await.assert_repaired();
    bench.repair("S3-001", &second).await.assert_repaired();
    assert_eq!(grants(&bench, &second).await.len(), 1);
    let left = grants(&bench, &first).await;
    assert!(
        left.contains(&format!("FULL_CONTROL to {partner}")),
        "{left:?}"
    );
    assert!(left.contains(&format!("WRITE to {EVERYONE}")), "{left:?}");
}

#[tokio::test]
async fn where_the_owner_owns_all_objects_the_acl_is_void() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "enforced", vec![to_group(EVERYONE, "READ")]).await;
    let rule = OwnershipControlsRule::builder()
        .object_ownership(ObjectOwnership::BucketOwnerEnforced)
        .build()
        .unwrap();
    let controls = OwnershipControls::builder().rules(rule).build().unwrap();
    let request = client(&bench)
        .put_bucket_ownership_controls()
        .bucket(&bucket)
        .ownership_controls(controls);
    request.send().await.unwrap();
    bench.repair("S3-001", &bucket).await.assert_left_alone();
}

async fn block(bench: &Bench, bucket: &str, block: PublicAccessBlockConfiguration) {
    let request = client(bench)
        .put_public_access_block()
        .bucket(bucket)
        .public_access_block_configuration(block);
    request.send().await.unwrap();
}

#[tokio::test]
async fn where_public_acls_are_ignored_the_grant_is_void() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "ignored", vec![to_group(EVERYONE, "READ")]).await;
    let ignoring = PublicAccessBlockConfiguration::builder().ignore_public_acls(true);
    block(&bench, &bucket, ignoring.build()).await;
    bench.repair("S3-001", &bucket).await.assert_left_alone();
}

#[tokio::test]
async fn where_public_acls_are_refused_one_that_would_stay_public_is_not_tried() {
    let bench = Bench::new().await;
    let both = vec![to_group(EVERYONE, "READ"), to_group(ANY_ACCOUNT, "READ")];
    let bucket = granting(&bench, "refused", both).await;
    let blocking = PublicAccessBlockConfiguration::builder().block_public_acls(true);
    block(&bench, &bucket, blocking.build()).await;
    let ran = bench.repair("S3-001", &bucket).await;
    assert!(ran.unsupported().contains("BlockPublicAcls"));
    // All of them at once leave nothing that would be refused.
    bench.repair("CT-003", &bucket).await.assert_repaired();
}

#[tokio::test]
async fn a_refusal_that_the_accounts_own_block_may_have_made_says_so() {
    for (more, expected) in [
        (vec![to_group(EVERYONE, "READ")], false),
        (
            vec![to_group(EVERYONE, "READ"), to_group(EVERYONE, "WRITE")],
            true,
        ),
    ] {
        let bench = Bench::new().await;
        let bucket = granting(&bench, "blocked", more).await;
        bench.wire.on("s3:PutBucketAcl").always().denied();
        let ran = bench.repair("S3-001", &bucket).await;
        let said = ran.error().to_string();
        assert_eq!(said.contains("Block Public Access"), expected, "{said}");
    }
}

#[tokio::test]
async fn every_call_says_whose_bucket_it_has_to_be() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "mine", vec![to_group(EVERYONE, "READ")]).await;
    let ran = bench.repair("S3-001", &bucket).await;
    ran.assert_repaired();
    for call in ran.calls.iter().filter(|call| call.service == "s3") {
        assert_eq!(
            call.expected_owner.as_ref(),
            Some(&bench.account),
            "{call:?}"
        );
    }
}

/// What S3 answers where the bucket is not.
fn elsewhere(bench: &Bench, status: u16, code: &str, region: Option<&str>) {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>look elsewhere</Message></Error>"
    );
    let headers: Vec<_> = region
        .map(|region| ("x-amz-bucket-region", region))
        .into_iter()
        .collect();
    let first = bench.wire.on("s3:GetBucketAcl");
    first.answers_with(status, &headers, &body);
}

#[tokio::test]
async fn a_bucket_in_another_region_than_the_message_says_is_found() {
    for (status, code) in [
        (301, "PermanentRedirect"),
        (307, "TemporaryRedirect"),
        (400, "AuthorizationHeaderMalformed"),
    ] {
        for named in [None, Some("us-west-2")] {
            let bench = Bench::new().await;
            let bucket = granting(&bench, "far", vec![to_group(EVERYONE, "READ")]).await;
            elsewhere(&bench, status, code, Some("eu-west-1"));
            let finding = in_region(bench.finding("S3-001", &bucket), named);
            let ran = bench.run(&finding, Mode::Act).await;
            ran.assert_repaired();
            let calls: Vec<_> = ran
                .calls
                .iter()
                .filter(|call| call.service == "s3")
                .collect();
            assert_eq!(calls[0].region, named.unwrap_or("us-east-1"));
            let put = calls.iter().find(|call| call.writes()).unwrap();
            assert_eq!(put.region, "eu-west-1", "{code}");
        }
    }
}

#[tokio::test]
async fn where_an_error_does_not_say_the_region_the_bucket_is_asked() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "asked", vec![to_group(EVERYONE, "READ")]).await;
    elsewhere(&bench, 301, "PermanentRedirect", None);
    let head = bench.wire.on("s3:HeadBucket");
    head.answers_with(403, &[("x-amz-bucket-region", "eu-west-1")], "");
    let finding = in_region(bench.finding("S3-001", &bucket), Some("us-west-2"));
    let ran = bench.run(&finding, Mode::Act).await;
    ran.assert_repaired();
    assert_eq!(
        ran.names()[..3],
        ["s3:GetBucketAcl", "s3:HeadBucket", "s3:GetBucketAcl"]
    );
}

#[tokio::test]
async fn a_bucket_that_is_nowhere_it_is_said_to_be_is_looked_for_only_twice() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "lost", vec![to_group(EVERYONE, "READ")]).await;
    elsewhere(&bench, 301, "PermanentRedirect", Some("eu-west-1"));
    elsewhere(&bench, 301, "PermanentRedirect", Some("eu-west-2"));
    let ran = bench.repair("S3-001", &bucket).await;
    assert!(
        ran.error().to_string().contains("another region"),
        "{}",
        ran.error()
    );
    assert_eq!(ran.names().len(), 2);
}

#[tokio::test]
async fn a_grant_that_somebody_adds_between_look_and_write_stays() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "busy", vec![to_group(EVERYONE, "READ")]).await;
    let partner = "ef".repeat(32);
    // The first look is the plan's, the second that just before the write.
    let meanwhile = grant(
        client(&bench),
        bucket.clone(),
        vec![to_user(&partner, "READ")],
    );
    bench.wire.on("s3:GetBucketAcl").nth(2).after(meanwhile);
    bench.repair("S3-001", &bucket).await.assert_repaired();
    let left = grants(&bench, &bucket).await;
    assert!(left.contains(&format!("READ to {partner}")), "{left:?}");
    assert!(!left.contains(&format!("READ to {EVERYONE}")), "{left:?}");
}

#[tokio::test]
async fn an_undo_is_refused_after_somebody_changed_it() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "moved", vec![to_group(EVERYONE, "READ")]).await;
    let ran = bench.repair("S3-001", &bucket).await;
    ran.assert_repaired();
    grant(client(&bench), bucket.clone(), bystanders()).await;
    let before = grants(&bench, &bucket).await;
    let refused = bench.undo(&ran.change().id).await;
    assert!(
        matches!(refused, Err(UndoError::MovedOn { .. })),
        "{refused:?}"
    );
    assert_eq!(grants(&bench, &bucket).await, before);
}

#[tokio::test]
async fn a_bucket_of_this_installation_is_left_alone() {
    let bench = Bench::new().await.in_stack("auto-remediate");
    let bucket = granting(&bench, "ours", vec![to_group(EVERYONE, "READ")]).await;
    let tags = bench.wire.on("s3:GetBucketTagging").always();
    tags.answers(200, &tags_of_stack("auto-remediate"));
    let ran = bench.repair("S3-001", &bucket).await;
    assert!(ran.unsupported().contains("this installation"));
}

#[tokio::test]
async fn who_else_manages_the_bucket_is_said() {
    let bench = Bench::new().await;
    let bucket = granting(&bench, "managed", vec![to_group(EVERYONE, "READ")]).await;
    tag(&bench, &bucket, "ManagedBy", "Terraform").await;
    let ran = bench.repair("S3-001", &bucket).await;
    let change = ran.change();
    assert!(change.notes.iter().any(|note| note.contains("Terraform")));
    assert_eq!(
        change.summary,
        format!("bucket {bucket}: take READ from everybody")
    );
}

#[tokio::test]
async fn a_third_repair_within_a_day_is_the_last() {
    let bench = Bench::new().await;
    let bucket = bucket(&bench, "reverted").await;
    for _ in 0..3 {
        grant(
            client(&bench),
            bucket.clone(),
            vec![to_group(EVERYONE, "READ")],
        )
        .await;
        bench.repair("S3-001", &bucket).await.assert_repaired();
    }
    grant(
        client(&bench),
        bucket.clone(),
        vec![to_group(EVERYONE, "READ")],
    )
    .await;
    let ran = bench.repair("S3-001", &bucket).await;
    assert!(ran.held().contains("reverting"));
    let mut finding = bench.finding("S3-001", &bucket);
    finding.sent_by = Some("alice".to_owned());
    let ran = bench.run(&finding, Mode::Act).await;
    assert!(matches!(ran.outcome(), Outcome::Applied { .. }));
}
