//! What an account or a zone may have, by plan.
//!
//! Numbers of lists and items: Cloudflare's Lists pages since 2025-07-07. Rules, periods and time-outs: the
//! availability tables of custom rules and of rate limiting rules.

use serde::{Deserialize, Serialize};

/// A Cloudflare plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// One list, 10,000 items.
    Free,
    /// Ten lists, 10,000 items over all.
    Pro,
    /// Ten lists, 10,000 items over all; rate limits by source address.
    Business,
    /// A thousand lists, 500,000 items over all; the action `log`.
    Enterprise,
}

/// Every period, in seconds, that the API knows.
const ALL_PERIODS: [u32; 21] = [
    10, 15, 20, 30, 40, 45, 60, 90, 120, 180, 240, 300, 480, 600, 900, 1200, 1800, 2400, 3600,
    65_535, 86_400,
];
/// Every time-out, in seconds, that rules below Enterprise may choose from.
const TIMEOUTS: [u32; 7] = [10, 60, 120, 300, 600, 3600, 86_400];

impl Plan {
    /// `free`, `pro`, `business`, `enterprise`: the plan's `legacy_id`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Business => "business",
            Self::Enterprise => "enterprise",
        }
    }

    /// As a zone tells it: `Enterprise Website`.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Free => "Free Website",
            Self::Pro => "Pro Website",
            Self::Business => "Business Website",
            Self::Enterprise => "Enterprise Website",
        }
    }

    /// How many lists an account may have.
    pub fn max_lists(self) -> usize {
        match self {
            Self::Free => 1,
            Self::Pro | Self::Business => 10,
            Self::Enterprise => 1_000,
        }
    }

    /// How many items all lists of an account may hold together.
    pub fn max_items(self) -> usize {
        match self {
            Self::Free | Self::Pro | Self::Business => 10_000,
            Self::Enterprise => 500_000,
        }
    }

    /// How many custom rules a zone may have.
    pub fn max_custom_rules(self) -> usize {
        match self {
            Self::Free => 5,
            Self::Pro => 20,
            Self::Business => 100,
            Self::Enterprise => 1_000,
        }
    }

    /// How many rate limiting rules a zone may have.
    pub fn max_rate_limits(self) -> usize {
        match self {
            Self::Free => 1,
            Self::Pro => 2,
            Self::Business => 5,
            Self::Enterprise => 100,
        }
    }

    /// The counting periods of a rate limiting rule, in seconds.
    pub(crate) fn periods(self) -> &'static [u32] {
        match self {
            Self::Free => &[10],
            Self::Pro => &[10, 60],
            Self::Business => &[10, 60, 120, 300, 600],
            Self::Enterprise => &ALL_PERIODS,
        }
    }

    /// How long a rate limiting rule may act, in seconds; `None` where any number will do.
    pub(crate) fn mitigation_timeouts(self) -> Option<&'static [u32]> {
        match self {
            Self::Free => Some(&TIMEOUTS[..1]),
            Self::Pro => Some(&TIMEOUTS[..6]),
            Self::Business => Some(&TIMEOUTS),
            Self::Enterprise => None,
        }
    }

    /// Whether the expression of a rate limiting rule may use this field.
    pub(crate) fn may_rate_limit_by(self, field: &str) -> bool {
        let from = match field {
            "http.request.uri.path" | "cf.client.bot" | "cf.bot_management.verified_bot" => {
                Self::Free
            }
            "http.host"
            | "http.request.uri"
            | "http.request.full_uri"
            | "http.request.uri.query" => Self::Pro,
            "ip.src" | "http.request.method" | "http.user_agent" => Self::Business,
            _ => Self::Enterprise,
        };
        self >= from
    }
}
