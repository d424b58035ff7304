//! Rules of CloudTrail.

use async_trait::async_trait;
use aws_config::{Region, SdkConfig};
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::types::Tag;
use remediate_core::change::Outcome;
use remediate_core::runner::UndoError;
use serde_json::{Value, json};

use crate::support::bench::{HOME, in_region};
use crate::support::contract::contract;
use crate::support::{Bench, Ran, Scene};

const RULE: &str = "CT-001";
const ELSEWHERE: &str = "eu-west-1";

fn at(bench: &Bench, region: &'static str) -> SdkConfig {
    let region = Region::from_static(region);
    bench.world.to_builder().region(region).build()
}

fn client(bench: &Bench, region: &'static str) -> Client {
    Client::new(&at(bench, region))
}

/// A bucket for log files.
async fn bucket(bench: &Bench, name: &str) -> String {
    let name = bench.name(name);
    let client = remediate_core::aws::s3_client(&bench.world);
    client.create_bucket().bucket(&name).send().await.unwrap();
    name
}

/// A tagged trail that stands still. Its ARN.
async fn trail(bench: &Bench, name: &str, region: &'static str, multi_region: bool) -> String {
    let bucket = bucket(bench, &format!("logs-of-{}", name.to_lowercase())).await;
    let tag = Tag::builder().key("team").value("audit").build().unwrap();
    let made = client(bench, region)
        .create_trail()
        .name(name)
        .s3_bucket_name(bucket)
        .s3_key_prefix("trails")
        .is_multi_region_trail(multi_region)
        .tags_list(tag);
    made.send().await.unwrap().trail_arn.unwrap()
}

async fn start(bench: &Bench, region: &'static str, trail: &str) {
    let started = client(bench, region).start_logging().name(trail);
    started.send().await.unwrap();
}

/// Every trail that is seen from home, with its settings and whether it logs.
async fn trails(bench: &Bench) -> Value {
    let client = client(bench, HOME);
    let answer = client.describe_trails().include_shadow_trails(true).send();
    let mut trails = Vec::new();
    for trail in answer.await.unwrap().trail_list.unwrap() {
        let arn = trail.trail_arn.unwrap();
        let status = client.get_trail_status().name(&arn).send().await.unwrap();
        trails.push(json!({
            "arn": arn,
            "bucket": trail.s3_bucket_name,
            "prefix": trail.s3_key_prefix,
            "multi_region": trail.is_multi_region_trail,
            "global_events": trail.include_global_service_events,
            "validated": trail.log_file_validation_enabled,
            "logging": status.is_logging,
        }));
    }
    json!(trails)
}

async fn repair_in(bench: &Bench, region: &str) -> Ran {
    let finding = in_region(bench.finding(RULE, ""), Some(region));
    bench.run(&finding, remediate_core::rule::Mode::Act).await
}

struct StandingStill;

#[async_trait]
impl Scene for StandingStill {
    fn rule(&self) -> &'static str {
        RULE
    }

    async fn broken(&self, bench: &Bench) -> String {
        trail(bench, "Everything", HOME, true).await;
        String::new()
    }

    async fn sound(&self, bench: &Bench) -> String {
        let trail = trail(bench, "Everything", HOME, true).await;
        start(bench, HOME, &trail).await;
        String::new()
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        None
    }

    async fn state(&self, bench: &Bench, _: &str) -> Value {
        trails(bench).await
    }
}

contract!(ct_001, StandingStill);

#[tokio::test]
async fn given_no_trail_and_no_bucket_when_repaired_then_none_is_made_and_the_remedy_is_said() {
    let bench = Bench::new().await;
    let ran = bench.repair(RULE, "").await;
    assert!(ran.unsupported().contains("parameters.bucket"));
}

#[tokio::test]
async fn given_no_trail_when_regions_report_it_then_one_trail_of_all_regions_is_made_and_started() {
    // The name of the bucket has to be known before the account is: it is made in it afterwards.
    let bucket = format!("audit-{}", uuid::Uuid::now_v7());
    let bench = Bench::told(
        RULE,
        &json!({"bucket": bucket, "name": "House", "prefix": "ct"}),
    )
    .await;
    let s3 = remediate_core::aws::s3_client(&bench.world);
    s3.create_bucket().bucket(&bucket).send().await.unwrap();

    let ran = repair_in(&bench, ELSEWHERE).await;
    assert_eq!(*ran.outcome(), Outcome::Applied { changes: 2 });
    assert_eq!(
        ran.writes(),
        ["cloudtrail:CreateTrail", "cloudtrail:StartLogging"]
    );
    let arn = format!("arn:aws:cloudtrail:us-east-1:{}:trail/House", bench.account);
    let expected = json!([{
        "arn": arn, "bucket": bucket, "prefix": "ct",
        "multi_region": true, "global_events": true, "validated": true, "logging": true,
    }]);
    assert_eq!(trails(&bench).await, expected);
    for region in [HOME, "ap-southeast-2", ELSEWHERE] {
        repair_in(&bench, region).await.assert_left_alone();
    }

    // Backwards: it is stopped, then removed.
    let changes = ran.report().changes.clone();
    for change in changes.iter().rev() {
        bench.undo(&change.id).await.unwrap();
    }
    assert_eq!(trails(&bench).await, json!([]));
}

