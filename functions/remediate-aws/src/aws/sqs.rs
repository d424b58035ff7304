//! Calls of SQS.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// How a queue is encrypted, and who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueEncryption {
    /// Whether SQS encrypts with keys of its own.
    pub by_sqs: bool,
    /// The KMS key that it encrypts with: an id, an ARN or an alias.
    pub key: Option<String>,
    /// The policy by which it is shared, a JSON document.
    pub policy: Option<String>,
}

/// As a person names it: by the last part of the URL.
fn what(url: &str) -> String {
    format!("queue {}", url.rsplit('/').next().unwrap_or(url))
}

impl Reader {
    async fn sqs(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// The URL of the target's queue, which its other calls take.
    pub(crate) async fn queue_url(&self, target: &Target) -> Result<String, AwsError> {
        const CALL: &str = "sqs:GetQueueUrl";
        let answer = self
            .sqs(target)
            .await
            .get_queue_url()
            .queue_name(&target.resource)
            .queue_owner_aws_account_id(target.account.as_str())
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, what(&target.resource), &error))?;
        answer.queue_url.ok_or_else(|| AwsError::Incomplete {
            call: CALL,
            what: what(&target.resource),
            lacking: "QueueUrl",
        })
    }

    pub(crate) async fn queue_encryption(
        &self,
        target: &Target,
        url: &str,
    ) -> Result<QueueEncryption, AwsError> {
        let answer = self
            .sqs(target)
            .await
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::KmsMasterKeyId)
            .attribute_names(QueueAttributeName::SqsManagedSseEnabled)
            .attribute_names(QueueAttributeName::Policy)
            .send()
            .await
            .map_err(|error| AwsError::of("sqs:GetQueueAttributes", what(url), &error))?;
        let mut attributes = answer.attributes.unwrap_or_default();
        let mut given =
            |name: QueueAttributeName| attributes.remove(&name).filter(|value| !value.is_empty());
        Ok(QueueEncryption {
            key: given(QueueAttributeName::KmsMasterKeyId),
            policy: given(QueueAttributeName::Policy),
            by_sqs: attributes
                .get(&QueueAttributeName::SqsManagedSseEnabled)
                .is_some_and(|enabled| enabled == "true"),
        })
    }

    pub(crate) async fn queue_tags(
        &self,
        target: &Target,
        url: &str,
    ) -> Result<Vec<Tag>, AwsError> {
        let answer = self
            .sqs(target)
            .await
            .list_queue_tags()
            .queue_url(url)
            .send()
            .await
            .map_err(|error| AwsError::of("sqs:ListQueueTags", what(url), &error))?;
        Ok(answer.tags.unwrap_or_default().into_iter().collect())
    }
}

impl Writer {
    /// Sets whether SQS encrypts with keys of its own.
    pub(crate) async fn set_queue_managed_encryption(
        &self,
        target: &Target,
        url: &str,
        enabled: bool,
    ) -> Result<(), AwsError> {
        let attribute = (
            QueueAttributeName::SqsManagedSseEnabled,
            enabled.to_string(),
        );
        self.set_queue_attribute(target, url, attribute).await
    }

    /// Sets the KMS key that a queue encrypts with; none: it does not encrypt with one.
    pub(crate) async fn set_queue_key(
        &self,
        target: &Target,
        url: &str,
        key: Option<&str>,
    ) -> Result<(), AwsError> {
        let key = key.unwrap_or_default().to_owned();
        self.set_queue_attribute(target, url, (QueueAttributeName::KmsMasterKeyId, key))
            .await
    }

    async fn set_queue_attribute(
        &self,
        target: &Target,
        url: &str,
        attribute: (QueueAttributeName, String),
    ) -> Result<(), AwsError> {
        self.reader
            .sqs(target)
            .await
            .set_queue_attributes()
            .queue_url(url)
            .set_attributes(Some(HashMap::from([attribute])))
            .send()
            .await
            .map_err(|error| AwsError::of("sqs:SetQueueAttributes", what(url), &error))?;
        Ok(())
    }
}
