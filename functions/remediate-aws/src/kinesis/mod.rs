//! Rules of Kinesis Data Streams.
//!
//! | file | subject |
//! |---|---|
//! | [`encryption`] | server-side encryption (Kinesis-001) |

use remediate_core::rule::{Form, Mode, ParameterKind, ParameterSpec, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod encryption;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "Kinesis-001",
    title: "Kinesis Server Side Encryption",
    tier: RiskTier::CanCutOff,
    mode: Mode::Act,
    effect: "Encrypts what is written to the stream from now on. \
             Cuts off producers and consumers that may not use the key: with the default key those of other accounts.",
    parameters: &[
        ParameterSpec {
            name: "kms_key_id",
            kind: ParameterKind::Text(Form::KmsKey),
            default: r#""alias/aws/kinesis""#,
            what: "the key, of this account; producers need kms:GenerateDataKey and consumers kms:Decrypt on any but the default",
        },
        ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "not_shared"]),
            default: r#""always""#,
            what: "`not_shared`: leave a stream to a person that a policy shares with other accounts",
        },
    ],
    resource: Grammar::Name {
        max: 128,
        others: "_.-",
        arn: ("kinesis", &["stream/"]),
    },
    grants: &[
        Grant {
            actions: &[
                "kinesis:DescribeStreamSummary",
                "kinesis:GetResourcePolicy",
                "kinesis:ListTagsForStream",
            ],
            resources: &["arn:${AWS::Partition}:kinesis:*:${AWS::AccountId}:stream/*"],
        },
        Grant {
            // Authorised for the stream and for the key, that of `alias/aws/kinesis` too (Service Authorization Reference).
            actions: &["kinesis:StartStreamEncryption"],
            resources: &[
                "arn:${AWS::Partition}:kinesis:*:${AWS::AccountId}:stream/*",
                "arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*",
            ],
        },
    ],
    calls: Calls {
        compliant: 1,
        repair: 5,
    },
    undo: "Stops encrypting (kinesis:StopStreamEncryption); records that were written meanwhile stay encrypted and readable.",
    repair: &encryption::Encrypt,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&encryption::StreamEncryption];
