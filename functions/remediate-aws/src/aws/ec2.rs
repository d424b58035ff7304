//! Calls of EC2.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::revoke_security_group_egress::RevokeSecurityGroupEgressOutput;
use aws_sdk_ec2::operation::revoke_security_group_ingress::RevokeSecurityGroupIngressOutput;
use aws_sdk_ec2::types::{
    Filter, FlowLog as AwsFlowLog, FlowLogsResourceType, ImageAttributeName, IpPermission, IpRange,
    Ipv6Range, LaunchPermission, LaunchPermissionModifications, LogDestinationType, OperationType,
    PermissionGroup, PrefixListId, ReferencedSecurityGroup, ResourceType, SecurityGroupRule,
    SnapshotAttributeName, Tag as AwsTag, TagSpecification, TrafficType, UserIdGroupPair,
};

use super::{Reader, Writer};
use crate::ec2::flow_logs::FlowLog;
use crate::ec2::group_rule::{GroupRule, Peer, Permission};
use crate::ec2::group_rules::Direction;
use crate::ec2::{group_named, image_named, snapshot_named, vpc_named};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::sharing::Sharing;
use crate::target::Target;

/// Items of one answer; the most that these operations give.
const PAGE: i32 = 1000;

/// A security group, without its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// The account that it is of: a group can be shared with others.
    pub owner: Option<String>,
    pub tags: Vec<Tag>,
}

/// A snapshot of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub tags: Vec<Tag>,
}

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// When an instance was last started from it, as AWS writes it; up to a day late, and nothing if never.
    pub last_launched: Option<String>,
    /// Whether it carries product codes, as images of the AWS Marketplace do.
    pub is_product: bool,
    pub tags: Vec<Tag>,
}

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpc {
    /// The account that it is of: subnets can be shared with others.
    pub owner: Option<String>,
    pub tags: Vec<Tag>,
}

