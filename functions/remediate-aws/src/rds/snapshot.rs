//! Snapshots that everybody may restore.

use async_trait::async_trait;
use remediate_core::Subject;

use crate::aspect::{Aspect, Effect, effect};
use crate::aws::rds::{Shares, SnapshotKind};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::{Arn, Target};

/// Takes a snapshot from the public; account shares stay.
pub struct Unshare;

/// The kinds to look for, the likelier one first: an ARN says which it is, a bare name does not.
fn kinds(case: &Case<'_>) -> &'static [SnapshotKind] {
    let arn = match &case.finding.subject {
        Subject::Resource { resource, .. } => Arn::parse(resource.trim()),
        _ => None,
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
) -> Result<(SnapshotKind, Shares), AwsError> {
    let mut missing = AwsError::Missing {
        call: "rds:DescribeDBSnapshotAttributes",
        what: format!("snapshot {}", target.resource),
        code: "not listed".to_owned(),
    };
    for kind in kinds {
        match reader.db_snapshot_shares(*kind, target).await {
            Ok(shares) => return Ok((*kind, shares)),
            Err(error) if error.is_missing() => missing = error,
            Err(error) => return Err(error),
        }
    }
    Err(missing)
}

fn change(kind: SnapshotKind, target: &Target) -> Result<Effect, AwsError> {
    match kind {
        SnapshotKind::Instance => effect(&SnapshotPublic, target, &true, &false),
        SnapshotKind::Cluster => effect(&ClusterSnapshotPublic, target, &true, &false),
    }
}

fn shared_with(accounts: &[String]) -> String {
    match accounts {
        [] => "it is shared with no account by number".to_owned(),
        accounts => format!("it stays shared with {}", accounts.join(", ")),
    }
}

#[async_trait]
impl Repair for Unshare {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let target = &case.target;
        let (kind, shares) = find(kinds(case), target, reader).await?;
        if !shares.everybody {
            return Ok(Verdict::compliant());
        }
        let step = Step {
            what: kind.named(target),
            summary: "take it from the public".to_owned(),
            effect: change(kind, target)?,
        };
        let tags = reader.db_snapshot_tags(kind, target).await?;
        Ok(Verdict::Change(
            Steps::one(step)
                .with_tags(tags)
                .noting(shared_with(&shares.accounts))
                .noting("anybody could copy it until now: treat what is in it as disclosed"),
        ))
    }
}

/// Whether everybody may restore a DB snapshot.
pub struct SnapshotPublic;

/// Whether everybody may restore a DB cluster snapshot.
pub struct ClusterSnapshotPublic;

#[async_trait]
impl Aspect for SnapshotPublic {
    const NAME: &'static str = "rds.snapshot-public";
    type Value = bool;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        let shares = reader.db_snapshot_shares(SnapshotKind::Instance, target);
        Ok(shares.await?.everybody)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer
            .set_db_snapshot_public(SnapshotKind::Instance, target, *to)
            .await
    }
}

#[async_trait]
impl Aspect for ClusterSnapshotPublic {
    const NAME: &'static str = "rds.cluster-snapshot-public";
    type Value = bool;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        let shares = reader.db_snapshot_shares(SnapshotKind::Cluster, target);
        Ok(shares.await?.everybody)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer
            .set_db_snapshot_public(SnapshotKind::Cluster, target, *to)
            .await
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
