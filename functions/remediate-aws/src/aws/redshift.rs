//! Calls of Redshift's provisioned clusters.

use aws_sdk_redshift::Client;
use aws_sdk_redshift::types::{
    Cluster as Described, Parameter, PendingModifiedValues, Tag as RedshiftTag,
};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// A cluster as Redshift describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    pub name: String,
    /// `available`, `modifying`, `paused`, …
    pub status: String,
    pub publicly_accessible: bool,
    /// The elastic address that was given to it, if one was.
    pub elastic_ip: Option<String>,
    /// Days that automated snapshots are kept; 0 takes none.
    pub automated_retention: i32,
    pub parameter_group: Option<AssignedGroup>,
    /// What was asked for and is not there yet.
    pub pending_public: Option<bool>,
    pub pending_retention: Option<i32>,
    pub tags: Vec<Tag>,
}

/// The parameter group of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignedGroup {
    pub name: String,
    /// `in-sync`, `pending-reboot`, …
    pub apply_status: String,
}

impl Cluster {
    fn of(cluster: &Described) -> Option<Self> {
        let pending = cluster.pending_modified_values();
        Some(Self {
            name: cluster.cluster_identifier()?.to_owned(),
            status: cluster.cluster_status()?.to_owned(),
            publicly_accessible: cluster.publicly_accessible()?,
            elastic_ip: cluster
                .elastic_ip_status()
                .and_then(|elastic| elastic.elastic_ip())
                .filter(|address| !address.is_empty())
                .map(str::to_owned),
            automated_retention: cluster.automated_snapshot_retention_period()?,
            parameter_group: cluster
                .cluster_parameter_groups()
                .first()
                .and_then(|group| {
                    Some(AssignedGroup {
                        name: group.parameter_group_name()?.to_owned(),
                        apply_status: group
                            .parameter_apply_status()
                            .unwrap_or_default()
                            .to_owned(),
                    })
                }),
            pending_public: pending.and_then(PendingModifiedValues::publicly_accessible),
            pending_retention: pending
                .and_then(PendingModifiedValues::automated_snapshot_retention_period),
            tags: tags(cluster.tags()),
        })
    }

    fn read(cluster: &Described, what: impl FnOnce() -> String) -> Result<Self, AwsError> {
        Self::of(cluster).ok_or_else(|| AwsError::Incomplete {
            call: DESCRIBE_CLUSTERS,
            what: what(),
            lacking: "name, status, public access or snapshot retention",
        })
    }
}

const DESCRIBE_CLUSTERS: &str = "redshift:DescribeClusters";

