//! Searching, which is for finding a ticket whose making was not seen to its end, and for nothing else.

use reqwest::Method;
use serde_json::{Value, json};

use super::issues::text_of;
use super::{About, Call, Client};
use crate::error::JiraError;

impl Client {
    /// The ids of the newest tickets that a query finds, newest first if it says so.
    ///
    /// Cloud: `POST search/jql`; Data Center: `POST search`. Both lag behind what was written.
    pub(crate) async fn search(&self, action: &str, jql: &str) -> Result<Vec<String>, JiraError> {
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
            .filter_map(|issue| text_of(issue.get("id")).or_else(|| text_of(issue.get("key"))))
            .collect())
    }
}
