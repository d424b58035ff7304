//! Cloudflare's envelope, read defensively: under overload HTML comes where JSON was promised, and fields are missing.

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::connection::Call;
use super::error::{ApiError, CloudflareError, codes};
use super::limits;

/// What of an answer's text is shown.
const SHOWN: usize = 300;

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

#[derive(Debug, Default, Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    success: Option<bool>,
    #[serde(default)]
    errors: Option<Vec<RawError>>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    result_info: Option<ResultInfo>,
}

#[derive(Debug, Deserialize)]
struct RawError {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    source: Option<Pointer>,
}

#[derive(Debug, Deserialize)]
struct Pointer {
    #[serde(default)]
    pointer: Option<String>,
}

/// Where the next page is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ResultInfo {
    #[serde(default)]
    pub(super) cursors: Option<Cursors>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Cursors {
    #[serde(default)]
    pub(super) after: Option<String>,
}

impl RawError {
    fn plain(self) -> ApiError {
        let code = match &self.code {
            serde_json::Value::Number(code) => code.as_i64(),
            serde_json::Value::String(code) => code.parse().ok(),
            _ => None,
        };
        ApiError {
            code: code.unwrap_or_default(),
            message: self.message.unwrap_or_default(),
            pointer: self.source.and_then(|source| source.pointer),
        }
    }
}

impl Answer {
    fn envelope(&self) -> Option<Envelope<'_>> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn errors(&self) -> Vec<ApiError> {
        self.envelope()
            .and_then(|envelope| envelope.errors)
            .unwrap_or_default()
            .into_iter()
            .map(RawError::plain)
            .collect()
    }

    pub(super) fn result_info(&self) -> ResultInfo {
        self.envelope()
            .and_then(|envelope| envelope.result_info)
            .unwrap_or_default()
    }

    /// The `result`, borrowed from the body.
    pub(super) fn result<'a, T: Deserialize<'a>>(
        &'a self,
        call: &Call<'_>,
    ) -> Result<T, CloudflareError> {
        let result = self.envelope().and_then(|envelope| envelope.result);
        let parsed = serde_json::from_str(result.map_or("null", RawValue::get));
        parsed.map_err(|error| {
            call.unanswered(format!(
                "HTTP {}, and its `result` cannot be read ({error})",
                self.status.as_u16()
            ))
        })
    }

    /// The `result` as a type of its own.
    pub(super) fn owned<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, CloudflareError> {
        self.result(call)
    }

    /// The answer's text for people: one short line.
    fn detail(&self) -> String {
        let errors = self.errors();
        let said: Vec<String> = errors
            .iter()
            .map(|error| match error.code {
                0 => error.message.clone(),
                code => format!("{} ({code})", error.message),
            })
            .filter(|text| !text.is_empty())
            .collect();
        let text = if !said.is_empty() {
            said.join("; ")
        } else if self.body.trim_ascii().is_empty() {
            "an empty answer".to_owned()
        } else if self.body.trim_ascii_start().starts_with(b"<") {
            page(&String::from_utf8_lossy(&self.body))
        } else {
            String::from_utf8_lossy(&self.body).into_owned()
        };
        one_line(&text)
    }

    /// The answer if it is one, else what is wrong.
    pub(super) fn judged(self, call: &Call<'_>) -> Result<Self, CloudflareError> {
        let status = self.status.as_u16();
        let envelope = self.envelope();
        let is_envelope = envelope.is_some();
        let success = envelope.as_ref().and_then(|envelope| envelope.success);
        drop(envelope);
        let action = call.action.to_owned();
        match status {
            200..=299 if is_envelope && success != Some(false) => Ok(self),
            200..=299 if !is_envelope => {
                Err(call.unanswered(format!("HTTP {status} with {}", self.detail())))
            }
            300..=399 => Err(CloudflareError::Refused {
                action,
                status,
                detail: "it answered with a redirect, which is not followed: check `cloudflare.api_url` in services.toml".to_owned(),
                errors: Vec::new(),
            }),
            429 => Err(CloudflareError::Limited {
                action,
                limit: limits::limit(&self.errors()),
                after: limits::retry_after(&self.headers, Timestamp::now()),
                reason: self.detail(),
            }),
            408 | 500..=599 => Err(call.unanswered(format!("HTTP {status}: {}", self.detail()))),
            _ => Err(self.refusal(call)),
        }
    }

    fn refusal(&self, call: &Call<'_>) -> CloudflareError {
        let status = self.status.as_u16();
        let errors = self.errors();
        // 9109 and 6003 are what a token that is none at all is told.
        let about_token = errors
            .iter()
            .any(|error| matches!(error.code, codes::AUTHENTICATION | 9109 | 6003));
        if about_token || matches!(status, 401 | 403) {
            return CloudflareError::Unauthorised {
                action: call.action.to_owned(),
                status,
                detail: self.detail(),
                remedy: call.remedy,
            };
        }
        CloudflareError::Refused {
            action: call.action.to_owned(),
            status,
            detail: self.detail(),
            errors,
        }
    }
}

/// What to call a web page that came instead of data.
fn page(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|start| {
        let start = start + lower[start..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        text.get(start..end)
    });
    match title {
        Some(title) => format!("a web page, `{}`", title.trim()),
        None => "a web page".to_owned(),
    }
}

pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN + 1)
        .collect();
    if line.chars().count() > SHOWN {
        line.pop();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str, writes: bool) -> Result<Answer, CloudflareError> {
        let call = if writes {
            Call::write("write", reqwest::Method::POST, &[], "[]".to_owned())
        } else {
            Call::read("read", &[])
        };
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
        .judged(&call)
    }

    const PAGE: &str = "<html><head><TITLE>502\nBad Gateway</TITLE></head></html>";

    #[test]
    fn given_a_web_page_when_it_is_judged_then_reading_failed_and_writing_is_unknown() {
        for status in [200, 502] {
            let error = judged(status, PAGE, false).unwrap_err();
            assert!(
                matches!(&error, CloudflareError::NoAnswer { reason, .. } if reason.contains("`502 Bad Gateway`")),
                "{error}"
            );
            assert!(judged(status, PAGE, true).unwrap_err().is_lost());
        }
    }

    #[test]
    fn given_an_envelope_when_it_is_judged_then_success_decides_beside_the_status() {
        assert!(
            judged(
                201,
                r#"{"success":true,"errors":[],"result":{"operation_id":"1"}}"#,
                true
            )
            .is_ok()
        );
        assert!(
            judged(
                200,
                r#"{"success":true,"errors":null,"result":null}"#,
                false
            )
            .is_ok()
        );
        let refused = judged(
            200,
            r#"{"success":false,"errors":[{"code":"10028","message":"filters.api.duplicate_item_value"}],"result":null}"#,
            true,
        );
        assert!(refused.unwrap_err().is_duplicate());
    }

    #[test]
    fn given_our_token_is_refused_when_it_is_judged_then_the_remedy_is_named() {
        for (status, body) in [
            (
                403,
                r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}"#,
            ),
            (
                400,
                r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}"#,
            ),
            (403, PAGE),
        ] {
            let error = judged(status, body, false).unwrap_err();
            assert!(
                matches!(error, CloudflareError::Unauthorised { .. }),
                "{error}"
            );
        }
    }
}
