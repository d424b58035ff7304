//! Calls of RDS, which serve Aurora too.

use std::collections::BTreeSet;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{
    DbClusterSnapshotAttribute, DbClusterSnapshotAttributesResult, DbInstance, DbSnapshotAttribute,
    DbSnapshotAttributesResult, Tag as RdsTag,
};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::sharing::Sharing;
use crate::target::Target;

/// The attribute of a snapshot that says who may restore it.
const RESTORE: &str = "restore";
/// The value of it that stands for every AWS account.
const EVERYBODY: &str = "all";

/// A DB instance as RDS describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// `available`, `modifying`, `stopped`, …
    pub status: String,
    /// `postgres`, `aurora-mysql`, `custom-oracle-ee`, …
    pub engine: String,
    /// The cluster that it is a member of.
    pub cluster: Option<String>,
    pub publicly_accessible: bool,
    pub minor_version_upgrades: bool,
    pub deletion_protection: bool,
    pub replicas: Vec<String>,
    pub tags: Vec<Tag>,
}

/// The two kinds of snapshots, each with calls of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotKind {
    /// Of an instance.
    Instance,
    /// Of an Aurora or Multi-AZ DB cluster.
    Cluster,
}

impl SnapshotKind {
    /// As a person calls it.
    pub fn named(self, target: &Target) -> String {
        match self {
            Self::Instance => format!("DB snapshot {}", target.resource),
            Self::Cluster => format!("DB cluster snapshot {}", target.resource),
        }
    }
}

impl Instance {
    fn of(instance: &DbInstance) -> Option<Self> {
        Some(Self {
            status: instance.db_instance_status()?.to_owned(),
            engine: instance.engine()?.to_owned(),
            cluster: instance.db_cluster_identifier().map(str::to_owned),
            publicly_accessible: instance.publicly_accessible()?,
            minor_version_upgrades: instance.auto_minor_version_upgrade()?,
            deletion_protection: instance.deletion_protection().unwrap_or_default(),
            replicas: [
                instance.read_replica_db_instance_identifiers(),
                instance.read_replica_db_cluster_identifiers(),
            ]
            .concat(),
            tags: tags(instance.tag_list()),
        })
    }
}

/// Whom the values of a snapshot's attribute share it with.
fn sharing<'a>(values: impl Iterator<Item = &'a String>) -> Sharing {
    let (everybody, with): (BTreeSet<_>, BTreeSet<_>) =
        values.cloned().partition(|value| value == EVERYBODY);
    Sharing {
        public: !everybody.is_empty(),
        with,
    }
}

