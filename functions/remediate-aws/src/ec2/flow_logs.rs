//! Flow logs of a VPC: VPC-001. Made where there are none; what is there is never changed.

use std::collections::BTreeSet;

use async_trait::async_trait;
use remediate_core::rule::{Form, Mode, ParameterKind, ParameterSpec, RiskTier};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::vpc_named;
use crate::aspect::{Aspect, effect};
use crate::aws::logs::LogGroup;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Calls, Case, Grant, Repair, Rule, Step, Steps, Verdict};
use crate::target::{Arn, Grammar, Target};

pub(super) const RULE: Rule = Rule {
    id: "VPC-001",
    title: "VPC Flow Logs Enabled",
    tier: RiskTier::Irreversible,
    mode: Mode::Propose,
    effect: "Makes a flow log of the VPC into a CloudWatch log group, and the group if there is none. Flow logs cost money by the traffic that they record, and the group stays after an undo.",
    parameters: &[
        ParameterSpec {
            name: "role",
            kind: ParameterKind::Text(Form::Role("AutoRemediateFlowLogs")),
            default: "\"\"",
            what: "the role that delivers the logs (trusted by vpc-flow-logs.amazonaws.com); it has to be there, and of this name, for such roles alone may be passed",
        },
        ParameterSpec {
            name: "log_group",
            kind: ParameterKind::Text(Form::LogGroup),
            default: "\"vpc-flow-logs\"",
            what: "where the logs go",
        },
        ParameterSpec {
            name: "retention_days",
            kind: ParameterKind::Choice(&[
                "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400",
                "545", "731", "1096", "1827", "2192", "2557", "2922", "3288", "3653", "never",
            ]),
            default: "\"365\"",
            what: "after how many days a log group that is made here forgets; one that is there keeps its own",
        },
        ParameterSpec {
            name: "traffic",
            kind: ParameterKind::Choice(&["ALL", "ACCEPT", "REJECT"]),
            default: "\"ALL\"",
            what: "which traffic has to be recorded",
        },
    ],
    resource: Grammar::Ec2("vpc-"),
    grants: &[
        Grant {
            actions: &[
                "ec2:DescribeFlowLogs",
                "ec2:DescribeVpcs",
                "logs:DescribeLogGroups",
            ],
            resources: &["*"],
        },
        Grant {
            actions: &["ec2:CreateFlowLogs"],
            resources: &[
                "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:vpc/*",
                "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:vpc-flow-log/*",
            ],
        },
        Grant {
            actions: &["ec2:DeleteFlowLogs"],
            resources: &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:vpc-flow-log/*"],
        },
        Grant {
            actions: &["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
            resources: &["arn:${AWS::Partition}:logs:*:${AWS::AccountId}:log-group:*"],
        },
        Grant {
            actions: &["iam:PassRole"],
            resources: &[
                "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/AutoRemediateFlowLogs*",
            ],
        },
    ],
    calls: Calls {
        compliant: 1,
        // Three more where the log group has to be made.
        repair: 6,
    },
    undo: "The flow log is deleted; what it has recorded stays, and so does a log group that was made for it.",
    repair: &NoFlowLogs,
};

/// A flow log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLog {
    /// `fl-…`; nothing for one that is still to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `ALL`, `ACCEPT` or `REJECT`.
    pub traffic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// The role that delivers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The ARN of a bucket or a stream, where it does not go to a log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Why it cannot be delivered, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    pub active: bool,
}

impl FlowLog {
    /// What AWS takes for the same one: it refuses a second with the same traffic and destination.
    fn key(&self) -> (&str, &str) {
        let destination = self.log_group.as_deref().or(self.destination.as_deref());
        (&self.traffic, destination.unwrap_or_default())
    }

    fn records(&self, traffic: &str) -> bool {
        self.active && (self.traffic == "ALL" || self.traffic == traffic)
    }
}

/// All flow logs of a VPC.
pub struct FlowLogs;

#[async_trait]
impl Aspect for FlowLogs {
    const NAME: &'static str = "ec2.vpc-flow-logs";
    const SETTLES: bool = true;
    type Value = Vec<FlowLog>;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Vec<FlowLog>, AwsError> {
        reader.flow_logs(target).await
    }

    async fn write(
        &self,
        target: &Target,
        from: &Vec<FlowLog>,
        to: &Vec<FlowLog>,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        for log in beyond(to, from) {
            // A token of its own for each attempt: with an old one AWS answers as it did then, also after a deletion.
            let token = Uuid::now_v7().to_string();
            match writer.create_flow_log(target, log, &token).await {
                // An attempt before this one got that far.
                Err(error) if error.code() == Some("FlowLogAlreadyExists") => {}
                done => done?,
            }
        }
        let unwanted = beyond(from, to);
        if unwanted.is_empty() {
            return Ok(());
        }
        for log in writer.reader().flow_logs(target).await? {
            if let (true, Some(id)) = (
                unwanted.iter().any(|unwanted| unwanted.key() == log.key()),
                &log.id,
            ) {
                writer.delete_flow_log(target, id).await?;
            }
        }
        Ok(())
    }

    fn is(&self, value: &Vec<FlowLog>, wanted: &Vec<FlowLog>) -> bool {
        let keys = |logs: &[FlowLog]| -> BTreeSet<(String, String)> {
            logs.iter()
                .map(FlowLog::key)
                .map(|(traffic, destination)| (traffic.to_owned(), destination.to_owned()))
                .collect()
        };
        keys(value) == keys(wanted)
    }
}

/// Whether this traffic is recorded and delivered: all of it by one log, or by one for each half.
fn records(logs: &[FlowLog], traffic: &str) -> bool {
    let healthy = |traffic: &str| {
        logs.iter()
            .any(|log| log.records(traffic) && log.trouble.is_none())
    };
    healthy(traffic) || (healthy("ACCEPT") && healthy("REJECT"))
}

/// Those that are not among the others.
fn beyond<'a>(logs: &'a [FlowLog], others: &[FlowLog]) -> Vec<&'a FlowLog> {
    logs.iter()
        .filter(|log| !others.iter().any(|other| other.key() == log.key()))
        .collect()
}

/// A log group: whether it is there, and how long it keeps what it holds. The target's resource is its name.
pub struct LogGroups;

#[async_trait]
impl Aspect for LogGroups {
    const NAME: &'static str = "logs.log-group";
    const SETTLES: bool = true;
    type Value = Option<LogGroup>;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Option<LogGroup>, AwsError> {
        reader.log_group(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Option<LogGroup>,
        to: &Option<LogGroup>,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        let Some(wanted) = to else { return Ok(()) };
        match writer.create_log_group(target).await {
            // Somebody made it meanwhile: how long it keeps what it holds is theirs to say.
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => return Ok(()),
            done => done?,
        }
        match wanted.retention_days {
            Some(days) => writer.set_log_retention(target, days).await,
            None => Ok(()),
        }
    }

    fn reversible(
        &self,
        _from: &Option<LogGroup>,
        _to: &Option<LogGroup>,
    ) -> Result<(), &'static str> {
        Err("the log group may hold logs by now: delete it by hand if it does not")
    }
}

#[derive(Debug, Deserialize)]
struct Settings {
    role: String,
    log_group: String,
    retention_days: String,
    traffic: String,
}

impl Settings {
    /// The ARN of the role, and the name of the log group.
    ///
    /// # Errors
    /// What is missing or wrong before a flow log can be made for this account, for a person.
    fn checked(&self, target: &Target) -> Result<String, String> {
        // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
        let is_group = (1..=512).contains(&self.log_group.len())
            && self
                .log_group
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte));
        if !is_group {
            return Err(format!(
                "VPC-001: parameter log_group: `{}` is no name of a log group: expected letters, digits and _-/.#",
                self.log_group
            ));
        }
        self.role_arn(target)
    }

    fn role_arn(&self, target: &Target) -> Result<String, String> {
        if self.role.is_empty() {
            return Err(
                "VPC-001 needs parameters = { role = \"AutoRemediateFlowLogs\" }, a role that vpc-flow-logs.amazonaws.com may assume: the function makes no roles".to_owned(),
            );
        }
        if let Some(arn) = Arn::parse(&self.role) {
            return if arn.service == "iam"
                && arn.account == target.account.as_str()
                && arn.rest.starts_with("role/")
            {
                Ok(self.role.clone())
            } else {
                Err(format!(
                    "VPC-001: parameter role: `{}` is no role of account {}",
                    self.role, target.account
                ))
            };
        }
        // https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html; a path may stand before it.
        let is_name = self
            .role
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte));
        if is_name {
            Ok(format!(
                "arn:{}:iam::{}:role/{}",
                target.partition(),
                target.account,
                self.role.trim_start_matches('/')
            ))
        } else {
            Err(format!(
                "VPC-001: parameter role: `{}` is neither a role's name nor its ARN",
                self.role
            ))
        }
    }
}

/// VPC-001.
struct NoFlowLogs;

#[async_trait]
impl Repair for NoFlowLogs {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let settings: Settings = case.parameters()?;
        let logs = reader.flow_logs(&case.target).await?;
        let recording: Vec<_> = logs
            .iter()
            .filter(|log| log.records(&settings.traffic))
            .collect();
        if records(&logs, &settings.traffic) {
            return Ok(Verdict::compliant());
        }
        let vpc = reader.vpc(&case.target).await?;
        let named = vpc_named(&case.target);
        if let [log, ..] = recording.as_slice() {
            return Ok(Verdict::unsupported(format!(
                "{named}: flow log {} is there, but is not delivered ({}): set its role and destination right, or delete it",
                log.id.as_deref().unwrap_or("without an id"),
                log.trouble.as_deref().unwrap_or_default()
            )));
        }
        if let Some(owner) = vpc
            .owner
            .filter(|owner| owner != case.target.account.as_str())
        {
            return Ok(Verdict::unsupported(format!(
                "{named} is account {owner}'s, which shares it: its flow logs are made there"
            )));
        }
        let role = match settings.checked(&case.target) {
            Ok(role) => role,
            Err(lacking) => return Ok(Verdict::unsupported(format!("{named}: {lacking}"))),
        };
        let mut steps = Steps::default().with_tags(vpc.tags);
        steps = log_group(case, &settings, reader, steps).await?;
        steps.steps.push(flow_log(case, &settings, role, &logs)?);
        Ok(Verdict::Change(steps))
    }
}

/// The step that makes the log group, if there is none.
async fn log_group(
    case: &Case<'_>,
    settings: &Settings,
    reader: &Reader,
    mut steps: Steps,
) -> Result<Steps, AwsError> {
    let target = Target {
        resource: settings.log_group.clone(),
        ..case.target.clone()
    };
    match reader.log_group(&target).await? {
        Some(LogGroup {
            retention_days: None,
        }) => Ok(steps.noting(format!(
            "log group {} is there and never forgets: set a retention to bound what it costs",
            settings.log_group
        ))),
        Some(_) => Ok(steps),
        None => {
            // "never" is no number.
            let wanted = LogGroup {
                retention_days: settings.retention_days.parse().ok(),
            };
            let kept = match wanted.retention_days {
                Some(days) => format!("that keeps logs for {days} days"),
                None => "that never forgets".to_owned(),
            };
            steps.steps.push(Step {
                what: format!("log group {}", settings.log_group),
                summary: format!("make it, a group {kept}"),
                effect: effect(&LogGroups, &target, &None, &Some(wanted))?,
            });
            Ok(steps)
        }
    }
}

/// The step that makes the flow log.
fn flow_log(
    case: &Case<'_>,
    settings: &Settings,
    role: String,
    logs: &[FlowLog],
) -> Result<Step, AwsError> {
    let log = FlowLog {
        traffic: settings.traffic.clone(),
        log_group: Some(settings.log_group.clone()),
        role: Some(role),
        active: true,
        ..FlowLog::default()
    };
    let summary = format!(
        "record its traffic ({}) in log group {}",
        log.traffic, settings.log_group
    );
    let mut after = logs.to_vec();
    after.push(log);
    Ok(Step {
        what: vpc_named(&case.target),
        summary,
        effect: effect(&FlowLogs, &case.target, &logs.to_vec(), &after)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(role: &str, log_group: &str) -> Settings {
        Settings {
            role: role.to_owned(),
            log_group: log_group.to_owned(),
            retention_days: "365".to_owned(),
            traffic: "ALL".to_owned(),
        }
    }

    fn target() -> Target {
        Target {
            account: remediate_core::AccountId::new("123456789012"),
            region: Some("eu-central-1".to_owned()),
            resource: "vpc-0a1b2c3d".to_owned(),
        }
    }

    #[test]
    fn role_and_log_group_have_to_be_named_rightly() {
        let role = "arn:aws:iam::123456789012:role/AutoRemediateFlowLogs";
        for (given, log_group, expected) in [
            (role, "vpc-flow-logs", Some(role)),
            (role, "/aws/vpc/flow", Some(role)),
            ("AutoRemediateFlowLogs", "vpc-flow-logs", Some(role)),
            ("", "vpc-flow-logs", None),
            ("Auto Remediate", "vpc-flow-logs", None),
            (
                "arn:aws:iam::210987654321:role/FlowLogs",
                "vpc-flow-logs",
                None,
            ),
            (
                "arn:aws:iam::123456789012:user/alice",
                "vpc-flow-logs",
                None,
            ),
            (role, "", None),
            (role, "flow logs", None),
        ] {
            let checked = settings(given, log_group).checked(&target());
            assert_eq!(
                checked.as_deref().ok(),
                expected,
                "{given} {log_group}: {checked:?}"
            );
        }
    }

    #[test]
    fn a_flow_log_of_rejected_traffic_alone_does_not_record_all() {
        let log = |traffic: &str, active| FlowLog {
            traffic: traffic.to_owned(),
            active,
            ..FlowLog::default()
        };
        assert!(log("ALL", true).records("REJECT"));
        assert!(log("REJECT", true).records("REJECT"));
        assert!(!log("REJECT", true).records("ALL"));
        assert!(!log("ALL", false).records("ALL"));
        assert!(records(&[log("ACCEPT", true), log("REJECT", true)], "ALL"));
        assert!(!records(&[log("REJECT", true)], "ALL"));
    }

    #[test]
    fn flow_logs_are_told_apart_by_traffic_and_destination() {
        let log = |id: &str, traffic: &str, group: &str| FlowLog {
            id: Some(id.to_owned()),
            traffic: traffic.to_owned(),
            log_group: Some(group.to_owned()),
            active: true,
            ..FlowLog::default()
        };
        let a = vec![log("fl-1", "ALL", "a")];
        assert!(FlowLogs.is(&vec![log("fl-2", "ALL", "a")], &a));
        assert!(!FlowLogs.is(&vec![log("fl-1", "ALL", "b")], &a));
        assert!(!FlowLogs.is(
            &vec![log("fl-1", "ALL", "a"), log("fl-3", "REJECT", "a")],
            &a
        ));
    }
}
