//! What Jira answered, and what is to be shown of it.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use crate::error::Problems;
use crate::text;

/// What of an answer's text is shown.
const SHOWN: usize = 400;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; nothing where there is none.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A web page instead of data: a proxy, a login page, a wrong address.
    pub(super) fn is_page(&self) -> bool {
        let named = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains("text/html"));
        let start = self.body.trim_ascii_start();
        let looks = start
            .get(..1)
            .is_some_and(|first| first == b"<" && self.json().is_none());
        (named && self.json().is_none()) || looks
    }

    /// Jira took us for nobody although we sent credentials. It then answers as it would answer a stranger: 404, or a
    /// search without results. <https://confluence.atlassian.com/jirakb/x-seraph-loginreason>
    pub(super) fn is_anonymous(&self) -> bool {
        let reason = |name: &str| {
            self.headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_ascii_uppercase()
        };
        let login = reason("x-seraph-loginreason");
        login.contains("AUTHENTICATED_FAILED")
            || login.contains("AUTHENTICATION_DENIED")
            || self.headers.contains_key("x-authentication-denied-reason")
    }

    /// Where a redirect leads, without its query.
    pub(super) fn location(&self) -> String {
        let location = self
            .headers
            .get("location")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("an address it does not name");
        let end = location.find(['?', '#']).unwrap_or(location.len());
        text::shorten(&text::title(&location[..end]), 200)
    }

    /// What Jira found wrong. Both shapes (`errorMessages`, `errors`), and those of the gateways before it.
    pub(crate) fn problems(&self) -> Problems {
        let Some(body) = self.json() else {
            return Problems::default();
        };
        let mut messages: Vec<String> = ["errorMessages", "warningMessages"]
            .iter()
            .filter_map(|key| body.get(key)?.as_array())
            .flatten()
            .map(shown)
            .collect();
        for key in ["message", "error", "error_description", "detail", "title"] {
            if let Some(message) = body.get(key).and_then(Value::as_str) {
                messages.push(message.to_owned());
            }
        }
        let fields: BTreeMap<String, String> = body
            .get("errors")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(field, problem)| (field.clone(), shown(problem)))
            .collect();
        messages.retain(|message| !message.trim().is_empty());
        Problems { messages, fields }
    }

    /// The answer's text for people: one short line, without addresses.
    pub(crate) fn detail(&self) -> String {
        let problems = self.problems();
        let mut parts = problems.messages;
        parts.extend(
            problems
                .fields
                .iter()
                .map(|(field, problem)| format!("{field}: {problem}")),
        );
        let detail = if !parts.is_empty() {
            parts.join("; ")
        } else if self.body.trim_ascii().is_empty() {
            "an empty answer".to_owned()
        } else if self.is_page() {
            match page_title(&String::from_utf8_lossy(&self.body)) {
                Some(title) => format!("a web page, `{title}`"),
                None => "a web page".to_owned(),
            }
        } else {
            String::from_utf8_lossy(&self.body).into_owned()
        };
        text::shorten(&without_addresses(&text::title(&detail)), SHOWN)
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn page_title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(text::shorten(&text::title(&page[start..end]), 120)).filter(|title| !title.is_empty())
}

/// Whatever has an `@` in it is a person's: its first letter and its domain are left.
pub(crate) fn without_addresses(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "@._%+-".contains(c);
    text.split_inclusive(|c| !is_part(c))
        .map(|piece| {
            let word = piece.trim_end_matches(|c| !is_part(c));
            if word.len() > 1 && word.contains('@') {
                format!(
                    "{}{}",
                    remediate_core::Person::new(word),
                    &piece[word.len()..]
                )
            } else {
                piece.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: StatusCode::BAD_REQUEST,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn both_shapes_of_an_error_are_shown() {
        let table = [
            (
                r#"{"errorMessages":[],"errors":{"labels":"The label 'x y' contains spaces which is invalid."}}"#,
                "labels: The label 'x y' contains spaces which is invalid.",
            ),
            (
                r#"{"errorMessages":["The label 'x' can't contain spaces."],"warningMessages":[]}"#,
                "The label 'x' can't contain spaces.",
            ),
            (r#"{"code":401,"message":"Unauthorized"}"#, "Unauthorized"),
            (
                "<html><head><TITLE>\n502 Bad\nGateway</TITLE></head></html>",
                "a web page, `502 Bad Gateway`",
            ),
            ("", "an empty answer"),
            (
                r#"{"errorMessages":["cut of"#,
                r#"{"errorMessages":["cut of"#,
            ),
        ];
        for (body, shown) in table {
            assert_eq!(answer(body).detail(), shown);
        }
    }

    #[test]
    fn addresses_are_not_shown() {
        let detail = answer(
            r#"{"errors":{"assignee":"User 'alice.smith@example.com' cannot be assigned."}}"#,
        )
        .detail();
        assert_eq!(
            detail,
            "assignee: User 'a…@example.com' cannot be assigned."
        );
    }

    #[test]
    fn a_long_answer_is_shown_short() {
        assert!(answer(&"x".repeat(100_000)).detail().len() < 500);
    }
}
