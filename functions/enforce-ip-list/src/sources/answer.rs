//! What an answer is worth: read on, ask again, or leave it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{
    CONTENT_ENCODING, DATE, ETAG, HeaderMap, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use reqwest::{Response, StatusCode};

use super::fetch::Stop;
use super::loose::brief;
use super::outcome::{Detail, Unavailable, Unusable, Validators};

/// How much of an answer that is an error is looked at for its words.
const DETAIL_BYTES: usize = 2 << 10;

/// What is wrong with an answer.
pub(super) enum Trouble {
    Final(Stop),
    /// It may pass; the source may say when.
    Passing(Unavailable, Option<Duration>),
}

/// Lets through what is to be read, 200, and 304.
pub(super) async fn judged(response: Response) -> Result<Response, Trouble> {
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

/// What is to be kept of an answer with these headers, which came at `now` and was read in the way that `reading` stands for.
pub(super) fn validators(headers: &HeaderMap, now: Timestamp, reading: String) -> Validators {
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

/// Seconds, or the date of an HTTP header (RFC 9110 §10.2.3), which is read by the server's own clock where it shows it.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |text| {
        jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()
    };
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = text(DATE).and_then(date).unwrap_or(now);
    Some(Duration::try_from(date(value)?.duration_since(now)).unwrap_or(Duration::ZERO))
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

    #[test]
    fn given_a_date_then_it_is_read_by_the_servers_own_clock() {
        let mut headers = HeaderMap::new();
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from_static("Mon, 02 Mar 2026 12:00:03 GMT"),
        );
        headers.insert(
            DATE,
            HeaderValue::from_static("Mon, 02 Mar 2026 12:00:00 GMT"),
        );
        let now = "2026-03-02T10:15:00Z".parse().unwrap();
        assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(3)));
    }
}
