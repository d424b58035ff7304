//! The sandbox's Cloudflare held against the documented contract, over HTTP.

// The lints' exception for tests covers test functions, not what they share; and `json!({…})` reads best by value.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value
)]

mod access;
mod faults;
mod items;
mod limits;
mod lists;
mod operations;
mod page;
mod rules;
mod scale;
mod switches;

use reqwest::{Client, Method, StatusCode};
use sandbox::{
    CloudflareConfig, DEFAULT_ACCOUNT_ID, DEFAULT_CLOUDFLARE_TOKEN, DEFAULT_ZONE_ID, Pace, Sandbox,
    SandboxConfig,
};
use serde_json::{Value, json};

/// A running sandbox whose operations end when they are first asked about, and a client that speaks to it.
struct Lab {
    sandbox: Sandbox,
    client: Client,
    token: &'static str,
}

/// Status, headers, body.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Lab {
    async fn new() -> Self {
        Self::with(CloudflareConfig::default()).await
    }

    /// With this account; operations end at once unless the account says otherwise.
    async fn with(mut cloudflare: CloudflareConfig) -> Self {
        if cloudflare.operations == Pace::default() {
            cloudflare.operations = Pace::at_once();
        }
        let config = SandboxConfig {
            cloudflare,
            ..SandboxConfig::default()
        };
        Self {
            sandbox: Sandbox::start(config).await.unwrap(),
            client: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            token: DEFAULT_CLOUDFLARE_TOKEN,
        }
    }

    /// A call below `/client/v4`.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}{path}", self.sandbox.cloudflare_url());
        let request = self.client.request(method, url).bearer_auth(self.token);
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// A call below the account's lists.
    async fn lists(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/accounts/{DEFAULT_ACCOUNT_ID}/rules/lists{path}");
        self.call(method, &path, body).await
    }

    /// A call below the zone's rulesets.
    async fn rulesets(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/zones/{DEFAULT_ZONE_ID}/rulesets{path}");
        self.call(method, &path, body).await
    }

    /// Creates an IP list and returns its id.
    async fn list(&self, name: &str) -> String {
        let body = json!({"name": name, "kind": "ip", "description": "for tests"});
        let answer = self.lists(Method::POST, "", Some(body)).await;
        answer.result()["id"].as_str().unwrap().to_owned()
    }

    async fn post_items(&self, list: &str, items: Value) -> Answer {
        self.lists(Method::POST, &format!("/{list}/items"), Some(items))
            .await
    }

    /// Appends and waits until it is done.
    async fn append(&self, list: &str, items: Value) {
        let accepted = self.post_items(list, items).await;
        let ended = self.finish(&accepted).await;
        assert_eq!(ended["status"], "completed", "{ended}");
    }

    /// Asks about an operation until it is over; its last state.
    async fn finish(&self, accepted: &Answer) -> Value {
        let id = accepted.result()["operation_id"]
            .as_str()
            .unwrap()
            .to_owned();
        for _ in 0..100 {
            let state = self.poll(&id).await;
            if state["status"] == "completed" || state["status"] == "failed" {
                return state;
            }
        }
        panic!("operation {id} does not end");
    }

    async fn poll(&self, id: &str) -> Value {
        let answer = self
            .lists(Method::GET, &format!("/bulk_operations/{id}"), None)
            .await;
        answer.result().clone()
    }

    /// One page of items.
    async fn page(&self, list: &str, query: &str) -> Answer {
        self.lists(Method::GET, &format!("/{list}/items{query}"), None)
            .await
    }

    async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let request = self.client.request(method, url);
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
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
    /// The result of a success.
    #[track_caller]
    fn result(&self) -> &Value {
        assert!(self.status.is_success(), "{self:?}");
        assert_eq!(self.body["success"], true, "{}", self.body);
        assert_eq!(self.body["errors"], json!([]), "{}", self.body);
        &self.body["result"]
    }

    /// Status and code of a refusal; its message.
    #[track_caller]
    fn refused(&self, status: u16, code: u64) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.body["success"], false);
        assert_eq!(self.body["result"], Value::Null);
        assert_eq!(self.body["errors"][0]["code"], code, "{}", self.body);
        self.body["errors"][0]["message"].as_str().unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The addresses of a page.
    fn ips(&self) -> Vec<&str> {
        let items = self.result().as_array().unwrap();
        items
            .iter()
            .map(|item| item["ip"].as_str().unwrap())
            .collect()
    }

    fn cursor(&self, which: &str) -> Option<&str> {
        self.body["result_info"]["cursors"][which].as_str()
    }
}
