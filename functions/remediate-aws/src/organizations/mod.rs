//! Rules of Organizations.
//!
//! | file | subject |
//! |---|---|
//! | [`features`] | which features an organisation has (Organizations-002) |

use remediate_core::rule::{Mode, RiskTier};

use crate::aspect::AnyAspect;
use crate::rule::{Calls, Grant, Rule};
use crate::target::Grammar;

mod features;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "Organizations-002",
    title: "Enable All Features",
    tier: RiskTier::Irreversible,
    mode: Mode::Propose,
    effect: "Asks every invited account of the organisation to agree that policies of the management account may restrict it; never without a person who says so. \
             When all have agreed, the management account finishes it, and it cannot be taken back.",
    parameters: &[],
    resource: Grammar::Account,
    grants: &[Grant {
        // The service knows no resources for these.
        actions: &[
            "organizations:DescribeOrganization",
            "organizations:EnableAllFeatures",
            "organizations:ListHandshakesForOrganization",
        ],
        resources: &["*"],
    }],
    calls: Calls {
        compliant: 1,
        repair: 5,
    },
    undo: "Cannot be taken back: an organisation with all features never goes back to consolidated billing alone.",
    repair: &features::Enable,
}];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[&features::Features];
