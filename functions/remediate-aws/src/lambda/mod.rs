//! Rules of Lambda.
//!
//! | file | subject |
//! |---|---|
//! | [`tracing`] | tracing with X-Ray (Lambda-003) |

use remediate_core::rule::{Mode, ParameterKind, ParameterSpec, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod tracing;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "Lambda-003",
    title: "Tracing Enabled",
    tier: RiskTier::Safe,
    mode: Mode::Act,
    effect: "Turns on active tracing of the function; traces cost money. \
             Lambda refuses it where the function's role may not write to X-Ray: no policy is attached to it here.",
    parameters: &[ParameterSpec {
        name: "act_if",
        kind: ParameterKind::Choice(&["always", "role_may_trace"]),
        default: r#""always""#,
        what: "`role_may_trace`: ask IAM first whether the function's role may write to X-Ray, and leave it to a person if not",
    }],
    resource: Grammar::Name {
        max: 64,
        others: "-_",
        arn: ("lambda", &["function:"]),
    },
    grants: &[
        Grant {
            actions: &[
                "lambda:GetFunctionConfiguration",
                "lambda:ListTags",
                "lambda:UpdateFunctionConfiguration",
            ],
            resources: &["arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:*"],
        },
        Grant {
            actions: &["iam:SimulatePrincipalPolicy"],
            resources: &["arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"],
        },
    ],
    calls: Calls {
        compliant: 1,
        repair: 5,
    },
    undo: "Sets the tracing mode to PassThrough again.",
    repair: &tracing::Trace,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&tracing::Tracing];
