//! A trail, and whether it logs.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::Aspect;
use crate::aws::cloudtrail::Trail;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::target::{Arn, Target};

/// What a trail is made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub bucket: String,
    pub prefix: Option<String>,
    pub multi_region: bool,
    pub global_events: bool,
    pub validated: bool,
    pub key: Option<String>,
}

impl Settings {
    fn of(trail: Trail) -> Self {
        Self {
            bucket: trail.bucket,
            prefix: trail.prefix,
            multi_region: trail.multi_region,
            global_events: trail.global_events,
            validated: trail.validated,
            key: trail.key,
        }
    }

    fn named(&self, name: &str) -> Trail {
        Trail {
            name: name.to_owned(),
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            multi_region: self.multi_region,
            global_events: self.global_events,
            validated: self.validated,
            key: self.key.clone(),
            ..Trail::default()
        }
    }
}

/// That there is a trail, and with which settings. Its targets hold the trail's ARN.
pub(super) struct TrailPresence;

#[async_trait]
impl Aspect for TrailPresence {
    const NAME: &'static str = "cloudtrail.trail";
    const REPLACES: bool = true;
    type Value = Option<Settings>;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Option<Settings>, AwsError> {
        let trails = reader.trails(target).await?.into_iter();
        Ok(trails
            .filter(|trail| trail.arn == target.resource)
            .map(Settings::of)
            .next())
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Option<Settings>,
        to: &Option<Settings>,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        let name = Arn::parse(&target.resource).map_or("", |arn| arn.name());
        match to {
            Some(settings) => writer.create_trail(target, &settings.named(name)).await,
            None => writer.delete_trail(target, name).await,
        }
    }

    /// AWS names a key by its ARN, however it was named to it.
    fn is(&self, value: &Option<Settings>, wanted: &Option<Settings>) -> bool {
        let (Some(value), Some(wanted)) = (value, wanted) else {
            return value == wanted;
        };
        let same_but_for_the_key = Settings {
            key: None,
            ..value.clone()
        } == Settings {
            key: None,
            ..wanted.clone()
        };
        same_but_for_the_key && value.key.is_some() == wanted.key.is_some()
    }
}

/// Whether a trail logs. Its targets hold the trail's ARN and its own region.
pub(super) struct Logging;

#[async_trait]
impl Aspect for Logging {
    const NAME: &'static str = "cloudtrail.logging";
    type Value = bool;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        let status = reader.trail_status(target, &target.resource).await?;
        Ok(status.logging)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        if *to {
            writer.start_logging(target, &target.resource).await
        } else {
            writer.stop_logging(target, &target.resource).await
        }
    }
}
