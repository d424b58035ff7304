//! Calls of IAM, which has one endpoint for all regions.

use aws_sdk_iam::Client;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::StatusType;
use aws_sdk_sts::config::ProvideCredentials;
use jiff::Timestamp;

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;

/// Whose an access key is, and when it last signed a request that IAM knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Nothing for the keys of an account's root user.
    pub user: Option<String>,
    /// Nothing if never, or not since April 2015, when IAM began to keep it. IAM may be some hours behind.
    pub at: Option<Timestamp>,
    /// `s3`; nothing if never used.
    pub service: Option<String>,
    /// `eu-west-1`; nothing if never used.
    pub region: Option<String>,
}

/// An access key as IAM lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedKey {
    pub active: bool,
    pub created: Timestamp,
}

fn named(key: &str) -> String {
    format!("access key {key}")
}

/// Seconds and nanoseconds are within what a timestamp can be, or there is none.
fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

impl Reader {
    async fn iam(&self) -> Client {
        Client::new(&self.settings(None).await)
    }

    /// Whose key it is, and when it was last used.
    ///
    /// # Errors
    /// When the call fails, as it does for a key that is not of this account.
    pub async fn access_key_use(&self, key: &str) -> Result<KeyUse, AwsError> {
        let answer = self
            .iam()
            .await
            .get_access_key_last_used()
            .access_key_id(key)
            .send()
            .await
            .map_err(|error| AwsError::of("iam:GetAccessKeyLastUsed", named(key), &error))?;
        // IAM writes `N/A` for what is not.
        let text = |text: &str| Some(text.to_owned()).filter(|it| !it.is_empty() && it != "N/A");
        let last = answer.access_key_last_used.as_ref();
        Ok(KeyUse {
            user: answer.user_name.as_deref().and_then(text),
            at: last
                .and_then(|last| last.last_used_date.as_ref())
                .and_then(timestamp),
            service: last.and_then(|last| text(&last.service_name)),
            region: last.and_then(|last| text(&last.region)),
        })
    }

    /// One key of a user.
    ///
    /// # Errors
    /// [`AwsError::Missing`] when there is no such user, or the user no such key.
    pub async fn access_key(&self, user: &str, key: &str) -> Result<ListedKey, AwsError> {
        const CALL: &str = "iam:ListAccessKeys";
        let mut pages = self
            .iam()
            .await
            .list_access_keys()
            .user_name(user)
            .into_paginator()
            .items()
            .send();
        while let Some(listed) = pages.next().await {
            let listed =
                listed.map_err(|error| AwsError::of(CALL, format!("user {user}"), &error))?;
            if listed.access_key_id() != Some(key) {
                continue;
            }
            let lacking = |lacking| AwsError::Incomplete {
                call: CALL,
                what: named(key),
                lacking,
            };
            return Ok(ListedKey {
                active: listed.status() == Some(&StatusType::Active),
                created: listed
                    .create_date()
                    .and_then(timestamp)
                    .ok_or_else(|| lacking("creation date"))?,
            });
        }
        Err(AwsError::Missing {
            call: CALL,
            what: format!("{} of user {user}", named(key)),
            code: "not listed".to_owned(),
        })
    }

    /// A user's tags.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn user_tags(&self, user: &str) -> Result<Vec<Tag>, AwsError> {
        let tags = self
            .iam()
            .await
            .list_user_tags()
            .user_name(user)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| AwsError::of("iam:ListUserTags", format!("user {user}"), &error))?;
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// The id of the access key that signs these calls, if it can be found out.
    pub async fn own_access_key(&self) -> Option<String> {
        let provider = self.settings(None).await.credentials_provider()?;
        let credentials = provider.provide_credentials().await.ok()?;
        Some(credentials.access_key_id().to_owned())
    }
}

impl Writer {
    /// Activates or deactivates a user's key.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_access_key_active(
        &self,
        user: &str,
        key: &str,
        active: bool,
    ) -> Result<(), AwsError> {
        self.reader
            .iam()
            .await
            .update_access_key()
            .user_name(user)
            .access_key_id(key)
            .status(if active {
                StatusType::Active
            } else {
                StatusType::Inactive
            })
            .send()
            .await
            .map_err(|error| AwsError::of("iam:UpdateAccessKey", named(key), &error))?;
        Ok(())
    }
}
