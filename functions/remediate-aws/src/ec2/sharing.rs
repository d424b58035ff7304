//! Snapshots and images that everybody may use: EBS-009, EC2-019.

use async_trait::async_trait;

use super::{image_named, snapshot_named};
use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::sharing::{Sharing, SharingParameters};
use crate::target::Target;

/// Who may make volumes of a snapshot.
pub struct SnapshotSharing;

/// Who may start instances from an image.
pub struct ImageSharing;

#[async_trait]
impl Aspect for SnapshotSharing {
    const NAME: &'static str = "ec2.snapshot-sharing";
    const SETTLES: bool = true;
    type Value = Sharing;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Sharing, AwsError> {
        reader.snapshot_sharing(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Sharing,
        to: &Sharing,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer.set_snapshot_public(target, to.public).await
    }
}

#[async_trait]
impl Aspect for ImageSharing {
    const NAME: &'static str = "ec2.image-sharing";
    const SETTLES: bool = true;
    type Value = Sharing;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Sharing, AwsError> {
        reader.image_sharing(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Sharing,
        to: &Sharing,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer.set_image_public(target, to.public).await
    }
}

/// EBS-009.
pub struct PublicSnapshot;

/// EC2-019.
pub struct PublicImage;

#[async_trait]
impl Repair for PublicSnapshot {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let parameters: SharingParameters = case.parameters()?;
        let sharing = reader.snapshot_sharing(&case.target).await?;
        let Some(private) = sharing.made_private() else {
            return Ok(Verdict::compliant());
        };
        let snapshot = reader.snapshot(&case.target).await?;
        let what = snapshot_named(&case.target);
        let step = Step {
            what: what.clone(),
            summary: "share it with everybody no longer".to_owned(),
            effect: effect(&SnapshotSharing, &case.target, &sharing, &private)?,
        };
        let steps = Steps::one(step)
            .with_tags(snapshot.tags)
            .noting(sharing.note())
            .noting("volumes and copies that others have made of it until now stay theirs");
        Ok(decided(parameters.held(&what, &sharing), steps))
    }
}

#[async_trait]
impl Repair for PublicImage {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let parameters: SharingParameters = case.parameters()?;
        let sharing = reader.image_sharing(&case.target).await?;
        let Some(private) = sharing.made_private() else {
            return Ok(Verdict::compliant());
        };
        let image = reader.image(&case.target).await?;
        let what = image_named(&case.target);
        let step = Step {
            what: what.clone(),
            summary: "share it with everybody no longer".to_owned(),
            effect: effect(&ImageSharing, &case.target, &sharing, &private)?,
        };
        let mut steps = Steps::one(step)
            .with_tags(image.tags)
            .noting(sharing.note())
            .noting(match &image.last_launched {
                Some(time) => format!("an instance was last started from it at {time}"),
                None => "AWS knows of no instance that was started from it".to_owned(),
            });
        if image.is_product {
            steps =
                steps.noting("it carries product codes: it may be offered on the AWS Marketplace");
        }
        Ok(decided(parameters.held(&what, &sharing), steps))
    }
}

fn decided(held: Option<String>, steps: Steps) -> Verdict {
    match held {
        Some(because) => Verdict::Held { because, steps },
        None => Verdict::Change(steps),
    }
}
