//! Calls of KMS.

use aws_sdk_kms::Client;
use aws_sdk_kms::types::{
    KeyManagerType, KeyMetadata, KeySpec, KeyState, KeyUsageType, OriginType,
};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// A key as KMS describes it. What is not said is nothing, save for the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub state: KeyState,
    pub manager: Option<KeyManagerType>,
    pub origin: Option<OriginType>,
    pub spec: Option<KeySpec>,
    pub usage: Option<KeyUsageType>,
    /// Of a multi-Region replica: the ARN of the primary key, which holds the settings of all.
    pub primary: Option<String>,
    /// When it is deleted, as a date: `2026-12-01`.
    pub deleted_on: Option<String>,
}

/// Whether KMS rotates a key, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    pub enabled: bool,
    pub period_days: Option<i32>,
}

fn named(target: &Target) -> String {
    format!("key {}", target.resource)
}

impl Key {
    fn of(metadata: &KeyMetadata) -> Option<Self> {
        let primary = metadata
            .multi_region_configuration()
            .and_then(|configuration| configuration.primary_key())
            .and_then(|primary| primary.arn())
            .filter(|primary| Some(*primary) != metadata.arn());
        let deleted_on = metadata
            .deletion_date()
            .and_then(|date| jiff::Timestamp::from_second(date.secs()).ok())
            .map(|date| date.strftime("%F").to_string());
        Some(Self {
            state: metadata.key_state()?.clone(),
            manager: metadata.key_manager().cloned(),
            origin: metadata.origin().cloned(),
            spec: metadata.key_spec().cloned(),
            usage: metadata.key_usage().cloned(),
            primary: primary.map(str::to_owned),
            deleted_on,
        })
    }
}

impl Reader {
    async fn kms(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// What kind of key it is and what state it is in.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn kms_key(&self, target: &Target) -> Result<Key, AwsError> {
        const CALL: &str = "kms:DescribeKey";
        let answer = self
            .kms(target)
            .await
            .describe_key()
            .key_id(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, named(target), &error))?;
        answer
            .key_metadata()
            .and_then(Key::of)
            .ok_or_else(|| AwsError::Incomplete {
                call: CALL,
                what: named(target),
                lacking: "key state",
            })
    }

    /// Whether KMS rotates it.
    ///
    /// # Errors
    /// When the call fails; `UnsupportedOperationException` and `KMSInvalidStateException` for keys that KMS never rotates, or not now.
    pub async fn kms_key_rotation(&self, target: &Target) -> Result<KeyRotation, AwsError> {
        let answer = self
            .kms(target)
            .await
            .get_key_rotation_status()
            .key_id(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of("kms:GetKeyRotationStatus", named(target), &error))?;
        Ok(KeyRotation {
            enabled: answer.key_rotation_enabled,
            period_days: answer.rotation_period_in_days,
        })
    }

    /// A key's tags.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn kms_key_tags(&self, target: &Target) -> Result<Vec<Tag>, AwsError> {
        let tags = self
            .kms(target)
            .await
            .list_resource_tags()
            .key_id(&target.resource)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| AwsError::of("kms:ListResourceTags", named(target), &error))?;
        Ok(tags
            .into_iter()
            .map(|tag| (tag.tag_key, tag.tag_value))
            .collect())
    }
}

impl Writer {
    /// Has KMS rotate the key every so many days, 90 to 2560; 365 if nothing is said.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn enable_key_rotation(
        &self,
        target: &Target,
        period_days: Option<i32>,
    ) -> Result<(), AwsError> {
        self.reader
            .kms(target)
            .await
            .enable_key_rotation()
            .key_id(&target.resource)
            .set_rotation_period_in_days(period_days)
            .send()
            .await
            .map_err(|error| AwsError::of("kms:EnableKeyRotation", named(target), &error))?;
        Ok(())
    }

    /// Has KMS rotate the key no more.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn disable_key_rotation(&self, target: &Target) -> Result<(), AwsError> {
        self.reader
            .kms(target)
            .await
            .disable_key_rotation()
            .key_id(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of("kms:DisableKeyRotation", named(target), &error))?;
        Ok(())
    }

    /// Keeps a key that is to be deleted. It is disabled afterwards.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn cancel_key_deletion(&self, target: &Target) -> Result<(), AwsError> {
        self.reader
            .kms(target)
            .await
            .cancel_key_deletion()
            .key_id(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of("kms:CancelKeyDeletion", named(target), &error))?;
        Ok(())
    }

    /// Lets the key be used.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn enable_key(&self, target: &Target) -> Result<(), AwsError> {
        self.reader
            .kms(target)
            .await
            .enable_key()
            .key_id(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of("kms:EnableKey", named(target), &error))?;
        Ok(())
    }

    /// Lets nobody use the key.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn disable_key(&self, target: &Target) -> Result<(), AwsError> {
        self.reader
            .kms(target)
            .await
            .disable_key()
            .key_id(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of("kms:DisableKey", named(target), &error))?;
        Ok(())
    }
}
