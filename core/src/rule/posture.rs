//! Checks of people's devices.

use super::{Mode, RiskTier, RuleSpec};

const DEVICE_CHECK: RuleSpec = RuleSpec {
    id: "",
    title: "",
    tier: RiskTier::Notice,
    mode: Mode::Act,
    functions: &["notify-telegram", "open-jira"],
    parameters: &[],
    repair: None,
    effect: "the person gets a Telegram message with a guide, and a Jira ticket is opened; both are closed by a pass",
};

/// The device checks.
pub(super) const RULES: &[RuleSpec] = &[
    RuleSpec {
        id: "posture.disk-encryption",
        title: "Disk is encrypted",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.antivirus",
        title: "Antivirus is running and up to date",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.os-updates",
        title: "Operating system is up to date",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.firewall",
        title: "Host firewall is on",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.screen-lock",
        title: "Screen locks by itself",
        ..DEVICE_CHECK
    },
    RuleSpec {
        id: "posture.other",
        title: "Any other device check",
        ..DEVICE_CHECK
    },
];
