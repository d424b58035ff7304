//! Settings of DB instances: minor version upgrades, public access.

use async_trait::async_trait;
use serde::Deserialize;

use crate::aspect::{Aspect, effect};
use crate::aws::rds::Instance;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// Turns minor version upgrades on.
pub struct TurnUpgradesOn;

/// Takes the public address away.
pub struct MakePrivate;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Private {
    act_if: ActIf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActIf {
    Always,
    Unprotected,
}

fn named(target: &Target) -> String {
    format!("DB instance {}", target.resource)
}

/// The Multi-AZ DB cluster that the instance belongs to, whose settings are the cluster's. Aurora's members have their own.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.html>
fn multi_az_cluster(instance: &Instance) -> Option<&str> {
    instance
        .cluster
        .as_deref()
        .filter(|_| matches!(instance.engine.as_str(), "mysql" | "postgres"))
}

/// Why RDS takes no change of the instance, whatever it is, and what to do.
fn closed(instance: &Instance) -> Option<&'static str> {
    match instance.status.as_str() {
        "deleting" => Some("it is being deleted"),
        "stopped" | "stopping" => Some(
            "it is stopped, and RDS changes only running instances: start it, then send the finding again",
        ),
        _ => None,
    }
}

/// A change that is on its way shows only when it is done; asking for it again is refused meanwhile.
fn busy(instance: &Instance, target: &Target) -> Option<AwsError> {
    (instance.status == "modifying").then(|| AwsError::Busy {
        call: "rds:DescribeDBInstances",
        what: named(target),
        code: instance.status.clone(),
        message: "it is being modified: what comes of it shows afterwards".to_owned(),
    })
}

/// Why its minor version upgrades are not for this rule to turn on.
fn no_upgrades(instance: &Instance) -> Option<String> {
    if let Some(because) = closed(instance) {
        return Some(because.to_owned());
    }
    if instance.engine.starts_with("custom-") {
        return Some(
            "RDS Custom does not install minor versions by itself: install them by hand".to_owned(),
        );
    }
    if instance.engine == "docdb" {
        return Some("DocumentDB installs minor versions whatever this setting is".to_owned());
    }
    multi_az_cluster(instance).map(|cluster| {
        format!(
            "it belongs to Multi-AZ DB cluster {cluster}, which has the setting: turn automatic minor version upgrades on for the cluster"
        )
    })
}

/// Why its public access is not for this rule to take away.
fn not_ours_to_close(instance: &Instance) -> Option<String> {
    if let Some(because) = closed(instance) {
        return Some(because.to_owned());
    }
    multi_az_cluster(instance).map(|cluster| {
        format!(
            "it belongs to Multi-AZ DB cluster {cluster}, whose public access is decided when it is made: restore the cluster without it and move there; until then, narrow its security groups"
        )
    })
}

#[async_trait]
impl Repair for TurnUpgradesOn {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let target = &case.target;
        let instance = reader.db_instance(target).await?;
        if instance.minor_version_upgrades {
            return Ok(Verdict::compliant());
        }
        if let Some(because) = no_upgrades(&instance) {
            return Ok(Verdict::unsupported(format!(
                "{}: {because}",
                named(target)
            )));
        }
        if let Some(busy) = busy(&instance, target) {
            return Err(busy);
        }
        let step = Step {
            what: named(target),
            summary: "have RDS install minor versions in its maintenance window".to_owned(),
            effect: effect(&MinorUpgrades, target, &false, &true)?,
        };
        Ok(Verdict::Change(Steps::one(step).with_tags(instance.tags)))
    }
}

