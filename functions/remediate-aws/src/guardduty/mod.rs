//! Rules of GuardDuty.
//!
//! | file | subject |
//! |---|---|
//! | [`detector`] | whether GuardDuty watches a region (GD-001) |

use remediate_core::rule::{Mode, ParameterKind, ParameterSpec, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod detector;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "GD-001",
    title: "GuardDuty Enabled",
    tier: RiskTier::Irreversible,
    mode: Mode::Propose,
    effect: "Turns GuardDuty on in the region: wakes a suspended detector, or makes one. \
             It costs money by the volume of events from then on.",
    parameters: &[ParameterSpec {
        name: "plans",
        kind: ParameterKind::Choice(&["default", "foundational"]),
        default: r#""default""#,
        what: "what a detector that is made watches: `default`: with the protection plans that AWS turns on (S3, EKS, EBS, RDS, Lambda); \
               `foundational`: CloudTrail, VPC flow logs and DNS alone, which costs less",
    }],
    resource: Grammar::Account,
    grants: &[
        Grant {
            // The service knows no resources for these.
            actions: &[
                "guardduty:CreateDetector",
                "guardduty:GetAdministratorAccount",
                "guardduty:ListDetectors",
            ],
            resources: &["*"],
        },
        Grant {
            actions: &["guardduty:GetDetector", "guardduty:UpdateDetector"],
            resources: &["arn:${AWS::Partition}:guardduty:*:${AWS::AccountId}:detector/*"],
        },
        Grant {
            // GuardDuty makes its own role with the caller's permissions, on the first detector of an account.
            actions: &["iam:CreateServiceLinkedRole"],
            resources: &[
                "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
                "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/malware-protection.guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDutyMalwareProtection",
            ],
        },
    ],
    calls: Calls {
        compliant: 2,
        repair: 4,
    },
    undo: "Suspends the detector, one that was made too: deleting it would delete its findings.",
    repair: &detector::Enable,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&detector::Watching];
