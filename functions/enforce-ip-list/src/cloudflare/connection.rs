//! One call: token, timeouts, retries of what is safe to retry, and the count of calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use remediate_core::config::Cloudflare;
use remediate_core::fault::causes;
use remediate_core::secret::{self, SecretRef};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use super::answer::Answer;
use super::error::{CloudflareError, Limit};
use super::limits;

/// A wait that is sat out in place.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a call that may be repeated is repeated, as often as Cloudflare's own libraries do it.
const RETRIES: u32 = 2;
const BACKOFF: Duration = Duration::from_millis(500);
/// No page of 500 items with comments of 500 characters comes near it.
const LONGEST_BODY: usize = 16 << 20;
/// Where no `Ratelimit` header is sent, so many calls are made at full speed; 1,200 in 5 minutes are allowed, to all of the token's users together.
const UNPACED: u64 = 600;
const PACE: Duration = Duration::from_millis(250);

/// One call.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below `/client/v4`.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<String>,
    /// For errors: `read the lists of the account`.
    pub(super) action: &'a str,
    /// What to look at when the token is refused.
    pub(super) remedy: &'static str,
    /// Whether it changes something: then a lost answer is not the same as a lost call.
    pub(super) writes: bool,
}

const LISTS_PERMISSION: &str =
    "is it active, of this account, and does it have the permission Account Filter Lists: Edit?";
pub(super) const RULES_PERMISSION: &str = "is `cloudflare.rules_token` active, and does it have the permission Zone WAF: Edit for this zone?";

impl<'a> Call<'a> {
    pub(super) fn read(action: &'a str, path: &'a [&'a str]) -> Self {
        Self {
            method: Method::GET,
            path,
            query: &[],
            body: None,
            action,
            remedy: LISTS_PERMISSION,
            writes: false,
        }
    }

    pub(super) fn write(
        action: &'a str,
        method: Method,
        path: &'a [&'a str],
        body: String,
    ) -> Self {
        Self {
            method,
            path,
            query: &[],
            body: Some(body),
            action,
            remedy: LISTS_PERMISSION,
            writes: true,
        }
    }

    /// No usable answer came: what was to be read is not known, what was to be written may have been.
    pub(super) fn unanswered(&self, reason: String) -> CloudflareError {
        let action = self.action.to_owned();
        if self.writes {
            CloudflareError::Lost { action, reason }
        } else {
            CloudflareError::NoAnswer { action, reason }
        }
    }
}

/// How many calls were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    pub reads: u64,
    pub writes: u64,
    /// What the API says is left of its present window, where it says so.
    pub remaining: Option<u64>,
}

impl Calls {
    pub fn all(self) -> u64 {
        self.reads + self.writes
    }
}

/// The way to one account, for the length of one run.
pub struct Connection {
    api: Url,
    account: Option<String>,
    token_ref: SecretRef,
    token: OnceCell<SecretString>,
    http: OnceCell<reqwest::Client>,
    timeout: Duration,
    backoff: Duration,
    deadline: Option<Instant>,
    reads: AtomicU64,
    writes: AtomicU64,
    window: Mutex<Option<(limits::Window, Instant)>>,
}

impl Connection {
    /// With the token for lists. Nothing is read or sent yet. After `deadline` no call is begun.
    pub fn new(settings: &Cloudflare, deadline: Option<Instant>) -> Self {
        Self::with_token(settings, settings.api_token.clone(), deadline)
    }

