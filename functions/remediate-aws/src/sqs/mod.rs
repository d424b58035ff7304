//! Rules of SQS.
//!
//! | file | subject |
//! |---|---|
//! | [`encryption`] | server-side encryption (SQS-004) |
//! | [`senders`] | AWS services that a queue's policy lets send |

use remediate_core::rule::{Form, Mode, ParameterKind, ParameterSpec, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod encryption;
mod senders;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "SQS-004",
    title: "Queue Server Side Encryption",
    tier: RiskTier::CanCutOff,
    mode: Mode::Act,
    effect: "Encrypts messages at rest with keys of SQS, which cuts off only callers over plain HTTP. \
             With kms_key_id set it cuts off every producer and consumer that may not use that key, SNS, S3 and EventBridge among them.",
    parameters: &[
        ParameterSpec {
            name: "kms_key_id",
            kind: ParameterKind::Text(Form::KmsKey),
            default: r#""""#,
            what: "a KMS key to encrypt with instead; empty: keys of SQS",
        },
        ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "no_services"]),
            default: r#""always""#,
            what: "`no_services`: where kms_key_id is set, leave a queue to a person that AWS services may send to",
        },
    ],
    resource: Grammar::Queue,
    grants: &[Grant {
        actions: &[
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ListQueueTags",
            "sqs:SetQueueAttributes",
        ],
        resources: &["arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:*"],
    }],
    calls: Calls {
        compliant: 2,
        repair: 7,
    },
    undo: "Turns the encryption off again; messages that were sent meanwhile stay encrypted and can be received.",
    repair: &encryption::Encrypt,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&encryption::Encryption];
