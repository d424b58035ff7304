//! Rules of AWS Config.

use async_trait::async_trait;
use aws_sdk_config::Client;
use aws_sdk_config::types::{ConfigurationRecorder, DeliveryChannel, RecordingGroup, ResourceType};
use remediate_core::change::Outcome;
use remediate_core::rule::Mode;
use remediate_core::runner::UndoError;
use serde_json::{Value, json};

use crate::support::bench::in_region;
use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const RULE: &str = "Config-001";

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

/// A recorder of buckets alone, and a channel, as somebody else made them; it does not record.
async fn of_somebody_else(bench: &Bench) {
    let client = client(bench);
    let group = RecordingGroup::builder()
        .resource_types(ResourceType::from("AWS::S3::Bucket"))
        .build();
    let recorder = ConfigurationRecorder::builder()
        .name("theirs")
        .role_arn(format!("arn:aws:iam::{}:role/theirs", bench.account))
        .recording_group(group)
        .build();
    let put = client
        .put_configuration_recorder()
        .configuration_recorder(recorder);
    put.send().await.unwrap();
    let channel = DeliveryChannel::builder()
        .name("their-channel")
        .s3_bucket_name("their-bucket")
        .build();
    let put = client.put_delivery_channel().delivery_channel(channel);
    put.send().await.unwrap();
}

async fn start(bench: &Bench) {
    let started = client(bench)
        .start_configuration_recorder()
        .configuration_recorder_name("theirs");
    started.send().await.unwrap();
}

/// Recorders, channels, and whether they record.
async fn all(bench: &Bench) -> Value {
    let client = client(bench);
    let recorders = client.describe_configuration_recorders().send().await;
    let statuses = client.describe_configuration_recorder_status().send().await;
    let channels = client.describe_delivery_channels().send().await;
    let recorders = recorders
        .unwrap()
        .configuration_recorders
        .unwrap_or_default();
    let statuses = statuses
        .unwrap()
        .configuration_recorders_status
        .unwrap_or_default();
    let channels = channels.unwrap().delivery_channels.unwrap_or_default();
    json!({
        "recorders": recorders.iter().map(|recorder| {
            let group = recorder.recording_group().unwrap();
            let types: Vec<_> = group.resource_types().iter().map(ResourceType::as_str).collect();
            json!({
                "name": recorder.name(),
                "role": recorder.role_arn(),
                "all": group.all_supported,
                "global": group.include_global_resource_types,
                "types": types,
            })
        }).collect::<Vec<_>>(),
        "recording": statuses.iter().map(|status| status.recording).collect::<Vec<_>>(),
        "channels": channels.iter().map(|channel| {
            json!({"name": channel.name(), "bucket": channel.s3_bucket_name(), "prefix": channel.s3_key_prefix()})
        }).collect::<Vec<_>>(),
    })
}

struct NothingRecords;

#[async_trait]
impl Scene for NothingRecords {
    fn rule(&self) -> &'static str {
        RULE
    }

    fn parameters(&self) -> Value {
        json!({"bucket": "records-of-the-house", "prefix": "config"})
    }

    async fn broken(&self, _: &Bench) -> String {
        String::new()
    }

    async fn sound(&self, bench: &Bench) -> String {
        of_somebody_else(bench).await;
        start(bench).await;
        String::new()
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        None
    }

    async fn state(&self, bench: &Bench, _: &str) -> Value {
        all(bench).await
    }
}

contract!(config_001, NothingRecords);

#[tokio::test]
async fn given_nothing_there_when_repaired_then_all_types_are_recorded_with_the_service_linked_role()
 {
    let bench = Bench::told(RULE, &NothingRecords.parameters()).await;
    let ran = bench.repair(RULE, "").await;
    assert_eq!(*ran.outcome(), Outcome::Applied { changes: 3 });
    let role = format!(
        "arn:aws:iam::{}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
        bench.account
    );
    let expected = json!({
        "recorders": [{"name": "default", "role": role, "all": true, "global": true, "types": []}],
        "recording": [true],
        "channels": [{"name": "default", "bucket": "records-of-the-house", "prefix": "config"}],
    });
    assert_eq!(all(&bench).await, expected);
}

#[tokio::test]
async fn given_another_region_when_repaired_then_global_types_are_not_recorded_twice() {
    let bench = Bench::told(RULE, &NothingRecords.parameters()).await;
    let finding = in_region(bench.finding(RULE, ""), Some("eu-west-1"));
    let ran = bench.run(&finding, Mode::Act).await;
    ran.assert_repaired();
    let recorder = ran.report().changes[0].after.clone();
    assert_eq!(recorder["global_types"], false);
    assert_eq!(recorder["all_types"], true);
    // Nothing was made where the finding is not of.
    assert_eq!(all(&bench).await["recorders"], json!([]));
}