fn tags(list: &[RedshiftTag]) -> Vec<Tag> {
    list.iter()
        .filter_map(|tag| {
            Some((
                tag.key()?.to_owned(),
                tag.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn cluster_named(target: &Target) -> String {
    format!("cluster {}", target.resource)
}

fn group_named(target: &Target) -> String {
    format!("cluster parameter group {}", target.resource)
}

impl Reader {
    async fn redshift(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// A cluster.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn redshift_cluster(&self, target: &Target) -> Result<Cluster, AwsError> {
        let what = || cluster_named(target);
        let answer = self
            .redshift(target)
            .await
            .describe_clusters()
            .cluster_identifier(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of(DESCRIBE_CLUSTERS, what(), &error))?;
        match answer.clusters().first() {
            Some(cluster) => Cluster::read(cluster, what),
            None => Err(AwsError::Missing {
                call: DESCRIBE_CLUSTERS,
                what: what(),
                code: "not listed".to_owned(),
            }),
        }
    }

    /// All clusters of the target's region.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn redshift_clusters(&self, target: &Target) -> Result<Vec<Cluster>, AwsError> {
        const WHAT: &str = "the clusters of the region";
        let clusters = self
            .redshift(target)
            .await
            .describe_clusters()
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| AwsError::of(DESCRIBE_CLUSTERS, WHAT, &error))?;
        clusters
            .iter()
            .map(|cluster| Cluster::read(cluster, || WHAT.to_owned()))
            .collect()
    }

    /// The value of one parameter of the group that the target names.
    ///
    /// # Errors
    /// [`AwsError::Missing`] when there is no such group; [`AwsError::Incomplete`] when it has no such parameter.
    pub async fn cluster_parameter(
        &self,
        group: &Target,
        parameter: &'static str,
    ) -> Result<String, AwsError> {
        const CALL: &str = "redshift:DescribeClusterParameters";
        let mut parameters = self
            .redshift(group)
            .await
            .describe_cluster_parameters()
            .parameter_group_name(&group.resource)
            .into_paginator()
            .items()
            .send();
        while let Some(found) = parameters.next().await {
            let found = found.map_err(|error| AwsError::of(CALL, group_named(group), &error))?;
            if found.parameter_name() == Some(parameter) {
                return Ok(found.parameter_value().unwrap_or_default().to_owned());
            }
        }
        Err(AwsError::Incomplete {
            call: CALL,
            what: group_named(group),
            lacking: parameter,
        })
    }

    /// The tags of the parameter group that the target names.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn parameter_group_tags(&self, group: &Target) -> Result<Vec<Tag>, AwsError> {
        let answer = self
            .redshift(group)
            .await
            .describe_cluster_parameter_groups()
            .parameter_group_name(&group.resource)
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "redshift:DescribeClusterParameterGroups",
                    group_named(group),
                    &error,
                )
            })?;
        Ok(answer
            .parameter_groups()
            .first()
            .map(|group| tags(group.tags()))
            .unwrap_or_default())
    }

    /// Whether the cluster writes audit logs anywhere.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn audit_logging(&self, cluster: &Target) -> Result<bool, AwsError> {
        let answer = self
            .redshift(cluster)
            .await
            .describe_logging_status()
            .cluster_identifier(&cluster.resource)
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "redshift:DescribeLoggingStatus",
                    cluster_named(cluster),
                    &error,
                )
            })?;
        Ok(answer.logging_enabled().unwrap_or_default())
    }
}

impl Writer {
    /// Takes the cluster's public address away, or gives it one: the elastic address if one is named.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_cluster_publicly_accessible(
        &self,
        target: &Target,
        public: bool,
        elastic_ip: Option<&str>,
    ) -> Result<(), AwsError> {
        self.reader
            .redshift(target)
            .await
            .modify_cluster()
            .cluster_identifier(&target.resource)
            .publicly_accessible(public)
            .set_elastic_ip(elastic_ip.filter(|_| public).map(str::to_owned))
            .send()
            .await
            .map_err(|error| {
                AwsError::of("redshift:ModifyCluster", cluster_named(target), &error)
            })?;
        Ok(())
    }

    /// Sets for how many days, 0 to 35, automated snapshots are kept. Those that are older are deleted at once.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_automated_retention(
        &self,
        target: &Target,
        days: i32,
    ) -> Result<(), AwsError> {
        self.reader
            .redshift(target)
            .await
            .modify_cluster()
            .cluster_identifier(&target.resource)
            .automated_snapshot_retention_period(days)
            .send()
            .await
            .map_err(|error| {
                AwsError::of("redshift:ModifyCluster", cluster_named(target), &error)
            })?;
        Ok(())
    }

    /// Sets one parameter of the group that the target names.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_cluster_parameter(
        &self,
        group: &Target,
        parameter: &str,
        value: &str,
    ) -> Result<(), AwsError> {
        self.reader
            .redshift(group)
            .await
            .modify_cluster_parameter_group()
            .parameter_group_name(&group.resource)
            .parameters(
                Parameter::builder()
                    .parameter_name(parameter)
                    .parameter_value(value)
                    .build(),
            )
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "redshift:ModifyClusterParameterGroup",
                    group_named(group),
                    &error,
                )
            })?;
        Ok(())
    }
}
