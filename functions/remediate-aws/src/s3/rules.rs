//! The entries.

use remediate_core::rule::{Form, Mode, ParameterKind, ParameterSpec, RiskTier};

use super::acl::{Group, Objection, Revoke};
use super::{encryption, policy, versioning};
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

const BUCKETS: &[&str] = &["arn:${AWS::Partition}:s3:::*"];

const ACL: &[Grant] = &[Grant {
    actions: &[
        "s3:GetBucketAcl",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketTagging",
        "s3:PutBucketAcl",
    ],
    resources: BUCKETS,
}];

/// To see the ACL; to plan: ACL, ownership, Block Public Access and tags; to write: once more the ACL, the write, and the ACL
/// until it shows; to verify: the ACL.
const ACL_CALLS: Calls = Calls {
    compliant: 1,
    repair: 8,
};

const ACL_UNDO: &str = "The former ACL is written back, unless somebody changed it since.";

/// A rule about one permission of one group.
const fn grant(
    id: &'static str,
    title: &'static str,
    effect: &'static str,
    repair: &'static Revoke,
) -> Rule {
    Rule {
        id,
        title,
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect,
        parameters: &[],
        resource: Grammar::Bucket,
        grants: ACL,
        calls: ACL_CALLS,
        undo: ACL_UNDO,
        repair,
    }
}

const fn everyone(permission: &'static str) -> Revoke {
    Revoke(Objection {
        groups: &[Group::Everyone],
        permission: Some(permission),
    })
}

const fn any_account(permission: &'static str) -> Revoke {
    Revoke(Objection {
        groups: &[Group::AnyAccount],
        permission: Some(permission),
    })
}

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[
    Rule {
        id: "CT-003",
        title: "Publicly Accessible CloudTrail Buckets",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Takes every grant to everybody and to all AWS accounts out of the bucket's ACL; grants to log delivery and to named accounts stay. Whoever reads the trail without being granted it by name is cut off.",
        parameters: &[],
        resource: Grammar::Bucket,
        grants: ACL,
        calls: ACL_CALLS,
        undo: ACL_UNDO,
        repair: &Revoke(Objection {
            groups: &[Group::Everyone, Group::AnyAccount],
            permission: None,
        }),
    },
    grant(
        "S3-001",
        "S3 Bucket Public 'READ' Access",
        "Takes READ from everybody in the bucket's ACL. Whoever lists the bucket without credentials no longer can.",
        &everyone("READ"),
    ),
    grant(
        "S3-002",
        "S3 Bucket Public 'READ_ACP' Access",
        "Takes READ_ACP from everybody in the bucket's ACL. Whoever reads the ACL without credentials no longer can.",
        &everyone("READ_ACP"),
    ),
    grant(
        "S3-003",
        "S3 Bucket Public 'WRITE' ACL Access",
        "Takes WRITE from everybody in the bucket's ACL. Whoever uploads or deletes without credentials no longer can.",
        &everyone("WRITE"),
    ),
    grant(
        "S3-004",
        "S3 Bucket Public 'WRITE_ACP' Access",
        "Takes WRITE_ACP from everybody in the bucket's ACL. Whoever changes the ACL without credentials no longer can.",
        &everyone("WRITE_ACP"),
    ),
    grant(
        "S3-005",
        "S3 Bucket Public 'FULL_CONTROL' Access",
        "Takes FULL_CONTROL from everybody in the bucket's ACL. Whoever uses the bucket without credentials no longer can.",
        &everyone("FULL_CONTROL"),
    ),
    grant(
        "S3-006",
        "S3 Bucket Authenticated Users 'READ' Access",
        "Takes READ from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer list the bucket.",
        &any_account("READ"),
    ),
    grant(
        "S3-007",
        "S3 Bucket Authenticated Users 'READ_ACP' Access",
        "Takes READ_ACP from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer read the ACL.",
        &any_account("READ_ACP"),
    ),
    grant(
        "S3-008",
        "S3 Bucket Authenticated Users 'WRITE' Access",
        "Takes WRITE from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer upload or delete.",
        &any_account("WRITE"),
    ),
    grant(
        "S3-009",
        "S3 Bucket Authenticated Users 'WRITE_ACP' Access",
        "Takes WRITE_ACP from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer change the ACL.",
        &any_account("WRITE_ACP"),
    ),
    grant(
        "S3-010",
        "S3 Bucket Authenticated Users 'FULL_CONTROL' Access",
        "Takes FULL_CONTROL from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer use the bucket.",
        &any_account("FULL_CONTROL"),
    ),
    Rule {
        id: "S3-012",
        title: "S3 Bucket Versioning Enabled",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Turns versioning on. Every version is kept and billed until a lifecycle rule lets old ones expire.",
        parameters: &[],
        resource: Grammar::Bucket,
        grants: &[Grant {
            actions: &[
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:PutBucketVersioning",
            ],
            resources: BUCKETS,
        }],
        calls: Calls {
            compliant: 1,
            repair: 5,
        },
        undo: "Versioning is suspended, which is as near to never having been on as S3 allows: the versions made meanwhile stay.",
        repair: &versioning::TurnOn,
    },
    Rule {
        id: "S3-014",
        title: "S3 Bucket Public Access Via Policy",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Takes everybody out of the bucket's policy; statements that name their callers, or that a condition or a Deny limits to known ones, stay byte for byte. Visitors and accounts that come in only as everybody are cut off.",
        parameters: &[
            ParameterSpec {
                name: "how",
                kind: ParameterKind::Choice(&["remove", "narrow", "block-public-access"]),
                default: "\"remove\"",
                what: "`remove`: everybody goes, with the statement where it names nobody else. `narrow`: the bucket's account takes everybody's place; a statement for all but some (NotPrincipal) goes altogether, since the account may hold one of those. `block-public-access`: the policy stays, and Block Public Access (BlockPublicPolicy, RestrictPublicBuckets) makes it void for everybody outside the account, also for those whom it names.",
            },
            ParameterSpec {
                name: "websites",
                kind: ParameterKind::Flag,
                default: "false",
                what: "Whether buckets that are websites are repaired too; while not, they wait for a person.",
            },
        ],
        resource: Grammar::Bucket,
        grants: &[Grant {
            actions: &[
                "s3:DeleteBucketPolicy",
                "s3:GetBucketPolicy",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketTagging",
                "s3:GetBucketWebsite",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
            ],
            resources: BUCKETS,
        }],
        calls: Calls {
            compliant: 1,
            repair: 8,
        },
        undo: "The former policy, or the former setting of Block Public Access, is written back, unless somebody changed it since.",
        repair: &policy::Close,
    },
    Rule {
        id: "S3-016",
        title: "Server Side Encryption",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        effect: "Encrypts new objects that come without a word about it; an encryption that is set is never replaced. With a KMS key, whoever reads or writes objects needs that key too.",
        parameters: &[ParameterSpec {
            name: "kms_key",
            kind: ParameterKind::Text(Form::KmsKeyArn),
            default: "\"\"",
            what: "A KMS key in the bucket's region; buckets of other regions are left to a person. Empty: keys of S3 (AES256), which cost nothing.",
        }],
        resource: Grammar::Bucket,
        grants: &[Grant {
            actions: &[
                "s3:GetBucketTagging",
                "s3:GetEncryptionConfiguration",
                "s3:PutEncryptionConfiguration",
            ],
            resources: BUCKETS,
        }],
        calls: Calls {
            compliant: 1,
            repair: 6,
        },
        undo: "The default encryption is removed; S3 then uses its own keys.",
        repair: &encryption::TurnOn,
    },
];
