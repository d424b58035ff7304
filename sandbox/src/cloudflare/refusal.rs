//! Cloudflare's refusals: the envelope with `success: false` and at least one error.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::http::Reply;

/// Codes that the reference of this project has evidence for are constants; see the crate's documentation for those
/// whose text nobody has published.
pub(crate) mod code {
    pub(crate) const GLOBAL_LIMIT: u32 = 971;
    pub(crate) const INVALID_TOKEN: u32 = 1000;
    pub(crate) const INVALID_HEADERS: u32 = 6003;
    pub(crate) const INVALID_AUTHORIZATION: u32 = 6111;
    pub(crate) const NO_ROUTE: u32 = 7003;
    pub(crate) const MISSING_HEADERS: u32 = 9106;
    pub(crate) const AUTHENTICATION: u32 = 10000;
    pub(crate) const NOT_FOUND: u32 = 10001;
    pub(crate) const NO_ENTRYPOINT: u32 = 10003;
    pub(crate) const LIST_EXISTS: u32 = 10018;
    pub(crate) const TOO_MANY_LISTS: u32 = 10019;
    pub(crate) const INVALID_JSON: u32 = 10026;
    pub(crate) const DUPLICATE_ITEM: u32 = 10028;
    pub(crate) const LIST_IN_USE: u32 = 10031;
    pub(crate) const INVALID_VALUE: u32 = 10035;
    pub(crate) const RATE_LIMITED: u32 = 10040;
    pub(crate) const METHOD_NOT_ALLOWED: u32 = 10405;
    pub(crate) const INVALID_RULE: u32 = 20120;
    pub(crate) const INVALID_EXPRESSION: u32 = 20125;
    pub(crate) const COLO_MISSING: u32 = 20155;
    pub(crate) const INVALID_RULESET: u32 = 20217;
    pub(crate) const TOO_MANY_RULES: u32 = 50001;
}

/// One refusal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    pub(crate) message: String,
    /// JSON pointer to the culprit, as the Rulesets API gives it.
    pub(crate) pointer: Option<String>,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
    /// Said in the header `X-Sandbox-Why`, where the vendor's text says too little to mend the request by.
    pub(crate) why: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            pointer: None,
            retry_after: None,
            why: None,
        }
    }

    pub(crate) fn bad_request(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A body of the wrong form: the Lists API says no more than this.
    pub(crate) fn invalid_json(why: impl Into<String>) -> Self {
        Self::bad_request(code::INVALID_JSON, "filters.api.invalid_json").why(why)
    }

    /// The token may not do this, or not here.
    pub(crate) fn authentication(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            code::AUTHENTICATION,
            "Authentication error",
        )
        .why(why)
    }

    pub(crate) fn no_route(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            code::NO_ROUTE,
            format!("Could not route to {path}, perhaps your object identifier is invalid?"),
        )
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            code::NOT_FOUND,
            "filters.api.not_found",
        )
        .why(format!("there is no {what} with the id {id}"))
    }

    pub(crate) fn too_many_requests(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
    }

    pub(crate) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(pointer) = &self.pointer {
            error["source"] = json!({"pointer": pointer});
        }
        let body = json!({"result": null, "success": false, "errors": [error], "messages": []});
        let mut reply = json_reply(self.status, &body);
        if let Some(seconds) = self.retry_after {
            reply = reply.with_header("Retry-After", seconds.to_string());
        }
        if let Some(why) = &self.why {
            // Header values are ASCII.
            reply = reply.with_header("X-Sandbox-Why", why.escape_default().to_string());
        }
        reply
    }
}

/// The API's content type has no charset.
pub(crate) fn json_reply(status: StatusCode, body: &Value) -> Reply {
    Reply::content(status, "application/json", body.to_string())
}

/// The refusal that a scripted status without a body of its own stands for.
pub(crate) fn scripted(status: StatusCode) -> Reply {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Refusal::too_many_requests(
            code::GLOBAL_LIMIT,
            "Please wait and consider throttling your request speed",
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Refusal::new(status, code::AUTHENTICATION, "Authentication error")
        }
        StatusCode::NOT_FOUND => Refusal::new(status, code::NO_ROUTE, "No route for the URI"),
        other => Refusal::new(
            other,
            code::INVALID_HEADERS,
            other.canonical_reason().unwrap_or("Error"),
        ),
    }
    .reply()
}
