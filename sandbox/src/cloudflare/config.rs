//! The account: its plan, zones and tokens, and how its API behaves where the vendor leaves it open.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::id;
use super::net::Net;
use super::plan::Plan;

/// The default account.
pub const DEFAULT_ACCOUNT_ID: &str = "5a9db0c1d4e24f6f8b7c90e1a2b3c4d5";
/// The default account's zone, `example.com`.
pub const DEFAULT_ZONE_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// May do everything that the sandbox plays.
pub const DEFAULT_CLOUDFLARE_TOKEN: &str = "sandbox-cloudflare-token-everything-0000";
/// May edit lists and nothing else, as the documentation of the product recommends.
pub const LISTS_ONLY_TOKEN: &str = "sandbox-cloudflare-token-lists-only-0000";

/// Everything about the Cloudflare account that can be set. Every key may also be changed while the sandbox runs:
/// `POST /_sandbox/cloudflare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudflareConfig {
    /// 32 hexadecimal digits.
    pub account_id: String,
    /// The account's name.
    pub account_name: String,
    /// Decides over capacity, and over the zones that name no plan of their own.
    pub plan: Plan,
    /// Zones of the account.
    pub zones: Vec<Zone>,
    /// Tokens that are accepted.
    pub tokens: Vec<Token>,
    /// Lists that exist from the start.
    pub lists: Vec<InitialList>,
    /// Items over all lists; the plan's number if not given.
    pub max_items: Option<usize>,
    /// Lists; the plan's number if not given.
    pub max_lists: Option<usize>,
    /// How long a bulk operation takes.
    pub operations: Pace,
    /// What the next operations come to, in this order; afterwards they succeed again.
    pub fail_next: Vec<ForcedFailure>,
    /// What a failed operation leaves behind.
    pub failed_operation_leaves: Leaves,
    /// The refusal while another bulk operation is under way. The vendor promises the status 429 and nothing else.
    pub pending_refusal: PendingRefusal,
    /// How much may be written to lists.
    pub write_quota: WriteQuota,
    /// How many requests a token may make.
    pub limiter: Limiter,
    /// Whether an item that is sent again keeps its id. Nobody has documented it: by default it does not, so that
    /// nothing comes to depend on it.
    pub upsert_keeps_ids: bool,
    /// What becomes of a deletion that names an id which does not exist. Undocumented too.
    pub unknown_item_ids: UnknownIds,
    /// Answers 201 to an accepted bulk operation, as a page of the documentation says, in place of 200.
    pub created_status: bool,
    /// Longest IPv6 prefix that lists accept; 64 before July 2025.
    pub longest_ipv6_prefix: u8,
    /// Largest body, in bytes; nobody has documented one. Larger ones are answered 413.
    pub max_body_bytes: usize,
    /// What `GET /ips` tells.
    pub ipv4_cidrs: Vec<String>,
    /// What `GET /ips` tells.
    pub ipv6_cidrs: Vec<String>,
}

impl Default for CloudflareConfig {
    fn default() -> Self {
        let owned = |nets: &[&str]| nets.iter().map(|net| (*net).to_owned()).collect();
        Self {
            account_id: DEFAULT_ACCOUNT_ID.into(),
            account_name: "Example Ltd".into(),
            plan: Plan::Enterprise,
            zones: vec![Zone {
                id: DEFAULT_ZONE_ID.into(),
                name: "example.com".into(),
                plan: None,
            }],
            tokens: vec![Token::everything(DEFAULT_CLOUDFLARE_TOKEN), {
                let mut token = Token::everything(LISTS_ONLY_TOKEN);
                token.rules = Access::None;
                token.zones = Access::None;
                token
            }],
            lists: Vec::new(),
            max_items: None,
            max_lists: None,
            operations: Pace::default(),
            fail_next: Vec::new(),
            failed_operation_leaves: Leaves::Part,
            pending_refusal: PendingRefusal::default(),
            write_quota: WriteQuota::default(),
            limiter: Limiter::default(),
            upsert_keeps_ids: false,
            unknown_item_ids: UnknownIds::Ignored,
            created_status: false,
            longest_ipv6_prefix: 128,
            max_body_bytes: 100_000_000,
            ipv4_cidrs: owned(&IPV4_CIDRS),
            ipv6_cidrs: owned(&IPV6_CIDRS),
        }
    }
}

impl CloudflareConfig {
    /// Sets the plan of the account.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// Items that all lists may hold together.
    pub fn capacity(&self) -> usize {
        self.max_items.unwrap_or(self.plan.max_items())
    }

    /// Lists that may exist.
    pub fn list_capacity(&self) -> usize {
        self.max_lists.unwrap_or(self.plan.max_lists())
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let mut ids = vec![("account", &self.account_id)];
        ids.extend(self.zones.iter().map(|zone| ("zone", &zone.id)));
        for (what, id) in ids {
            if !id::is_well_formed(id) {
                return Err(format!(
                    "cloudflare: the id of the {what}, {id:?}, is not made of 32 hexadecimal digits"
                ));
            }
        }
        if !(64..=128).contains(&self.longest_ipv6_prefix) {
            return Err("cloudflare: longest_ipv6_prefix is not between 64 and 128".into());
        }
        let mut names = BTreeSet::new();
        for list in &self.lists {
            if !is_list_name(&list.name) {
                return Err(format!(
                    "cloudflare: the list name {:?} is not made of 1 to 50 of a-z, 0-9 and _",
                    list.name
                ));
            }
            if !names.insert(&list.name) {
                return Err(format!("cloudflare: two lists are named {:?}", list.name));
            }
            for entry in &list.entries {
                Net::parse(&entry.ip, self.longest_ipv6_prefix).map_err(|error| {
                    format!("cloudflare: list {}: {:?}: {error}", list.name, entry.ip)
                })?;
            }
        }
        Ok(())
    }
}

