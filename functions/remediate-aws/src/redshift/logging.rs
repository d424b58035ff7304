//! User activity logging: a parameter of the cluster's parameter group.
//! <https://docs.aws.amazon.com/redshift/latest/mgmt/db-auditing.html>

use async_trait::async_trait;
use remediate_core::Finding;

use crate::aspect::{Aspect, effect};
use crate::aws::redshift::{AssignedGroup, Cluster};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::{Arn, Target};

const PARAMETER: &str = "enable_user_activity_logging";
const ON: &str = "true";
const OFF: &str = "false";

/// Turns user activity logging on.
pub struct LogActivity;

/// The parameter group that a finding is about, by way of its cluster or by its own name.
struct Subject {
    group: Target,
    /// How the cluster stands to its group, where the finding names a cluster.
    cluster: Option<AssignedGroup>,
}

/// Whether an ARN says that it is of a parameter group.
fn names_a_group(finding: &Finding) -> bool {
    let resource = match &finding.subject {
        remediate_core::Subject::Resource { resource, .. } => resource.trim(),
        remediate_core::Subject::Device { .. } => return false,
    };
    Arn::parse(resource).is_some_and(|arn| arn.rest.starts_with("parametergroup:"))
}

/// Findings name a cluster; some name the group itself. Where a bare name does not say which, a cluster of the name comes first.
async fn subject(case: &Case<'_>, reader: &Reader) -> Result<Option<Subject>, AwsError> {
    let target = &case.target;
    let itself = Subject {
        group: target.clone(),
        cluster: None,
    };
    if names_a_group(case.finding) {
        return Ok(Some(itself));
    }
    let cluster = match reader.redshift_cluster(target).await {
        Ok(cluster) => cluster,
        Err(error) if error.is_missing() => return Ok(Some(itself)),
        Err(error) => return Err(error),
    };
    Ok(cluster.parameter_group.map(|assigned| Subject {
        group: Target {
            resource: assigned.name.clone(),
            ..target.clone()
        },
        cluster: Some(assigned),
    }))
}

fn is_on(value: &str) -> bool {
    value.eq_ignore_ascii_case(ON)
}

/// AWS's own groups, which nobody can change.
fn is_default(group: &str) -> bool {
    group.starts_with("default.")
}

/// What a compliant cluster still waits for.
fn in_force(subject: &Subject) -> Verdict {
    match &subject.cluster {
        Some(assigned) if assigned.apply_status == "pending-reboot" => {
            Verdict::compliant_because(format!(
                "parameter group {} has it; the cluster takes it up with its next reboot",
                assigned.name
            ))
        }
        _ => Verdict::compliant(),
    }
}

/// What has to be said about the clusters that share the group. `logging` says of each whether it writes audit logs anywhere.
fn notes(clusters: &[(&Cluster, bool)]) -> Vec<String> {
    let names = |chosen: &dyn Fn(bool) -> bool| {
        clusters
            .iter()
            .filter(|(_, logs)| chosen(*logs))
            .map(|(cluster, _)| cluster.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let all = names(&|_| true);
    if all.is_empty() {
        return vec!["no cluster of the region uses this parameter group".to_owned()];
    }
    let mut notes = vec![format!("in force after the next reboot of {all}")];
    let silent = names(&|logs| !logs);
    if !silent.is_empty() {
        notes.push(format!(
            "audit logging is off for {silent}: what users do is written nowhere until it is turned on too"
        ));
    }
    notes
}

async fn plan_group(group: &Target, from: String, reader: &Reader) -> Result<Verdict, AwsError> {
    let what = format!("cluster parameter group {}", group.resource);
    let tags = reader.parameter_group_tags(group).await?;
    let clusters = reader.redshift_clusters(group).await?;
    let mut sharing = Vec::new();
    for cluster in &clusters {
        if cluster
            .parameter_group
            .as_ref()
            .is_none_or(|assigned| assigned.name != group.resource)
        {
            continue;
        }
        let target = Target {
            resource: cluster.name.clone(),
            ..group.clone()
        };
        sharing.push((cluster, reader.audit_logging(&target).await?));
    }
    let step = Step {
        what,
        summary: format!("set {PARAMETER} to {ON}"),
        effect: effect(&ActivityLogging, group, &from, &ON.to_owned())?,
    };
    let steps = notes(&sharing)
        .into_iter()
        .fold(Steps::one(step), Steps::noting);
    Ok(Verdict::Change(steps.with_tags(tags)))
}

#[async_trait]
impl Repair for LogActivity {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let Some(subject) = subject(case, reader).await? else {
            return Ok(Verdict::unsupported(format!(
                "cluster {} has no parameter group yet: send the finding again when it is available",
                case.target.resource
            )));
        };
        let value = reader.cluster_parameter(&subject.group, PARAMETER).await?;
        if is_on(&value) {
            return Ok(in_force(&subject));
        }
        if is_default(&subject.group.resource) {
            return Ok(Verdict::unsupported(format!(
                "cluster parameter group {} is AWS's own and cannot be changed: make one with {PARAMETER} = {ON}, assign it to the cluster and reboot that",
                subject.group.resource
            )));
        }
        plan_group(&subject.group, value, reader).await
    }
}

/// The value of `enable_user_activity_logging` in a parameter group, which is the target.
pub struct ActivityLogging;

#[async_trait]
impl Aspect for ActivityLogging {
    const NAME: &'static str = "redshift.user-activity-logging";
    type Value = String;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<String, AwsError> {
        reader.cluster_parameter(target, PARAMETER).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &String,
        to: &String,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        // A parameter that nobody had set is off by default.
        let value = if is_on(to) { ON } else { OFF };
        writer.set_cluster_parameter(target, PARAMETER, value).await
    }

    fn is(&self, value: &String, wanted: &String) -> bool {
        is_on(value) == is_on(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> Cluster {
        Cluster {
            name: name.to_owned(),
            ..Cluster::default()
        }
    }

    /// The clusters, whether each writes audit logs; the notes.
    type Row<'a> = (&'a [(&'a Cluster, bool)], &'a [&'a str]);

    #[test]
    fn the_notes_name_who_has_to_reboot_and_who_writes_nothing() {
        let (a, b) = (cluster("sales"), cluster("stock"));
        let table: [Row<'_>; 4] = [
            (&[], &["no cluster of the region uses this parameter group"]),
            (&[(&a, true)], &["in force after the next reboot of sales"]),
            (
                &[(&a, true), (&b, false)],
                &[
                    "in force after the next reboot of sales, stock",
                    "audit logging is off for stock: what users do is written nowhere until it is turned on too",
                ],
            ),
            (
                &[(&a, false)],
                &[
                    "in force after the next reboot of sales",
                    "audit logging is off for sales: what users do is written nowhere until it is turned on too",
                ],
            ),
        ];
        for (clusters, expected) in table {
            assert_eq!(notes(clusters), expected);
        }
    }

    #[test]
    fn unset_and_off_are_the_same_and_on_is_on_in_any_case() {
        let is =
            |value: &str, wanted: &str| ActivityLogging.is(&value.to_owned(), &wanted.to_owned());
        assert!(is("", "false"));
        assert!(is("TRUE", "true"));
        assert!(!is("false", "true"));
    }

    #[test]
    fn groups_of_aws_are_known_by_their_name() {
        assert!(is_default("default.redshift-1.0"));
        assert!(!is_default("audited"));
    }
}
