//! Checks of AWS resources. Written by `cargo xtask generate` from `functions/remediate-aws`; change the entries there.

use super::{Form, Mode, ParameterKind, ParameterSpec, RepairSpec, RiskTier, RuleSpec};

pub(super) const RULES: &[RuleSpec] = &[
    RuleSpec {
        id: "CFM-005",
        title: "CloudFormation Stack Termination Protection",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Turns on termination protection of the stack, of a nested stack that of its root. Whoever deletes the stack on purpose has to turn it off first.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "name of at most 165 characters",
            grants: &[(
                &[
                    "cloudformation:DescribeStacks",
                    "cloudformation:UpdateTerminationProtection",
                ],
                &["arn:${AWS::Partition}:cloudformation:*:${AWS::AccountId}:stack/*/*"],
            )],
            calls_compliant: 1,
            calls_repair: 3,
            undo: "Turns termination protection off again.",
        }),
    },
    RuleSpec {
        id: "CT-001",
        title: "CloudTrail Enabled",
        tier: RiskTier::Irreversible,
        mode: Mode::Propose,
        functions: &["remediate-aws"],
        effect: "Starts a trail that stands still; where the account has no trail at all, makes one in the bucket that is named here. Logging costs money; no trail is ever redirected or changed.",
        parameters: &[
            ParameterSpec {
                name: "name",
                kind: ParameterKind::Text(Form::Trail),
                default: "\"GlobalTrail\"",
                what: "what a trail is called that has to be made",
            },
            ParameterSpec {
                name: "bucket",
                kind: ParameterKind::Text(Form::Bucket),
                default: "\"\"",
                what: "the bucket that a trail logs to which has to be made; its policy must let CloudTrail write. Empty: none is made",
            },
            ParameterSpec {
                name: "prefix",
                kind: ParameterKind::Text(Form::Any),
                default: "\"\"",
                what: "what the names of its log files begin with",
            },
            ParameterSpec {
                name: "kms_key_id",
                kind: ParameterKind::Text(Form::KmsKey),
                default: "\"\"",
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
                default: "\"\"",
                what: "where a trail of all regions is made, whichever region the finding is of. Empty: us-east-1, us-gov-west-1 or cn-north-1",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "account",
            grants: &[
                (&["cloudtrail:DescribeTrails"], &["*"]),
                (
                    &["cloudtrail:GetTrailStatus"],
                    &["arn:${AWS::Partition}:cloudtrail:*:*:trail/*"],
                ),
                (
                    &[
                        "cloudtrail:CreateTrail",
                        "cloudtrail:ListTags",
                        "cloudtrail:StartLogging",
                    ],
                    &["arn:${AWS::Partition}:cloudtrail:*:${AWS::AccountId}:trail/*"],
                ),
            ],
            calls_compliant: 2,
            calls_repair: 6,
            undo: "Stops a trail that was started; deletes one that was made if nobody changed it. Log files stay.",
        }),
    },
    RuleSpec {
        id: "CT-003",
        title: "Publicly Accessible CloudTrail Buckets",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes every grant to everybody and to all AWS accounts out of the bucket's ACL; grants to log delivery and to named accounts stay. Whoever reads the trail without being granted it by name is cut off.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "Config-001",
        title: "AWS Config Enabled",
        tier: RiskTier::Irreversible,
        mode: Mode::Propose,
        functions: &["remediate-aws"],
        effect: "Starts the region's recorder where it stands still; makes recorder and delivery channel where they are missing. Every recorded change of a resource costs money; what there is is never overwritten.",
        parameters: &[
            ParameterSpec {
                name: "bucket",
                kind: ParameterKind::Text(Form::Bucket),
                default: "\"\"",
                what: "the bucket that a delivery channel which has to be made delivers to; its policy must let AWS Config write. Empty: none is made",
            },
            ParameterSpec {
                name: "prefix",
                kind: ParameterKind::Text(Form::Any),
                default: "\"\"",
                what: "what the names of its objects begin with",
            },
            ParameterSpec {
                name: "role",
                kind: ParameterKind::Text(Form::RoleArn),
                default: "\"\"",
                what: "the role that a recorder which has to be made reads with; the function needs iam:PassRole for it. Empty: the service-linked role AWSServiceRoleForConfig",
            },
            ParameterSpec {
                name: "global_types_in",
                kind: ParameterKind::Text(Form::Region),
                default: "\"us-east-1\"",
                what: "the one region in which IAM's users, groups, roles and policies are recorded too",
            },
            ParameterSpec {
                name: "frequency",
                kind: ParameterKind::Choice(&["continuous", "daily"]),
                default: "\"continuous\"",
                what: "whether a recorder that is made records every change, or once a day, which costs less",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "account",
            grants: &[
                (
                    &[
                        "config:DescribeDeliveryChannels",
                        "config:PutDeliveryChannel",
                    ],
                    &["*"],
                ),
                (
                    &[
                        "config:DescribeConfigurationRecorderStatus",
                        "config:DescribeConfigurationRecorders",
                        "config:PutConfigurationRecorder",
                        "config:StartConfigurationRecorder",
                    ],
                    &["arn:${AWS::Partition}:config:*:${AWS::AccountId}:configuration-recorder/*"],
                ),
                (
                    &["iam:PassRole"],
                    &[
                        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
                    ],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "Stops a recorder that was started; removes a channel and a recorder that were made, in this order. Records stay.",
        }),
    },
    RuleSpec {
        id: "EBS-009",
        title: "Amazon EBS Public Snapshots",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Stops sharing the snapshot with everybody; accounts that it is shared with by name keep it. Others who make volumes of it no longer can.",
        parameters: &[ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "shared_with_nobody_else"]),
            default: "\"always\"",
            what: "whether to hold the repair back for a person where it is also shared with accounts by name, a sign that sharing is meant",
        }],
        repair: Some(&RepairSpec {
            resource: "id of the form `snap-0123456789abcdef0`",
            grants: &[
                (&["ec2:DescribeSnapshots"], &["*"]),
                (
                    &[
                        "ec2:DescribeSnapshotAttribute",
                        "ec2:ModifySnapshotAttribute",
                    ],
                    &["arn:${AWS::Partition}:ec2:*::snapshot/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "The snapshot is shared with everybody again, unless the account blocks public sharing.",
        }),
    },
    RuleSpec {
        id: "EC2-001",
        title: "Security Group Port Range",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open a range of ports to the world. Whoever comes through one of those ports from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-002",
        title: "Unrestricted SSH Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open SSH (TCP 22) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-003",
        title: "Unrestricted RDP Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open RDP (TCP and UDP 3389) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-004",
        title: "Unrestricted Oracle Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open Oracle (TCP 1521) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-005",
        title: "Unrestricted MySQL Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open MySQL (TCP 3306) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-006",
        title: "Unrestricted PostgreSQL Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open PostgreSQL (TCP 5432) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-007",
        title: "Unrestricted DNS Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open DNS (TCP and UDP 53) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-008",
        title: "Unrestricted MsSQL Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open SQL Server (TCP 1433) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-019",
        title: "Publicly Shared AMI",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Stops sharing the image with everybody; accounts and organisations that it is shared with by name keep it. Others can start no more instances from it; those that run go on.",
        parameters: &[ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "shared_with_nobody_else"]),
            default: "\"always\"",
            what: "whether to hold the repair back for a person where it is also shared with accounts by name, a sign that sharing is meant",
        }],
        repair: Some(&RepairSpec {
            resource: "id of the form `ami-0123456789abcdef0`",
            grants: &[
                (&["ec2:DescribeImages"], &["*"]),
                (
                    &["ec2:DescribeImageAttribute", "ec2:ModifyImageAttribute"],
                    &["arn:${AWS::Partition}:ec2:*::image/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "The image is shared with everybody again, unless the account blocks public sharing.",
        }),
    },
    RuleSpec {
        id: "EC2-033",
        title: "Unrestricted Security Group Egress",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes outbound rules away that let traffic out to the whole world, the rule that AWS gives every new group among them. What is behind the group then reaches nothing but what other rules and `allowed_traffic` name; groups that are in use are held for a person.",
        parameters: &[
            ParameterSpec {
                name: "allowed_traffic",
                kind: ParameterKind::Texts(Form::Traffic),
                default: "[]",
                what: "traffic that may stay open to the world, as `tcp/443`, `udp/8000-8100` or `icmp`",
            },
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"unattached\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupEgress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupEgress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-034",
        title: "Unrestricted Security Group Ingress on Uncommon Ports",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open a port to the world which is none of the common ones in `allowed_traffic`. Whoever comes through it from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "allowed_traffic",
                kind: ParameterKind::Texts(Form::Traffic),
                default: "[\"tcp/20-23\", \"tcp/25\", \"tcp/53\", \"tcp/80\", \"tcp/135\", \"tcp/139\", \"tcp/443\", \"tcp/445\", \"tcp/1433\", \"tcp/1521\", \"tcp/3306\", \"tcp/3389\", \"tcp/5432\", \"tcp/27017\", \"udp/53\", \"udp/137-138\", \"udp/443\", \"udp/445\", \"udp/3389\"]",
                what: "ports that this rule leaves alone, as `tcp/443` or `udp/8000-8100`: those that are common, and have rules of their own",
            },
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-038",
        title: "Unrestricted Telnet Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open Telnet (TCP 23) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-039",
        title: "Unrestricted SMTP Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open SMTP (TCP 25) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-040",
        title: "Unrestricted RPC Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open RPC (TCP 135) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-041",
        title: "Unrestricted NetBIOS Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open NetBIOS (TCP 139, UDP 137 and 138) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-042",
        title: "Unrestricted FTP Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open FTP (TCP 20 and 21) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-043",
        title: "Unrestricted CIFS Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open CIFS (TCP and UDP 445) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-044",
        title: "Unrestricted ICMP Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that let the world in with ICMP. The world can no longer ping what is behind the group, nor tell it that a packet was too big for the way.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-045",
        title: "Unrestricted MongoDB Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open MongoDB (TCP 27017) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-063",
        title: "Unrestricted Elasticsearch Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open Elasticsearch (TCP 9200) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-064",
        title: "Unrestricted HTTP Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open HTTP (TCP 80) to the world. Public web sites and APIs behind the group go off the net.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-065",
        title: "Unrestricted HTTPS Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open HTTPS (TCP 443) to the world. Public web sites and APIs behind the group go off the net.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-074",
        title: "Unrestricted Redis Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open Redis (TCP 6379) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "EC2-075",
        title: "Unrestricted Memcached Access",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes inbound rules away that open Memcached (TCP and UDP 11211) to the world. Whoever connects from an address that no other rule allows is cut off.",
        parameters: &[
            ParameterSpec {
                name: "on_wider",
                kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
                default: "\"skip\"",
                what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
            },
            ParameterSpec {
                name: "too_wide_ipv4",
                kind: ParameterKind::Whole { min: 0, max: 32 },
                default: "0",
                what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
            },
            ParameterSpec {
                name: "too_wide_ipv6",
                kind: ParameterKind::Whole { min: 0, max: 128 },
                default: "3",
                what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "unattached"]),
                default: "\"always\"",
                what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `sg-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSecurityGroupRules",
                        "ec2:DescribeSecurityGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:RevokeSecurityGroupIngress"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*"],
                ),
                (
                    &["ec2:AuthorizeSecurityGroupIngress"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*",
                    ],
                ),
                (
                    &["ec2:CreateTags"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The rules that were taken away are made again with their descriptions and tags, under new ids; rules that were made before, for what stays open of them, are a change of their own, undone after it.",
        }),
    },
    RuleSpec {
        id: "GD-001",
        title: "GuardDuty Enabled",
        tier: RiskTier::Irreversible,
        mode: Mode::Propose,
        functions: &["remediate-aws"],
        effect: "Turns GuardDuty on in the region: wakes a suspended detector, or makes one. It costs money by the volume of events from then on.",
        parameters: &[ParameterSpec {
            name: "plans",
            kind: ParameterKind::Choice(&["default", "foundational"]),
            default: "\"default\"",
            what: "what a detector that is made watches: `default`: with the protection plans that AWS turns on (S3, EKS, EBS, RDS, Lambda); `foundational`: CloudTrail, VPC flow logs and DNS alone, which costs less",
        }],
        repair: Some(&RepairSpec {
            resource: "account",
            grants: &[
                (
                    &[
                        "guardduty:CreateDetector",
                        "guardduty:GetAdministratorAccount",
                        "guardduty:ListDetectors",
                    ],
                    &["*"],
                ),
                (
                    &["guardduty:GetDetector", "guardduty:UpdateDetector"],
                    &["arn:${AWS::Partition}:guardduty:*:${AWS::AccountId}:detector/*"],
                ),
                (
                    &["iam:CreateServiceLinkedRole"],
                    &[
                        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
                        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/malware-protection.guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDutyMalwareProtection",
                    ],
                ),
            ],
            calls_compliant: 2,
            calls_repair: 4,
            undo: "Suspends the detector, one that was made too: deleting it would delete its findings.",
        }),
    },
    RuleSpec {
        id: "IAM-001",
        title: "Access Keys Rotated 30 Days",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Deactivates the access key, unless it was used within `grace_days`. Whatever still signs with it is refused from then on, until the key is active again.",
        parameters: &[
            ParameterSpec {
                name: "max_age_days",
                kind: ParameterKind::Whole { min: 0, max: 3650 },
                default: "30",
                what: "keys that are younger are left alone",
            },
            ParameterSpec {
                name: "grace_days",
                kind: ParameterKind::Whole { min: 0, max: 3650 },
                default: "30",
                what: "a key that was used within so many days is proposed instead of deactivated; 0 deactivates it all the same",
            },
            ParameterSpec {
                name: "except_users",
                kind: ParameterKind::Texts(Form::Users),
                default: "[]",
                what: "users whose keys are only reported, such as those for emergencies",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "access key id",
            grants: &[(
                &[
                    "iam:GetAccessKeyLastUsed",
                    "iam:ListAccessKeys",
                    "iam:ListUserTags",
                    "iam:UpdateAccessKey",
                ],
                &["arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"],
            )],
            calls_compliant: 2,
            calls_repair: 7,
            undo: "activates the key again",
        }),
    },
    RuleSpec {
        id: "IAM-038",
        title: "Access Keys Rotated 90 Days",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Deactivates the access key, unless it was used within `grace_days`. Whatever still signs with it is refused from then on, until the key is active again.",
        parameters: &[
            ParameterSpec {
                name: "max_age_days",
                kind: ParameterKind::Whole { min: 0, max: 3650 },
                default: "90",
                what: "keys that are younger are left alone",
            },
            ParameterSpec {
                name: "grace_days",
                kind: ParameterKind::Whole { min: 0, max: 3650 },
                default: "30",
                what: "a key that was used within so many days is proposed instead of deactivated; 0 deactivates it all the same",
            },
            ParameterSpec {
                name: "except_users",
                kind: ParameterKind::Texts(Form::Users),
                default: "[]",
                what: "users whose keys are only reported, such as those for emergencies",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "access key id",
            grants: &[(
                &[
                    "iam:GetAccessKeyLastUsed",
                    "iam:ListAccessKeys",
                    "iam:ListUserTags",
                    "iam:UpdateAccessKey",
                ],
                &["arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"],
            )],
            calls_compliant: 2,
            calls_repair: 7,
            undo: "activates the key again",
        }),
    },
    RuleSpec {
        id: "KMS-002",
        title: "Key Rotation Enabled",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Turns on automatic rotation of the key's material. Old material stays, so that everything encrypted with it can still be read.",
        parameters: &[ParameterSpec {
            name: "period_days",
            kind: ParameterKind::Whole { min: 90, max: 2560 },
            default: "365",
            what: "how often the key is rotated once this turns it on; a key that is rotated already keeps its period",
        }],
        repair: Some(&RepairSpec {
            resource: "key id (aliases are not taken)",
            grants: &[(
                &[
                    "kms:DescribeKey",
                    "kms:EnableKeyRotation",
                    "kms:GetKeyRotationStatus",
                    "kms:ListResourceTags",
                ],
                &["arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*"],
            )],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "turns rotation off again",
        }),
    },
    RuleSpec {
        id: "KMS-004",
        title: "KMS Customer Master Key Pending Deletion",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Cancels the deletion of the key, which is disabled afterwards and can decrypt nothing until somebody enables it. With `enable = true` it is enabled too, and whoever its policy allows can use it again.",
        parameters: &[ParameterSpec {
            name: "enable",
            kind: ParameterKind::Flag,
            default: "false",
            what: "whether the key is enabled after its deletion is cancelled",
        }],
        repair: Some(&RepairSpec {
            resource: "key id (aliases are not taken)",
            grants: &[(
                &[
                    "kms:CancelKeyDeletion",
                    "kms:DescribeKey",
                    "kms:EnableKey",
                    "kms:ListResourceTags",
                ],
                &["arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*"],
            )],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "the deletion is not scheduled again: that destroys data, and is a person's decision; a key that was enabled is disabled again",
        }),
    },
    RuleSpec {
        id: "Kinesis-001",
        title: "Kinesis Server Side Encryption",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Encrypts what is written to the stream from now on. Cuts off producers and consumers that may not use the key: with the default key those of other accounts.",
        parameters: &[
            ParameterSpec {
                name: "kms_key_id",
                kind: ParameterKind::Text(Form::KmsKey),
                default: "\"alias/aws/kinesis\"",
                what: "the key, of this account; producers need kms:GenerateDataKey and consumers kms:Decrypt on any but the default",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "not_shared"]),
                default: "\"always\"",
                what: "`not_shared`: leave a stream to a person that a policy shares with other accounts",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "name of at most 128 characters",
            grants: &[
                (
                    &[
                        "kinesis:DescribeStreamSummary",
                        "kinesis:GetResourcePolicy",
                        "kinesis:ListTagsForStream",
                    ],
                    &["arn:${AWS::Partition}:kinesis:*:${AWS::AccountId}:stream/*"],
                ),
                (
                    &["kinesis:StartStreamEncryption"],
                    &[
                        "arn:${AWS::Partition}:kinesis:*:${AWS::AccountId}:stream/*",
                        "arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*",
                    ],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "Stops encrypting (kinesis:StopStreamEncryption); records that were written meanwhile stay encrypted and readable.",
        }),
    },
    RuleSpec {
        id: "Lambda-003",
        title: "Tracing Enabled",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Turns on active tracing of the function; traces cost money. Lambda refuses it where the function's role may not write to X-Ray: no policy is attached to it here.",
        parameters: &[ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "role_may_trace"]),
            default: "\"always\"",
            what: "`role_may_trace`: ask IAM first whether the function's role may write to X-Ray, and leave it to a person if not",
        }],
        repair: Some(&RepairSpec {
            resource: "name of at most 64 characters",
            grants: &[
                (
                    &[
                        "lambda:GetFunctionConfiguration",
                        "lambda:ListTags",
                        "lambda:UpdateFunctionConfiguration",
                    ],
                    &["arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:*"],
                ),
                (
                    &["iam:SimulatePrincipalPolicy"],
                    &["arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "Sets the tracing mode to PassThrough again.",
        }),
    },
    RuleSpec {
        id: "Organizations-002",
        title: "Enable All Features",
        tier: RiskTier::Irreversible,
        mode: Mode::Propose,
        functions: &["remediate-aws"],
        effect: "Asks every invited account of the organisation to agree that policies of the management account may restrict it; never without a person who says so. When all have agreed, the management account finishes it, and it cannot be taken back.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "account",
            grants: &[(
                &[
                    "organizations:DescribeOrganization",
                    "organizations:EnableAllFeatures",
                    "organizations:ListHandshakesForOrganization",
                ],
                &["*"],
            )],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "Cannot be taken back: an organisation with all features never goes back to consolidated billing alone.",
        }),
    },
    RuleSpec {
        id: "RDS-006",
        title: "RDS Auto Minor Version Upgrade",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Has RDS install minor versions in the instance's maintenance window, which can interrupt it for some minutes then. Nothing that is pending for the instance is hurried.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "name of at most 63 characters",
            grants: &[(
                &["rds:DescribeDBInstances", "rds:ModifyDBInstance"],
                &["arn:${AWS::Partition}:rds:*:${AWS::AccountId}:db:*"],
            )],
            calls_compliant: 1,
            calls_repair: 4,
            undo: "turns minor version upgrades off again",
        }),
    },
    RuleSpec {
        id: "RDS-008",
        title: "RDS Publicly Accessible",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes the instance's public address away, at once. Clients outside its VPC and the networks connected to it cannot reach it any more.",
        parameters: &[ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "unprotected"]),
            default: "\"always\"",
            what: "`unprotected` proposes the repair for instances with deletion protection, which is how people mark those that matter",
        }],
        repair: Some(&RepairSpec {
            resource: "name of at most 63 characters",
            grants: &[(
                &["rds:DescribeDBInstances", "rds:ModifyDBInstance"],
                &["arn:${AWS::Partition}:rds:*:${AWS::AccountId}:db:*"],
            )],
            calls_compliant: 1,
            calls_repair: 4,
            undo: "gives the instance a public address again, though not the one it had",
        }),
    },
    RuleSpec {
        id: "RDS-023",
        title: "Amazon RDS Public Snapshots",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes a DB snapshot or DB cluster snapshot from the public. Accounts that it is shared with by number keep it.",
        parameters: &[ParameterSpec {
            name: "act_if",
            kind: ParameterKind::Choice(&["always", "shared_with_nobody_else"]),
            default: "\"always\"",
            what: "whether to hold the repair back for a person where it is also shared with accounts by name, a sign that sharing is meant",
        }],
        repair: Some(&RepairSpec {
            resource: "name of at most 255 characters",
            grants: &[
                (
                    &[
                        "rds:DescribeDBSnapshotAttributes",
                        "rds:ModifyDBSnapshotAttribute",
                    ],
                    &["arn:${AWS::Partition}:rds:*:${AWS::AccountId}:snapshot:*"],
                ),
                (
                    &["rds:DescribeDBSnapshots"],
                    &[
                        "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:db:*",
                        "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:snapshot:*",
                    ],
                ),
                (
                    &[
                        "rds:DescribeDBClusterSnapshotAttributes",
                        "rds:ModifyDBClusterSnapshotAttribute",
                    ],
                    &["arn:${AWS::Partition}:rds:*:${AWS::AccountId}:cluster-snapshot:*"],
                ),
                (
                    &["rds:DescribeDBClusterSnapshots"],
                    &[
                        "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:cluster:*",
                        "arn:${AWS::Partition}:rds:*:${AWS::AccountId}:cluster-snapshot:*",
                    ],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 4,
            undo: "shares the snapshot with everybody again",
        }),
    },
    RuleSpec {
        id: "RS-001",
        title: "Redshift Cluster Publicly Accessible",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes the cluster's public address away. Clients outside its VPC and the networks connected to it cannot reach it any more.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "name of at most 63 characters",
            grants: &[(
                &["redshift:DescribeClusters", "redshift:ModifyCluster"],
                &["arn:${AWS::Partition}:redshift:*:${AWS::AccountId}:cluster:*"],
            )],
            calls_compliant: 1,
            calls_repair: 4,
            undo: "gives the cluster a public address again: its elastic address if it had one, else another",
        }),
    },
    RuleSpec {
        id: "RS-019",
        title: "Redshift Automated Snapshot Retention Period",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Keeps automated snapshots for at least `retention_days`, which are paid for by their size. A longer retention is never shortened.",
        parameters: &[ParameterSpec {
            name: "retention_days",
            kind: ParameterKind::Whole { min: 1, max: 35 },
            default: "7",
            what: "for how many days automated snapshots are kept at least",
        }],
        repair: Some(&RepairSpec {
            resource: "name of at most 63 characters",
            grants: &[(
                &["redshift:DescribeClusters", "redshift:ModifyCluster"],
                &["arn:${AWS::Partition}:redshift:*:${AWS::AccountId}:cluster:*"],
            )],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "not taken back: a shorter retention deletes the snapshots beyond it",
        }),
    },
    RuleSpec {
        id: "RS-023",
        title: "Enable Redshift User Activity Logging",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Turns user activity logging on in the parameter group of the cluster, and so for every cluster that shares the group. It comes into force with each cluster's next reboot, which is not done here.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "name of at most 255 characters",
            grants: &[
                (
                    &[
                        "redshift:DescribeClusters",
                        "redshift:DescribeLoggingStatus",
                    ],
                    &["arn:${AWS::Partition}:redshift:*:${AWS::AccountId}:cluster:*"],
                ),
                (
                    &[
                        "redshift:DescribeClusterParameters",
                        "redshift:ModifyClusterParameterGroup",
                    ],
                    &["arn:${AWS::Partition}:redshift:*:${AWS::AccountId}:parametergroup:*"],
                ),
                (&["redshift:DescribeClusterParameterGroups"], &["*"]),
            ],
            calls_compliant: 2,
            calls_repair: 8,
            undo: "turns user activity logging off again in the parameter group",
        }),
    },
    RuleSpec {
        id: "S3-001",
        title: "S3 Bucket Public 'READ' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes READ from everybody in the bucket's ACL. Whoever lists the bucket without credentials no longer can.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-002",
        title: "S3 Bucket Public 'READ_ACP' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes READ_ACP from everybody in the bucket's ACL. Whoever reads the ACL without credentials no longer can.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-003",
        title: "S3 Bucket Public 'WRITE' ACL Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes WRITE from everybody in the bucket's ACL. Whoever uploads or deletes without credentials no longer can.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-004",
        title: "S3 Bucket Public 'WRITE_ACP' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes WRITE_ACP from everybody in the bucket's ACL. Whoever changes the ACL without credentials no longer can.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-005",
        title: "S3 Bucket Public 'FULL_CONTROL' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes FULL_CONTROL from everybody in the bucket's ACL. Whoever uses the bucket without credentials no longer can.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-006",
        title: "S3 Bucket Authenticated Users 'READ' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes READ from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer list the bucket.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-007",
        title: "S3 Bucket Authenticated Users 'READ_ACP' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes READ_ACP from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer read the ACL.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-008",
        title: "S3 Bucket Authenticated Users 'WRITE' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes WRITE from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer upload or delete.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-009",
        title: "S3 Bucket Authenticated Users 'WRITE_ACP' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes WRITE_ACP from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer change the ACL.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-010",
        title: "S3 Bucket Authenticated Users 'FULL_CONTROL' Access",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Takes FULL_CONTROL from all AWS accounts in the bucket's ACL. Other accounts that are not named there no longer use the bucket.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:PutBucketAcl",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former ACL is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-012",
        title: "S3 Bucket Versioning Enabled",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Turns versioning on. Every version is kept and billed until a lifecycle rule lets old ones expire.",
        parameters: &[],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketTagging",
                    "s3:GetBucketVersioning",
                    "s3:PutBucketVersioning",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 5,
            undo: "Versioning is suspended, which is as near to never having been on as S3 allows: the versions made meanwhile stay.",
        }),
    },
    RuleSpec {
        id: "S3-014",
        title: "S3 Bucket Public Access Via Policy",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
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
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:DeleteBucketPolicy",
                    "s3:GetBucketPolicy",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketTagging",
                    "s3:GetBucketWebsite",
                    "s3:PutBucketPolicy",
                    "s3:PutBucketPublicAccessBlock",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 8,
            undo: "The former policy, or the former setting of Block Public Access, is written back, unless somebody changed it since.",
        }),
    },
    RuleSpec {
        id: "S3-016",
        title: "Server Side Encryption",
        tier: RiskTier::Safe,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Encrypts new objects that come without a word about it; an encryption that is set is never replaced. With a KMS key, whoever reads or writes objects needs that key too.",
        parameters: &[ParameterSpec {
            name: "kms_key",
            kind: ParameterKind::Text(Form::KmsKeyArn),
            default: "\"\"",
            what: "A KMS key in the bucket's region; buckets of other regions are left to a person. Empty: keys of S3 (AES256), which cost nothing.",
        }],
        repair: Some(&RepairSpec {
            resource: "bucket name",
            grants: &[(
                &[
                    "s3:GetBucketTagging",
                    "s3:GetEncryptionConfiguration",
                    "s3:PutEncryptionConfiguration",
                ],
                &["arn:${AWS::Partition}:s3:::*"],
            )],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The default encryption is removed; S3 then uses its own keys.",
        }),
    },
    RuleSpec {
        id: "SQS-004",
        title: "Queue Server Side Encryption",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Encrypts messages at rest with keys of SQS, which cuts off only callers over plain HTTP. With kms_key_id set it cuts off every producer and consumer that may not use that key, SNS, S3 and EventBridge among them.",
        parameters: &[
            ParameterSpec {
                name: "kms_key_id",
                kind: ParameterKind::Text(Form::KmsKey),
                default: "\"\"",
                what: "a KMS key to encrypt with instead; empty: keys of SQS",
            },
            ParameterSpec {
                name: "act_if",
                kind: ParameterKind::Choice(&["always", "no_services"]),
                default: "\"always\"",
                what: "`no_services`: where kms_key_id is set, leave a queue to a person that AWS services may send to",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "queue URL or name",
            grants: &[(
                &[
                    "sqs:GetQueueAttributes",
                    "sqs:GetQueueUrl",
                    "sqs:ListQueueTags",
                    "sqs:SetQueueAttributes",
                ],
                &["arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:*"],
            )],
            calls_compliant: 2,
            calls_repair: 7,
            undo: "Turns the encryption off again; messages that were sent meanwhile stay encrypted and can be received.",
        }),
    },
    RuleSpec {
        id: "TrustedAdvisor-003",
        title: "Exposed IAM Access Keys",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        functions: &["remediate-aws"],
        effect: "Deactivates the exposed access key at once, however lately it was used. Whatever signs with it is refused from then on; sessions that were opened with it live on until they expire.",
        parameters: &[ParameterSpec {
            name: "except_users",
            kind: ParameterKind::Texts(Form::Users),
            default: "[]",
            what: "users whose keys are only reported, such as those for emergencies",
        }],
        repair: Some(&RepairSpec {
            resource: "access key id",
            grants: &[(
                &[
                    "iam:GetAccessKeyLastUsed",
                    "iam:ListAccessKeys",
                    "iam:ListUserTags",
                    "iam:UpdateAccessKey",
                ],
                &["arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"],
            )],
            calls_compliant: 2,
            calls_repair: 7,
            undo: "activates the key again",
        }),
    },
    RuleSpec {
        id: "VPC-001",
        title: "VPC Flow Logs Enabled",
        tier: RiskTier::Irreversible,
        mode: Mode::Propose,
        functions: &["remediate-aws"],
        effect: "Makes a flow log of the VPC into a CloudWatch log group, and the group if there is none. Flow logs cost money by the traffic that they record, and the group stays after an undo.",
        parameters: &[
            ParameterSpec {
                name: "role",
                kind: ParameterKind::Text(Form::Role("AutoRemediateFlowLogs")),
                default: "\"\"",
                what: "the role that delivers the logs (trusted by vpc-flow-logs.amazonaws.com); it has to be there, and of this name, for such roles alone may be passed",
            },
            ParameterSpec {
                name: "log_group",
                kind: ParameterKind::Text(Form::LogGroup),
                default: "\"vpc-flow-logs\"",
                what: "where the logs go",
            },
            ParameterSpec {
                name: "retention_days",
                kind: ParameterKind::Choice(&[
                    "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400",
                    "545", "731", "1096", "1827", "2192", "2557", "2922", "3288", "3653", "never",
                ]),
                default: "\"365\"",
                what: "after how many days a log group that is made here forgets; one that is there keeps its own",
            },
            ParameterSpec {
                name: "traffic",
                kind: ParameterKind::Choice(&["ALL", "ACCEPT", "REJECT"]),
                default: "\"ALL\"",
                what: "which traffic has to be recorded",
            },
        ],
        repair: Some(&RepairSpec {
            resource: "id of the form `vpc-0123456789abcdef0`",
            grants: &[
                (
                    &[
                        "ec2:DescribeFlowLogs",
                        "ec2:DescribeVpcs",
                        "logs:DescribeLogGroups",
                    ],
                    &["*"],
                ),
                (
                    &["ec2:CreateFlowLogs"],
                    &[
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:vpc/*",
                        "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:vpc-flow-log/*",
                    ],
                ),
                (
                    &["ec2:DeleteFlowLogs"],
                    &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:vpc-flow-log/*"],
                ),
                (
                    &["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
                    &["arn:${AWS::Partition}:logs:*:${AWS::AccountId}:log-group:*"],
                ),
                (
                    &["iam:PassRole"],
                    &["arn:${AWS::Partition}:iam::${AWS::AccountId}:role/AutoRemediateFlowLogs*"],
                ),
            ],
            calls_compliant: 1,
            calls_repair: 6,
            undo: "The flow log is deleted; what it has recorded stays, and so does a log group that was made for it.",
        }),
    },
];
