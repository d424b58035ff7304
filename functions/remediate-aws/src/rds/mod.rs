//! Rules of RDS and Aurora.

use remediate_core::rule::{Mode, ParameterKind, ParameterSpec, RiskTier};

use self::instance::{MakePrivate, MinorUpgrades, PublicAccess, TurnUpgradesOn};
use self::snapshot::{ClusterSnapshotSharing, SnapshotSharing, Unshare};
use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::sharing::ACT_IF;
use crate::target::Grammar;

pub mod instance;
pub mod snapshot;

const INSTANCES: &[&str] = &["arn:${AWS::Partition}:rds:*:${AWS::AccountId}:db:*"];

const INSTANCE_GRANTS: &[Grant] = &[Grant {
    actions: &["rds:DescribeDBInstances", "rds:ModifyDBInstance"],
    resources: INSTANCES,
}];

const INSTANCE: Grammar = Grammar::Name {
    max: 63,
    others: "-",
    arn: ("rds", &["db:"]),
};

/// Describing one snapshot by its id is authorised on it and, as the reference has it, on the database that it is of.
const SNAPSHOT_GRANTS: &[Grant] = &[
    Grant {
        actions: &[
            "rds:DescribeDBSnapshotAttributes",
            "rds:ModifyDBSnapshotAttribute",
        ],
        resources: &["arn:${AWS::Partition}:rds:*:${AWS::AccountId}:snapshot:*"],
    },
    Grant {
        actions: &["rds:DescribeDBSnapshots"],
        resources: &[
            "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:db:*",
            "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:snapshot:*",
        ],
    },
    Grant {
        actions: &[
            "rds:DescribeDBClusterSnapshotAttributes",
            "rds:ModifyDBClusterSnapshotAttribute",
        ],
        resources: &["arn:${AWS::Partition}:rds:*:${AWS::AccountId}:cluster-snapshot:*"],
    },
    Grant {
        actions: &["rds:DescribeDBClusterSnapshots"],
        resources: &[
            "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:cluster:*",
            "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:cluster-snapshot:*",
        ],
    },
];

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[
    Rule {
        id: "RDS-006",
        title: "RDS Auto Minor Version Upgrade",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Has RDS install minor versions in the instance's maintenance window, which can interrupt it for some minutes then. Nothing that is pending for the instance is hurried.",
        parameters: &[],
        resource: INSTANCE,
        grants: INSTANCE_GRANTS,
        calls: Calls {
            compliant: 1,
            repair: 4,
        },
        undo: "turns minor version upgrades off again",
        repair: &TurnUpgradesOn,
    },
    Rule {
        id: "RDS-008",
        title: "RDS Publicly Accessible",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Takes the instance's public address away, at once. Clients outside its VPC and the networks connected to it cannot reach it any more.",
        parameters: &[ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "unprotected"]),
            default: "\"always\"",
            what: "`unprotected` proposes the repair for instances with deletion protection, which is how people mark those that matter",
        }],
        resource: INSTANCE,
        grants: INSTANCE_GRANTS,
        calls: Calls {
            compliant: 1,
            repair: 4,
        },
        undo: "gives the instance a public address again, though not the one it had",
        repair: &MakePrivate,
    },
    Rule {
        id: "RDS-023",
        title: "Amazon RDS Public Snapshots",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Takes a DB snapshot or DB cluster snapshot from the public. Accounts that it is shared with by number keep it.",
        parameters: &[ACT_IF],
        resource: Grammar::Name {
            max: 255,
            // `rds:` and `awsbackup:` begin the names of automated ones.
            others: "-:",
            arn: ("rds", &["snapshot:", "cluster-snapshot:"]),
        },
        grants: SNAPSHOT_GRANTS,
        calls: Calls {
            compliant: 1,
            repair: 4,
        },
        undo: "shares the snapshot with everybody again",
        repair: &Unshare,
    },
];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[
    &ClusterSnapshotSharing,
    &MinorUpgrades,
    &PublicAccess,
    &SnapshotSharing,
];
