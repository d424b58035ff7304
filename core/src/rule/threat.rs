//! Hostile networks, by tier.

use super::{Mode, RiskTier, RuleSpec};

const TIER: RuleSpec = RuleSpec {
    id: "",
    title: "",
    tier: RiskTier::CanCutOff,
    mode: Mode::Act,
    functions: &["enforce-ip-list"],
    effect: "",
    parameters: &[],
    repair: None,
};

pub(super) const RULES: &[RuleSpec] = &[
    RuleSpec {
        id: "threat.block",
        title: "Addresses of score 4 and 5 are blocked",
        effect: "requests from the listed networks are refused wherever a rule uses the list",
        ..TIER
    },
    RuleSpec {
        id: "threat.challenge",
        title: "Addresses of score 2 and 3 are challenged",
        effect: "visitors from the listed networks are shown a challenge wherever a rule uses the list",
        ..TIER
    },
    RuleSpec {
        id: "threat.rate-limit",
        title: "Addresses of score 1 are limited to 10 requests a minute",
        effect: "requests from the listed networks beyond the limit are refused wherever a rule uses the list",
        ..TIER
    },
];