/// EC2 says `AuthFailure` also of a resource that is another account's, and `Unavailable` of an image that is deregistered.
fn failed<E>(call: &'static str, what: &str, error: &SdkError<E>) -> AwsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match AwsError::of(call, what, error) {
        AwsError::Credentials {
            call,
            code,
            message,
        } if code == "AuthFailure" => AwsError::Denied {
            call,
            what: what.to_owned(),
            code,
            message,
        },
        AwsError::Refused { call, code, .. } if code == "InvalidAMIID.Unavailable" => {
            AwsError::Missing {
                call,
                what: what.to_owned(),
                code,
            }
        }
        other => other,
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn tags(tags: Option<Vec<AwsTag>>) -> Vec<Tag> {
    tags.unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

impl Reader {
    async fn ec2(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// All rules of a security group, with the direction of each. None at all if there is no such group, which is no error here.
    ///
    /// # Errors
    /// When `ec2:DescribeSecurityGroupRules` fails.
    pub(crate) async fn security_group_rules(
        &self,
        target: &Target,
    ) -> Result<Vec<(Direction, GroupRule)>, AwsError> {
        const CALL: &str = "ec2:DescribeSecurityGroupRules";
        let client = self.ec2(target).await;
        let mut pages = client
            .describe_security_group_rules()
            .filters(filter("group-id", &target.resource))
            .into_paginator()
            .page_size(PAGE)
            .send();
        let mut rules = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(CALL, &group_named(target), &error))?;
            rules.extend(
                page.security_group_rules
                    .unwrap_or_default()
                    .into_iter()
                    .map(read_rule),
            );
        }
        Ok(rules)
    }

    /// # Errors
    /// [`AwsError::Missing`] where there is no such group; else when `ec2:DescribeSecurityGroups` fails.
    pub(crate) async fn security_group(&self, target: &Target) -> Result<SecurityGroup, AwsError> {
        const CALL: &str = "ec2:DescribeSecurityGroups";
        let what = group_named(target);
        let client = self.ec2(target).await;
        let answer = client
            .describe_security_groups()
            .group_ids(&target.resource)
            .send()
            .await
            .map_err(|error| failed(CALL, &what, &error))?;
        let group = answer
            .security_groups
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| missing(CALL, what))?;
        Ok(SecurityGroup {
            owner: group.owner_id,
            tags: tags(group.tags),
        })
    }

    /// The network interfaces that a security group is attached to.
    ///
    /// # Errors
    /// When `ec2:DescribeNetworkInterfaces` fails.
    pub(crate) async fn interfaces_of_group(
        &self,
        target: &Target,
    ) -> Result<Vec<String>, AwsError> {
        const CALL: &str = "ec2:DescribeNetworkInterfaces";
        let client = self.ec2(target).await;
        let mut pages = client
            .describe_network_interfaces()
            .filters(filter("group-id", &target.resource))
            .into_paginator()
            .page_size(PAGE)
            .send();
        let mut interfaces = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(CALL, &group_named(target), &error))?;
            interfaces.extend(
                page.network_interfaces
                    .unwrap_or_default()
                    .into_iter()
                    .map(|interface| interface.network_interface_id.unwrap_or_default()),
            );
        }
        Ok(interfaces)
    }

    /// Who may make volumes of a snapshot.
    ///
    /// # Errors
    /// When `ec2:DescribeSnapshotAttribute` fails.
    pub(crate) async fn snapshot_sharing(&self, target: &Target) -> Result<Sharing, AwsError> {
        const CALL: &str = "ec2:DescribeSnapshotAttribute";
        let client = self.ec2(target).await;
        let answer = client
            .describe_snapshot_attribute()
            .attribute(SnapshotAttributeName::CreateVolumePermission)
            .snapshot_id(&target.resource)
            .send()
            .await
            .map_err(|error| failed(CALL, &snapshot_named(target), &error))?;
        let permissions = answer.create_volume_permissions.unwrap_or_default();
        Ok(Sharing {
            public: permissions
                .iter()
                .any(|permission| permission.group == Some(PermissionGroup::All)),
            with: permissions
                .into_iter()
                .filter_map(|permission| permission.user_id)
                .collect(),
        })
    }

    /// # Errors
    /// [`AwsError::Missing`] where there is no such snapshot; else when `ec2:DescribeSnapshots` fails.
    pub(crate) async fn snapshot(&self, target: &Target) -> Result<Snapshot, AwsError> {
        const CALL: &str = "ec2:DescribeSnapshots";
        let what = snapshot_named(target);
        let client = self.ec2(target).await;
        let answer = client
            .describe_snapshots()
            .snapshot_ids(&target.resource)
            .send()
            .await
            .map_err(|error| failed(CALL, &what, &error))?;
        let snapshot = answer
            .snapshots
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| missing(CALL, what))?;
        Ok(Snapshot {
            tags: tags(snapshot.tags),
        })
    }

    /// Who may start instances from an image: accounts, organisations and organisational units.
    ///
    /// # Errors
    /// When `ec2:DescribeImageAttribute` fails.
    pub(crate) async fn image_sharing(&self, target: &Target) -> Result<Sharing, AwsError> {
        const CALL: &str = "ec2:DescribeImageAttribute";
        let client = self.ec2(target).await;
        let answer = client
            .describe_image_attribute()
            .attribute(ImageAttributeName::LaunchPermission)
            .image_id(&target.resource)
            .send()
            .await
            .map_err(|error| failed(CALL, &image_named(target), &error))?;
        let permissions = answer.launch_permissions.unwrap_or_default();
        Ok(Sharing {
            public: permissions
                .iter()
                .any(|permission| permission.group == Some(PermissionGroup::All)),
            with: permissions
                .into_iter()
                .filter_map(|permission| {
                    permission
                        .user_id
                        .or(permission.organization_arn)
                        .or(permission.organizational_unit_arn)
                })
                .collect(),
        })
    }

    /// # Errors
    /// [`AwsError::Missing`] where there is no such image; else when `ec2:DescribeImages` fails.
    pub(crate) async fn image(&self, target: &Target) -> Result<Image, AwsError> {
        const CALL: &str = "ec2:DescribeImages";
        let what = image_named(target);
        let client = self.ec2(target).await;
        // Deprecated and disabled images can be shared as well.
        let answer = client
            .describe_images()
            .image_ids(&target.resource)
            .include_deprecated(true)
            .include_disabled(true)
            .send()
            .await
            .map_err(|error| failed(CALL, &what, &error))?;
        let image = answer
            .images
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| missing(CALL, what))?;
        Ok(Image {
            last_launched: image.last_launched_time.filter(|time| !time.is_empty()),
            is_product: image.product_codes.is_some_and(|codes| !codes.is_empty()),
            tags: tags(image.tags),
        })
    }

    /// # Errors
    /// [`AwsError::Missing`] where there is no such VPC; else when `ec2:DescribeVpcs` fails.
    pub(crate) async fn vpc(&self, target: &Target) -> Result<Vpc, AwsError> {
        const CALL: &str = "ec2:DescribeVpcs";
        let what = vpc_named(target);
        let client = self.ec2(target).await;
        let answer = client
            .describe_vpcs()
            .vpc_ids(&target.resource)
            .send()
            .await
            .map_err(|error| failed(CALL, &what, &error))?;
        let vpc = answer
            .vpcs
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| missing(CALL, what))?;
        Ok(Vpc {
            owner: vpc.owner_id,
            tags: tags(vpc.tags),
        })
    }

    /// The flow logs of a VPC itself, not those of its subnets and interfaces.
    ///
    /// # Errors
    /// When `ec2:DescribeFlowLogs` fails.
    pub(crate) async fn flow_logs(&self, target: &Target) -> Result<Vec<FlowLog>, AwsError> {
        const CALL: &str = "ec2:DescribeFlowLogs";
        let client = self.ec2(target).await;
        let mut pages = client
            .describe_flow_logs()
            .filter(filter("resource-id", &target.resource))
            .into_paginator()
            .page_size(PAGE)
            .send();
        let mut logs = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(CALL, &vpc_named(target), &error))?;
            logs.extend(
                page.flow_logs
                    .unwrap_or_default()
                    .into_iter()
                    .map(read_flow_log),
            );
        }
        Ok(logs)
    }
}

