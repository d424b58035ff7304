//! The Telegram Bot API, as far as a notifying bot uses it.

mod config;
mod entity;
mod floods;
mod markup;
mod messages;
mod methods;
mod params;

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

pub use config::{Chat, ChatKind, DEFAULT_BOT_TOKEN, Reach, TelegramConfig};
pub use entity::Entity;

use crate::clock::Clock;
use crate::http::{Reply, Request};
use crate::outbox::Message;
use floods::FloodGate;
use messages::Mailbox;
use params::Params;

/// A refusal of the Bot API: `error_code`, `description`, `parameters`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    description: String,
    parameters: Option<Value>,
}

impl ApiError {
    fn bad_request(text: impl AsRef<str>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            description: format!("Bad Request: {}", text.as_ref()),
            parameters: None,
        }
    }

    fn forbidden(text: &str) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            description: format!("Forbidden: {text}"),
            parameters: None,
        }
    }

    fn flood(retry_after: u64) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            description: format!("Too Many Requests: retry after {retry_after}"),
            parameters: Some(json!({"retry_after": retry_after})),
        }
    }

    fn reply(&self) -> Reply {
        let mut body = json!({
            "ok": false,
            "error_code": self.status.as_u16(),
            "description": self.description,
        });
        let mut retry_after = None;
        if let Some(parameters) = &self.parameters {
            body["parameters"] = parameters.clone();
            retry_after = parameters["retry_after"].as_u64();
        }
        let reply = json_reply(self.status, &body);
        match retry_after {
            Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
            None => reply,
        }
    }
}

/// The Bot API's content type has no charset.
fn json_reply(status: StatusCode, body: &Value) -> Reply {
    Reply::content(status, "application/json", body.to_string())
}

/// The refusal that a fault without a body of its own stands for.
pub(crate) fn refusal(status: StatusCode, retry_after: Option<u64>) -> Reply {
    let mut error = match (status, retry_after) {
        (StatusCode::TOO_MANY_REQUESTS, seconds) => ApiError::flood(seconds.unwrap_or(1)),
        (StatusCode::UNAUTHORIZED, _) => unauthorized(),
        (StatusCode::NOT_FOUND, _) => not_found(),
        (StatusCode::FORBIDDEN, _) => ApiError::forbidden("bot was blocked by the user"),
        (other, _) => ApiError {
            status: other,
            description: other.canonical_reason().unwrap_or("Error").to_owned(),
            parameters: None,
        },
    };
    if retry_after.is_none() {
        error.parameters = None;
    }
    error.reply()
}

fn unauthorized() -> ApiError {
    ApiError {
        status: StatusCode::UNAUTHORIZED,
        description: "Unauthorized".into(),
        parameters: None,
    }
}

fn not_found() -> ApiError {
    ApiError {
        status: StatusCode::NOT_FOUND,
        description: "Not Found".into(),
        parameters: None,
    }
}

/// One bot with its chats and everything sent to them.
#[derive(Debug)]
pub(crate) struct Telegram {
    config: TelegramConfig,
    mailbox: Mailbox,
    floods: FloodGate,
}

impl Telegram {
    pub(crate) fn new(config: TelegramConfig) -> Self {
        Self {
            config,
            mailbox: Mailbox::default(),
            floods: FloodGate::default(),
        }
    }

    pub(crate) fn chats(&self) -> &[Chat] {
        &self.config.chats
    }

    /// Adds a chat, or replaces the one with the same id.
    pub(crate) fn put_chat(&mut self, chat: Chat) {
        self.config = std::mem::take(&mut self.config).with_chat(chat);
    }

    pub(crate) fn outbox(&self) -> Vec<Message> {
        self.mailbox.outbox(&self.config)
    }

    /// Lets a person write to the bot: the message shows up in `getUpdates` and cannot be edited by the bot.
    pub(crate) fn receive(
        &mut self,
        chat_id: i64,
        text: &str,
        now: Timestamp,
    ) -> Result<i64, String> {
        let chat = self
            .config
            .chats
            .iter()
            .find(|chat| chat.id == chat_id)
            .ok_or_else(|| {
                format!("chat {chat_id} is not configured; add it with POST /_sandbox/chats")
            })?;
        Ok(self.mailbox.receive(chat, text, now))
    }

    /// Answers `/bot<token>/<method>`.
    pub(crate) fn handle(
        &mut self,
        token: &str,
        method: &str,
        request: &Request,
        clock: Clock,
    ) -> Reply {
        let answer = self
            .check_token(token)
            .and_then(|()| Params::read(request))
            .and_then(|params| self.call(method, &params, clock.now()));
        match answer {
            Ok(result) => json_reply(StatusCode::OK, &json!({"ok": true, "result": result})),
            Err(error) => error.reply(),
        }
    }

    fn check_token(&self, token: &str) -> Result<(), ApiError> {
        if token == self.config.token {
            Ok(())
        } else if is_well_formed(token) {
            Err(unauthorized())
        } else {
            Err(not_found())
        }
    }
}

/// Digits, a colon, 35 characters of base64url: anything else never reaches the bot servers and is a 404.
fn is_well_formed(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, secret)| {
        !id.is_empty()
            && !id.starts_with('0')
            && id.bytes().all(|b| b.is_ascii_digit())
            && secret.len() == 35
            && secret
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    })
}
