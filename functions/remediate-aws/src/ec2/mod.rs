//! Rules of EC2, EBS and VPC.
//!
//! | room | what is in it |
//! |---|---|
//! | [`open_ports`] | what the world reaches through a security group: the repair of 23 rules, which are data here |
//! | [`exposure`] | which of a group's rules have to go, and which are made for what stays allowed; pure |
//! | [`world`] | which address ranges are the world; pure |
//! | [`traffic`], [`group_rule`] | protocols, ports and peers as sets; a group's rules as values |
//! | [`group_rules`] | the aspect: a group's rules read and written |
//! | [`sharing`] | snapshots and images that everybody may use |
//! | [`flow_logs`] | flow logs of a VPC |

use remediate_core::rule::{Mode, ParameterSpec, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::{Grammar, Target};

pub mod exposure;
pub mod flow_logs;
pub mod group_rule;
pub mod group_rules;
pub mod open_ports;
pub mod sharing;
pub mod traffic;
pub mod world;

use group_rules::Direction;
use open_ports::{
    Check, EGRESS_GRANTS, INGRESS_GRANTS, OpenToWorld, PARAMETERS, PARAMETERS_OF_EVERYTHING,
    PARAMETERS_OF_UNCOMMON,
};

/// A rule about these ports.
macro_rules! open_port {
    ($id:literal, $title:literal, $name:literal, tcp [$($tcp:literal),*] $(, udp [$($udp:literal),*])?) => {
        Rule {
            effect: concat!(
                "Takes inbound rules away that open ",
                $name,
                " to the world. Whoever connects from an address that no other rule allows is cut off.",
            ),
            ..opened(
                $id,
                $title,
                &open(Check::Ports {
                    tcp: &[$(($tcp, $tcp)),*],
                    udp: &[$($(($udp, $udp)),*)?],
                }),
            )
        }
    };
}

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[
    Rule {
        id: "EBS-009",
        title: "Amazon EBS Public Snapshots",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Stops sharing the snapshot with everybody; accounts that it is shared with by name keep it. Others who make volumes of it no longer can.",
        parameters: &[crate::sharing::ACT_IF],
        resource: Grammar::Ec2("snap-"),
        grants: &[
            Grant {
                actions: &["ec2:DescribeSnapshots"],
                resources: &["*"],
            },
            Grant {
                actions: &[
                    "ec2:DescribeSnapshotAttribute",
                    "ec2:ModifySnapshotAttribute",
                ],
                // Snapshots are named without an account.
                resources: &["arn:${AWS::Partition}:ec2:*::snapshot/*"],
            },
        ],
        calls: Calls {
            compliant: 1,
            repair: 5,
        },
        undo: "The snapshot is shared with everybody again, unless the account blocks public sharing.",
        repair: &sharing::PublicSnapshot,
    },
    Rule {
        effect: "Takes inbound rules away that open a range of ports to the world. Whoever comes through one of those ports from an address that no other rule allows is cut off.",
        ..opened("EC2-001", "Security Group Port Range", &open(Check::Ranges))
    },
    open_port!(
        "EC2-002",
        "Unrestricted SSH Access",
        "SSH (TCP 22)",
        tcp[22]
    ),
    open_port!(
        "EC2-003",
        "Unrestricted RDP Access",
        "RDP (TCP and UDP 3389)",
        tcp[3389],
        udp[3389]
    ),
    open_port!(
        "EC2-004",
        "Unrestricted Oracle Access",
        "Oracle (TCP 1521)",
        tcp[1521]
    ),
    open_port!(
        "EC2-005",
        "Unrestricted MySQL Access",
        "MySQL (TCP 3306)",
        tcp[3306]
    ),
    open_port!(
        "EC2-006",
        "Unrestricted PostgreSQL Access",
        "PostgreSQL (TCP 5432)",
        tcp[5432]
    ),
    open_port!(
        "EC2-007",
        "Unrestricted DNS Access",
        "DNS (TCP and UDP 53)",
        tcp[53],
        udp[53]
    ),
    open_port!(
        "EC2-008",
        "Unrestricted MsSQL Access",
        "SQL Server (TCP 1433)",
        tcp[1433]
    ),
    Rule {
        id: "EC2-019",
        title: "Publicly Shared AMI",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Stops sharing the image with everybody; accounts and organisations that it is shared with by name keep it. Others can start no more instances from it; those that run go on.",
        parameters: &[crate::sharing::ACT_IF],
        resource: Grammar::Ec2("ami-"),
        grants: &[
            Grant {
                actions: &["ec2:DescribeImages"],
                resources: &["*"],
            },
            Grant {
                actions: &["ec2:DescribeImageAttribute", "ec2:ModifyImageAttribute"],
                // Images are named without an account.
                resources: &["arn:${AWS::Partition}:ec2:*::image/*"],
            },
        ],
        calls: Calls {
            compliant: 1,
            repair: 5,
        },
        undo: "The image is shared with everybody again, unless the account blocks public sharing.",
        repair: &sharing::PublicImage,
    },
    Rule {
        effect: "Takes outbound rules away that let traffic out to the whole world, the rule that AWS gives every new group among them. What is behind the group then reaches nothing but what other rules and `allowed_traffic` name; groups that are in use are held for a person.",
        parameters: PARAMETERS_OF_EVERYTHING,
        grants: EGRESS_GRANTS,
        ..opened(
            "EC2-033",
            "Unrestricted Security Group Egress",
            &OpenToWorld {
                direction: Direction::Egress,
                check: Check::Everything,
            },
        )
    },
    Rule {
        effect: "Takes inbound rules away that open a port to the world which is none of the common ones in `allowed_traffic`. Whoever comes through it from an address that no other rule allows is cut off.",
        parameters: PARAMETERS_OF_UNCOMMON,
        ..opened(
            "EC2-034",
            "Unrestricted Security Group Ingress on Uncommon Ports",
            &open(Check::Uncommon),
        )
    },
    open_port!(
        "EC2-038",
        "Unrestricted Telnet Access",
        "Telnet (TCP 23)",
        tcp[23]
    ),
    open_port!(
        "EC2-039",
        "Unrestricted SMTP Access",
        "SMTP (TCP 25)",
        tcp[25]
    ),
    open_port!(
        "EC2-040",
        "Unrestricted RPC Access",
        "RPC (TCP 135)",
        tcp[135]
    ),
    open_port!("EC2-041", "Unrestricted NetBIOS Access", "NetBIOS (TCP 139, UDP 137 and 138)", tcp [139], udp [137, 138]),
    open_port!("EC2-042", "Unrestricted FTP Access", "FTP (TCP 20 and 21)", tcp [20, 21]),
    open_port!(
        "EC2-043",
        "Unrestricted CIFS Access",
        "CIFS (TCP and UDP 445)",
        tcp[445],
        udp[445]
    ),
    Rule {
        effect: "Takes inbound rules away that let the world in with ICMP. The world can no longer ping what is behind the group, nor tell it that a packet was too big for the way.",
        ..opened("EC2-044", "Unrestricted ICMP Access", &open(Check::Icmp))
    },
    open_port!(
        "EC2-045",
        "Unrestricted MongoDB Access",
        "MongoDB (TCP 27017)",
        tcp[27017]
    ),
    open_port!(
        "EC2-063",
        "Unrestricted Elasticsearch Access",
        "Elasticsearch (TCP 9200)",
        tcp[9200]
    ),
    Rule {
        effect: "Takes inbound rules away that open HTTP (TCP 80) to the world. Public web sites and APIs behind the group go off the net.",
        ..open_port!("EC2-064", "Unrestricted HTTP Access", "", tcp[80])
    },
    Rule {
        effect: "Takes inbound rules away that open HTTPS (TCP 443) to the world. Public web sites and APIs behind the group go off the net.",
        ..open_port!("EC2-065", "Unrestricted HTTPS Access", "", tcp[443])
    },
    open_port!(
        "EC2-074",
        "Unrestricted Redis Access",
        "Redis (TCP 6379)",
        tcp[6379]
    ),
    open_port!(
        "EC2-075",
        "Unrestricted Memcached Access",
        "Memcached (TCP and UDP 11211)",
        tcp[11211],
        udp[11211]
    ),
    flow_logs::RULE,
];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[
    &group_rules::Ingress,
    &group_rules::Egress,
    &sharing::SnapshotSharing,
    &sharing::ImageSharing,
    &flow_logs::FlowLogs,
    &flow_logs::LogGroups,
];

/// What all rules about open ports have in common.
const fn opened(id: &'static str, title: &'static str, repair: &'static OpenToWorld) -> Rule {
    Rule {
        id,
        title,
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "",
        parameters: PARAMETERS as &'static [ParameterSpec],
        resource: Grammar::Ec2("sg-"),
        grants: INGRESS_GRANTS,
        calls: Calls {
            compliant: 1,
            repair: 6,
        },
        undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        repair,
    }
}

const fn open(check: Check) -> OpenToWorld {
    OpenToWorld {
        direction: Direction::Ingress,
        check,
    }
}

pub(crate) fn group_named(target: &Target) -> String {
    format!("security group {}", target.resource)
}

pub(crate) fn snapshot_named(target: &Target) -> String {
    format!("snapshot {}", target.resource)
}

pub(crate) fn image_named(target: &Target) -> String {
    format!("image {}", target.resource)
}

pub(crate) fn vpc_named(target: &Target) -> String {
    format!("VPC {}", target.resource)
}
