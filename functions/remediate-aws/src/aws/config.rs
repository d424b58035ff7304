//! Calls of AWS Config.

use aws_sdk_config::Client;
use aws_sdk_config::types::{
    ConfigurationRecorder, DeliveryChannel, RecordingFrequency, RecordingGroup, RecordingMode,
};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::target::Target;

/// What a recorder is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecorderStatus {
    pub name: String,
    pub recording: bool,
    /// Why the last delivery failed, if it did.
    pub failure: Option<String>,
}

/// A recorder: what records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorder {
    pub name: String,
    /// The ARN of the role that it reads resources with.
    pub role: String,
    /// Whether it records every type of resource, or a choice.
    pub all_types: bool,
    /// Whether IAM's users, groups, roles and policies are among them.
    pub global_types: bool,
    /// Once a day, not on every change.
    pub daily: bool,
}

/// A delivery channel: where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    pub name: String,
    pub bucket: String,
    pub prefix: Option<String>,
}

impl Reader {
    async fn config(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// What the region's own recorder is doing; there is at most one beside those that services make for themselves.
    pub(crate) async fn recorder_status(
        &self,
        target: &Target,
    ) -> Result<Option<RecorderStatus>, AwsError> {
        const CALL: &str = "config:DescribeConfigurationRecorderStatus";
        let answer = self
            .config(target)
            .await
            .describe_configuration_recorder_status()
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, "the recorder", &error))?;
        let status = answer
            .configuration_recorders_status
            .unwrap_or_default()
            .into_iter()
            .find(|status| status.service_principal.is_none());
        let Some(status) = status else {
            return Ok(None);
        };
        let failed = status.last_status == Some(aws_sdk_config::types::RecorderStatus::Failure);
        let failure = failed.then(|| {
            [status.last_error_code, status.last_error_message]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(": ")
        });
        Ok(Some(RecorderStatus {
            name: status.name.ok_or_else(|| AwsError::Incomplete {
                call: CALL,
                what: "the recorder".to_owned(),
                lacking: "name",
            })?,
            recording: status.recording,
            failure,
        }))
    }

    /// The region's own recorder.
    pub(crate) async fn recorder(&self, target: &Target) -> Result<Option<Recorder>, AwsError> {
        let answer = self
            .config(target)
            .await
            .describe_configuration_recorders()
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "config:DescribeConfigurationRecorders",
                    "the recorder",
                    &error,
                )
            })?;
        let mut recorders = answer
            .configuration_recorders
            .unwrap_or_default()
            .into_iter();
        Ok(recorders
            .find(|recorder| recorder.service_principal.is_none())
            .map(|recorder| {
                let group = recorder.recording_group;
                let daily = recorder
                    .recording_mode
                    .is_some_and(|mode| mode.recording_frequency == RecordingFrequency::Daily);
                Recorder {
                    name: recorder.name.unwrap_or_default(),
                    role: recorder.role_arn.unwrap_or_default(),
                    all_types: group.as_ref().is_some_and(|group| group.all_supported),
                    global_types: group
                        .as_ref()
                        .is_some_and(|group| group.include_global_resource_types),
                    daily,
                }
            }))
    }

    /// The region's delivery channel; there is at most one.
    pub(crate) async fn channel(&self, target: &Target) -> Result<Option<Channel>, AwsError> {
        let answer = self
            .config(target)
            .await
            .describe_delivery_channels()
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "config:DescribeDeliveryChannels",
                    "the delivery channel",
                    &error,
                )
            })?;
        let mut channels = answer.delivery_channels.unwrap_or_default().into_iter();
        Ok(channels.next().map(|channel| Channel {
            name: channel.name.unwrap_or_default(),
            bucket: channel.s3_bucket_name.unwrap_or_default(),
            prefix: channel.s3_key_prefix.filter(|prefix| !prefix.is_empty()),
        }))
    }
}

