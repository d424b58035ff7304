//! A client for the three methods of the Telegram Bot API that are needed: `sendMessage`, `editMessageText`, `getMe`.
//!
//! Answers are read leniently, because what answers is not always Telegram: nginx in front of it sends HTML, proxies
//! send nothing at all, and answers get cut off. What an answer means is decided here, once, and named by [`CallError`];
//! the table of `error_code` and description that it follows is Telegram's own, whose texts drift in case and wording.
//!
//! The token is part of every address. No error, log line or `Debug` output of this module holds an address.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use remediate_core::id::digest_hex;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::html::MESSAGE_LIMIT;

/// An answer larger than this is not read to its end; a message with all its entities is a few tens of kilobytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// What is waited when a flood is reported without a time.
const UNSTATED_FLOOD: Duration = Duration::from_secs(30);

/// How a text is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    Plain,
}

/// What `getMe` tells about the bot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Bot {
    pub id: i64,
    pub first_name: String,
    /// Without `@`.
    #[serde(default)]
    pub username: Option<String>,
}

/// Why a call did not do what it was to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// 429: the whole bot has to be silent that long, not only in this chat.
    #[error("Telegram asks to wait {} s before the next call", after.as_secs())]
    Flood { after: Duration },
    /// The recipient cannot be written to, now or by trying again: blocked, never started, deleted, removed from the group.
    #[error("the chat cannot be written to: {reason}")]
    Unreachable { reason: String },
    /// The group became a supergroup with another id.
    #[error("the group has become the supergroup {to}")]
    Migrated { to: i64 },
    #[error("Telegram does not understand the markup: {detail}")]
    CannotParse { detail: String },
    #[error("the message is longer than Telegram takes")]
    TooLong,
    /// The message says that already.
    #[error("the message is the same already")]
    NotModified,
    /// The message to edit is not there, or not ours to edit.
    #[error("the message to edit is gone: {reason}")]
    Gone { reason: String },
    /// 401, 404 and whatever else says that this is not our bot or not a Bot API.
    #[error(
        "{reason}: check telegram.bot_token and telegram.api_url in services.toml, and what is between here and there"
    )]
    Refused { reason: String },
    /// Any other 4xx: the same call fails again.
    #[error("Telegram refuses the call ({code}): {description}")]
    Rejected { code: u16, description: String },
    /// It certainly was not carried out.
    #[error("Telegram cannot be reached: {reason}")]
    Unavailable { reason: String },
    /// It may have been carried out: no answer, half an answer, or one that says nothing about it.
    #[error("Telegram gave no usable answer: {reason}")]
    Unanswered { reason: String },
}

/// A bot at a server.
pub(crate) struct Client {
    http: reqwest::Client,
    api_url: Url,
    token: SecretString,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("api_url", &self.api_url.as_str())
            .field("token", &"[redacted]")
            .finish_non_exhaustive()
    }
}

