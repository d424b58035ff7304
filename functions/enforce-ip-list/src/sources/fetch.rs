//! Asks a source over HTTP: conditionally, within its limits of time and size, page after page.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, sleep, timeout_at};

use crate::threat::Sink;

use super::answer::{self, Trouble, judged};
use super::config::{ConfigProblem, SourceConfig};
use super::outcome::{Outcome, Snapshot, Unavailable, Unusable, Validators};
use super::reading::Reading;
use super::request::{self, Question};

/// How often one question is asked.
const ATTEMPTS: u32 = 3;
/// What is waited before the second attempt, if the source does not say; twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How often a snapshot is begun anew because it changed or broke off under the reader.
const RESTARTS: u32 = 1;
/// As many redirects are followed within a server.
const REDIRECTS: usize = 5;
/// More pages than that nobody has: two million records, a hundred at a time.
const PAGES: u32 = 20_000;

/// Asks one source.
pub struct Fetcher {
    name: String,
    config: SourceConfig,
    http: Client,
}

/// Why a source cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum FetcherError {
    #[error("source {name}: {key} {}", .problem.message, key = .problem.key)]
    Config {
        name: String,
        problem: ConfigProblem,
    },
    #[error("source {name}: no HTTP client can be made: {reason}")]
    Client { name: String, reason: String },
}

/// Why a pass over the pages ended before its end.
pub(super) enum Stop {
    NotModified,
    Unusable(Unusable),
    Unavailable(Unavailable),
}

impl From<Unusable> for Stop {
    fn from(reason: Unusable) -> Self {
        Self::Unusable(reason)
    }
}

impl From<Unavailable> for Stop {
    fn from(reason: Unavailable) -> Self {
        Self::Unavailable(reason)
    }
}