/// What the documentation and the expressions say of names; the published description allows capitals too.
pub(crate) fn is_list_name(name: &str) -> bool {
    (1..=50).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A zone of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// 32 hexadecimal digits.
    pub id: String,
    /// `example.com`.
    pub name: String,
    /// The account's plan if not given.
    #[serde(default)]
    pub plan: Option<Plan>,
}

/// What a token may do with one kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read and write.
    Edit,
}

/// An API token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What stands behind `Bearer`.
    pub value: String,
    /// Account Filter Lists.
    #[serde(default = "edit")]
    pub lists: Access,
    /// Zone WAF.
    #[serde(default = "edit")]
    pub rules: Access,
    /// Zones and the account itself.
    #[serde(default = "edit")]
    pub zones: Access,
    /// `false`: revoked.
    #[serde(default = "yes")]
    pub active: bool,
}

fn edit() -> Access {
    Access::Edit
}

fn yes() -> bool {
    true
}

impl Token {
    /// May do everything that the sandbox plays.
    pub fn everything(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            lists: Access::Edit,
            rules: Access::Edit,
            zones: Access::Edit,
            active: true,
        }
    }
}

/// A list that exists from the start; its entries are a person's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialList {
    /// `^[a-z0-9_]{1,50}$`.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What is in it.
    #[serde(default)]
    pub entries: Vec<PersonsEntry>,
}

/// What a person put into a list by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonsEntry {
    /// An address or a network.
    pub ip: String,
    /// At most 500 characters.
    #[serde(default)]
    pub comment: Option<String>,
}

/// How long a bulk operation is `pending` and then `running`: so many answered polls and so many milliseconds, both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// Polls answered `pending`.
    pub pending_polls: u32,
    /// Polls answered `running` after them.
    pub running_polls: u32,
    /// Milliseconds in `pending`.
    pub pending_ms: u64,
    /// Milliseconds in `running` after them.
    pub running_ms: u64,
    /// After so many milliseconds an operation is over, polled or not.
    pub at_most_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pending_polls: 0,
            running_polls: 0,
            pending_ms: 100,
            running_ms: 200,
            at_most_ms: 600_000,
        }
    }
}

impl Pace {
    /// So many polls answered `pending`, so many `running`; no waiting.
    pub fn polls(pending: u32, running: u32) -> Self {
        Self {
            pending_polls: pending,
            running_polls: running,
            pending_ms: 0,
            running_ms: 0,
            ..Self::default()
        }
    }

    /// Over when it is first asked about.
    pub fn at_once() -> Self {
        Self::polls(0, 0)
    }

    /// Never over.
    pub fn never() -> Self {
        Self {
            pending_ms: u64::MAX,
            at_most_ms: u64::MAX,
            ..Self::default()
        }
    }
}

/// A bulk operation that is accepted and fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForcedFailure {
    /// The operation's `error`.
    pub error: String,
    /// How many of its elements take effect all the same.
    #[serde(default)]
    pub applied: usize,
}

/// What a failed operation leaves behind; the vendor does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leaves {
    /// What had been done when it failed.
    Part,
    /// The list as it was before.
    Nothing,
}

/// What becomes of a deletion that names an unknown item id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownIds {
    /// The others are deleted.
    Ignored,
    /// The request is refused as a whole, 404.
    Refused,
}

/// The 429 that meets a second bulk operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PendingRefusal {
    /// Error code.
    pub code: u32,
    /// Error text.
    pub message: String,
    /// Seconds in `Retry-After`, if any.
    pub retry_after: Option<u64>,
}

impl Default for PendingRefusal {
    fn default() -> Self {
        Self {
            code: super::refusal::code::RATE_LIMITED,
            message: super::quota::RATE_LIMITED.into(),
            retry_after: None,
        }
    }
}

/// How much may be written to lists within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteQuota {
    /// Items created, edited or deleted.
    pub modifications: u64,
    /// Requests that do so.
    pub requests: u64,
    /// Seconds.
    pub window_s: u64,
}

impl Default for WriteQuota {
    fn default() -> Self {
        Self {
            modifications: 1_000_000,
            requests: 30_000,
            window_s: 12 * 3600,
        }
    }
}

/// The global limiter: going over it blocks the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limiter {
    /// Requests of one token within a window.
    pub requests: u64,
    /// Seconds.
    pub window_s: u64,
    /// Seconds for which everything is refused after that.
    pub block_s: u64,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            requests: 1_200,
            window_s: 300,
            block_s: 300,
        }
    }
}

const IPV4_CIDRS: [&str; 15] = [
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
];

const IPV6_CIDRS: [&str; 7] = [
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];
