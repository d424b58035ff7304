//! Block Public Access of a bucket: what makes public ACLs and policies void, or refuses them
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>).
//!
//! The account's own block is not looked at: it is another service's (S3 Control), and a bucket that only that protects loses
//! nothing by being repaired.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::Aspect;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::target::Target;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccess {
    /// Refuses new ACLs that are public.
    pub block_public_acls: bool,
    /// Makes those that are there void.
    pub ignore_public_acls: bool,
    /// Refuses new policies that are public.
    pub block_public_policy: bool,
    /// While the policy is public, nobody outside the account but AWS services gets through by it.
    pub restrict_public_buckets: bool,
}

/// `s3.public-access`; none where the bucket has no setting of its own.
pub(super) struct PublicAccessOfBucket;

#[async_trait]
impl Aspect for PublicAccessOfBucket {
    const NAME: &'static str = "s3.public-access";
    type Value = Option<PublicAccess>;
    const REPLACES: bool = true;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Self::Value, AwsError> {
        reader.public_access(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Self::Value,
        to: &Self::Value,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        match to {
            Some(block) => writer.put_public_access(target, *block).await,
            None => writer.delete_public_access(target).await,
        }
    }

    /// No setting and one that is off are the same.
    fn is(&self, value: &Self::Value, wanted: &Self::Value) -> bool {
        value.unwrap_or_default() == wanted.unwrap_or_default()
    }
}