impl Fetcher {
    /// No I/O. `name` is what the source is called in reports and errors.
    ///
    /// # Errors
    /// When the configuration cannot work, or there is no TLS to be had.
    pub fn new(name: &str, config: SourceConfig) -> Result<Self, FetcherError> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(FetcherError::Config {
                name: name.to_owned(),
                problem,
            });
        }
        let silence = config.timeout.get();
        let mut http = Client::builder()
            .user_agent(concat!("auto-remediate/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::custom(within_server))
            .retry(reqwest::retry::never())
            .connect_timeout(silence)
            .read_timeout(silence)
            // A Lambda sleeps between invocations; a connection that was idle for longer is probably dead.
            .pool_idle_timeout(Duration::from_secs(20));
        if config.url.scheme() == "http" {
            // No certificate is looked at, so a machine without any will do.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|error| FetcherError::Client {
            name: name.to_owned(),
            reason: innermost(&error.without_url()),
        })?;
        Ok(Self {
            name: name.to_owned(),
            config,
            http,
        })
    }

    /// What the source is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks for the snapshot, unless it is the one that `known` stands for.
    ///
    /// `known` is what the last snapshot of this source brought along. `fresh` makes an empty sink; it is called again if a snapshot has to be begun anew. All ends by `deadline`, or when the
    /// source's own `time_limit` is over; `now` is what durations count from.
    pub async fn fetch<S: Sink>(
        &self,
        known: Option<&Validators>,
        now: Timestamp,
        deadline: Instant,
        mut fresh: impl FnMut() -> S,
    ) -> Outcome<S> {
        let began = Instant::now();
        let deadline = deadline.min(began + self.config.time_limit.get());
        let mut restarts = 0;
        let result = timeout_at(deadline, async {
            loop {
                match self.pass(known, now, deadline, fresh()).await {
                    Err(stop) if stop.is_worth_a_restart() && restarts < RESTARTS => {
                        restarts += 1;
                        tracing::debug!(source = self.name, "begins the snapshot anew");
                    }
                    result => return result,
                }
            }
        })
        .await;
        match result {
            Ok(Ok(snapshot)) => Outcome::Fresh(snapshot),
            Ok(Err(Stop::NotModified)) => Outcome::NotModified,
            Ok(Err(Stop::Unusable(reason))) => Outcome::Unusable(reason),
            Ok(Err(Stop::Unavailable(reason))) => Outcome::Unavailable(reason),
            Err(_) => Outcome::Unavailable(Unavailable::OutOfTime {
                limit: deadline.saturating_duration_since(began),
            }),
        }
    }

    /// Reads all pages once.
    async fn pass<S: Sink>(
        &self,
        known: Option<&Validators>,
        now: Timestamp,
        deadline: Instant,
        sink: S,
    ) -> Result<Snapshot<S>, Stop> {
        let way = self.config.reading(&self.name);
        let known = known.filter(|known| known.reading == way);
        if known.is_some_and(|known| self.is_still_good(known, now)) {
            return Err(Stop::NotModified);
        }
        let known = known.filter(|known| known.is_condition());
        let headers = request::headers(&self.config).await?;
        let mut reading = Reading::new(&self.name, &self.config, now, sink);
        let mut validators = Validators::default();
        let mut next = None;
        loop {
            let question = request::question(&self.config, headers.clone(), known, next.as_ref());
            let mut response = self.ask(&question, deadline).await?;
            if response.status() == StatusCode::NOT_MODIFIED {
                return Err(match (known, reading.pages()) {
                    (Some(_), 0) => Stop::NotModified,
                    _ => Unusable::UnaskedNotModified.into(),
                });
            }
            if reading.pages() == 0 {
                validators = answer::validators(response.headers(), now, way.clone());
            }
            reading.headers(response.headers());
            while let Some(bytes) = response.chunk().await.map_err(interrupted)? {
                reading.push(&bytes)?;
            }
            next = reading.end_page()?;
            if next.is_none() {
                return Ok(reading.complete(validators)?);
            }
            if reading.pages() >= PAGES {
                return Err(Unusable::Pages(format!("there are more than {PAGES}")).into());
            }
        }
    }

    /// Whether the last answer is so young that the source need not be asked.
    fn is_still_good(&self, known: &Validators, now: Timestamp) -> bool {
        // One from the future is from a clock that was wrong.
        known
            .asked_at
            .and_then(|asked| Duration::try_from(now.duration_since(asked)).ok())
            .is_some_and(|age| age < self.config.every())
    }

    /// Asks until there is an answer worth reading: 200, or 304.
    async fn ask(&self, question: &Question, deadline: Instant) -> Result<Response, Stop> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let (reason, asked) = match self.once(question).await {
                Ok(response) => match judged(response).await {
                    Ok(response) => return Ok(response),
                    Err(Trouble::Final(stop)) => return Err(stop),
                    Err(Trouble::Passing(reason, asked)) => (reason, asked),
                },
                Err(reason) => (reason, None),
            };
            let pause = asked.unwrap_or(wait);
            // There is no use in waiting for what will not come in time.
            let in_time = Instant::now()
                .checked_add(pause)
                .is_some_and(|then| then < deadline);
            if attempt >= ATTEMPTS || !in_time {
                return Err(reason.into());
            }
            tracing::debug!(source = self.name, %reason, ?pause, "asks again");
            sleep(pause).await;
            attempt += 1;
            wait *= 2;
        }
    }

    async fn once(&self, question: &Question) -> Result<Response, Unavailable> {
        let request = match &question.body {
            Some(body) => self.http.post(question.url.clone()).body(body.clone()),
            None => self.http.get(question.url.clone()),
        };
        request
            .headers(question.headers.clone())
            .send()
            .await
            .map_err(|error| {
                let silent = error.is_timeout();
                let reason = innermost(&error.without_url());
                Unavailable::Unreachable(if silent {
                    format!("no answer within {}", self.config.timeout)
                } else {
                    reason
                })
            })
    }
}

impl Stop {
    /// Whether reading everything again may come to something else.
    fn is_worth_a_restart(&self) -> bool {
        matches!(
            self,
            Self::Unusable(Unusable::Changed(_)) | Self::Unavailable(Unavailable::Interrupted(_))
        )
    }
}

/// Follows redirects within the server that was asked. `reqwest` keeps the usual headers for credentials from other servers, but
/// not `X-Api-Key` and its like, and a source that moved should be looked at by a person anyway.
fn within_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let asked = attempt.previous().first().map(url::Url::origin);
    if asked.as_ref() == Some(&attempt.url().origin()) && attempt.previous().len() <= REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

fn interrupted(error: reqwest::Error) -> Unavailable {
    Unavailable::Interrupted(if error.is_timeout() {
        "it fell silent".to_owned()
    } else {
        innermost(&error.without_url())
    })
}

/// The last cause says what happened (`Connection refused`); the ones before it say only that something did.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
