//! A thin client of the handful of calls that tickets need.
//!
//! Jira Cloud's REST v3 with an e-mail address and an API token, or Data Center's REST v2 with a personal access token. A
//! `base_url` with a path is kept: tokens with scopes work only at `https://api.atlassian.com/ex/jira/<cloudId>`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use remediate_core::config::{Config, Deployment, Jira};
use remediate_core::fault::causes;
use remediate_core::secret;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use crate::error::JiraError;

mod answer;
mod issues;
mod judgement;
mod limits;
mod people;
mod project;
mod search;

pub(crate) use answer::Answer;
pub(crate) use issues::{Category, Created, IssueView, Transition};
pub use project::RequiredField;
pub(crate) use search::quoted;

/// A wait that is sat out in place, once per call.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer that is of use here comes near it.
const LONGEST_BODY: usize = 8 << 20;

/// What a call concerns, which decides what 403 and 404 mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The site or the project: refusing it once is refusing it always.
    Site,
    /// One ticket, which may be gone or closed to us.
    Issue,
}

/// One call.
struct Call<'a> {
    method: Method,
    /// Below `rest/api/<n>/`.
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    body: Option<Value>,
    /// For errors: `create a ticket in SEC`.
    action: &'a str,
    about: About,
    /// Whether it changes something: then a lost answer is not the same as a lost call.
    writes: bool,
}

impl<'a> Call<'a> {
    fn read(action: &'a str, about: About, path: &'a [&'a str]) -> Self {
        Self {
            method: Method::GET,
            path,
            query: &[],
            body: None,
            action,
            about,
            writes: false,
        }
    }

    fn write(action: &'a str, about: About, path: &'a [&'a str], body: Value) -> Self {
        Self {
            method: Method::POST,
            path,
            query: &[],
            body: Some(body),
            action,
            about,
            writes: true,
        }
    }

    /// No usable answer came: what was to be read is not known, what was to be written may have been.
    fn unanswered(&self, reason: String, after: Option<Duration>) -> JiraError {
        let action = self.action.to_owned();
        if self.writes {
            JiraError::Lost {
                action,
                reason,
                after,
            }
        } else {
            JiraError::NoAnswer {
                action,
                reason,
                after,
            }
        }
    }
}

pub(crate) struct Client {
    config: Arc<Config>,
    http: OnceCell<reqwest::Client>,
    token: OnceCell<SecretString>,
}

impl Client {
    /// Makes a client that has read nothing yet: neither the token nor the machine's certificates.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            http: OnceCell::new(),
            token: OnceCell::new(),
        }
    }

    async fn http(&self) -> Result<&reqwest::Client, JiraError> {
        let jira = self.jira();
        self.http
            .get_or_try_init(|| async {
                let mut builder = reqwest::Client::builder()
                    .timeout(jira.timeout.get())
                    // A redirect would carry the credentials to whatever it names.
                    .redirect(reqwest::redirect::Policy::none())
                    // A Lambda function sleeps between invocations while its idle connections die; a create on such a
                    // one would be a lost answer and cost a search and a minute. A handshake costs less.
                    .pool_max_idle_per_host(0);
                if jira
                    .base_url
                    .as_ref()
                    .is_some_and(|url| url.scheme() == "http")
                {
                    // No certificate is looked at, so a machine without any will do.
                    builder = builder.tls_certs_only([]);
                }
                builder
                    .build()
                    .map_err(|error| JiraError::Client(causes(&error)))
            })
            .await
    }

    fn jira(&self) -> &Jira {
        &self.config.services.jira
    }

    fn is_cloud(&self) -> bool {
        self.jira().deployment == Deployment::Cloud
    }

    /// Where people see a ticket; nothing where only the API's address is known.
    pub(crate) fn browse_url(&self, key: &str) -> Option<String> {
        let jira = self.jira();
        let base = jira.browse_url.as_ref().or_else(|| {
            jira.base_url
                .as_ref()
                .filter(|base| !base.path().starts_with("/ex/jira/"))
        })?;
        below(base, &["browse", key]).map(String::from)
    }

