//! Rules of CloudTrail.
//!
//! | file | subject |
//! |---|---|
//! | [`enable`] | what CT-001 does about a region that no trail logs |
//! | [`trail`] | a trail, and whether it logs |

use remediate_core::rule::{Form, Mode, ParameterKind, ParameterSpec, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod enable;
mod trail;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "CT-001",
    title: "CloudTrail Enabled",
    tier: RiskTier::Irreversible,
    mode: Mode::Propose,
    effect: "Starts a trail that stands still; where the account has no trail at all, makes one in the bucket that is named here. \
             Logging costs money; no trail is ever redirected or changed.",
    parameters: &[
        ParameterSpec {
            name: "name",
            kind: ParameterKind::Text(Form::Trail),
            default: r#""GlobalTrail""#,
            what: "what a trail is called that has to be made",
        },
        ParameterSpec {
            name: "bucket",
            kind: ParameterKind::Text(Form::Bucket),
            default: r#""""#,
            what: "the bucket that a trail logs to which has to be made; its policy must let CloudTrail write. Empty: none is made",
        },
        ParameterSpec {
            name: "prefix",
            kind: ParameterKind::Text(Form::Any),
            default: r#""""#,
            what: "what the names of its log files begin with",
        },
        ParameterSpec {
            name: "kms_key_id",
            kind: ParameterKind::Text(Form::KmsKey),
            default: r#""""#,
            what: "the KMS key that its log files are encrypted with, whose policy must let CloudTrail use it. Empty: keys of S3",
        },
        ParameterSpec {
            name: "multi_region",
            kind: ParameterKind::Flag,
            default: "true",
            what: "only a trail of all regions will do, and one that is made is one",
        },
        ParameterSpec {
            name: "include_global_events",
            kind: ParameterKind::Flag,
            default: "true",
            what: "whether a trail that is made logs IAM, STS and CloudFront too; a trail of all regions always does",
        },
        ParameterSpec {
            name: "home_region",
            kind: ParameterKind::Text(Form::Region),
            default: r#""""#,
            what: "where a trail of all regions is made, whichever region the finding is of. Empty: us-east-1, us-gov-west-1 or cn-north-1",
        },
    ],
    resource: Grammar::Account,
    grants: &[
        Grant {
            actions: &["cloudtrail:DescribeTrails"],
            resources: &["*"],
        },
        Grant {
            // A trail of the organisation is of its management account.
            actions: &["cloudtrail:GetTrailStatus"],
            resources: &["arn:${AWS::Partition}:cloudtrail:*:*:trail/*"],
        },
        Grant {
            actions: &[
                "cloudtrail:CreateTrail",
                "cloudtrail:ListTags",
                "cloudtrail:StartLogging",
            ],
            resources: &["arn:${AWS::Partition}:cloudtrail:*:${AWS::AccountId}:trail/*"],
        },
    ],
    calls: Calls {
        compliant: 2,
        repair: 6,
    },
    undo: "Stops a trail that was started; deletes one that was made if nobody changed it. Log files stay.",
    repair: &enable::Enable,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&trail::TrailPresence, &trail::Logging];
