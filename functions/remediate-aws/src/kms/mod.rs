//! Rules of KMS.

use remediate_core::rule::{Mode, ParameterKind, ParameterSpec, RiskTier};

use self::deletion::{CancelDeletion, KeyDeletion, KeyEnabled};
use self::rotation::{EnableRotation, Rotation};
use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

pub mod deletion;
pub mod rotation;

const KEYS: &[&str] = &["arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*"];

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[
    Rule {
        id: "KMS-002",
        title: "Key Rotation Enabled",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Turns on automatic rotation of the key's material. Old material stays, so that everything encrypted with it can still be read.",
        parameters: &[ParameterSpec {
            name: "period_days",
            kind: ParameterKind::Whole { min: 90, max: 2560 },
            default: "365",
            what: "how often the key is rotated once this turns it on; a key that is rotated already keeps its period",
        }],
        resource: Grammar::KmsKey,
        grants: &[Grant {
            actions: &[
                "kms:DescribeKey",
                "kms:EnableKeyRotation",
                "kms:GetKeyRotationStatus",
                "kms:ListResourceTags",
            ],
            resources: KEYS,
        }],
        calls: Calls {
            compliant: 1,
            repair: 6,
        },
        undo: "turns rotation off again",
        repair: &EnableRotation,
    },
    Rule {
        id: "KMS-004",
        title: "KMS Customer Master Key Pending Deletion",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Cancels the deletion of the key, which is disabled afterwards and can decrypt nothing until somebody enables it. With `enable = true` it is enabled too, and whoever its policy allows can use it again.",
        parameters: &[ParameterSpec {
            name: "enable",
            kind: ParameterKind::Flag,
            // A repair takes exposure away and gives none: somebody meant this key not to be used.
            default: "false",
            what: "whether the key is enabled after its deletion is cancelled",
        }],
        resource: Grammar::KmsKey,
        grants: &[Grant {
            actions: &[
                "kms:CancelKeyDeletion",
                "kms:DescribeKey",
                "kms:EnableKey",
                "kms:ListResourceTags",
            ],
            resources: KEYS,
        }],
        calls: Calls {
            compliant: 1,
            repair: 5,
        },
        undo: "the deletion is not scheduled again: that destroys data, and is a person's decision; a key that was enabled is disabled again",
        repair: &CancelDeletion,
    },
];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&KeyDeletion, &KeyEnabled, &Rotation];
