//! How long Cloudflare asks to be left alone, and which limit it means.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::HeaderMap;

use super::error::{ApiError, Limit, codes};

/// More than that nobody means: the longest of Cloudflare's windows.
const MOST: Duration = Duration::from_secs(12 * 60 * 60);

/// `Retry-After`: seconds, or an HTTP date.
pub(super) fn retry_after(headers: &HeaderMap, clock: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds.max(0.0).ceil()).ok()?,
        Err(_) => {
            let at = DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(at.duration_since(clock)).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MOST))
}

/// What is left of the present window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) remaining: u64,
    pub(super) reset: Duration,
}

/// `Ratelimit: "default";r=50;t=30`: 50 calls are left for the next 30 seconds. With several policies the tightest counts.
///
/// <https://developers.cloudflare.com/fundamentals/api/reference/limits/>
pub(super) fn window(headers: &HeaderMap) -> Option<Window> {
    let text = headers.get("ratelimit")?.to_str().ok()?;
    text.split(',')
        .filter_map(|policy| {
            let number = |name: &str| {
                policy
                    .split(';')
                    .filter_map(|part| part.trim().split_once('='))
                    .find(|(key, _)| *key == name)
                    .and_then(|(_, value)| value.parse::<u64>().ok())
            };
            Some(Window {
                remaining: number("r")?,
                reset: Duration::from_secs(number("t")?),
            })
        })
        .min_by_key(|window| window.remaining)
}

/// Which limit it is. Only the global one is certain by its code; the text of a pending operation is not documented, so its
/// words are looked for, and what names neither stays unclear.
pub(super) fn limit(errors: &[ApiError]) -> Limit {
    if errors.iter().any(|error| error.code == codes::THROTTLED) {
        return Limit::Global;
    }
    let text = errors
        .iter()
        .map(|error| error.message.to_ascii_lowercase())
        .collect::<Vec<_>>()
        .join(" ");
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["pending", "outstanding", "in progress", "bulk operation"]) {
        Limit::Pending
    } else if says(&["quota", "modifications", "12 hours"]) {
        Limit::Lists
    } else if says(&["throttling your request speed"]) {
        Limit::Global
    } else if errors
        .iter()
        .any(|error| error.code == codes::LISTS_LIMITED)
    {
        Limit::Unclear
    } else {
        // A bare 429, or one from a proxy: the lists' own limits come with their code.
        Limit::Global
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn given_the_window_header_when_it_is_read_then_the_tightest_policy_counts() {
        let window = |value: &str| window(&headers("ratelimit", value));
        let wait = Duration::from_secs(30);
        assert_eq!(
            window("\"default\";r=50;t=30"),
            Some(Window {
                remaining: 50,
                reset: wait
            })
        );
        assert_eq!(
            window("\"default\";r=50;t=300, \"burst\";r=0;t=30"),
            Some(Window {
                remaining: 0,
                reset: wait
            })
        );
        assert_eq!(window("nonsense"), None);
    }

    #[test]
    fn given_a_wait_in_any_spelling_when_it_is_read_then_it_is_bounded() {
        let clock = "2026-03-02T10:15:00Z".parse().unwrap();
        let wait = |value: &str| {
            retry_after(&headers("retry-after", value), clock).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("1.2"), Some(2));
        assert_eq!(wait("Mon, 02 Mar 2026 10:15:09 GMT"), Some(9));
        assert_eq!(wait("999999999"), Some(12 * 60 * 60));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn given_a_429_when_its_limit_is_asked_then_code_and_words_decide() {
        let limit = |code: i64, message: &str| {
            limit(&[ApiError {
                code,
                message: message.to_owned(),
                pointer: None,
            }])
        };
        assert_eq!(
            limit(
                971,
                "Please wait and consider throttling your request speed"
            ),
            Limit::Global
        );
        assert_eq!(
            limit(
                10_040,
                "you have been ratelimited please wait and try again"
            ),
            Limit::Unclear
        );
        assert_eq!(
            limit(10_040, "an outstanding bulk operation is in progress"),
            Limit::Pending
        );
        assert_eq!(limit(0, "too many requests"), Limit::Global);
    }
}
