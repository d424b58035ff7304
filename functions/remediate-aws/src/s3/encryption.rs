//! S3-016: encryption by default.
//!
//! Since January 2023 every bucket has it, with keys of S3
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html>); what is here serves partitions, and services
//! that speak S3, where that is not so. The policy is left alone: one that denies uploads without a header stops every writer
//! that leaves encryption to the bucket.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::region;
use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::{Arn, Target};

/// `AES256`, `aws:kms`, `aws:kms:dsse`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Algorithm(String);

impl Algorithm {
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How objects are encrypted that come without a word about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    pub algorithm: Algorithm,
    /// A KMS key's ARN, id or alias; none for keys of S3.
    pub key: Option<String>,
    /// One data key for many objects, which saves calls of KMS.
    pub bucket_key: bool,
}

impl Encryption {
    /// With this KMS key, or with keys of S3 where it is empty.
    fn with(key: &str) -> Self {
        if key.is_empty() {
            Self {
                algorithm: Algorithm::new("AES256"),
                key: None,
                bucket_key: false,
            }
        } else {
            Self {
                algorithm: Algorithm::new("aws:kms"),
                key: Some(key.to_owned()),
                bucket_key: true,
            }
        }
    }

    fn summary(&self) -> String {
        match &self.key {
            Some(key) => format!("encrypt new objects with the KMS key {key}"),
            None => "encrypt new objects with keys of S3 (AES256)".to_owned(),
        }
    }
}

/// `s3.encryption`; none where objects stay as they come.
pub(super) struct EncryptionOfBucket;

#[async_trait]
impl Aspect for EncryptionOfBucket {
    const NAME: &'static str = "s3.encryption";
    type Value = Option<Encryption>;
    const REPLACES: bool = true;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Self::Value, AwsError> {
        reader.encryption(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Self::Value,
        to: &Self::Value,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        match to {
            Some(encryption) => writer.put_encryption(target, encryption).await,
            None => writer.delete_encryption(target).await,
        }
    }

    /// The bucket key is about cost, and S3 leaves it out where it is off.
    fn is(&self, value: &Self::Value, wanted: &Self::Value) -> bool {
        let essence = |value: &Option<Encryption>| {
            value
                .as_ref()
                .map(|value| (value.algorithm.clone(), value.key.clone()))
        };
        essence(value) == essence(wanted)
    }
}

#[derive(Deserialize)]
struct Parameters {
    kms_key: String,
}

/// The refusal of a key that the bucket's region does not have: S3 takes it without a word, and then refuses every upload.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html>
async fn elsewhere(key: &str, bucket: &Target, reader: &Reader) -> Option<Verdict> {
    if key.is_empty() {
        return None;
    }
    let region = reader.region_of(bucket).await;
    if Arn::parse(key).is_some_and(|arn| arn.region == region) {
        return None;
    }
    Some(Verdict::unsupported(format!(
        "{} is in {region}, and `kms_key` is no key of that region ({key}): encrypt the bucket by hand, and leave other regions out \
         with `only = {{ regions = [...] }}`",
        super::bucket(bucket)
    )))
}

/// Turns it on where there is none.
pub(super) struct TurnOn;

#[async_trait]
impl Repair for TurnOn {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let parameters: Parameters = case.parameters()?;
        let (target, now) = region::found(&EncryptionOfBucket, &case.target, reader).await?;
        if let Some(now) = now {
            let why = format!(
                "{} encrypts new objects already ({}); what is set is not replaced",
                super::bucket(&target),
                now.key.as_deref().unwrap_or(now.algorithm.as_str())
            );
            return Ok(Verdict::compliant_because(why));
        }
        if let Some(refused) = elsewhere(&parameters.kms_key, &target, reader).await {
            return Ok(refused);
        }
        let wanted = Encryption::with(&parameters.kms_key);
        let mut steps = Steps::one(Step {
            what: super::bucket(&target),
            summary: wanted.summary(),
            effect: effect(&EncryptionOfBucket, &target, &None, &Some(wanted.clone()))?,
        })
        .with_tags(reader.bucket_tags(&target).await?)
        .noting("objects that are there already stay as they are");
        if wanted.key.is_some() {
            steps = steps.noting("whoever writes or reads objects needs the key too");
        }
        Ok(Verdict::Change(steps))
    }
}
