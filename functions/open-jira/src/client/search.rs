//! Searching, which is for finding a ticket whose making was not seen to its end, and for nothing else.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::issues::{date, text_of};
use super::{About, Call, Client};
use crate::error::JiraError;

impl Client {
    /// The first fifty tickets that a query finds: id or key, and when each was made if that is shown.
    ///
    /// Cloud: `POST search/jql`; Data Center: `POST search`. Both lag behind what was written.
    pub(crate) async fn search(
        &self,
        action: &str,
        jql: &str,
    ) -> Result<Vec<(String, Option<Timestamp>)>, JiraError> {
        let path: &[&str] = if self.is_cloud() {
            &["search", "jql"]
        } else {
            &["search"]
        };
        let call = Call {
            method: Method::POST,
            body: Some(json!({ "jql": jql, "fields": ["created"], "maxResults": 50 })),
            ..Call::read(action, About::Site, path)
        };
        let answer = self.call(&call).await?;
        let page: Value = Self::parsed(&call, &answer)?;
        let issues = page.get("issues").and_then(Value::as_array);
        Ok(issues
            .into_iter()
            .flatten()
            .filter_map(|issue| {
                let id = text_of(issue.get("id")).or_else(|| text_of(issue.get("key")))?;
                let created = issue.pointer("/fields/created").and_then(Value::as_str);
                Some((id, created.and_then(date)))
            })
            .collect())
    }
}

/// A text as a JQL literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
