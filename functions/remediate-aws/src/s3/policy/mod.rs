//! S3-014: a bucket policy that lets everybody in.
//!
//! | room | what is in it |
//! |---|---|
//! | [`document`] | a policy, its elements in their order and byte for byte |
//! | [`principal`] | whom a statement names |
//! | [`condition`] | which conditions limit a statement to known callers |
//! | [`exposure`] | which statements let everybody in |
//! | [`edit`] | taking everybody out |
//! | `outside` | whom Block Public Access cuts off beside everybody |
//! | `same` | when two policies mean the same |

pub mod condition;
pub mod document;
pub mod edit;
pub mod exposure;
mod outside;
pub mod principal;
mod same;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::Deserialize;

use super::public_access::{PublicAccess, PublicAccessOfBucket};
use super::region;
use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;
use document::{Document, Reading};
use edit::How;
use exposure::Exposure;

/// `s3.bucket-policy`: the policy's text; none where the bucket has no policy.
pub(super) struct PolicyOfBucket;

#[async_trait]
impl Aspect for PolicyOfBucket {
    const NAME: &'static str = "s3.bucket-policy";
    type Value = Option<String>;
    const REPLACES: bool = true;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Self::Value, AwsError> {
        reader.bucket_policy(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Self::Value,
        to: &Self::Value,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        match to {
            Some(policy) => writer.put_bucket_policy(target, policy).await,
            None => writer.delete_bucket_policy(target).await,
        }
    }

    fn is(&self, value: &Self::Value, wanted: &Self::Value) -> bool {
        match (value, wanted) {
            (Some(value), Some(wanted)) => same::mean_the_same(value, wanted),
            (value, wanted) => value == wanted,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    Remove,
    Narrow,
    BlockPublicAccess,
}

#[derive(Deserialize)]
struct Parameters {
    how: Way,
    websites: bool,
}

/// Takes everybody out.
pub(super) struct Close;

#[async_trait]
impl Repair for Close {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let parameters: Parameters = case.parameters()?;
        let (target, policy) = region::found(&PolicyOfBucket, &case.target, reader).await?;
        let what = super::bucket(&target);
        let Some(policy) = policy else {
            return Ok(Verdict::compliant_because(format!("{what} has no policy")));
        };
        let (document, exposures) = match read(&policy) {
            Ok(read) => read,
            Err(error) => {
                return Ok(Verdict::unsupported(format!(
                    "the policy of {what} cannot be understood: {error}; look at it by hand"
                )));
            }
        };
        if let Some(closed) = closed(&what, &exposures) {
            return Ok(closed);
        }
        let block = reader.public_access(&target).await?;
        if block.unwrap_or_default().restrict_public_buckets {
            return Ok(Verdict::compliant_because(format!(
                "{what}: Block Public Access (RestrictPublicBuckets) keeps everybody outside the account from what its policy allows"
            )));
        }
        let (website, tags) =
            tokio::try_join!(reader.is_website(&target), reader.bucket_tags(&target))?;
        let step = match parameters.how {
            Way::BlockPublicAccess => blocking(what.clone(), &target, block)?,
            Way::Remove => editing(
                what.clone(),
                &target,
                &policy,
                (&document, &exposures),
                &How::Remove,
            )?,
            Way::Narrow => {
                let account = root_of(&target, reader).await?;
                let how = How::Narrow { account };
                editing(
                    what.clone(),
                    &target,
                    &policy,
                    (&document, &exposures),
                    &how,
                )?
            }
        };
        let mut steps = Steps::one(step).with_tags(tags);
        if parameters.how == Way::BlockPublicAccess
            && let Some(note) = outside::cut_off(&document, &exposures, target.account.as_str())
        {
            steps = steps.noting(note);
        }
        if website && !parameters.websites {
            return Ok(Verdict::Held {
                because: format!(
                    "{what} is a website, which its visitors would lose: send it if that is meant, or set `websites = true`"
                ),
                steps,
            });
        }
        Ok(Verdict::Change(if website {
            steps.noting("it is configured as a website: visitors are let in by nothing any more")
        } else {
            steps
        }))
    }
}

fn read(policy: &str) -> Result<(Document, Vec<(Exposure, Reading)>), document::DocumentError> {
    let document = Document::parse(policy)?;
    let exposures = exposure::exposures(&document)?;
    Ok((document, exposures))
}

/// The verdict where nobody has to be taken out.
fn closed(what: &str, exposures: &[(Exposure, Reading)]) -> Option<Verdict> {
    let any = |wanted| exposures.iter().any(|(exposure, _)| *exposure == wanted);
    if any(Exposure::Open) {
        return None;
    }
    Some(if any(Exposure::Limited) {
        Verdict::compliant_because(format!(
            "{what}: what its policy allows everybody, conditions or a Deny limit to known callers"
        ))
    } else {
        Verdict::compliant()
    })
}

fn editing(
    what: String,
    target: &Target,
    policy: &str,
    (document, exposures): (&Document, &[(Exposure, Reading)]),
    how: &How,
) -> Result<Step, AwsError> {
    let edited = edit::edit(document, exposures, how)
        .map_err(|error| AwsError::Unreadable(format!("the policy of {what}: {error}")))?;
    Ok(Step {
        summary: edited.done.join("; "),
        effect: effect(
            &PolicyOfBucket,
            target,
            &Some(policy.to_owned()),
            &edited.text,
        )?,
        what,
    })
}

fn blocking(what: String, target: &Target, now: Option<PublicAccess>) -> Result<Step, AwsError> {
    let wanted = PublicAccess {
        block_public_policy: true,
        restrict_public_buckets: true,
        ..now.unwrap_or_default()
    };
    Ok(Step {
        what,
        summary:
            "turn Block Public Access on for its policy (BlockPublicPolicy, RestrictPublicBuckets)"
                .to_owned(),
        effect: effect(&PublicAccessOfBucket, target, &now, &Some(wanted))?,
    })
}

/// The account as a principal, in the partition of the credentials.
async fn root_of(target: &Target, reader: &Reader) -> Result<String, AwsError> {
    let caller = reader.caller().await?;
    let partition = caller.arn.split(':').nth(1).unwrap_or("aws");
    Ok(format!("arn:{partition}:iam::{}:root", target.account))
}