impl Writer {
    /// Makes rules, all with the same tags. All of them or none.
    ///
    /// # Errors
    /// `InvalidPermission.Duplicate` where one is there already; else when `ec2:AuthorizeSecurityGroupIngress` (or `…Egress`) fails.
    pub(crate) async fn authorize_group_rules(
        &self,
        target: &Target,
        direction: Direction,
        rules: &[&GroupRule],
    ) -> Result<(), AwsError> {
        let what = group_named(target);
        let client = self.reader().ec2(target).await;
        let permissions: Vec<_> = rules.iter().map(|rule| write_rule(rule)).collect();
        let tags = rules.first().and_then(|rule| write_tags(rule));
        match direction {
            Direction::Ingress => client
                .authorize_security_group_ingress()
                .group_id(&target.resource)
                .set_ip_permissions(Some(permissions))
                .set_tag_specifications(tags)
                .send()
                .await
                .map(drop)
                .map_err(|error| failed("ec2:AuthorizeSecurityGroupIngress", &what, &error)),
            Direction::Egress => client
                .authorize_security_group_egress()
                .group_id(&target.resource)
                .set_ip_permissions(Some(permissions))
                .set_tag_specifications(tags)
                .send()
                .await
                .map(drop)
                .map_err(|error| failed("ec2:AuthorizeSecurityGroupEgress", &what, &error)),
        }
    }

    /// Takes rules away by their ids. Says how many of them AWS did not know: in a default VPC that is no error.
    ///
    /// # Errors
    /// `InvalidSecurityGroupRuleId.NotFound` where one is gone; else when `ec2:RevokeSecurityGroupIngress` (or `…Egress`) fails.
    pub(crate) async fn revoke_group_rules(
        &self,
        target: &Target,
        direction: Direction,
        ids: Vec<String>,
    ) -> Result<usize, AwsError> {
        let what = group_named(target);
        let client = self.reader().ec2(target).await;
        let unknown = match direction {
            Direction::Ingress => client
                .revoke_security_group_ingress()
                .group_id(&target.resource)
                .set_security_group_rule_ids(Some(ids))
                .send()
                .await
                .map(
                    |RevokeSecurityGroupIngressOutput {
                         unknown_ip_permissions,
                         ..
                     }| unknown_ip_permissions,
                )
                .map_err(|error| failed("ec2:RevokeSecurityGroupIngress", &what, &error))?,
            Direction::Egress => client
                .revoke_security_group_egress()
                .group_id(&target.resource)
                .set_security_group_rule_ids(Some(ids))
                .send()
                .await
                .map(
                    |RevokeSecurityGroupEgressOutput {
                         unknown_ip_permissions,
                         ..
                     }| unknown_ip_permissions,
                )
                .map_err(|error| failed("ec2:RevokeSecurityGroupEgress", &what, &error))?,
        };
        Ok(unknown.unwrap_or_default().len())
    }