    /// With another token: that for rules.
    pub fn with_token(
        settings: &Cloudflare,
        token_ref: SecretRef,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            api: settings.api_url.clone(),
            account: settings.account_id.clone(),
            token_ref,
            token: OnceCell::new(),
            http: OnceCell::new(),
            timeout: settings.timeout.get(),
            backoff: BACKOFF,
            deadline,
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            window: Mutex::new(None),
        }
    }

    /// With another wait before a call is made a second time; it is twice as long before the third.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// The account's id.
    ///
    /// # Errors
    /// When the configuration names none.
    pub(super) fn account(&self, action: &str) -> Result<&str, CloudflareError> {
        self.account
            .as_deref()
            .ok_or_else(|| CloudflareError::Unconfigured {
                action: action.to_owned(),
                key: "account_id",
                remedy: "the account's id, in services.toml or as CLOUDFLARE_ACCOUNT_ID",
            })
    }

    /// The calls made so far.
    pub fn calls(&self) -> Calls {
        Calls {
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            remaining: self.window().map(|(window, _)| window.remaining),
        }
    }

    /// What is left of this run's time.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn window(&self) -> Option<(limits::Window, Instant)> {
        *self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls. What certainly was not carried out, or may be carried out twice, is tried again.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Answer, CloudflareError> {
        let mut attempt = 0;
        loop {
            self.pace(call).await?;
            let error = match self.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(wait) =
                wait_before_next(&error, self.backoff * (1 << attempt.min(4)), attempt)
            else {
                return Err(error);
            };
            if self.time_left().is_some_and(|left| left <= wait) {
                return Err(error);
            }
            tracing::debug!(%error, seconds = wait.as_secs_f32(), "Cloudflare is asked again.");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Waits where going on at once would only meet the limit.
    async fn pace(&self, call: &Call<'_>) -> Result<(), CloudflareError> {
        let wait = match self.window() {
            Some((window, seen)) if window.remaining == 0 => {
                (seen + window.reset).saturating_duration_since(Instant::now())
            }
            Some(_) => Duration::ZERO,
            None if self.calls().all() > UNPACED => PACE,
            None => Duration::ZERO,
        };
        let left = self.time_left();
        if left.is_some_and(|left| left.is_zero() || left <= wait) {
            return Err(CloudflareError::OutOfTime {
                action: call.action.to_owned(),
            });
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    async fn once(&self, call: &Call<'_>) -> Result<Answer, CloudflareError> {
        let url = self.address(call)?;
        let authorization = self.authorization(call.action).await?;
        let timeout = self
            .time_left()
            .map_or(self.timeout, |left| left.min(self.timeout));
        let mut request = self
            .http()
            .await?
            .request(call.method.clone(), url)
            .timeout(timeout)
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json")
            .header(
                USER_AGENT,
                concat!("auto-remediate/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let counter = if call.writes {
            &self.writes
        } else {
            &self.reads
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let response = request
            .send()
            .await
            .map_err(|error| no_answer(call, error))?;
        let answer = read(call, response).await?;
        if let Some(window) = limits::window(&answer.headers) {
            *self.window.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((window, Instant::now()));
        }
        answer.judged(call)
    }

    async fn http(&self) -> Result<&reqwest::Client, CloudflareError> {
        self.http
            .get_or_try_init(|| async {
                let mut builder = reqwest::Client::builder()
                    // A redirect would carry the token to whatever it names.
                    .redirect(reqwest::redirect::Policy::none());
                if self.api.scheme() == "http" {
                    // No certificate is looked at, so a machine without any will do.
                    builder = builder.tls_certs_only([]);
                }
                builder
                    .build()
                    .map_err(|error| CloudflareError::Client(causes(&error)))
            })
            .await
    }

    fn address(&self, call: &Call<'_>) -> Result<Url, CloudflareError> {
        let mut url = self.api.clone();
        url.path_segments_mut()
            .map_err(|()| CloudflareError::Unconfigured {
                action: call.action.to_owned(),
                key: "api_url",
                remedy: "it takes no path: expected https://api.cloudflare.com/client/v4",
            })?
            .pop_if_empty()
            .extend(call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        Ok(url)
    }

    async fn authorization(&self, action: &str) -> Result<HeaderValue, CloudflareError> {
        let token = self
            .token
            .get_or_try_init(|| secret::resolve(&self.token_ref))
            .await
            .map_err(|source| CloudflareError::Secret {
                action: action.to_owned(),
                source,
            })?;
        let value = format!("Bearer {}", token.expose_secret().trim());
        let mut value =
            HeaderValue::try_from(value).map_err(|_| CloudflareError::Unauthorised {
                action: action.to_owned(),
                status: 0,
                detail: format!("{} holds characters that no token has", self.token_ref),
                remedy: "paste the token again, without line breaks",
            })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// How long to wait before the same call once more; nothing where that would not help or might do harm.
fn wait_before_next(error: &CloudflareError, backoff: Duration, attempt: u32) -> Option<Duration> {
    match error {
        // Seen intermittently with tokens that are valid.
        CloudflareError::Unauthorised { status, .. } if *status != 0 && attempt < RETRIES => {
            Some(backoff)
        }
        CloudflareError::Unreachable { .. } | CloudflareError::NoAnswer { .. }
            if attempt < RETRIES =>
        {
            Some(backoff)
        }
        CloudflareError::Limited {
            limit: Limit::Global,
            after: Some(after),
            ..
        } if *after <= PATIENCE && attempt < RETRIES => Some(*after),
        _ => None,
    }
}

fn no_answer(call: &Call<'_>, error: reqwest::Error) -> CloudflareError {
    let unsent = error.is_connect() || error.is_builder();
    let reason = causes(&error.without_url());
    if unsent {
        CloudflareError::Unreachable {
            action: call.action.to_owned(),
            reason,
        }
    } else {
        call.unanswered(reason)
    }
}

async fn read(call: &Call<'_>, mut response: reqwest::Response) -> Result<Answer, CloudflareError> {
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_BODY => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                return Err(call.unanswered(format!(
                    "the answer is longer than {} MiB",
                    LONGEST_BODY >> 20
                )));
            }
            Ok(None) => break,
            // The status of a refusal says enough by itself.
            Err(_) if status.is_client_error() => break,
            Err(error) => return Err(no_answer(call, error)),
        }
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}
