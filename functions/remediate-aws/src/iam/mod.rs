//! Rules of IAM: access keys that are too old or exposed are deactivated, never deleted.

use remediate_core::rule::{Form, Mode, ParameterKind, ParameterSpec, RiskTier};

use self::access_key::{Deactivate, KeyStatus};
use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

pub mod access_key;

const GRANTS: &[Grant] = &[Grant {
    actions: &[
        "iam:GetAccessKeyLastUsed",
        "iam:ListAccessKeys",
        "iam:ListUserTags",
        "iam:UpdateAccessKey",
    ],
    resources: &["arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"],
}];

const CALLS: Calls = Calls {
    compliant: 2,
    repair: 7,
};

const UNDO: &str = "activates the key again";

/// The default is what the rule's title says.
const fn max_age_days(default: &'static str) -> ParameterSpec {
    ParameterSpec {
        name: "max_age_days",
        kind: ParameterKind::Whole { min: 0, max: 3650 },
        default,
        what: "keys that are younger are left alone",
    }
}

/// A month, so that a key that signs one monthly job is not taken for an idle one.
const GRACE_DAYS: ParameterSpec = ParameterSpec {
    name: "grace_days",
    kind: ParameterKind::Whole { min: 0, max: 3650 },
    default: "30",
    what: "a key that was used within so many days is proposed instead of deactivated; 0 deactivates it all the same",
};

const EXCEPT_USERS: ParameterSpec = ParameterSpec {
    name: "except_users",
    kind: ParameterKind::Texts(Form::Users),
    default: "[]",
    what: "users whose keys are only reported, such as those for emergencies",
};

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[
    Rule {
        id: "IAM-001",
        title: "Access Keys Rotated 30 Days",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Deactivates the access key, unless it was used within `grace_days`. Whatever still signs with it is refused from then on, until the key is active again.",
        parameters: const { &[max_age_days("30"), GRACE_DAYS, EXCEPT_USERS] },
        resource: Grammar::AccessKey,
        grants: GRANTS,
        calls: CALLS,
        undo: UNDO,
        repair: &Deactivate,
    },
    Rule {
        id: "IAM-038",
        title: "Access Keys Rotated 90 Days",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Deactivates the access key, unless it was used within `grace_days`. Whatever still signs with it is refused from then on, until the key is active again.",
        parameters: const { &[max_age_days("90"), GRACE_DAYS, EXCEPT_USERS] },
        resource: Grammar::AccessKey,
        grants: GRANTS,
        calls: CALLS,
        undo: UNDO,
        repair: &Deactivate,
    },
    Rule {
        id: "TrustedAdvisor-003",
        title: "Exposed IAM Access Keys",
        tier: RiskTier::CanCutOff,
        mode: Mode::Act,
        effect: "Deactivates the exposed access key at once, however lately it was used. Whatever signs with it is refused from then on; sessions that were opened with it live on until they expire.",
        parameters: const { &[EXCEPT_USERS] },
        resource: Grammar::AccessKey,
        grants: GRANTS,
        calls: CALLS,
        undo: UNDO,
        repair: &Deactivate,
    },
];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&KeyStatus];