    /// Lets everybody make volumes of a snapshot, or no longer. Whom it is shared with by name does not change.
    ///
    /// # Errors
    /// When `ec2:ModifySnapshotAttribute` fails.
    pub(crate) async fn set_snapshot_public(
        &self,
        target: &Target,
        public: bool,
    ) -> Result<(), AwsError> {
        let operation = if public {
            OperationType::Add
        } else {
            OperationType::Remove
        };
        let client = self.reader().ec2(target).await;
        client
            .modify_snapshot_attribute()
            .attribute(SnapshotAttributeName::CreateVolumePermission)
            .snapshot_id(&target.resource)
            .operation_type(operation)
            .group_names(PermissionGroup::All.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| {
                failed(
                    "ec2:ModifySnapshotAttribute",
                    &snapshot_named(target),
                    &error,
                )
            })
    }

    /// Lets everybody start instances from an image, or no longer. Whom it is shared with by name does not change.
    ///
    /// # Errors
    /// When `ec2:ModifyImageAttribute` fails.
    pub(crate) async fn set_image_public(
        &self,
        target: &Target,
        public: bool,
    ) -> Result<(), AwsError> {
        let everybody = LaunchPermission::builder()
            .group(PermissionGroup::All)
            .build();
        let change = LaunchPermissionModifications::builder();
        let change = if public {
            change.add(everybody)
        } else {
            change.remove(everybody)
        };
        let client = self.reader().ec2(target).await;
        client
            .modify_image_attribute()
            .image_id(&target.resource)
            .launch_permission(change.build())
            .send()
            .await
            .map(drop)
            .map_err(|error| failed("ec2:ModifyImageAttribute", &image_named(target), &error))
    }

    /// Makes a flow log of a VPC. `token` makes the call safe to repeat.
    ///
    /// # Errors
    /// When `ec2:CreateFlowLogs` fails, also where its answer says so of the VPC alone.
    pub(crate) async fn create_flow_log(
        &self,
        target: &Target,
        log: &FlowLog,
        token: &str,
    ) -> Result<(), AwsError> {
        const CALL: &str = "ec2:CreateFlowLogs";
        let what = vpc_named(target);
        let client = self.reader().ec2(target).await;
        let answer = client
            .create_flow_logs()
            .client_token(token)
            .resource_type(FlowLogsResourceType::Vpc)
            .resource_ids(&target.resource)
            .traffic_type(TrafficType::from(log.traffic.as_str()))
            .log_destination_type(LogDestinationType::CloudWatchLogs)
            .set_log_group_name(log.log_group.clone())
            .set_deliver_logs_permission_arn(log.role.clone())
            .send()
            .await
            .map_err(|error| failed(CALL, &what, &error))?;
        unsuccessful(CALL, what, answer.unsuccessful)
    }

    /// Ends a flow log; what it has delivered stays.
    ///
    /// # Errors
    /// When `ec2:DeleteFlowLogs` fails, also where its answer says so of this one alone.
    pub(crate) async fn delete_flow_log(&self, target: &Target, id: &str) -> Result<(), AwsError> {
        const CALL: &str = "ec2:DeleteFlowLogs";
        let what = vpc_named(target);
        let client = self.reader().ec2(target).await;
        let answer = client
            .delete_flow_logs()
            .flow_log_ids(id)
            .send()
            .await
            .map_err(|error| failed(CALL, &what, &error))?;
        unsuccessful(CALL, what, answer.unsuccessful)
    }
}

/// What went wrong with the one resource of a call that answers "200" and lists what it did not do.
fn unsuccessful(
    call: &'static str,
    what: String,
    items: Option<Vec<aws_sdk_ec2::types::UnsuccessfulItem>>,
) -> Result<(), AwsError> {
    let Some(item) = items.unwrap_or_default().into_iter().next() else {
        return Ok(());
    };
    let (code, message) = item
        .error
        .map(|error| {
            (
                error.code.unwrap_or_default(),
                error.message.unwrap_or_default(),
            )
        })
        .unwrap_or_default();
    Err(AwsError::from_code(call, what, code, message))
}

