//! Rules of AWS Config.
//!
//! | file | subject |
//! |---|---|
//! | [`enable`] | what Config-001 does about a region that nothing records |
//! | [`recorder`] | the recorder, its delivery channel, and whether it records |

use remediate_core::rule::{Form, Mode, ParameterKind, ParameterSpec, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod enable;
mod recorder;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "Config-001",
    title: "AWS Config Enabled",
    tier: RiskTier::Irreversible,
    mode: Mode::Propose,
    effect: "Starts the region's recorder where it stands still; makes recorder and delivery channel where they are missing. \
             Every recorded change of a resource costs money; what there is is never overwritten.",
    parameters: &[
        ParameterSpec {
            name: "bucket",
            kind: ParameterKind::Text(Form::Bucket),
            default: r#""""#,
            what: "the bucket that a delivery channel which has to be made delivers to; its policy must let AWS Config write. Empty: none is made",
        },
        ParameterSpec {
            name: "prefix",
            kind: ParameterKind::Text(Form::Any),
            default: r#""""#,
            what: "what the names of its objects begin with",
        },
        ParameterSpec {
            name: "role",
            kind: ParameterKind::Text(Form::RoleArn),
            default: r#""""#,
            what: "the role that a recorder which has to be made reads with; the function needs iam:PassRole for it. \
                   Empty: the service-linked role AWSServiceRoleForConfig",
        },
        ParameterSpec {
            name: "global_types_in",
            kind: ParameterKind::Text(Form::Region),
            default: r#""us-east-1""#,
            what: "the one region in which IAM's users, groups, roles and policies are recorded too",
        },
        ParameterSpec {
            name: "frequency",
            kind: ParameterKind::Choice(&["continuous", "daily"]),
            default: r#""continuous""#,
            what: "whether a recorder that is made records every change, or once a day, which costs less",
        },
    ],
    resource: Grammar::Account,
    grants: &[
        Grant {
            // Channels are no resources of IAM's.
            actions: &[
                "config:DescribeDeliveryChannels",
                "config:PutDeliveryChannel",
            ],
            resources: &["*"],
        },
        Grant {
            actions: &[
                "config:DescribeConfigurationRecorderStatus",
                "config:DescribeConfigurationRecorders",
                "config:PutConfigurationRecorder",
                "config:StartConfigurationRecorder",
            ],
            resources: &[
                "arn:${AWS::Partition}:config:*:${AWS::AccountId}:configuration-recorder/*",
            ],
        },
        Grant {
            // It trusts AWS Config alone, so that passing it to anything else is of no use.
            actions: &["iam:PassRole"],
            resources: &[
                "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
            ],
        },
    ],
    calls: Calls {
        compliant: 1,
        repair: 8,
    },
    undo: "Stops a recorder that was started; removes a channel and a recorder that were made, in this order. Records stay.",
    repair: &enable::Enable,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[
    &recorder::RecorderPresence,
    &recorder::ChannelPresence,
    &recorder::Recording,
];
