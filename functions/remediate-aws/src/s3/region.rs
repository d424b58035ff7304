//! Where a bucket is.
//!
//! Messages name its region, another one, or `global`. A bucket is looked for where the message says, else where this function runs;
//! S3 answers there with the right region, which the look is then repeated in. A right message costs no call.

use crate::aspect::Aspect;
use crate::aws::Reader;
use crate::error::AwsError;
use crate::target::Target;

/// An aspect's value, and the target with the region in which it was found.
pub(super) async fn found<A: Aspect>(
    aspect: &A,
    target: &Target,
    reader: &Reader,
) -> Result<(Target, A::Value), AwsError> {
    match aspect.read(target, reader).await {
        Ok(value) => Ok((target.clone(), value)),
        Err(AwsError::Elsewhere { region, .. }) => {
            let region = match region {
                Some(region) => region,
                None => reader.bucket_region(target).await?,
            };
            let target = Target {
                region: Some(region),
                ..target.clone()
            };
            let value = aspect.read(&target, reader).await?;
            Ok((target, value))
        }
        Err(error) => Err(error),
    }
}
