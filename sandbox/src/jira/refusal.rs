//! Jira's refusals: an error collection with messages and errors by field.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::Reply;

/// A refusal. `why` goes into the header `X-Sandbox-Why`: where the vendor's text says too little to mend the
/// request by, the sandbox says more without touching the contract.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) messages: Vec<String>,
    pub(crate) errors: Map<String, Value>,
    /// Cloud's label refusals come with `warningMessages` in place of `errors`.
    pub(crate) warnings: bool,
    pub(crate) why: Option<String>,
}

impl Refusal {
    pub(crate) fn message(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            messages: vec![text.into()],
            errors: Map::new(),
            warnings: false,
            why: None,
        }
    }

    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::message(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::message(StatusCode::NOT_FOUND, text)
    }

    pub(crate) fn field(field: &str, text: impl Into<String>) -> Self {
        let mut refusal = Self::bad_request("");
        refusal.messages.clear();
        refusal.errors.insert(field.to_owned(), json!(text.into()));
        refusal
    }

    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Several refused fields are told in one answer.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.messages.extend(other.messages);
        self.errors.extend(other.errors);
        self.warnings |= other.warnings;
        self.why = self.why.or(other.why);
        self
    }

    pub(crate) fn reply(&self) -> Reply {
        let body = if self.warnings && self.errors.is_empty() {
            json!({"errorMessages": self.messages, "warningMessages": []})
        } else {
            json!({"errorMessages": self.messages, "errors": self.errors})
        };
        let reply = Reply::json(self.status, &body);
        match &self.why {
            // Header values are ASCII.
            Some(why) => reply.with_header("X-Sandbox-Why", why.escape_default().to_string()),
            None => reply,
        }
    }
}
