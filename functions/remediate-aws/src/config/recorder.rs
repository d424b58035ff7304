//! The recorder, its delivery channel, and whether it records.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::Aspect;
use crate::aws::config::{Channel, Recorder};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::target::Target;

/// What a recorder is made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecorderSettings {
    pub role: String,
    pub all_types: bool,
    pub global_types: bool,
    pub daily: bool,
}

/// That there is a recorder. Its targets hold the recorder's name.
pub(super) struct RecorderPresence;

#[async_trait]
impl Aspect for RecorderPresence {
    const NAME: &'static str = "config.recorder";
    /// Putting one overwrites one of the same name that somebody made meanwhile.
    const REPLACES: bool = true;
    type Value = Option<RecorderSettings>;

    async fn read(
        &self,
        target: &Target,
        reader: &Reader,
    ) -> Result<Option<RecorderSettings>, AwsError> {
        let recorder = reader.recorder(target).await?;
        Ok(recorder
            .filter(|recorder| recorder.name == target.resource)
            .map(|recorder| RecorderSettings {
                role: recorder.role,
                all_types: recorder.all_types,
                global_types: recorder.global_types,
                daily: recorder.daily,
            }))
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Option<RecorderSettings>,
        to: &Option<RecorderSettings>,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        let Some(settings) = to else {
            return writer.delete_recorder(target, &target.resource).await;
        };
        let recorder = Recorder {
            name: target.resource.clone(),
            role: settings.role.clone(),
            all_types: settings.all_types,
            global_types: settings.global_types,
            daily: settings.daily,
        };
        writer.put_recorder(target, &recorder).await
    }
}

/// What a delivery channel is made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChannelSettings {
    pub bucket: String,
    pub prefix: Option<String>,
}

/// That there is a delivery channel. Its targets hold the channel's name.
pub(super) struct ChannelPresence;

#[async_trait]
impl Aspect for ChannelPresence {
    const NAME: &'static str = "config.delivery-channel";
    /// As with the recorder.
    const REPLACES: bool = true;
    type Value = Option<ChannelSettings>;

    async fn read(
        &self,
        target: &Target,
        reader: &Reader,
    ) -> Result<Option<ChannelSettings>, AwsError> {
        let channel = reader.channel(target).await?;
        Ok(channel
            .filter(|channel| channel.name == target.resource)
            .map(|channel| ChannelSettings {
                bucket: channel.bucket,
                prefix: channel.prefix,
            }))
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Option<ChannelSettings>,
        to: &Option<ChannelSettings>,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        let Some(settings) = to else {
            return writer.delete_channel(target, &target.resource).await;
        };
        let channel = Channel {
            name: target.resource.clone(),
            bucket: settings.bucket.clone(),
            prefix: settings.prefix.clone(),
        };
        writer.put_channel(target, &channel).await
    }
}

/// Whether the recorder records. Its targets hold the recorder's name.
pub(super) struct Recording;

#[async_trait]
impl Aspect for Recording {
    const NAME: &'static str = "config.recording";
    type Value = bool;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        let status = reader.recorder_status(target).await?;
        Ok(status.is_some_and(|status| status.name == target.resource && status.recording))
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        if *to {
            writer.start_recorder(target, &target.resource).await
        } else {
            writer.stop_recorder(target, &target.resource).await
        }
    }
}
