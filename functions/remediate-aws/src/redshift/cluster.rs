//! Settings of clusters: public access, retention of automated snapshots.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, effect};
use crate::aws::redshift::Cluster;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// Takes the public address away.
pub struct MakePrivate;

/// Keeps automated snapshots longer; never shorter.
pub struct RaiseRetention;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    retention_days: i32,
}

fn named(target: &Target) -> String {
    format!("cluster {}", target.resource)
}

/// Whether and why a cluster takes no change now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Closed {
    /// Until somebody does something.
    Unless(&'static str),
    /// Until what is going on is over.
    Now,
}

/// `arriving` says that what is wanted was asked for already and is on its way.
fn closed(cluster: &Cluster, arriving: bool) -> Option<Closed> {
    match cluster.status.as_str() {
        "deleting" | "final-snapshot" => Some(Closed::Unless("it is being deleted")),
        "paused" | "pausing" => Some(Closed::Unless(
            "it is paused, and Redshift changes only running clusters: resume it, then send the finding again",
        )),
        "modifying" => Some(Closed::Now),
        _ if arriving => Some(Closed::Now),
        _ => None,
    }
}

/// What stands in the way of a change, as a verdict or, where waiting helps, as an error that brings the finding back.
fn obstacle(
    cluster: &Cluster,
    arriving: bool,
    target: &Target,
) -> Result<Option<Verdict>, AwsError> {
    match closed(cluster, arriving) {
        None => Ok(None),
        Some(Closed::Unless(because)) => Ok(Some(Verdict::unsupported(format!(
            "{}: {because}",
            named(target)
        )))),
        Some(Closed::Now) => Err(AwsError::Busy {
            call: "redshift:DescribeClusters",
            what: named(target),
            code: cluster.status.clone(),
            message: "it is being modified: what comes of it shows afterwards".to_owned(),
        }),
    }
}

#[async_trait]
impl Repair for MakePrivate {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let target = &case.target;
        let cluster = reader.redshift_cluster(target).await?;
        if !cluster.publicly_accessible {
            return Ok(Verdict::compliant());
        }
        let arriving = cluster.pending_public == Some(false);
        if let Some(verdict) = obstacle(&cluster, arriving, target)? {
            return Ok(verdict);
        }
        let summary = match &cluster.elastic_ip {
            Some(address) => format!("take its public address {address} away"),
            None => "take its public address away".to_owned(),
        };
        let step = Step {
            what: named(target),
            summary,
            effect: effect(
                &PublicAccess,
                target,
                &Access::of(&cluster),
                &Access::PRIVATE,
            )?,
        };
        Ok(Verdict::Change(Steps::one(step).with_tags(cluster.tags)))
    }
}

#[async_trait]
impl Repair for RaiseRetention {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let Parameters { retention_days } = case.parameters()?;
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let target = &case.target;
        let cluster = reader.redshift_cluster(target).await?;
        let Some(days) = raised(cluster.automated_retention, retention_days) else {
            return Ok(Verdict::compliant());
        };
        let arriving = cluster
            .pending_retention
            .is_some_and(|pending| raised(pending, retention_days).is_none());
        if let Some(verdict) = obstacle(&cluster, arriving, target)? {
            return Ok(verdict);
        }
        let step = Step {
            what: named(target),
            summary: format!("keep automated snapshots for {days} days"),
            effect: effect(&Retention, target, &cluster.automated_retention, &days)?,
        };
        Ok(Verdict::Change(Steps::one(step).with_tags(cluster.tags)))
    }
}

/// The retention to set, if the present one is too short.
fn raised(present: i32, wanted: i32) -> Option<i32> {
    (present < wanted).then_some(wanted)
}

/// Whether a cluster has a public address.
pub struct PublicAccess;

/// `{"public":true,"elastic_ip":"198.51.100.7"}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub public: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elastic_ip: Option<String>,
}