#[async_trait]
impl Repair for MakePrivate {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let Private { act_if } = case.parameters()?;
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let target = &case.target;
        let instance = reader.db_instance(target).await?;
        if !instance.publicly_accessible {
            return Ok(Verdict::compliant());
        }
        if let Some(because) = not_ours_to_close(&instance) {
            return Ok(Verdict::unsupported(format!(
                "{}: {because}",
                named(target)
            )));
        }
        if let Some(busy) = busy(&instance, target) {
            return Err(busy);
        }
        let step = Step {
            what: named(target),
            summary: "take its public address away".to_owned(),
            effect: effect(&PublicAccess, target, &true, &false)?,
        };
        let mut steps = Steps::one(step);
        if !instance.replicas.is_empty() {
            steps = steps.noting(format!(
                "its replicas keep what they have: {}",
                instance.replicas.join(", ")
            ));
        }
        let steps = steps.with_tags(instance.tags);
        if act_if == ActIf::Unprotected && instance.deletion_protection {
            return Ok(Verdict::Held {
                because: format!(
                    "{} has deletion protection, and `act_if` is \"unprotected\": see who connects to it from outside its VPC, then send this repair",
                    named(target)
                ),
                steps,
            });
        }
        Ok(Verdict::Change(steps))
    }
}

/// Whether RDS installs minor versions by itself.
pub struct MinorUpgrades;

#[async_trait]
impl Aspect for MinorUpgrades {
    const NAME: &'static str = "rds.minor-version-upgrades";
    type Value = bool;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        Ok(reader.db_instance(target).await?.minor_version_upgrades)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer.set_minor_version_upgrades(target, *to).await
    }
}

/// Whether an instance has a public address.
pub struct PublicAccess;

#[async_trait]
impl Aspect for PublicAccess {
    const NAME: &'static str = "rds.publicly-accessible";
    type Value = bool;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        Ok(reader.db_instance(target).await?.publicly_accessible)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer.set_db_publicly_accessible(target, *to).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(engine: &str, cluster: Option<&str>, status: &str) -> Instance {
        Instance {
            status: status.to_owned(),
            engine: engine.to_owned(),
            cluster: cluster.map(str::to_owned),
            publicly_accessible: true,
            ..Instance::default()
        }
    }

    #[test]
    fn what_rds_would_not_change_is_reported_with_what_to_do() {
        let own = None;
        let member = Some("orders");
        // Engine, cluster, status; what minor upgrades and public access are refused with.
        let table = [
            ("postgres", own, "available", "", ""),
            ("aurora-postgresql", member, "available", "", ""),
            ("aurora-mysql", member, "backing-up", "", ""),
            ("sqlserver-ex", own, "storage-optimization", "", ""),
            (
                "postgres",
                member,
                "available",
                "Multi-AZ DB cluster orders",
                "Multi-AZ DB cluster orders",
            ),
            (
                "mysql",
                member,
                "available",
                "for the cluster",
                "security groups",
            ),
            ("custom-oracle-ee", own, "available", "by hand", ""),
            ("docdb", member, "available", "DocumentDB", ""),
            ("postgres", own, "stopped", "start it", "start it"),
            ("postgres", own, "stopping", "start it", "start it"),
            (
                "postgres",
                own,
                "deleting",
                "being deleted",
                "being deleted",
            ),
        ];
        for (engine, cluster, status, upgrades, access) in table {
            let instance = instance(engine, cluster, status);
            for (found, expected) in [
                (no_upgrades(&instance), upgrades),
                (not_ours_to_close(&instance), access),
            ] {
                assert_eq!(
                    found.is_some(),
                    !expected.is_empty(),
                    "{instance:?}: {found:?}"
                );
                let found = found.unwrap_or_default();
                assert!(found.contains(expected), "{instance:?}: {found}");
            }
        }
    }

    #[test]
    fn only_a_change_on_its_way_is_waited_for() {
        let target = Target {
            account: remediate_core::AccountId::new("123456789012"),
            region: Some("eu-west-1".to_owned()),
            resource: "orders".to_owned(),
        };
        for (status, waited_for) in [
            ("modifying", true),
            ("available", false),
            ("backing-up", false),
        ] {
            assert_eq!(
                busy(&instance("postgres", None, status), &target).is_some(),
                waited_for
            );
        }
    }
}
