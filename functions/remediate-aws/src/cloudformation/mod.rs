//! Rules of CloudFormation.
//!
//! | file | subject |
//! |---|---|
//! | [`protection`] | termination protection (CFM-005) |

use remediate_core::rule::{Mode, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod protection;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "CFM-005",
    title: "CloudFormation Stack Termination Protection",
    tier: RiskTier::Safe,
    mode: Mode::Act,
    effect: "Turns on termination protection of the stack, of a nested stack that of its root. \
             Whoever deletes the stack on purpose has to turn it off first.",
    parameters: &[],
    // A name has up to 128 characters; an ARN also has an id of 36 after a slash.
    resource: Grammar::Name {
        max: 165,
        others: "-/",
        arn: ("cloudformation", &["stack/"]),
    },
    grants: &[Grant {
        actions: &[
            "cloudformation:DescribeStacks",
            "cloudformation:UpdateTerminationProtection",
        ],
        resources: &["arn:${AWS::Partition}:cloudformation:*:${AWS::AccountId}:stack/*/*"],
    }],
    calls: Calls {
        compliant: 1,
        repair: 3,
    },
    undo: "Turns termination protection off again.",
    repair: &protection::Protect,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&protection::TerminationProtection];
