//! What was said in which chat.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::config::{Chat, ChatKind, TelegramConfig};
use super::entity::Entity;
use crate::outbox::{Message, Revision};

/// What a message says and how it is shown; two equal contents are "not modified".
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
    pub(crate) reply_markup: Option<Value>,
    pub(crate) link_preview: Option<Value>,
}

/// A message with its past.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) chat_id: i64,
    pub(crate) message_id: i64,
    pub(crate) from_bot: bool,
    pub(crate) content: Content,
    pub(crate) source: String,
    pub(crate) parse_mode: Option<String>,
    pub(crate) silent: bool,
    pub(crate) protected: bool,
    pub(crate) sent_at: Timestamp,
    pub(crate) edited_at: Option<Timestamp>,
    pub(crate) earlier: Vec<Revision>,
    pub(crate) deleted: bool,
}

/// All messages in order of sending, the id counters, and what `getUpdates` has to tell.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    messages: Vec<Stored>,
    /// Private chats and basic groups of one bot count together (key 0), supergroups and channels for themselves.
    counters: BTreeMap<i64, i64>,
    updates: Vec<Value>,
    updates_issued: i64,
}

impl Mailbox {
    pub(crate) fn next_id(&mut self, chat: &Chat) -> i64 {
        let counter = match chat.kind {
            ChatKind::Private | ChatKind::Group => 0,
            ChatKind::Supergroup | ChatKind::Channel => chat.id,
        };
        let last = self.counters.entry(counter).or_insert(0);
        *last += 1;
        *last
    }

    pub(crate) fn push(&mut self, message: Stored) {
        self.messages.push(message);
    }

    pub(crate) fn find(&mut self, chat_id: i64, message_id: i64) -> Option<&mut Stored> {
        self.messages
            .iter_mut()
            .rev()
            .find(|m| m.chat_id == chat_id && m.message_id == message_id && !m.deleted)
    }

    pub(crate) fn receive(&mut self, chat: &Chat, text: &str, now: Timestamp) -> i64 {
        let message = Stored {
            chat_id: chat.id,
            message_id: self.next_id(chat),
            from_bot: false,
            content: Content {
                text: text.to_owned(),
                entities: Vec::new(),
                reply_markup: None,
                link_preview: None,
            },
            source: text.to_owned(),
            parse_mode: None,
            silent: false,
            protected: false,
            sent_at: now,
            edited_at: None,
            earlier: Vec::new(),
            deleted: false,
        };
        let id = message.message_id;
        let from = json!({"id": chat.id.abs(), "is_bot": false, "first_name": chat.name, "language_code": "en"});
        let kind = if chat.kind == ChatKind::Channel {
            "channel_post"
        } else {
            "message"
        };
        self.updates_issued += 1;
        self.updates.push(json!({
            "update_id": 700_000_000 + self.updates_issued,
            kind: message_json(&message, chat, &from),
        }));
        self.messages.push(message);
        id
    }

    /// Updates from `offset` on; those before it are confirmed and forgotten. A negative offset counts from the end.
    pub(crate) fn updates(&mut self, offset: i64, limit: usize) -> Vec<Value> {
        if offset < 0 {
            let keep = usize::try_from(-offset).unwrap_or(usize::MAX);
            let forget = self.updates.len().saturating_sub(keep);
            self.updates.drain(..forget);
        } else {
            self.updates
                .retain(|update| update["update_id"].as_i64().unwrap_or(0) >= offset);
        }
        self.updates.iter().take(limit).cloned().collect()
    }

    pub(crate) fn outbox(&self, config: &TelegramConfig) -> Vec<Message> {
        self.messages
            .iter()
            .map(|m| {
                let chat = config.chats.iter().find(|chat| chat.id == m.chat_id);
                Message {
                    chat_id: m.chat_id,
                    chat: chat.map_or_else(|| m.chat_id.to_string(), |chat| chat.name.clone()),
                    chat_kind: chat.map_or(ChatKind::Private, |chat| chat.kind),
                    message_id: m.message_id,
                    from_bot: m.from_bot,
                    text: m.content.text.clone(),
                    entities: m.content.entities.clone(),
                    source: m.source.clone(),
                    parse_mode: m.parse_mode.clone(),
                    sent_at: m.sent_at,
                    edited_at: m.edited_at,
                    earlier: m.earlier.clone(),
                    silent: m.silent,
                    deleted: m.deleted,
                }
            })
            .collect()
    }
}

/// A `Chat` object as it stands in messages.
pub(crate) fn chat_json(chat: &Chat) -> Value {
    let mut value = json!({"id": chat.id, "type": chat.kind.as_str()});
    let name = if chat.kind == ChatKind::Private {
        "first_name"
    } else {
        "title"
    };
    value[name] = json!(chat.name);
    if let Some(username) = &chat.username {
        value["username"] = json!(username);
    }
    value
}

/// A `Message` object. Channel posts have a `sender_chat` and no `from`; empty parts are left out.
pub(crate) fn message_json(message: &Stored, chat: &Chat, from: &Value) -> Value {
    let mut value = json!({
        "message_id": message.message_id,
        "date": message.sent_at.as_second(),
        "chat": chat_json(chat),
        "text": message.content.text,
    });
    if chat.kind == ChatKind::Channel {
        value["sender_chat"] = chat_json(chat);
    } else {
        value["from"] = from.clone();
    }
    if let Some(edited) = message.edited_at {
        value["edit_date"] = json!(edited.as_second());
    }
    if !message.content.entities.is_empty() {
        value["entities"] = json!(message.content.entities);
    }
    if let Some(options) = &message.content.link_preview {
        value["link_preview_options"] = options.clone();
    }
    if message.protected {
        value["has_protected_content"] = json!(true);
    }
    if let Some(markup) = message
        .content
        .reply_markup
        .as_ref()
        .filter(|markup| markup.get("inline_keyboard").is_some())
    {
        value["reply_markup"] = markup.clone();
    }
    value
}
