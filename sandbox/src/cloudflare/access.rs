//! Who asks, and what their token lets them do.

use hyper::StatusCode;

use super::config::{Access, CloudflareConfig, Token};
use super::refusal::{Refusal, code};
use crate::http::Request;

/// Finds the token of a request.
///
/// # Errors
/// 400 without a usable header, 403 for a token that is unknown or revoked.
pub(crate) fn admit<'a>(
    config: &'a CloudflareConfig,
    request: &Request,
) -> Result<&'a Token, Refusal> {
    let value = bearer(request)?;
    config
        .tokens
        .iter()
        .find(|token| token.value == value && token.active)
        .ok_or_else(|| Refusal::authentication("the token is not one of the account's, or revoked"))
}

fn bearer(request: &Request) -> Result<&str, Refusal> {
    let Some(header) = request.header("authorization") else {
        if request.header("x-auth-key").is_some() {
            return Err(Refusal::authentication(
                "global API keys are not accepted here",
            ));
        }
        return Err(Refusal::bad_request(
            code::MISSING_HEADERS,
            "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
        ));
    };
    header
        .strip_prefix("Bearer ")
        .filter(|token| !token.is_empty() && !token.contains(' '))
        .ok_or_else(|| {
            Refusal::bad_request(code::INVALID_HEADERS, "Invalid request headers").why(format!(
                "code {}: the form is Authorization: Bearer <token>",
                code::INVALID_AUTHORIZATION
            ))
        })
}

/// What kind of thing a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Lists,
    Rules,
    Zones,
}

/// Whether the token may do this.
pub(crate) fn allow(token: &Token, subject: Subject, needed: Access) -> Result<(), Refusal> {
    let (held, name) = match subject {
        Subject::Lists => (token.lists, "Account Filter Lists"),
        Subject::Rules => (token.rules, "Zone WAF"),
        Subject::Zones => (token.zones, "Zone"),
    };
    if held >= needed {
        return Ok(());
    }
    let wanted = if needed == Access::Edit {
        "Edit"
    } else {
        "Read"
    };
    Err(Refusal::authentication(format!(
        "the token lacks the permission {name}: {wanted}"
    )))
}

/// The verification of a token answers 401 where the other calls answer 403.
pub(crate) fn invalid_token() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        code::INVALID_TOKEN,
        "Invalid API Token",
    )
}
