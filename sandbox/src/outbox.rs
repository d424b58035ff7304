//! What a test asks about afterwards: every call, every message, every ticket.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::faults::Service;
pub use crate::telegram::{ChatKind, Entity};

/// One request to a stand-in, faults included; requests to `/_sandbox/` and the page are not calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Position in the sequence of all calls, from 1.
    pub n: u64,
    /// Whose API.
    pub service: Service,
    /// Telegram: the Bot API method. Jira: the HTTP method.
    pub method: String,
    /// Path without query and without the bot token.
    pub path: String,
    /// Status of the answer; `None` while unanswered, and for ever after a reset or a client that gave up.
    pub status: Option<u16>,
    /// Whether the stand-in carried the request out.
    pub handled: bool,
    /// The fault that hit it.
    pub fault: Option<u64>,
    /// Arrival.
    pub at: Timestamp,
}

/// A Telegram message in a chat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Chat; negative for groups and channels.
    pub chat_id: i64,
    /// The chat's title, or the person's name.
    pub chat: String,
    /// Private chat, group, supergroup or channel.
    pub chat_kind: ChatKind,
    /// Id within the chat.
    pub message_id: i64,
    /// `false` for what a person wrote to the bot.
    pub from_bot: bool,
    /// Text after parsing: no markup in it.
    pub text: String,
    /// Entities of `text`, offsets and lengths in UTF-16 units.
    pub entities: Vec<Entity>,
    /// What the client sent as `text`, markup included.
    pub source: String,
    /// `parse_mode` as sent.
    pub parse_mode: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// The versions before the present one, oldest first: as many as there were edits.
    pub earlier: Vec<Revision>,
    /// Sent without sound.
    pub silent: bool,
    /// Deleted since; kept here so that a test can see it.
    pub deleted: bool,
}

/// A version of a message that an edit replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Revision {
    /// Text after parsing.
    pub text: String,
    /// Its entities.
    pub entities: Vec<Entity>,
    /// When this version was sent.
    pub at: Timestamp,
}

/// A Jira issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ticket {
    /// Numeric id, as Jira gives it: a string.
    pub id: String,
    /// `SEC-1`.
    pub key: String,
    /// Project key.
    pub project: String,
    /// Name of the issue type.
    pub issue_type: String,
    /// One line.
    pub summary: String,
    /// As it was sent: an Atlassian Document, wiki text as a string, or null.
    pub description: Value,
    /// The description without markup.
    pub description_text: String,
    /// Name of the status.
    pub status: String,
    /// `new`, `indeterminate` or `done`.
    pub status_category: String,
    /// Name of the resolution, set while the status is a done one.
    pub resolution: Option<String>,
    /// Name of the priority.
    pub priority: Option<String>,
    /// Labels in alphabetical order.
    pub labels: Vec<String>,
    /// Display name of the assignee.
    pub assignee: Option<String>,
    /// Other fields that were set, `customfield_…` among them.
    pub fields: BTreeMap<String, Value>,
    /// Issue properties.
    pub properties: BTreeMap<String, Value>,
    /// Remote links as they were sent.
    pub remote_links: Vec<Value>,
    /// Oldest first.
    pub comments: Vec<TicketComment>,
    /// Oldest first.
    pub transitions: Vec<TicketTransition>,
    /// How often fields were changed after creation.
    pub updates: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When anything about it last changed.
    pub updated: Timestamp,
}

/// A comment on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketComment {
    /// Id, unique over all tickets.
    pub id: String,
    /// Display name.
    pub author: String,
    /// As sent: Atlassian Document or wiki text.
    pub body: Value,
    /// Without markup.
    pub text: String,
    /// When it was written.
    pub created: Timestamp,
    /// When it was last edited.
    pub updated: Timestamp,
}

/// A status change of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketTransition {
    /// Id of the transition.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Status before.
    pub from: String,
    /// Status after.
    pub to: String,
    /// When.
    pub at: Timestamp,
}
