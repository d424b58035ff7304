//! S3-012: versioning.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::region;
use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioning {
    /// `Enabled` or `Suspended`; none where it was never turned on.
    pub status: Option<String>,
    /// Whether only the root user with its device may change it.
    pub mfa_delete: bool,
}

impl Versioning {
    fn on(&self) -> bool {
        self.status.as_deref() == Some("Enabled")
    }
}

/// `s3.versioning`
pub(super) struct VersioningOfBucket;

#[async_trait]
impl Aspect for VersioningOfBucket {
    const NAME: &'static str = "s3.versioning";
    type Value = Versioning;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Versioning, AwsError> {
        reader.versioning(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Versioning,
        to: &Versioning,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer.put_versioning(target, to.on()).await
    }

    /// What was never on cannot be had back: suspended is as good, new objects get no versions either way.
    fn is(&self, value: &Versioning, wanted: &Versioning) -> bool {
        value.on() == wanted.on()
    }
}

/// Turns it on.
pub(super) struct TurnOn;

#[async_trait]
impl Repair for TurnOn {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let (target, now) = region::found(&VersioningOfBucket, &case.target, reader).await?;
        if now.on() {
            return Ok(Verdict::compliant());
        }
        let what = super::bucket(&target);
        if now.mfa_delete {
            return Ok(Verdict::unsupported(format!(
                "{what} has MFA delete: only the root user with its device can turn versioning on"
            )));
        }
        let wanted = Versioning {
            status: Some("Enabled".to_owned()),
            mfa_delete: now.mfa_delete,
        };
        let steps = Steps::one(Step {
            what,
            summary: "turn versioning on".to_owned(),
            effect: effect(&VersioningOfBucket, &target, &now, &wanted)?,
        });
        let steps = steps
            .with_tags(reader.bucket_tags(&target).await?)
            .noting("every version is kept and billed until a lifecycle rule lets old ones expire");
        Ok(Verdict::Change(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versioning(status: Option<&str>) -> Versioning {
        Versioning {
            status: status.map(str::to_owned),
            mfa_delete: false,
        }
    }

    #[test]
    fn suspended_and_never_on_are_the_same_and_on_is_not() {
        let (never, suspended, on) = (
            versioning(None),
            versioning(Some("Suspended")),
            versioning(Some("Enabled")),
        );
        assert!(VersioningOfBucket.is(&suspended, &never));
        assert!(VersioningOfBucket.is(&never, &suspended));
        assert!(!VersioningOfBucket.is(&on, &never));
        assert!(!VersioningOfBucket.is(&suspended, &on));
    }
}
