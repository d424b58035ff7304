//! Asks a source over HTTP: conditionally, within its limits of time and size, page after page.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_ENCODING, ETAG, HeaderMap, LAST_MODIFIED, LOCATION, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, sleep, timeout_at};

use crate::threat::Sink;

use super::config::{ConfigProblem, SourceConfig};
use super::loose::brief;
use super::outcome::{Detail, Outcome, Snapshot, Unavailable, Unusable, Validators};
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
/// How much of an answer that is an error is looked at for its words.
const DETAIL_BYTES: usize = 2 << 10;

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
enum Stop {
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
                validators = of(response.headers(), now, way.clone());
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

/// What is wrong with an answer.
enum Trouble {
    Final(Stop),
    /// It may pass; the source may say when.
    Passing(Unavailable, Option<Duration>),
}

async fn judged(response: Response) -> Result<Response, Trouble> {
    let status = response.status();
    match status {
        StatusCode::OK => {
            return match unknown_packing(response.headers()) {
                Some(packing) => Err(Trouble::Final(Stop::Unusable(Unusable::Packed(packing)))),
                None => Ok(response),
            };
        }
        StatusCode::NOT_MODIFIED => return Ok(response),
        StatusCode::NO_CONTENT => return Err(Trouble::Final(Stop::Unusable(Unusable::Empty))),
        _ => {}
    }
    if status.is_redirection() {
        return Err(Trouble::Final(Stop::Unavailable(Unavailable::Redirected {
            to: destination(&response),
        })));
    }
    let after = retry_after(response.headers(), Timestamp::now());
    let detail = detail(response).await;
    let code = status.as_u16();
    Err(match code {
        401 | 403 => Trouble::Final(Stop::Unavailable(Unavailable::Refused {
            status: code,
            detail,
        })),
        429 | 503 => Trouble::Passing(
            Unavailable::Limited {
                status: code,
                after,
                detail,
            },
            after,
        ),
        408 | 500 | 502 | 504 => Trouble::Passing(
            Unavailable::Status {
                status: code,
                detail,
            },
            after,
        ),
        _ => Trouble::Final(Stop::Unavailable(Unavailable::Status {
            status: code,
            detail,
        })),
    })
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

/// Where a redirect leads: the server alone, since an address may hold secrets.
fn destination(response: &Response) -> String {
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    match location.and_then(|location| response.url().join(location).ok()) {
        Some(url) if url.origin() == response.url().origin() => {
            "itself, again and again".to_owned()
        }
        Some(url) => url.origin().ascii_serialization(),
        None => "nowhere".to_owned(),
    }
}

fn of(headers: &HeaderMap, now: Timestamp, reading: String) -> Validators {
    let text = |name| {
        let value = headers.get(name)?.to_str().ok()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    Validators {
        etag: text(ETAG),
        last_modified: text(LAST_MODIFIED),
        asked_at: Some(now),
        reading,
    }
}

/// A packing that was not asked for and cannot be undone.
fn unknown_packing(headers: &HeaderMap) -> Option<String> {
    let packing = headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("?");
    let known = packing
        .split(',')
        .all(|name| matches!(name.trim(), "" | "gzip" | "x-gzip" | "identity"));
    (!known).then(|| {
        format!(
            "it is packed with `{}`, and only gzip was asked for",
            brief(packing)
        )
    })
}

/// Seconds, or the date of an HTTP header (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(value)
        .ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The first words of an answer that is an error; of a page of HTML none.
async fn detail(mut response: Response) -> Detail {
    let mut bytes = Vec::new();
    while bytes.len() < DETAIL_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(DETAIL_BYTES);
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    let is_words = !text.is_empty() && !text.starts_with('<') && !text.contains('\u{fffd}');
    Detail(is_words.then(|| brief(text)))
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

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn given_a_wait_in_either_spelling_then_it_is_understood() {
        let now = "2026-03-02T10:15:00Z".parse().unwrap();
        for (value, expected) in [
            ("7", Some(7)),
            ("Mon, 02 Mar 2026 10:15:09 GMT", Some(9)),
            ("Mon, 02 Mar 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            assert_eq!(
                retry_after(&headers, now).map(|wait| wait.as_secs()),
                expected,
                "{value}"
            );
        }
    }
}
