//! Calls of Kinesis Data Streams.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{EncryptionType, StreamStatus};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// A stream, as far as its encryption goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub arn: String,
    /// `ACTIVE`, `UPDATING`…
    pub status: String,
    pub encrypted: bool,
    /// The key as it was given: an id, an ARN or an alias.
    pub key: Option<String>,
}

impl Stream {
    /// Whether it takes changes.
    pub fn is_active(&self) -> bool {
        self.status == StreamStatus::Active.as_str()
    }
}

/// As a person names it.
fn what(stream: &str) -> String {
    format!("stream {stream}")
}

impl Reader {
    async fn kinesis(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    pub(crate) async fn stream(&self, target: &Target) -> Result<Stream, AwsError> {
        const CALL: &str = "kinesis:DescribeStreamSummary";
        let answer = self
            .kinesis(target)
            .await
            .describe_stream_summary()
            .stream_name(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, what(&target.resource), &error))?;
        let found = answer
            .stream_description_summary
            .ok_or_else(|| AwsError::Incomplete {
                call: CALL,
                what: what(&target.resource),
                lacking: "StreamDescriptionSummary",
            })?;
        Ok(Stream {
            arn: found.stream_arn,
            status: found.stream_status.as_str().to_owned(),
            encrypted: found
                .encryption_type
                .is_some_and(|kind| kind != EncryptionType::None),
            key: found.key_id,
        })
    }

    pub(crate) async fn stream_tags(&self, target: &Target) -> Result<Vec<Tag>, AwsError> {
        let answer = self
            .kinesis(target)
            .await
            .list_tags_for_stream()
            .stream_name(&target.resource)
            // As many as a stream can have: there is no second page.
            .limit(50)
            .send()
            .await
            .map_err(|error| {
                AwsError::of("kinesis:ListTagsForStream", what(&target.resource), &error)
            })?;
        let tags = answer.tags.into_iter();
        Ok(tags
            .map(|tag| (tag.key, tag.value.unwrap_or_default()))
            .collect())
    }

    /// The policy by which a stream is shared with other accounts, if it has one.
    pub(crate) async fn stream_policy(
        &self,
        target: &Target,
        arn: &str,
    ) -> Result<Option<String>, AwsError> {
        let answer = self
            .kinesis(target)
            .await
            .get_resource_policy()
            .resource_arn(arn)
            .send()
            .await
            .map_err(|error| {
                AwsError::of("kinesis:GetResourcePolicy", what(&target.resource), &error)
            });
        match answer {
            // A stream that has none is answered with an empty document.
            Ok(answer) => {
                Ok(Some(answer.policy).filter(|policy| !matches!(policy.trim(), "" | "{}")))
            }
            Err(AwsError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Writer {
    pub(crate) async fn start_stream_encryption(
        &self,
        target: &Target,
        key: &str,
    ) -> Result<(), AwsError> {
        self.reader
            .kinesis(target)
            .await
            .start_stream_encryption()
            .stream_name(&target.resource)
            .encryption_type(EncryptionType::Kms)
            .key_id(key)
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "kinesis:StartStreamEncryption",
                    what(&target.resource),
                    &error,
                )
            })?;
        Ok(())
    }

    pub(crate) async fn stop_stream_encryption(
        &self,
        target: &Target,
        key: &str,
    ) -> Result<(), AwsError> {
        self.reader
            .kinesis(target)
            .await
            .stop_stream_encryption()
            .stream_name(&target.resource)
            .encryption_type(EncryptionType::Kms)
            .key_id(key)
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "kinesis:StopStreamEncryption",
                    what(&target.resource),
                    &error,
                )
            })?;
        Ok(())
    }
}
