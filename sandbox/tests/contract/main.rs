//! The sandbox held against the vendors' contracts, over HTTP.

// The lints' exception for tests covers test functions, not what they share; and `json!({…})` reads best by value.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value
)]

mod faults;
mod jira_cloud;
mod jira_data_center;
mod jira_search;
mod outbox;
mod page;
mod telegram;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use sandbox::{Sandbox, SandboxConfig};
use serde_json::{Value, json};

/// A running sandbox and a client that speaks to it.
struct Lab {
    sandbox: Sandbox,
    client: Client,
}

/// Status, `Retry-After`, body.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Lab {
    async fn new() -> Self {
        Self::with(SandboxConfig::default()).await
    }

    async fn with(config: SandboxConfig) -> Self {
        Self {
            sandbox: Sandbox::start(config).await.unwrap(),
            // No pool: a reset must not be hidden by a retry on a fresh connection.
            client: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
        }
    }

    async fn telegram(&self, method: &str, params: Value) -> Answer {
        let url = format!(
            "{}/bot{}/{method}",
            self.sandbox.url(),
            sandbox::DEFAULT_BOT_TOKEN
        );
        send(self.client.post(url).json(&params)).await
    }

    async fn html(&self, text: &str) -> Answer {
        self.telegram(
            "sendMessage",
            json!({"chat_id": 1001, "text": text, "parse_mode": "HTML"}),
        )
        .await
    }

    fn cloud_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/rest/api/3{path}", self.sandbox.url()))
            .basic_auth("bot@example.com", Some("sandbox-api-token"))
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.cloud_request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.cloud_request(Method::POST, path).json(&body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.cloud_request(Method::PUT, path).json(&body)).await
    }

    /// Creates an issue with these fields on top of project, type and summary; returns its key.
    async fn issue(&self, fields: Value) -> String {
        let answer = self.create(fields).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["key"].as_str().unwrap().to_owned()
    }

    async fn create(&self, fields: Value) -> Answer {
        let mut all = json!({"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "disk is not encrypted"});
        for (name, value) in fields.as_object().unwrap() {
            all[name] = value.clone();
        }
        self.post("/issue", json!({"fields": all})).await
    }

    async fn data_center(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self
            .client
            .request(method, format!("{}/rest/api/2{path}", self.sandbox.url()))
            .bearer_auth("sandbox-pat");
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn admin(&self, method: Method, path: &str, body: Value) -> Answer {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        send(self.client.request(method, url).json(&body)).await
    }
}

async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer {
        status,
        headers,
        body,
    }
}

impl Answer {
    /// Status and the Bot API's description.
    #[track_caller]
    fn refused(&self, status: u16, description: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["ok"], false);
        assert_eq!(self.body["error_code"], status);
        assert_eq!(self.body["description"], description);
    }

    /// Status 400 and Jira's error for one field.
    #[track_caller]
    fn refused_field(&self, field: &str, text: &str) {
        assert_eq!(self.status, 400, "{}", self.body);
        assert_eq!(self.body["errors"][field], text, "{}", self.body);
    }

    /// Status and Jira's first message.
    #[track_caller]
    fn refused_with(&self, status: u16, text: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["errorMessages"][0], text, "{}", self.body);
    }
}

/// A document with one paragraph.
fn doc(text: &str) -> Value {
    json!({"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": text}]}]})
}
