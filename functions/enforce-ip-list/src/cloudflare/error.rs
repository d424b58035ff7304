//! What can go wrong with Cloudflare, and what that means for the work.

use std::time::Duration;

use remediate_core::fault::{Fault, FaultClass};
use remediate_core::secret::SecretError;

/// Why it was not done. `action` says what was being done to what: `read the lists of the account`, `add 120 items to eil_block`.
/// The token is in none of these.
#[derive(Debug, thiserror::Error)]
pub enum CloudflareError {
    #[error("{action}: `cloudflare.{key}` is not set: {remedy}")]
    Unconfigured {
        action: String,
        key: &'static str,
        remedy: &'static str,
    },
    #[error("cloudflare: no HTTP client can be made: {0}")]
    Client(String),
    #[error("{action}: {source}")]
    Secret { action: String, source: SecretError },
    /// No connection: nothing was sent.
    #[error("{action}: cloudflare cannot be reached: {reason}")]
    Unreachable { action: String, reason: String },
    /// A reading call that got no usable answer.
    #[error("{action}: no answer from cloudflare: {reason}")]
    NoAnswer { action: String, reason: String },
    /// A writing call that may have been carried out.
    #[error("{action}: it is not known whether cloudflare did it: {reason}")]
    Lost { action: String, reason: String },
    #[error("{action}: cloudflare takes no more calls ({limit}): {reason}")]
    Limited {
        action: String,
        limit: Limit,
        /// What `Retry-After` says.
        after: Option<Duration>,
        reason: String,
    },
    #[error("{action}: cloudflare refuses our token (HTTP {status}): {detail}; {remedy}")]
    Unauthorised {
        action: String,
        status: u16,
        detail: String,
        remedy: &'static str,
    },
    #[error("{action}: cloudflare refused (HTTP {status}): {detail}")]
    Refused {
        action: String,
        status: u16,
        detail: String,
        errors: Vec<ApiError>,
    },
    /// The time of this invocation is over before the call could be made.
    #[error("{action}: no time is left in this run")]
    OutOfTime { action: String },
}

/// One entry of the envelope's `errors`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// 0 where the answer has none.
    pub code: i64,
    pub message: String,
    /// JSON pointer into what was sent, where the answer has one.
    pub pointer: Option<String>,
}

/// Which limit a 429 is about, as far as the API lets one tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A bulk operation of this account, of whomever, is not finished.
    Pending,
    /// The quota of changes to lists (1,000,000 items or 30,000 requests in 12 hours).
    Lists,
    /// The API's own (1,200 requests in 5 minutes); going on makes it longer.
    Global,
    /// It does not say: an operation in flight or the quota.
    Unclear,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pending => "another bulk operation of the account is in flight",
            Self::Lists => "the quota of changes to lists is used up",
            Self::Global => "the limit of calls to the API",
            Self::Unclear => "a bulk operation in flight, or the quota of changes to lists",
        })
    }
}

/// Cloudflare's codes that are acted on.
pub(crate) mod codes {
    pub(crate) const AUTHENTICATION: i64 = 10_000;
    pub(crate) const DUPLICATE_ITEM: i64 = 10_028;
    pub(crate) const LIST_IN_USE: i64 = 10_031;
    pub(crate) const BAD_ITEM: i64 = 10_035;
    pub(crate) const LISTS_LIMITED: i64 = 10_040;
    pub(crate) const THROTTLED: i64 = 971;
}

impl CloudflareError {
    fn errors(&self) -> &[ApiError] {
        match self {
            Self::Refused { errors, .. } => errors,
            _ => &[],
        }
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Unauthorised { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// There is no such thing (any more).
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// The body was too large: send less at once.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Refused { status: 413, .. })
    }

    /// A rule, enabled or not, refers to the list.
    pub fn is_in_use(&self) -> bool {
        self.errors()
            .iter()
            .any(|error| error.code == codes::LIST_IN_USE)
    }

    /// What was sent has the same network twice.
    pub fn is_duplicate(&self) -> bool {
        self.errors()
            .iter()
            .any(|error| error.code == codes::DUPLICATE_ITEM)
    }

    /// Where, in the array that was sent, the element stands that Cloudflare does not take, and what it says of it.
    /// A JSON pointer counts from 0; a text's `position N` is taken to do so too.
    pub fn bad_item(&self) -> Option<(usize, &str)> {
        self.errors()
            .iter()
            .filter(|error| error.code == codes::BAD_ITEM)
            .find_map(|error| {
                let pointed = error.pointer.as_deref().and_then(|pointer| {
                    pointer
                        .split('/')
                        .find_map(|part| part.parse::<usize>().ok())
                });
                let position = pointed.or_else(|| position_in(&error.message))?;
                Some((position, error.message.as_str()))
            })
    }

    /// Whether the call may have been carried out.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

/// `invalid value for ip at position 12: …` names the twelfth.
fn position_in(message: &str) -> Option<usize> {
    let rest = &message[message.find("position ")? + "position ".len()..];
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

impl Fault for CloudflareError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Unconfigured { .. }
            | Self::Client(_)
            | Self::Secret { .. }
            | Self::Unauthorised { .. } => FaultClass::Configuration,
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::OutOfTime { .. } => {
                FaultClass::Transient { after: None }
            }
            Self::Lost { .. } => FaultClass::Ambiguous { after: None },
            Self::Limited {
                limit: Limit::Global,
                after,
                ..
            } => FaultClass::Flood {
                after: after.unwrap_or(Duration::from_secs(300)),
            },
            Self::Limited { after, .. } => FaultClass::Transient { after: *after },
            Self::Refused {
                status: 409 | 425, ..
            } => FaultClass::Transient { after: None },
            Self::Refused { .. } => FaultClass::Permanent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i64, message: &str, pointer: Option<&str>) -> CloudflareError {
        CloudflareError::Refused {
            action: "add items".to_owned(),
            status: 400,
            detail: message.to_owned(),
            errors: vec![ApiError {
                code,
                message: message.to_owned(),
                pointer: pointer.map(str::to_owned),
            }],
        }
    }

    #[test]
    fn given_a_refused_element_when_its_place_is_asked_then_pointer_and_text_are_understood() {
        let text = "invalid value for ip at position 12: filters.api.invalid prefix length from /12 to /64 inclusive";
        assert_eq!(refused(10_035, text, None).bad_item(), Some((12, text)));
        assert_eq!(
            refused(10_035, "bad", Some("/7/ip")).bad_item(),
            Some((7, "bad"))
        );
        assert_eq!(refused(10_035, "bad", None).bad_item(), None);
        assert_eq!(refused(10_028, "position 3", None).bad_item(), None);
    }

    #[test]
    fn given_an_error_when_it_is_classed_then_only_what_can_help_is_retried() {
        assert!(refused(10_028, "", None).is_duplicate());
        assert_eq!(refused(10_031, "", None).class(), FaultClass::Permanent);
        let lost = CloudflareError::Lost {
            action: String::new(),
            reason: String::new(),
        };
        assert!(matches!(lost.class(), FaultClass::Ambiguous { .. }));
    }
}
