//! Calls of CloudTrail.

use aws_sdk_cloudtrail::Client;

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// A trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    pub name: String,
    pub arn: String,
    pub home_region: String,
    pub bucket: String,
    pub prefix: Option<String>,
    pub multi_region: bool,
    pub global_events: bool,
    pub validated: bool,
    pub key: Option<String>,
}

/// Whether a trail logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrailStatus {
    pub logging: bool,
    /// Why the last delivery to the bucket failed, if it did.
    pub delivery_error: Option<String>,
}

/// As a person names it.
fn what(trail: &str) -> String {
    format!("trail {}", trail.rsplit('/').next().unwrap_or(trail))
}

impl Reader {
    async fn cloudtrail(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// The trails that log this region, those of other regions and of the organisation included.
    pub(crate) async fn trails(&self, target: &Target) -> Result<Vec<Trail>, AwsError> {
        const CALL: &str = "cloudtrail:DescribeTrails";
        let answer = self
            .cloudtrail(target)
            .await
            .describe_trails()
            .include_shadow_trails(true)
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, "the trails", &error))?;
        let trails = answer.trail_list.unwrap_or_default().into_iter();
        trails
            .map(|trail| {
                let lacking = |lacking| AwsError::Incomplete {
                    call: CALL,
                    what: "the trails".to_owned(),
                    lacking,
                };
                Ok(Trail {
                    name: trail.name.ok_or_else(|| lacking("Name"))?,
                    arn: trail.trail_arn.ok_or_else(|| lacking("TrailARN"))?,
                    home_region: trail.home_region.ok_or_else(|| lacking("HomeRegion"))?,
                    bucket: trail.s3_bucket_name.unwrap_or_default(),
                    prefix: trail.s3_key_prefix.filter(|prefix| !prefix.is_empty()),
                    multi_region: trail.is_multi_region_trail.unwrap_or_default(),
                    global_events: trail.include_global_service_events.unwrap_or_default(),
                    validated: trail.log_file_validation_enabled.unwrap_or_default(),
                    key: trail.kms_key_id.filter(|key| !key.is_empty()),
                })
            })
            .collect()
    }

    /// `trail` is an ARN, since a name is known only in the trail's own region.
    pub(crate) async fn trail_status(
        &self,
        target: &Target,
        trail: &str,
    ) -> Result<TrailStatus, AwsError> {
        let answer = self
            .cloudtrail(target)
            .await
            .get_trail_status()
            .name(trail)
            .send()
            .await
            .map_err(|error| AwsError::of("cloudtrail:GetTrailStatus", what(trail), &error))?;
        Ok(TrailStatus {
            logging: answer.is_logging.unwrap_or_default(),
            delivery_error: answer
                .latest_delivery_error
                .filter(|error| !error.is_empty()),
        })
    }

    pub(crate) async fn trail_tags(
        &self,
        target: &Target,
        trail: &str,
    ) -> Result<Vec<Tag>, AwsError> {
        let answer = self
            .cloudtrail(target)
            .await
            .list_tags()
            .resource_id_list(trail)
            .send()
            .await
            .map_err(|error| AwsError::of("cloudtrail:ListTags", what(trail), &error))?;
        // A trail has at most 50 tags, which one page holds.
        let lists = answer.resource_tag_list.unwrap_or_default().into_iter();
        Ok(lists
            .flat_map(|list| list.tags_list.unwrap_or_default())
            .map(|tag| (tag.key, tag.value.unwrap_or_default()))
            .collect())
    }
}

impl Writer {
    /// Makes a trail. It does not log yet.
    pub(crate) async fn create_trail(
        &self,
        target: &Target,
        trail: &Trail,
    ) -> Result<(), AwsError> {
        self.reader
            .cloudtrail(target)
            .await
            .create_trail()
            .name(&trail.name)
            .s3_bucket_name(&trail.bucket)
            .set_s3_key_prefix(trail.prefix.clone())
            .is_multi_region_trail(trail.multi_region)
            .include_global_service_events(trail.global_events)
            .enable_log_file_validation(trail.validated)
            .set_kms_key_id(trail.key.clone())
            .send()
            .await
            .map_err(|error| {
                let what = format!("{} to bucket {}", what(&trail.name), trail.bucket);
                AwsError::of("cloudtrail:CreateTrail", what, &error)
            })?;
        Ok(())
    }

    /// Removes a trail, by its name and in its own region; the log files that it wrote stay.
    pub(crate) async fn delete_trail(&self, target: &Target, trail: &str) -> Result<(), AwsError> {
        self.reader
            .cloudtrail(target)
            .await
            .delete_trail()
            .name(trail)
            .send()
            .await
            .map_err(|error| AwsError::of("cloudtrail:DeleteTrail", what(trail), &error))?;
        Ok(())
    }

    /// In the trail's own region.
    pub(crate) async fn start_logging(&self, target: &Target, trail: &str) -> Result<(), AwsError> {
        self.reader
            .cloudtrail(target)
            .await
            .start_logging()
            .name(trail)
            .send()
            .await
            .map_err(|error| AwsError::of("cloudtrail:StartLogging", what(trail), &error))?;
        Ok(())
    }

    /// In the trail's own region.
    pub(crate) async fn stop_logging(&self, target: &Target, trail: &str) -> Result<(), AwsError> {
        self.reader
            .cloudtrail(target)
            .await
            .stop_logging()
            .name(trail)
            .send()
            .await
            .map_err(|error| AwsError::of("cloudtrail:StopLogging", what(trail), &error))?;
        Ok(())
    }
}
