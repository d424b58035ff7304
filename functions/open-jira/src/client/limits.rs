//! How long a server asks to be left alone, in any of the ways that servers say it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::HeaderMap;

/// What is waited when the server names no time.
pub(super) const UNSAID: Duration = Duration::from_secs(30);
/// More than that nobody means, and no queue can hide a message for longer.
const MOST: Duration = Duration::from_secs(12 * 60 * 60);

/// `Retry-After` (seconds or an HTTP date), else when a limit is reset (`X-RateLimit-Reset`, also with `X-Beta-` before it:
/// seconds or milliseconds since 1970, an ISO or an HTTP date).
///
/// The headers are those of <https://developer.atlassian.com/cloud/jira/platform/rate-limiting/>; the other spellings are
/// what live servers send.
pub(super) fn wait(headers: &HeaderMap, clock: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    // The server's own clock, where it shows it: ours may be wrong.
    let clock = text("date").and_then(http_date).unwrap_or(clock);
    let said = text("retry-after")
        .and_then(|value| seconds(value).or_else(|| until(value, clock)))
        .or_else(|| {
            [
                "x-ratelimit-reset",
                "x-beta-ratelimit-reset",
                "ratelimit-reset",
            ]
            .into_iter()
            .filter_map(text)
            .find_map(|value| until(value, clock))
        });
    said.map(|wait| wait.min(MOST))
}

/// Whether only one ticket is meant: the limit of writes per ticket.
pub(super) fn is_of_one_issue(headers: &HeaderMap) -> bool {
    ["ratelimit-reason", "x-ratelimit-reason"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .any(|reason| reason.to_ascii_lowercase().contains("per-issue"))
}

fn seconds(value: &str) -> Option<Duration> {
    let seconds: f64 = value.parse().ok()?;
    Duration::try_from_secs_f64(seconds.max(0.0).ceil()).ok()
}

/// A number too small for a date since 1970 is a number of seconds from now.
fn until(value: &str, clock: Timestamp) -> Option<Duration> {
    const A_YEAR: i64 = 366 * 24 * 60 * 60;
    /// As seconds the year 5138, as milliseconds 1973.
    const MILLISECONDS: i64 = 100_000_000_000;
    let at = match value.parse::<i64>() {
        Ok(number) if number < A_YEAR => return seconds(value),
        Ok(number) if number > MILLISECONDS => Timestamp::from_millisecond(number).ok()?,
        Ok(number) => Timestamp::from_second(number).ok()?,
        Err(_) => date(value)?,
    };
    Some(Duration::try_from(at.duration_since(clock)).unwrap_or(Duration::ZERO))
}

fn date(value: &str) -> Option<Timestamp> {
    http_date(value)
        .or_else(|| value.parse().ok())
        // `2026-03-02T10:15Z`
        .or_else(|| {
            let minutes = value.strip_suffix('Z')?;
            format!("{minutes}:00Z").parse().ok()
        })
}

fn http_date(value: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(value).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn waits(headers: &[(&str, &str)]) -> Option<u64> {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect();
        let clock = "2026-03-02T10:15:00Z".parse().unwrap();
        wait(&headers, clock).map(|wait| wait.as_secs())
    }

    #[test]
    fn every_spelling_of_a_wait_is_understood() {
        type Headers = &'static [(&'static str, &'static str)];
        let table: [(Headers, Option<u64>); 13] = [
            (&[("Retry-After", "7")], Some(7)),
            (&[("Retry-After", "1.2")], Some(2)),
            (&[("Retry-After", "0")], Some(0)),
            (&[("Retry-After", "Mon, 02 Mar 2026 10:15:09 GMT")], Some(9)),
            (&[("X-RateLimit-Reset", "1772446512")], Some(12)),
            (&[("X-RateLimit-Reset", "1772446512000")], Some(12)),
            (&[("X-RateLimit-Reset", "2026-03-02T10:15:30Z")], Some(30)),
            (&[("X-Beta-RateLimit-Reset", "2026-03-02T10:16Z")], Some(60)),
            (&[("X-RateLimit-Reset", "45")], Some(45)),
            (&[("X-RateLimit-Reset", "2026-03-02T09:00:00Z")], Some(0)),
            (
                &[("Retry-After", "soon"), ("X-RateLimit-Reset", "5")],
                Some(5),
            ),
            (&[("Retry-After", "999999999")], Some(12 * 60 * 60)),
            (&[("Retry-After", "soon")], None),
        ];
        for (headers, expected) in table {
            assert_eq!(waits(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_date_is_read_by_the_servers_own_clock() {
        let headers = [
            ("Date", "Mon, 02 Mar 2026 12:00:00 GMT"),
            ("Retry-After", "Mon, 02 Mar 2026 12:00:03 GMT"),
        ];
        assert_eq!(waits(&headers), Some(3));
    }
}