impl Writer {
    /// Makes the recorder, of all types of resources. It does not record yet. One of the same name is overwritten.
    pub(crate) async fn put_recorder(
        &self,
        target: &Target,
        recorder: &Recorder,
    ) -> Result<(), AwsError> {
        const CALL: &str = "config:PutConfigurationRecorder";
        let what = || format!("recorder {}", recorder.name);
        let group = RecordingGroup::builder()
            .all_supported(recorder.all_types)
            .include_global_resource_types(recorder.global_types)
            .build();
        let frequency = if recorder.daily {
            RecordingFrequency::Daily
        } else {
            RecordingFrequency::Continuous
        };
        let mode = RecordingMode::builder()
            .recording_frequency(frequency)
            .build()
            .map_err(|error| AwsError::Unreadable(format!("{}: {CALL}: {error}", what())))?;
        let recorder = ConfigurationRecorder::builder()
            .name(&recorder.name)
            .role_arn(&recorder.role)
            .recording_group(group)
            .recording_mode(mode)
            .build();
        self.reader
            .config(target)
            .await
            .put_configuration_recorder()
            .configuration_recorder(recorder)
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, what(), &error))?;
        Ok(())
    }

    /// Removes the recorder; what it recorded stays.
    pub(crate) async fn delete_recorder(
        &self,
        target: &Target,
        recorder: &str,
    ) -> Result<(), AwsError> {
        self.reader
            .config(target)
            .await
            .delete_configuration_recorder()
            .configuration_recorder_name(recorder)
            .send()
            .await
            .map_err(|error| {
                let what = format!("recorder {recorder}");
                AwsError::of("config:DeleteConfigurationRecorder", what, &error)
            })?;
        Ok(())
    }

    /// Makes the delivery channel. One of the same name is overwritten.
    pub(crate) async fn put_channel(
        &self,
        target: &Target,
        channel: &Channel,
    ) -> Result<(), AwsError> {
        let made = DeliveryChannel::builder()
            .name(&channel.name)
            .s3_bucket_name(&channel.bucket)
            .set_s3_key_prefix(channel.prefix.clone())
            .build();
        self.reader
            .config(target)
            .await
            .put_delivery_channel()
            .delivery_channel(made)
            .send()
            .await
            .map_err(|error| {
                let what = format!(
                    "delivery channel {} to bucket {}",
                    channel.name, channel.bucket
                );
                AwsError::of("config:PutDeliveryChannel", what, &error)
            })?;
        Ok(())
    }

    /// Removes the delivery channel, which AWS refuses while the recorder records.
    pub(crate) async fn delete_channel(
        &self,
        target: &Target,
        channel: &str,
    ) -> Result<(), AwsError> {
        self.reader
            .config(target)
            .await
            .delete_delivery_channel()
            .delivery_channel_name(channel)
            .send()
            .await
            .map_err(|error| {
                let what = format!("delivery channel {channel}");
                AwsError::of("config:DeleteDeliveryChannel", what, &error)
            })?;
        Ok(())
    }

    pub(crate) async fn start_recorder(
        &self,
        target: &Target,
        recorder: &str,
    ) -> Result<(), AwsError> {
        self.reader
            .config(target)
            .await
            .start_configuration_recorder()
            .configuration_recorder_name(recorder)
            .send()
            .await
            .map_err(|error| {
                let what = format!("recorder {recorder}");
                AwsError::of("config:StartConfigurationRecorder", what, &error)
            })?;
        Ok(())
    }

    pub(crate) async fn stop_recorder(
        &self,
        target: &Target,
        recorder: &str,
    ) -> Result<(), AwsError> {
        self.reader
            .config(target)
            .await
            .stop_configuration_recorder()
            .configuration_recorder_name(recorder)
            .send()
            .await
            .map_err(|error| {
                let what = format!("recorder {recorder}");
                AwsError::of("config:StopConfigurationRecorder", what, &error)
            })?;
        Ok(())
    }
}
