//! Rules of Redshift.

use remediate_core::rule::{Mode, ParameterKind, ParameterSpec, RiskTier};

use self::cluster::{MakePrivate, PublicAccess, RaiseRetention, Retention};
use self::logging::{ActivityLogging, LogActivity};
use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

pub mod cluster;
pub mod logging;

const CLUSTERS: &[&str] = &["arn:${AWS::Partition}:redshift:*:${AWS::AccountId}:cluster:*"];

const CLUSTER_GRANTS: &[Grant] = &[Grant {
    actions: &["redshift:DescribeClusters", "redshift:ModifyCluster"],
    resources: CLUSTERS,
}];

const CLUSTER: Grammar = Grammar::Name {
    max: 63,
    others: "-",
    arn: ("redshift", &["cluster:"]),
};

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[
    Rule {
        id: "RS-001",
        title: "Redshift Cluster Publicly Accessible",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Takes the cluster's public address away. Clients outside its VPC and the networks connected to it cannot reach it any more.",
        parameters: &[],
        resource: CLUSTER,
        grants: CLUSTER_GRANTS,
        calls: Calls {
            compliant: 1,
            repair: 4,
        },
        undo: "gives the cluster a public address again: its elastic address if it had one, else another",
        repair: &MakePrivate,
    },
    Rule {
        id: "RS-019",
        title: "Redshift Automated Snapshot Retention Period",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Keeps automated snapshots for at least `retention_days`, which are paid for by their size. A longer retention is never shortened.",
        parameters: &[ParameterSpec {
            name: "retention_days",
            kind: ParameterKind::Whole { min: 1, max: 35 },
            default: "7",
            what: "for how many days automated snapshots are kept at least",
        }],
        resource: CLUSTER,
        grants: CLUSTER_GRANTS,
        calls: Calls {
            compliant: 1,
            repair: 5,
        },
        undo: "not taken back: a shorter retention deletes the snapshots beyond it",
        repair: &RaiseRetention,
    },
    Rule {
        id: "RS-023",
        title: "Enable Redshift User Activity Logging",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Turns user activity logging on in the parameter group of the cluster, and so for every cluster that shares the group. It comes into force with each cluster's next reboot, which is not done here.",
        parameters: &[],
        resource: Grammar::Name {
            max: 255,
            // Of `default.redshift-1.0`.
            others: "-.",
            arn: ("redshift", &["cluster:", "parametergroup:"]),
        },
        grants: &[
            Grant {
                actions: &[
                    "redshift:DescribeClusters",
                    "redshift:DescribeLoggingStatus",
                ],
                resources: CLUSTERS,
            },
            Grant {
                actions: &[
                    "redshift:DescribeClusterParameters",
                    "redshift:ModifyClusterParameterGroup",
                ],
                resources: &["arn:${AWS::Partition}:redshift:*:${AWS::AccountId}:parametergroup:*"],
            },
            Grant {
                // The service authorises it on no resource.
                actions: &["redshift:DescribeClusterParameterGroups"],
                resources: &["*"],
            },
        ],
        calls: Calls {
            compliant: 2,
            repair: 8,
        },
        undo: "turns user activity logging off again in the parameter group",
        repair: &LogActivity,
    },
];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&ActivityLogging, &PublicAccess, &Retention];
