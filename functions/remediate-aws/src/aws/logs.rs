//! Calls of CloudWatch Logs.

use aws_sdk_cloudwatchlogs::Client;
use serde::{Deserialize, Serialize};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::target::Target;

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// After how many days it forgets; never where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<i32>,
}

fn named(target: &Target) -> String {
    format!("log group {}", target.resource)
}

impl Reader {
    async fn logs(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// The log group of this name, if there is one.
    ///
    /// # Errors
    /// When `logs:DescribeLogGroups` fails.
    pub(crate) async fn log_group(&self, target: &Target) -> Result<Option<LogGroup>, AwsError> {
        const CALL: &str = "logs:DescribeLogGroups";
        let client = self.logs(target).await;
        let mut pages = client
            .describe_log_groups()
            .log_group_name_prefix(&target.resource)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::of(CALL, named(target), &error))?;
            let found = page
                .log_groups
                .unwrap_or_default()
                .into_iter()
                .find(|group| group.log_group_name.as_ref() == Some(&target.resource));
            if let Some(group) = found {
                return Ok(Some(LogGroup {
                    retention_days: group.retention_in_days,
                }));
            }
        }
        Ok(None)
    }
}

impl Writer {
    /// # Errors
    /// `ResourceAlreadyExistsException` where there is one; else when `logs:CreateLogGroup` fails.
    pub(crate) async fn create_log_group(&self, target: &Target) -> Result<(), AwsError> {
        let client = self.reader().logs(target).await;
        client
            .create_log_group()
            .log_group_name(&target.resource)
            .send()
            .await
            .map(drop)
            .map_err(|error| AwsError::of("logs:CreateLogGroup", named(target), &error))
    }

    /// # Errors
    /// When `logs:PutRetentionPolicy` fails.
    pub(crate) async fn set_log_retention(
        &self,
        target: &Target,
        days: i32,
    ) -> Result<(), AwsError> {
        let client = self.reader().logs(target).await;
        client
            .put_retention_policy()
            .log_group_name(&target.resource)
            .retention_in_days(days)
            .send()
            .await
            .map(drop)
            .map_err(|error| AwsError::of("logs:PutRetentionPolicy", named(target), &error))
    }
}