fn tags(list: &[RdsTag]) -> Vec<Tag> {
    list.iter()
        .filter_map(|tag| {
            Some((
                tag.key()?.to_owned(),
                tag.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn instance_named(target: &Target) -> String {
    format!("DB instance {}", target.resource)
}

impl Reader {
    async fn rds(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// An instance.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn db_instance(&self, target: &Target) -> Result<Instance, AwsError> {
        const CALL: &str = "rds:DescribeDBInstances";
        let what = || instance_named(target);
        let answer = self
            .rds(target)
            .await
            .describe_db_instances()
            .db_instance_identifier(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, what(), &error))?;
        let Some(instance) = answer.db_instances().first() else {
            return Err(AwsError::Missing {
                call: CALL,
                what: what(),
                code: "not listed".to_owned(),
            });
        };
        Instance::of(instance).ok_or_else(|| AwsError::Incomplete {
            call: CALL,
            what: what(),
            lacking: "status, engine, public access or minor version upgrades",
        })
    }

    /// Who may restore a snapshot.
    ///
    /// # Errors
    /// [`AwsError::Missing`] when there is no snapshot of this kind; or when the call fails.
    pub async fn db_snapshot_sharing(
        &self,
        kind: SnapshotKind,
        target: &Target,
    ) -> Result<Sharing, AwsError> {
        let client = self.rds(target).await;
        match kind {
            SnapshotKind::Instance => {
                let answer = client
                    .describe_db_snapshot_attributes()
                    .db_snapshot_identifier(&target.resource)
                    .send()
                    .await
                    .map_err(|error| {
                        AwsError::of(
                            "rds:DescribeDBSnapshotAttributes",
                            kind.named(target),
                            &error,
                        )
                    })?;
                let attributes = answer
                    .db_snapshot_attributes_result()
                    .map(DbSnapshotAttributesResult::db_snapshot_attributes)
                    .unwrap_or_default();
                Ok(sharing(
                    attributes
                        .iter()
                        .filter(|attribute| attribute.attribute_name() == Some(RESTORE))
                        .flat_map(DbSnapshotAttribute::attribute_values),
                ))
            }
            SnapshotKind::Cluster => {
                let answer = client
                    .describe_db_cluster_snapshot_attributes()
                    .db_cluster_snapshot_identifier(&target.resource)
                    .send()
                    .await
                    .map_err(|error| {
                        AwsError::of(
                            "rds:DescribeDBClusterSnapshotAttributes",
                            kind.named(target),
                            &error,
                        )
                    })?;
                let attributes = answer
                    .db_cluster_snapshot_attributes_result()
                    .map(DbClusterSnapshotAttributesResult::db_cluster_snapshot_attributes)
                    .unwrap_or_default();
                Ok(sharing(
                    attributes
                        .iter()
                        .filter(|attribute| attribute.attribute_name() == Some(RESTORE))
                        .flat_map(DbClusterSnapshotAttribute::attribute_values),
                ))
            }
        }
    }

    /// A snapshot's tags.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn db_snapshot_tags(
        &self,
        kind: SnapshotKind,
        target: &Target,
    ) -> Result<Vec<Tag>, AwsError> {
        let client = self.rds(target).await;
        match kind {
            SnapshotKind::Instance => {
                let answer = client
                    .describe_db_snapshots()
                    .db_snapshot_identifier(&target.resource)
                    .send()
                    .await
                    .map_err(|error| {
                        AwsError::of("rds:DescribeDBSnapshots", kind.named(target), &error)
                    })?;
                Ok(answer
                    .db_snapshots()
                    .first()
                    .map(|snapshot| tags(snapshot.tag_list()))
                    .unwrap_or_default())
            }
            SnapshotKind::Cluster => {
                let answer = client
                    .describe_db_cluster_snapshots()
                    .db_cluster_snapshot_identifier(&target.resource)
                    .send()
                    .await
                    .map_err(|error| {
                        AwsError::of("rds:DescribeDBClusterSnapshots", kind.named(target), &error)
                    })?;
                Ok(answer
                    .db_cluster_snapshots()
                    .first()
                    .map(|snapshot| tags(snapshot.tag_list()))
                    .unwrap_or_default())
            }
        }
    }
}

impl Writer {
    /// Has RDS install minor versions by itself in maintenance windows, or not. Whatever else is pending for the instance stays so.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_minor_version_upgrades(
        &self,
        target: &Target,
        on: bool,
    ) -> Result<(), AwsError> {
        self.reader
            .rds(target)
            .await
            .modify_db_instance()
            .db_instance_identifier(&target.resource)
            .auto_minor_version_upgrade(on)
            .apply_immediately(false)
            .send()
            .await
            .map_err(|error| {
                AwsError::of("rds:ModifyDBInstance", instance_named(target), &error)
            })?;
        Ok(())
    }

    /// Gives the instance a public address, or takes it away, at once. Whatever else is pending for the instance stays so.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_db_publicly_accessible(
        &self,
        target: &Target,
        public: bool,
    ) -> Result<(), AwsError> {
        self.reader
            .rds(target)
            .await
            .modify_db_instance()
            .db_instance_identifier(&target.resource)
            .publicly_accessible(public)
            // This setting is applied at once all the same; what else is pending must not be.
            .apply_immediately(false)
            .send()
            .await
            .map_err(|error| {
                AwsError::of("rds:ModifyDBInstance", instance_named(target), &error)
            })?;
        Ok(())
    }

    /// Lets every AWS account restore a snapshot, or no longer. Accounts that it is shared with by number keep it.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_db_snapshot_public(
        &self,
        kind: SnapshotKind,
        target: &Target,
        public: bool,
    ) -> Result<(), AwsError> {
        let client = self.reader.rds(target).await;
        let everybody = || Some(vec![EVERYBODY.to_owned()]);
        let (add, remove) = if public {
            (everybody(), None)
        } else {
            (None, everybody())
        };
        match kind {
            SnapshotKind::Instance => {
                client
                    .modify_db_snapshot_attribute()
                    .db_snapshot_identifier(&target.resource)
                    .attribute_name(RESTORE)
                    .set_values_to_add(add)
                    .set_values_to_remove(remove)
                    .send()
                    .await
                    .map_err(|error| {
                        AwsError::of("rds:ModifyDBSnapshotAttribute", kind.named(target), &error)
                    })?;
            }
            SnapshotKind::Cluster => {
                client
                    .modify_db_cluster_snapshot_attribute()
                    .db_cluster_snapshot_identifier(&target.resource)
                    .attribute_name(RESTORE)
                    .set_values_to_add(add)
                    .set_values_to_remove(remove)
                    .send()
                    .await
                    .map_err(|error| {
                        AwsError::of(
                            "rds:ModifyDBClusterSnapshotAttribute",
                            kind.named(target),
                            &error,
                        )
                    })?;
            }
        }
        Ok(())
    }
}