    /// Calls; sits out one short wait if the server asks for it.
    async fn call(&self, call: &Call<'_>) -> Result<Answer, JiraError> {
        match self.once(call).await {
            Err(JiraError::Limited { after, .. }) if after <= PATIENCE => {
                tracing::debug!(action = call.action, wait = ?after, "jira asks to wait");
                tokio::time::sleep(after).await;
                self.once(call).await
            }
            other => other,
        }
    }

    async fn once(&self, call: &Call<'_>) -> Result<Answer, JiraError> {
        let url = self.address(call)?;
        let authorization = self.authorization(call.action).await?;
        let mut request = self
            .http()
            .await?
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json")
            .header(
                USER_AGENT,
                concat!("auto-remediate/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let response = request
            .send()
            .await
            .map_err(|error| no_answer(call, error))?;
        let answer = read(call, response).await?;
        judgement::judge(self.jira(), call, answer)
    }

    fn address(&self, call: &Call<'_>) -> Result<Url, JiraError> {
        let base = self
            .jira()
            .base_url
            .as_ref()
            .ok_or_else(|| JiraError::Unconfigured {
                action: call.action.to_owned(),
                key: "base_url",
                remedy: "the site's address, in services.toml or as REMEDIATE_JIRA_BASE_URL",
            })?;
        let version = if self.is_cloud() { "3" } else { "2" };
        let path: Vec<&str> = ["rest", "api", version]
            .into_iter()
            .chain(call.path.iter().copied())
            .collect();
        let mut url = below(base, &path).ok_or_else(|| JiraError::Misaddressed {
            action: call.action.to_owned(),
            detail: "the address of jira takes no path".to_owned(),
        })?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        Ok(url)
    }

    async fn authorization(&self, action: &str) -> Result<HeaderValue, JiraError> {
        let jira = self.jira();
        let token = self
            .token
            .get_or_try_init(|| secret::resolve(&jira.api_token))
            .await
            .map_err(|source| JiraError::Secret {
                action: action.to_owned(),
                source,
            })?
            .expose_secret()
            .trim();
        let value = if self.is_cloud() {
            let user = jira
                .user_email
                .as_deref()
                .ok_or_else(|| JiraError::Unconfigured {
                    action: action.to_owned(),
                    key: "user_email",
                    remedy: "the account of the API token, in services.toml or as REMEDIATE_JIRA_USER_EMAIL",
                })?;
            format!(
                "Basic {}",
                STANDARD.encode(format!("{}:{token}", user.trim()))
            )
        } else {
            format!("Bearer {token}")
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| JiraError::Unauthorised {
            action: action.to_owned(),
            status: 0,
            detail: "the token holds characters that no token has".to_owned(),
            remedy: format!("check what {} holds", jira.api_token),
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A body that has to be JSON. Of a call that wrote, one that is not is a lost answer.
    fn parsed<T: serde::de::DeserializeOwned>(
        call: &Call<'_>,
        answer: &Answer,
    ) -> Result<T, JiraError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let reason = format!(
                "HTTP {}, and the body cannot be read ({error}): {}",
                answer.status.as_u16(),
                answer.detail()
            );
            call.unanswered(reason, None)
        })
    }
}

fn below(base: &Url, path: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

fn no_answer(call: &Call<'_>, error: reqwest::Error) -> JiraError {
    let unsent = error.is_connect() || error.is_builder();
    let reason = causes(&error.without_url());
    if unsent {
        JiraError::Unreachable {
            action: call.action.to_owned(),
            reason,
        }
    } else {
        call.unanswered(reason, None)
    }
}

async fn read(call: &Call<'_>, mut response: reqwest::Response) -> Result<Answer, JiraError> {
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_BODY => {
                body.extend_from_slice(&chunk);
            }
            Ok(_) => break,
            // The status of a failure says enough by itself.
            Err(_) if !status.is_success() => break,
            // So does that of a change that has no answer to read.
            Err(_) if status == StatusCode::NO_CONTENT => break,
            Err(error) => return Err(no_answer(call, error)),
        }
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}