fn missing(call: &'static str, what: String) -> AwsError {
    AwsError::Missing {
        call,
        what,
        code: "an empty answer".to_owned(),
    }
}

fn read_rule(rule: SecurityGroupRule) -> (Direction, GroupRule) {
    let direction = if rule.is_egress.unwrap_or_default() {
        Direction::Egress
    } else {
        Direction::Ingress
    };
    let peer = rule
        .cidr_ipv4
        .or(rule.cidr_ipv6)
        .map(Peer::from)
        .or(rule.prefix_list_id.map(Peer::PrefixList))
        .or(rule
            .referenced_group_info
            .map(|group| read_group(group, rule.group_owner_id.as_deref())))
        .unwrap_or_else(|| Peer::Unknown("an unknown peer".to_owned()));
    let protocol = rule.ip_protocol.unwrap_or_default().into();
    let rule = GroupRule {
        permission: Permission::new(protocol, rule.from_port, rule.to_port, peer),
        id: rule.security_group_rule_id,
        description: rule.description.filter(|text| !text.is_empty()),
        tags: tags(rule.tags).into_iter().collect::<BTreeMap<_, _>>(),
    };
    (direction, rule)
}

/// AWS names the account of a referenced group also where it is the group's own; that says nothing.
fn read_group(group: ReferencedSecurityGroup, owner: Option<&str>) -> Peer {
    Peer::Group {
        id: group.group_id.unwrap_or_default(),
        account: group
            .user_id
            .filter(|account| Some(account.as_str()) != owner),
    }
}

fn write_rule(rule: &GroupRule) -> IpPermission {
    let permission = &rule.permission;
    let description = rule.description.clone();
    let written = IpPermission::builder()
        .ip_protocol(permission.protocol.to_string())
        .set_from_port(permission.range.map(|(from, _)| from))
        .set_to_port(permission.range.map(|(_, to)| to));
    match &permission.peer {
        Peer::Ipv4(net) => written.ip_ranges(
            IpRange::builder()
                .cidr_ip(net.to_string())
                .set_description(description)
                .build(),
        ),
        Peer::Ipv6(net) => written.ipv6_ranges(
            Ipv6Range::builder()
                .cidr_ipv6(net.to_string())
                .set_description(description)
                .build(),
        ),
        Peer::PrefixList(id) | Peer::Unknown(id) => written.prefix_list_ids(
            PrefixListId::builder()
                .prefix_list_id(id)
                .set_description(description)
                .build(),
        ),
        Peer::Group { id, account } => written.user_id_group_pairs(
            UserIdGroupPair::builder()
                .group_id(id)
                .set_user_id(account.clone())
                .set_description(description)
                .build(),
        ),
    }
    .build()
}

fn write_tags(rule: &GroupRule) -> Option<Vec<TagSpecification>> {
    let tags = rule.own_tags();
    if tags.is_empty() {
        return None;
    }
    let tags = tags
        .into_iter()
        .map(|(key, value)| AwsTag::builder().key(key).value(value).build())
        .collect();
    let specification = TagSpecification::builder()
        .resource_type(ResourceType::SecurityGroupRule)
        .set_tags(Some(tags))
        .build();
    Some(vec![specification])
}

fn read_flow_log(log: AwsFlowLog) -> FlowLog {
    FlowLog {
        id: log.flow_log_id,
        traffic: log
            .traffic_type
            .map(|traffic| traffic.as_str().to_owned())
            .unwrap_or_default(),
        log_group: log.log_group_name,
        role: log.deliver_logs_permission_arn,
        destination: log.log_destination,
        trouble: log
            .deliver_logs_status
            .filter(|status| status.eq_ignore_ascii_case("FAILED"))
            .map(|_| {
                log.deliver_logs_error_message
                    .unwrap_or_else(|| "delivery fails".to_owned())
            }),
        active: log
            .flow_log_status
            .is_none_or(|status| status.eq_ignore_ascii_case("ACTIVE")),
    }
}