#[tokio::test]
async fn given_no_bucket_when_there_is_no_channel_then_nothing_is_made_and_the_remedy_is_said() {
    let bench = Bench::new().await;
    let ran = bench.repair(RULE, "").await;
    assert!(ran.unsupported().contains("parameters.bucket"));
}

#[tokio::test]
async fn given_a_recorder_that_stands_still_when_repaired_then_it_is_started_and_left_as_it_is() {
    let bench = Bench::told(RULE, &NothingRecords.parameters()).await;
    of_somebody_else(&bench).await;
    let mut expected = all(&bench).await;
    expected["recording"] = json!([true]);
    let ran = bench.repair(RULE, "").await;
    ran.assert_repaired();
    assert_eq!(
        ran.names(),
        [
            "config:DescribeConfigurationRecorderStatus",
            "config:DescribeDeliveryChannels",
            "config:StartConfigurationRecorder",
            "config:DescribeConfigurationRecorderStatus",
        ]
    );
    assert_eq!(all(&bench).await, expected);
}

#[tokio::test]
async fn given_a_recorder_without_a_channel_when_repaired_then_only_the_channel_is_made() {
    let bench = Bench::told(RULE, &NothingRecords.parameters()).await;
    of_somebody_else(&bench).await;
    let removed = client(&bench)
        .delete_delivery_channel()
        .delivery_channel_name("their-channel");
    removed.send().await.unwrap();
    let before = all(&bench).await;
    let ran = bench.repair(RULE, "").await;
    assert_eq!(
        ran.writes(),
        [
            "config:PutDeliveryChannel",
            "config:StartConfigurationRecorder"
        ]
    );
    let after = all(&bench).await;
    assert_eq!(after["recorders"], before["recorders"]);
    assert_eq!(after["channels"][0]["bucket"], "records-of-the-house");
}

#[tokio::test]
async fn given_somebody_makes_a_recorder_meanwhile_when_repaired_then_theirs_is_not_overwritten() {
    let bench = Bench::told(RULE, &NothingRecords.parameters()).await;
    let theirs = client(&bench);
    let recorder = ConfigurationRecorder::builder()
        .name("default")
        .role_arn(format!("arn:aws:iam::{}:role/theirs", bench.account))
        .recording_group(
            RecordingGroup::builder()
                .resource_types(ResourceType::from("AWS::S3::Bucket"))
                .build(),
        )
        .build();
    let put = theirs
        .put_configuration_recorder()
        .configuration_recorder(recorder);
    // Between planning and writing there is one look.
    bench
        .wire
        .on("config:DescribeConfigurationRecorders")
        .after(async move {
            put.send().await.unwrap();
        });
    let ran = bench.repair(RULE, "").await;
    ran.assert_repaired();
    let after = all(&bench).await;
    assert_eq!(after["recorders"][0]["types"], json!(["AWS::S3::Bucket"]));
    assert!(
        !ran.writes()
            .contains(&"config:PutConfigurationRecorder".to_owned())
    );
}

#[tokio::test]
async fn given_a_recorder_whose_deliveries_fail_when_it_records_then_it_is_left_alone() {
    let bench = Bench::new().await;
    let status = json!({"ConfigurationRecordersStatus": [{
        "name": "default", "recording": true, "lastStatus": "FAILURE",
        "lastErrorCode": "InsufficientDeliveryPolicyException", "lastErrorMessage": "no",
    }]});
    let wire = bench.wire.on("config:DescribeConfigurationRecorderStatus");
    wire.answers(200, &status.to_string());
    bench.repair(RULE, "").await.assert_left_alone();
}

#[tokio::test]
async fn given_a_recorder_that_a_service_made_for_itself_when_repaired_then_it_does_not_count() {
    let bench = Bench::new().await;
    let status = json!({"ConfigurationRecordersStatus": [{
        "name": "AWSConfigurationRecorderForObservabilityAdmin", "recording": true,
        "servicePrincipal": "observabilityadmin.amazonaws.com",
    }]});
    let wire = bench.wire.on("config:DescribeConfigurationRecorderStatus");
    wire.answers(200, &status.to_string());
    assert!(
        bench
            .repair(RULE, "")
            .await
            .unsupported()
            .contains("parameters.bucket")
    );
}

#[tokio::test]
async fn given_somebody_changed_a_recorder_that_was_made_when_undone_then_it_stays() {
    let bench = Bench::told(RULE, &NothingRecords.parameters()).await;
    let ran = bench.repair(RULE, "").await;
    let recorder = ConfigurationRecorder::builder()
        .name("default")
        .role_arn(format!("arn:aws:iam::{}:role/another", bench.account))
        .recording_group(RecordingGroup::builder().all_supported(true).build())
        .build();
    let put = client(&bench)
        .put_configuration_recorder()
        .configuration_recorder(recorder);
    put.send().await.unwrap();
    let undone = bench.undo(&ran.report().changes[0].id).await;
    assert!(
        matches!(undone, Err(UndoError::MovedOn { .. })),
        "{undone:?}"
    );
}