impl Access {
    const PRIVATE: Self = Self {
        public: false,
        elastic_ip: None,
    };

    /// An address that a private cluster still shows is of no account.
    fn of(cluster: &Cluster) -> Self {
        Self {
            public: cluster.publicly_accessible,
            elastic_ip: cluster
                .elastic_ip
                .clone()
                .filter(|_| cluster.publicly_accessible),
        }
    }
}

#[async_trait]
impl Aspect for PublicAccess {
    const NAME: &'static str = "redshift.publicly-accessible";
    type Value = Access;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Access, AwsError> {
        Ok(Access::of(&reader.redshift_cluster(target).await?))
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Access,
        to: &Access,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer
            .set_cluster_publicly_accessible(target, to.public, to.elastic_ip.as_deref())
            .await
    }
}

/// For how many days a cluster keeps its automated snapshots.
pub struct Retention;

#[async_trait]
impl Aspect for Retention {
    const NAME: &'static str = "redshift.automated-snapshot-retention";
    type Value = i32;
    /// Somebody may have raised it further since it was looked at, and writing a shorter one deletes snapshots.
    const REPLACES: bool = true;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<i32, AwsError> {
        Ok(reader.redshift_cluster(target).await?.automated_retention)
    }

    async fn write(
        &self,
        target: &Target,
        from: &i32,
        to: &i32,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        if to < from {
            return Err(AwsError::Unreadable(format!(
                "{}: this function does not shorten the retention of snapshots ({from} to {to} days)",
                named(target)
            )));
        }
        writer.set_automated_retention(target, *to).await
    }

    fn reversible(&self, from: &i32, to: &i32) -> Result<(), &'static str> {
        if to > from {
            Err(
                "a shorter retention deletes the automated snapshots beyond it at once: that is a person's decision, in Redshift itself",
            )
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cluster(status: &str) -> Cluster {
        Cluster {
            status: status.to_owned(),
            ..Cluster::default()
        }
    }

    #[test]
    fn a_retention_is_raised_when_too_short_and_else_left() {
        for (present, wanted, expected) in [
            (0, 7, Some(7)),
            (1, 7, Some(7)),
            (6, 7, Some(7)),
            (7, 7, None),
            (35, 7, None),
            (1, 35, Some(35)),
        ] {
            assert_eq!(raised(present, wanted), expected, "{present} {wanted}");
        }
    }

    proptest! {
        #[test]
        fn raising_never_shortens_and_is_done_after_one_time(present in 0i32..=35, wanted in 1i32..=35) {
            if let Some(days) = raised(present, wanted) {
                prop_assert!(days > present);
                prop_assert_eq!(raised(days, wanted), None);
                prop_assert!(Aspect::reversible(&Retention, &present, &days).is_err());
            } else {
                prop_assert!(present >= wanted);
            }
        }
    }

    #[test]
    fn a_cluster_that_takes_no_change_is_waited_for_or_reported() {
        let table = [
            ("available", false, None),
            ("available", true, Some(Closed::Now)),
            ("modifying", false, Some(Closed::Now)),
            ("available, prep-for-resize", false, None),
        ];
        for (status, arriving, expected) in table {
            assert_eq!(closed(&cluster(status), arriving), expected, "{status}");
        }
        for status in ["paused", "pausing", "deleting", "final-snapshot"] {
            assert!(
                matches!(closed(&cluster(status), false), Some(Closed::Unless(_))),
                "{status}"
            );
        }
    }

    #[test]
    fn the_elastic_address_is_part_of_what_is_given_back() {
        let mut described = Cluster {
            publicly_accessible: true,
            elastic_ip: Some("198.51.100.7".to_owned()),
            ..cluster("available")
        };
        let before = Access::of(&described);
        assert_eq!(before.elastic_ip.as_deref(), Some("198.51.100.7"));
        described.publicly_accessible = false;
        assert_eq!(Access::of(&described), Access::PRIVATE);
    }
}