#[tokio::test]
async fn given_somebody_redirected_a_trail_that_was_made_when_undone_then_it_stays() {
    let bucket = format!("audit-{}", uuid::Uuid::now_v7());
    let bench = Bench::told(RULE, &json!({"bucket": bucket})).await;
    let s3 = remediate_core::aws::s3_client(&bench.world);
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let ran = bench.repair(RULE, "").await;
    ran.assert_repaired();
    let other = self::bucket(&bench, "other").await;
    let moved = client(&bench, HOME)
        .update_trail()
        .name("GlobalTrail")
        .s3_bucket_name(&other);
    moved.send().await.unwrap();
    let undone = bench.undo(&ran.report().changes[0].id).await;
    assert!(
        matches!(undone, Err(UndoError::MovedOn { .. })),
        "{undone:?}"
    );
    assert_eq!(trails(&bench).await[0]["bucket"], other);
}

#[tokio::test]
async fn given_a_trail_whose_home_is_another_region_when_repaired_then_it_is_started_there() {
    let bench = Bench::new().await;
    trail(&bench, "Everything", ELSEWHERE, true).await;
    let ran = repair_in(&bench, HOME).await;
    ran.assert_repaired();
    let started = ran
        .calls
        .iter()
        .find(|call| call.operation == "StartLogging");
    assert_eq!(started.unwrap().region, ELSEWHERE);
    assert_eq!(ran.writes(), ["cloudtrail:StartLogging"]);
}

#[tokio::test]
async fn given_several_trails_when_one_logs_then_the_others_are_not_started() {
    let bench = Bench::new().await;
    trail(&bench, "Old", HOME, true).await;
    let new = trail(&bench, "New", HOME, true).await;
    start(&bench, HOME, &new).await;
    bench.repair(RULE, "").await.assert_left_alone();
}

#[tokio::test]
async fn given_a_trail_of_one_region_when_all_are_wanted_then_it_is_neither_changed_nor_joined_by_another()
 {
    for logging in [true, false] {
        let bench = Bench::told(RULE, &json!({"bucket": "wherever"})).await;
        let trail = trail(&bench, "Here", HOME, false).await;
        if logging {
            start(&bench, HOME, &trail).await;
        }
        let before = trails(&bench).await;
        let ran = bench.repair(RULE, "").await;
        assert!(ran.unsupported().contains("is-multi-region-trail"));
        assert_eq!(trails(&bench).await, before);
    }
}

#[tokio::test]
async fn given_a_trail_of_another_region_alone_when_repaired_then_no_second_one_is_made_beside_it()
{
    let bench = Bench::told(RULE, &json!({"bucket": "wherever"})).await;
    let trail = trail(&bench, "Home", HOME, false).await;
    start(&bench, HOME, &trail).await;
    let ran = repair_in(&bench, ELSEWHERE).await;
    assert!(ran.unsupported().contains("is-multi-region-trail"));
}

#[tokio::test]
async fn given_a_trail_of_one_region_when_that_is_enough_then_it_is_started_or_left_alone() {
    let bench = Bench::told(RULE, &json!({"multi_region": false})).await;
    trail(&bench, "Here", HOME, false).await;
    bench.repair(RULE, "").await.assert_repaired();
    bench.repair(RULE, "").await.assert_left_alone();
}

#[tokio::test]
async fn given_a_trail_of_the_organisation_that_stands_still_when_repaired_then_its_account_is_named()
 {
    let bench = Bench::told(RULE, &json!({"bucket": "wherever"})).await;
    let arn = "arn:aws:cloudtrail:us-east-1:999999999999:trail/Company";
    let described = json!({"trailList": [{
        "Name": "Company", "TrailARN": arn, "HomeRegion": "us-east-1", "S3BucketName": "company",
        "IsMultiRegionTrail": true, "IsOrganizationTrail": true,
    }]});
    let describe = bench.wire.on("cloudtrail:DescribeTrails");
    describe.answers(200, &described.to_string());
    let status = bench.wire.on("cloudtrail:GetTrailStatus");
    status.answers(200, &json!({"IsLogging": false}).to_string());
    let ran = bench.repair(RULE, "").await;
    assert!(ran.unsupported().contains(arn));
}

#[tokio::test]
async fn given_a_trail_that_cannot_deliver_when_it_is_started_then_that_is_said() {
    let bench = Bench::new().await;
    trail(&bench, "Everything", HOME, true).await;
    let status = json!({"IsLogging": false, "LatestDeliveryError": "NoSuchBucket"});
    let wire = bench.wire.on("cloudtrail:GetTrailStatus");
    wire.answers(200, &status.to_string());
    let ran = bench.repair(RULE, "").await;
    ran.assert_repaired();
    let notes = ran.change().notes.join("; ");
    assert!(notes.contains("NoSuchBucket"), "{notes}");
}
