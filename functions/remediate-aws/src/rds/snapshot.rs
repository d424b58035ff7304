//! Snapshots that everybody may restore.

use async_trait::async_trait;
use remediate_core::Subject;

use crate::aspect::{Aspect, Effect, effect};
use crate::aws::rds::SnapshotKind;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::sharing::{Sharing, SharingParameters};
use crate::target::{Arn, Target};

/// Takes a snapshot from the public; account shares stay.
pub struct Unshare;

/// The kinds to look for, the likelier one first: an ARN says which it is, a bare name does not.
fn kinds(case: &Case<'_>) -> &'static [SnapshotKind] {
    let arn = match &case.finding.subject {
        Subject::Resource { resource, .. } => Arn::parse(resource.trim()),
        Subject::Device { .. } => None,
    };
    kinds_of(arn)
}

fn kinds_of(arn: Option<Arn<'_>>) -> &'static [SnapshotKind] {
    match arn.map(|arn| arn.rest.split(':').next().unwrap_or_default()) {
        Some("snapshot") => &[SnapshotKind::Instance],
        Some("cluster-snapshot") => &[SnapshotKind::Cluster],
        _ => &[SnapshotKind::Instance, SnapshotKind::Cluster],
    }
}

/// The first kind of which there is such a snapshot.
async fn find(
    kinds: &'static [SnapshotKind],
    target: &Target,
    reader: &Reader,
) -> Result<(SnapshotKind, Sharing), AwsError> {
    let mut missing = AwsError::Missing {
        call: "rds:DescribeDBSnapshotAttributes",
        what: format!("snapshot {}", target.resource),
        code: "not listed".to_owned(),
    };
    for kind in kinds {
        match reader.db_snapshot_sharing(*kind, target).await {
            Ok(sharing) => return Ok((*kind, sharing)),
            Err(error) if error.is_missing() => missing = error,
            Err(error) => return Err(error),
        }
    }
    Err(missing)
}

fn change(
    kind: SnapshotKind,
    target: &Target,
    from: &Sharing,
    to: &Sharing,
) -> Result<Effect, AwsError> {
    match kind {
        SnapshotKind::Instance => effect(&SnapshotSharing, target, from, to),
        SnapshotKind::Cluster => effect(&ClusterSnapshotSharing, target, from, to),
    }
}

#[async_trait]
impl Repair for Unshare {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let parameters: SharingParameters = case.parameters()?;
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let target = &case.target;
        let (kind, sharing) = find(kinds(case), target, reader).await?;
        let Some(private) = sharing.made_private() else {
            return Ok(Verdict::compliant());
        };
        let what = kind.named(target);
        let step = Step {
            what: what.clone(),
            summary: "share it with everybody no longer".to_owned(),
            effect: change(kind, target, &sharing, &private)?,
        };
        let steps = Steps::one(step)
            .with_tags(reader.db_snapshot_tags(kind, target).await?)
            .noting(sharing.note())
            .noting("copies that others have made of it until now stay theirs");
        Ok(match parameters.held(&what, &sharing) {
            Some(because) => Verdict::Held { because, steps },
            None => Verdict::Change(steps),
        })
    }
}

/// Who may restore a DB snapshot.
pub struct SnapshotSharing;

/// Who may restore a DB cluster snapshot.
pub struct ClusterSnapshotSharing;

/// Changes are only ever of everybody's access; shares by name come and go beside them.
fn same(sharing: &Sharing, wanted: &Sharing) -> bool {
    sharing.public == wanted.public
}

#[async_trait]
impl Aspect for SnapshotSharing {
    const NAME: &'static str = "rds.snapshot-sharing";
    type Value = Sharing;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Sharing, AwsError> {
        reader
            .db_snapshot_sharing(SnapshotKind::Instance, target)
            .await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Sharing,
        to: &Sharing,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer
            .set_db_snapshot_public(SnapshotKind::Instance, target, to.public)
            .await
    }

    fn is(&self, value: &Sharing, wanted: &Sharing) -> bool {
        same(value, wanted)
    }
}

#[async_trait]
impl Aspect for ClusterSnapshotSharing {
    const NAME: &'static str = "rds.cluster-snapshot-sharing";
    type Value = Sharing;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Sharing, AwsError> {
        reader
            .db_snapshot_sharing(SnapshotKind::Cluster, target)
            .await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Sharing,
        to: &Sharing,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer
            .set_db_snapshot_public(SnapshotKind::Cluster, target, to.public)
            .await
    }

    fn is(&self, value: &Sharing, wanted: &Sharing) -> bool {
        same(value, wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_which_kind_it_is_and_a_name_is_looked_for_among_both() {
        use SnapshotKind::{Cluster, Instance};
        let table: [(&str, &[SnapshotKind]); 4] = [
            (
                "arn:aws:rds:eu-west-1:123456789012:snapshot:orders",
                &[Instance],
            ),
            (
                "arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:orders",
                &[Cluster],
            ),
            (
                "arn:aws:rds:eu-west-1:123456789012:snapshot:rds:orders-2026-11-20",
                &[Instance],
            ),
            ("rds:orders-2026-11-20", &[Instance, Cluster]),
        ];
        for (resource, expected) in table {
            assert_eq!(kinds_of(Arn::parse(resource)), expected, "{resource}");
        }
    }
}