impl Client {
    /// No I/O. `api_url` may have a path, such as that of a gateway.
    ///
    /// # Errors
    /// When there is no TLS to be had, or `api_url` cannot be extended.
    pub(crate) fn new(
        api_url: &Url,
        token: &SecretString,
        timeout: Duration,
    ) -> Result<Self, CallError> {
        // A redirect would carry the token, which is in the path, to whoever it points to.
        let http = reqwest::Client::builder()
            .user_agent(concat!("auto-remediate/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // Shorter than the whole, so that "never connected" can be told from "no answer".
            .connect_timeout(timeout / 2)
            .timeout(timeout)
            // A Lambda sleeps between invocations; a connection that was idle for longer is probably dead.
            .pool_idle_timeout(Duration::from_secs(20))
            .build()
            .map_err(|error| CallError::Refused {
                reason: format!("no HTTP client can be made: {}", error.without_url()),
            })?;
        // A line break at the end is the commonest fault of a stored secret.
        let token = SecretString::from(token.expose_secret().trim().to_owned());
        Ok(Self {
            http,
            api_url: api_url.clone(),
            token,
        })
    }

    /// Names the bot without giving the token away: the number before the colon, or a digest where there is none.
    pub(crate) fn bot(&self) -> String {
        let token = self.token.expose_secret();
        match token.split_once(':') {
            Some((id, _)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
                id.to_owned()
            }
            _ => digest_hex(&["telegram bot", token])[..12].to_owned(),
        }
    }

    /// Sends a message and returns its id, which is unique in the chat.
    pub(crate) async fn send(
        &self,
        chat: i64,
        text: &str,
        format: Format,
        silent: bool,
    ) -> Result<i64, CallError> {
        let mut body = message(chat, text, format);
        if silent {
            body["disable_notification"] = json!(true);
        }
        let sent = self
            .call("sendMessage", &body)
            .await
            .map_err(|error| too_long_with_markup(error, text))?;
        sent["message_id"]
            .as_i64()
            .ok_or_else(|| CallError::Unanswered {
                reason: "the answer to sendMessage has no message_id".to_owned(),
            })
    }

    pub(crate) async fn edit(
        &self,
        chat: i64,
        message_id: i64,
        text: &str,
        format: Format,
    ) -> Result<(), CallError> {
        let mut body = message(chat, text, format);
        body["message_id"] = json!(message_id);
        let edited = self.call("editMessageText", &body).await;
        edited
            .map(|_| ())
            .map_err(|error| too_long_with_markup(error, text))
    }

    pub(crate) async fn get_me(&self) -> Result<Bot, CallError> {
        let me = self.call("getMe", &json!({})).await?;
        serde_json::from_value(me).map_err(|error| CallError::Unanswered {
            reason: format!("the answer to getMe is no bot: {error}"),
        })
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Value, CallError> {
        let address = self.address(method)?;
        let response = self
            .http
            .post(address)
            .json(body)
            .send()
            .await
            .map_err(|error| transport(&error.without_url()))?;
        let status = response.status();
        let header = retry_after(response.headers());
        match read(response).await {
            Ok(text) => interpret(status, header, &text),
            // Of an answer that broke off only the status is left.
            Err(reason) => Err(match status.as_u16() {
                429 => CallError::Flood {
                    after: header.unwrap_or(UNSTATED_FLOOD),
                },
                400..=499 => CallError::Unavailable { reason },
                _ => CallError::Unanswered { reason },
            }),
        }
    }

    fn address(&self, method: &str) -> Result<Url, CallError> {
        let mut address = self.api_url.clone();
        address
            .path_segments_mut()
            .map_err(|()| CallError::Refused {
                reason: "telegram.api_url is no address of a server".to_owned(),
            })?
            .pop_if_empty()
            .push(&format!("bot{}", self.token.expose_secret()))
            .push(method);
        Ok(address)
    }
}

fn message(chat: i64, text: &str, format: Format) -> Value {
    let mut body = json!({
        "chat_id": chat,
        "text": text,
        // A guide's links are for reading later; a preview would be larger than the guide.
        "link_preview_options": { "is_disabled": true },
    });
    if format == Format::Html {
        body["parse_mode"] = json!("HTML");
    }
    body
}

/// Telegram counts a text without its markup. Servers that hold themselves to the letter of the published description
/// (`maxLength: 4096`) count it with the markup, and refuse what is longer in words of their own.
fn too_long_with_markup(error: CallError, text: &str) -> CallError {
    match error {
        CallError::Rejected { .. } if text.chars().count() > MESSAGE_LIMIT => CallError::TooLong,
        error => error,
    }
}

/// What failed before there was an answer. `error` must have been stripped of its address.
fn transport(error: &reqwest::Error) -> CallError {
    let reason = innermost(error);
    if error.is_builder() {
        CallError::Refused { reason }
    } else if error.is_connect() {
        CallError::Unavailable { reason }
    } else if error.is_timeout() {
        CallError::Unanswered {
            reason: "no answer in time".to_owned(),
        }
    } else {
        CallError::Unanswered { reason }
    }
}

/// The last cause says what happened (`Connection refused`); the ones before it say only that something did.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

async fn read(mut response: Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) if error.is_timeout() => {
                return Err("the answer did not end in time".to_owned());
            }
            Err(error) => {
                return Err(format!(
                    "the answer broke off: {}",
                    innermost(&error.without_url())
                ));
            }
        }
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(format!(
                "the answer is longer than {MAX_ANSWER_BYTES} bytes"
            ));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The body of every answer of the Bot API.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error_code: Option<u16>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    /// Seconds. Numbers beyond 65,535 have been seen, so no narrow type; not always a whole number on compatible servers.
    #[serde(default)]
    retry_after: Value,
    #[serde(default)]
    migrate_to_chat_id: Option<i64>,
}

fn interpret(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &str,
) -> Result<Value, CallError> {
    match serde_json::from_str::<Answer>(body) {
        Ok(Answer {
            ok: true, result, ..
        }) => Ok(result),
        Ok(answer) => Err(refusal(status, retry_after, answer)),
        Err(_) => Err(foreign(status, retry_after, body)),
    }
}

/// An answer that is not the Bot API's own: something in between made it.
fn foreign(status: StatusCode, retry_after: Option<Duration>, body: &str) -> CallError {
    let what = if body.trim().is_empty() {
        format!("an empty answer with status {status}")
    } else {
        format!("an answer that is not JSON, with status {status}")
    };
    match status.as_u16() {
        429 => CallError::Flood {
            after: retry_after.unwrap_or(UNSTATED_FLOOD),
        },
        // Telegram says these in JSON. A proxy that wants a login, or a wrong address, says them in HTML.
        300..=399 | 401 | 403 | 404 | 405 | 407 => CallError::Refused { reason: what },
        408 | 425 => CallError::Unavailable { reason: what },
        400..=499 => CallError::Rejected {
            code: status.as_u16(),
            description: what,
        },
        // A gateway that lost its upstream cannot know whether the request was carried out.
        _ => CallError::Unanswered { reason: what },
    }
}

const UNREACHABLE: &[&str] = &[
    "bot was blocked by the user",
    "user is deactivated",
    "can't initiate conversation",
    "bot was kicked",
    "bot is not a member",
    "chat not found",
    "user not found",
    "group chat was deactivated",
    "chat was deleted",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_admin_required",
    "chat_write_forbidden",
    "chat_restricted",
    "topic_closed",
    "peer_id_invalid",
    "user_is_blocked",
    "user_deactivated",
    "input_user_deactivated",
    "can't send messages to bots",
    "can't send messages to the user",
];
const GONE: &[&str] = &[
    "message to edit not found",
    "message can't be edited",
    "message not found",
    "message_id_invalid",
    "message_edit_time_expired",
    "message identifier is not specified",
];
const NOT_MODIFIED: &[&str] = &["message is not modified", "message_not_modified"];
const TOO_LONG: &[&str] = &[
    "message is too long",
    "message_too_long",
    "text is too long",
];
const CANNOT_PARSE: &[&str] = &["can't parse entities", "can't find end of the entity"];

fn refusal(status: StatusCode, header: Option<Duration>, answer: Answer) -> CallError {
    let code = answer.error_code.unwrap_or(status.as_u16());
    let description: String = answer
        .description
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect();
    let parameters = answer.parameters.unwrap_or_default();
    let lower = description.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if let Some(to) = parameters.migrate_to_chat_id {
        return CallError::Migrated { to };
    }
    match code {
        429 | 420 => CallError::Flood {
            after: seconds(&parameters.retry_after)
                .or(header)
                .or_else(|| wait_in(&lower))
                .unwrap_or(UNSTATED_FLOOD),
        },
        400..=499 if says(UNREACHABLE) => CallError::Unreachable {
            reason: description,
        },
        403 => CallError::Unreachable {
            reason: description,
        },
        400..=499 if says(GONE) => CallError::Gone {
            reason: description,
        },
        400..=499 if says(NOT_MODIFIED) => CallError::NotModified,
        400..=499 if says(TOO_LONG) => CallError::TooLong,
        413 => CallError::TooLong,
        400..=499 if says(CANNOT_PARSE) => CallError::CannotParse {
            detail: description,
        },
        401 | 404 | 405 | 407 => CallError::Refused {
            reason: format!("Telegram answers {code} {description}"),
        },
        408 | 409 | 425 => CallError::Unavailable {
            reason: format!("Telegram answers {code} {description}"),
        },
        400..=499 => CallError::Rejected { code, description },
        _ => CallError::Unanswered {
            reason: format!("Telegram answers {code} {description}"),
        },
    }
}

/// Seconds as a number or as text; a part of a second counts as a whole one.
fn seconds(value: &Value) -> Option<Duration> {
    if let Some(whole) = value.as_u64() {
        return Some(Duration::from_secs(whole));
    }
    let number = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(number.ceil()).ok()
}

/// The number in `… retry after 35` and in `FLOOD_WAIT_35`.
fn wait_in(description: &str) -> Option<Duration> {
    let (_, rest) = description
        .split_once("retry after ")
        .or_else(|| description.split_once("flood_wait_"))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(Duration::from_secs)
}

/// `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Some(wait) = seconds(&Value::String(text.to_owned())) {
        return Some(wait);
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> CallError {
        interpret(StatusCode::from_u16(status).unwrap(), None, body).unwrap_err()
    }

