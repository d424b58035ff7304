//! The bot and the chats that it can, or cannot, write to.

use serde::{Deserialize, Serialize};

/// Token of the default bot: well-formed, and nobody's.
pub const DEFAULT_BOT_TOKEN: &str = "110201543:AASandboxSandboxSandboxSandboxSandb";

/// The bot's identity, its chats, and whether flood limits are enforced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    /// The only token that is accepted.
    pub token: String,
    /// The bot's display name.
    pub bot_name: String,
    /// The bot's username, without `@`.
    pub bot_username: String,
    /// Every chat that exists. Any other id is "chat not found".
    pub chats: Vec<Chat>,
    /// Enforce the published limits: 1 message a second per chat (bursts of 5), 20 a minute per group,
    /// 30 a second over all. Off by default.
    pub enforce_limits: bool,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self {
            token: DEFAULT_BOT_TOKEN.into(),
            bot_name: "Posture Bot".into(),
            bot_username: "auto_remediate_bot".into(),
            chats: vec![
                Chat::private(1001, "Alice"),
                Chat::private(1002, "Bruno").blocked(),
                Chat::private(1003, "Chloe").never_started(),
                Chat::private(1004, "Dmitri"),
                Chat::private(1005, "Emil").deactivated(),
                Chat::supergroup(-1_001_234_567_890, "Platform team"),
                Chat::channel(-1_009_876_543_210, "Security alerts"),
                Chat::migrated(-4_100, "Old team group", -1_001_234_567_890),
            ],
            enforce_limits: false,
        }
    }
}

impl TelegramConfig {
    /// Adds a chat, or replaces the one with the same id.
    #[must_use]
    pub fn with_chat(mut self, chat: Chat) -> Self {
        self.chats.retain(|existing| existing.id != chat.id);
        self.chats.push(chat);
        self
    }
}

/// What kind of chat it is; the Bot API's `Chat.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One person.
    Private,
    /// A basic group.
    Group,
    /// A supergroup: its own message counter.
    Supergroup,
    /// A channel: posts have no author.
    Channel,
}

impl ChatKind {
    /// The word that the Bot API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Supergroup => "supergroup",
            Self::Channel => "channel",
        }
    }
}

/// Whether the bot can write to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Messages arrive.
    #[default]
    Reachable,
    /// The person blocked the bot.
    Blocked,
    /// The person never pressed Start.
    NeverStarted,
    /// The account is deleted.
    Deactivated,
    /// The bot was removed from the group or channel.
    Kicked,
    /// The basic group became the supergroup with this id.
    Migrated {
        /// The supergroup's chat id.
        to: i64,
    },
}

/// A chat. Build it with [`Chat::private`], [`Chat::supergroup`], [`Chat::channel`] or [`Chat::migrated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// Positive for people, negative for groups and channels.
    pub id: i64,
    /// What kind of chat.
    #[serde(default = "private")]
    pub kind: ChatKind,
    /// The person's first name, or the group's title.
    pub name: String,
    /// Public username without `@`.
    #[serde(default)]
    pub username: Option<String>,
    /// Whether the bot can write to it.
    #[serde(default)]
    pub reach: Reach,
}

fn private() -> ChatKind {
    ChatKind::Private
}

impl Chat {
    /// A person who pressed Start.
    pub fn private(id: i64, first_name: impl Into<String>) -> Self {
        Self::new(id, ChatKind::Private, first_name)
    }

    /// A supergroup that the bot is in.
    pub fn supergroup(id: i64, title: impl Into<String>) -> Self {
        Self::new(id, ChatKind::Supergroup, title)
    }

    /// A channel that the bot may post to.
    pub fn channel(id: i64, title: impl Into<String>) -> Self {
        Self::new(id, ChatKind::Channel, title)
    }

    /// A basic group that became the supergroup `to`.
    pub fn migrated(id: i64, title: impl Into<String>, to: i64) -> Self {
        Self::new(id, ChatKind::Group, title).reach(Reach::Migrated { to })
    }

    fn new(id: i64, kind: ChatKind, name: impl Into<String>) -> Self {
        Self {
            id,
            kind,
            name: name.into(),
            username: None,
            reach: Reach::Reachable,
        }
    }

    /// The person blocked the bot.
    #[must_use]
    pub fn blocked(self) -> Self {
        self.reach(Reach::Blocked)
    }

    /// The person never pressed Start.
    #[must_use]
    pub fn never_started(self) -> Self {
        self.reach(Reach::NeverStarted)
    }

    /// The person's account is deleted.
    #[must_use]
    pub fn deactivated(self) -> Self {
        self.reach(Reach::Deactivated)
    }

    /// The bot was removed from the group or channel.
    #[must_use]
    pub fn kicked(self) -> Self {
        self.reach(Reach::Kicked)
    }

    /// Sets whether the bot can write to it.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// Sets the public username.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }
}