    fn bad_request(description: &str) -> CallError {
        let body = json!({"ok": false, "error_code": 400, "description": description});
        of(400, &body.to_string())
    }

    #[test]
    fn a_flood_wait_beyond_sixteen_bits_is_understood() {
        let body = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 86400","parameters":{"retry_after":86400}}"#;
        let after = Duration::from_secs(86_400);
        assert_eq!(of(429, body), CallError::Flood { after });
    }

    #[test]
    fn a_flood_wait_is_found_wherever_it_is_said() {
        let flood = |seconds| CallError::Flood {
            after: Duration::from_secs(seconds),
        };
        let text =
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35"}"#;
        assert_eq!(of(429, text), flood(35));
        let fraction = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":0.4}}"#;
        assert_eq!(of(429, fraction), flood(1));
        let header = Some(Duration::from_secs(7));
        let html = "<html><body>429</body></html>";
        assert_eq!(
            interpret(StatusCode::TOO_MANY_REQUESTS, header, html),
            Err(flood(7))
        );
        assert_eq!(of(429, html), flood(30));
    }

    #[test]
    fn a_retry_after_header_is_seconds_or_a_date() {
        let header = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(header("12"), Some(Duration::from_secs(12)));
        assert_eq!(
            header("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO),
            "a date that is past is no wait"
        );
        assert_eq!(header("soon"), None);
    }

    #[test]
    fn who_cannot_be_written_to_is_recognised_in_any_case() {
        for text in [
            "Forbidden: bot was blocked by the user",
            "Forbidden: user is deactivated",
            "Forbidden: bot can't initiate conversation with a user",
            "FORBIDDEN: Bot Was Kicked From The Supergroup Chat",
            "Forbidden: something that is not invented yet",
        ] {
            let body = json!({"ok": false, "error_code": 403, "description": text}).to_string();
            assert!(
                matches!(of(403, &body), CallError::Unreachable { .. }),
                "{text}"
            );
        }
        for text in [
            "Bad Request: chat not found",
            "Bad Request: private chat not found",
            "Bad Request: PEER_ID_INVALID",
            "Bad Request: not enough rights to send text messages to the chat",
        ] {
            assert!(
                matches!(bad_request(text), CallError::Unreachable { .. }),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_message_is_told_apart() {
        assert_eq!(
            bad_request("Bad Request: message is too long"),
            CallError::TooLong
        );
        assert_eq!(
            bad_request("Bad Request: message is not modified: specified new message …"),
            CallError::NotModified
        );
        assert!(matches!(
            bad_request("Bad Request: message to edit not found"),
            CallError::Gone { .. }
        ));
        assert!(matches!(
            bad_request("Bad Request: message can't be edited"),
            CallError::Gone { .. }
        ));
        assert!(matches!(
            bad_request("Bad Request: can't parse entities: Unsupported start tag \"br\""),
            CallError::CannotParse { .. }
        ));
        assert!(matches!(
            bad_request("Bad Request: message text is empty"),
            CallError::Rejected { code: 400, .. }
        ));
    }

    #[test]
    fn a_wrong_token_is_a_matter_of_configuration() {
        let unauthorized = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        let not_found = r#"{"ok":false,"error_code":404,"description":"Not Found"}"#;
        for (status, body) in [(401, unauthorized), (404, not_found), (404, "<html>")] {
            assert!(
                matches!(of(status, body), CallError::Refused { .. }),
                "{status}"
            );
        }
    }

    #[test]
    fn an_answer_that_says_nothing_leaves_open_whether_the_call_was_carried_out() {
        for (status, body) in [
            (502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
            (
                500,
                r#"{"ok":false,"error_code":500,"description":"Internal Server Error"}"#,
            ),
            (200, ""),
            (200, r#"{"ok":true,"resu"#),
            (200, "[]"),
        ] {
            assert!(
                matches!(of(status, body), CallError::Unanswered { .. }),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_migration_names_the_new_group() {
        let body = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}"#;
        let to = -1_001_234_567_890;
        assert_eq!(of(400, body), CallError::Migrated { to });
    }

    #[test]
    fn the_address_keeps_a_base_path_and_nothing_shows_the_token() {
        let token = SecretString::from("42:SECRET\n".to_owned());
        let url: Url = "https://gateway.example.com/telegram/".parse().unwrap();
        let client = Client::new(&url, &token, Duration::from_secs(1)).unwrap();
        assert_eq!(
            client.address("getMe").unwrap().as_str(),
            "https://gateway.example.com/telegram/bot42:SECRET/getMe"
        );
        assert_eq!(client.bot(), "42");
        assert!(!format!("{client:?}").contains("SECRET"));
    }

    #[tokio::test]
    async fn given_nobody_listens_when_called_then_the_error_says_so_without_the_address() {
        let token = SecretString::from("42:SECRET".to_owned());
        let url: Url = "http://127.0.0.1:1/".parse().unwrap();
        let client = Client::new(&url, &token, Duration::from_secs(1)).unwrap();
        let error = client.get_me().await.unwrap_err();
        assert!(matches!(error, CallError::Unavailable { .. }), "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("SECRET") && !shown.contains("127.0.0.1"),
            "{shown}"
        );
    }
}
