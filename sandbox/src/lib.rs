//! Strict, stateful HTTP stand-ins of the Telegram Bot API and of Jira, for the demo, for tests, and for looking at.
//!
//! They refuse what the vendors refuse, with the vendors' status codes, texts and headers, and they can be told to
//! fail: rate limits, HTML error pages, resets, silence, answers lost after the write happened. Nothing in the
//! product knows about them; a client is pointed at [`Sandbox::url`] and speaks the real protocol.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sandbox::{Fault, Sandbox, SandboxConfig, Service};
//!
//! let sandbox = Sandbox::start(SandboxConfig::default()).await?;
//! sandbox.inject(Fault::on(Service::Telegram).method("sendMessage").nth(1).too_many_requests(5));
//! // … let the program under test talk to sandbox.url() …
//! assert_eq!(sandbox.messages().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! One listener on 127.0.0.1 serves:
//!
//! | path | what |
//! |---|---|
//! | `/bot<token>/<method>` | Telegram Bot API |
//! | `/rest/api/3/…` | Jira Cloud, Basic auth with a classic API token |
//! | `/ex/jira/<cloudId>/rest/api/3/…` | Jira Cloud behind the gateway, Basic auth with a scoped API token |
//! | `/rest/api/2/…` | Jira Data Center with a Bearer token; Jira Cloud's version 2 with Basic auth |
//! | `/_edge/tenant_info` | the cloud id |
//! | `/` and `/browse/<key>` | a page for people |
//! | `/_sandbox/…` | the outbox and the switches, for scripts: |
//!
//! | `/_sandbox/` call | effect |
//! |---|---|
//! | `GET messages`, `tickets`, `calls`, `chats`, `faults` | what happened: [`Message`], [`Ticket`], [`Call`], [`Chat`], [`Fault`] as JSON |
//! | `POST faults` | one [`Fault`] or a list; answers `{"ids":[…]}` |
//! | `DELETE faults` | none in force any more |
//! | `POST chats`, `POST users` | one [`Chat`] or [`User`]: added, or replacing the one with its id |
//! | `POST receive` | `{"chat_id":1001,"text":"/start x"}`: a person writes to the bot |
//! | `POST clock` | `{"advance_ms":5000}` moves time on; `{"search_lag_ms":0}` sets how far Jira's search lags |
//! | `POST reset` | back to the state right after the start |
//!
//! # Where it knowingly differs
//!
//! - `parse_mode` Markdown and MarkdownV2 are answered 501: half a parser would let pass what Telegram refuses.
//! - `getUpdates` never waits.
//! - Jira's search lags on Data Center as it does on Cloud, as if another node of the cluster answered.
//! - The 32,767 characters of a document are counted in its wiki notation.
//! - Refusals whose text alone does not say where a document is wrong carry the header `X-Sandbox-Why`.
//! - Nothing is kept when it stops.

mod admin;
mod clock;
mod config;
mod error;
mod faults;
mod http;
mod jira;
pub mod outbox;
mod page;
mod router;
mod server;
mod state;
mod telegram;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use config::SandboxConfig;
pub use error::SandboxError;
pub use faults::{Effect, Fault, Service};
pub use jira::{
    CustomField, JiraConfig, Project, Status, StatusCategory, Transition, User, Workflow,
};
pub use outbox::{Call, Message, Ticket};
pub use telegram::{Chat, ChatKind, DEFAULT_BOT_TOKEN, Entity, Reach, TelegramConfig};

/// A running sandbox. Dropping it stops the listener and every connection.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<state::Shared>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// Starts listening on 127.0.0.1, on the current Tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound, or the configuration contradicts itself.
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        config.validate()?;
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let failed = |source| SandboxError::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(state::Shared::new(config));
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Base of the gateway that scoped Jira tokens must use: `http://127.0.0.1:PORT/ex/jira/<cloudId>`.
    pub fn jira_gateway_url(&self) -> String {
        format!(
            "{}/ex/jira/{}",
            self.url(),
            self.shared.config.jira.cloud_id
        )
    }

    /// All messages in order of sending, deleted ones too.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.world().telegram.outbox()
    }

    /// All tickets in order of creation.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.shared.world().jira.outbox()
    }

    /// All calls in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.world().calls.clone()
    }

    /// Puts a fault in force and returns its id.
    pub fn inject(&self, fault: Fault) -> u64 {
        self.shared.world().faults.inject(fault)
    }

    /// The faults in force, with how often each was met.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.world().faults.list().to_vec()
    }

    /// No fault is in force any more.
    pub fn clear_faults(&self) {
        self.shared.world().faults.clear();
    }

    /// Back to the state right after the start: no messages, tickets, calls; the configured chats, users and faults.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Adds a chat, or replaces the one with the same id.
    pub fn put_chat(&self, chat: Chat) {
        self.shared.world().telegram.put_chat(chat);
    }

    /// Adds a Jira user, or replaces the one with the same account id.
    pub fn put_user(&self, user: User) {
        self.shared.world().jira.put_user(user);
    }

    /// Lets a person write to the bot: the message is told by `getUpdates`.
    ///
    /// # Errors
    /// The chat is not configured.
    pub fn receive(&self, chat_id: i64, text: &str) -> Result<i64, SandboxError> {
        let mut world = self.shared.world();
        let now = world.clock.now();
        world
            .telegram
            .receive(chat_id, text, now)
            .map_err(SandboxError::Config)
    }

    /// Moves the sandbox's clock forward, so that Jira's search catches up without waiting.
    pub fn advance_clock(&self, by: std::time::Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.shared.world().clock.advance(millis);
    }

    /// Sets how far Jira's search lags behind.
    pub fn set_search_lag(&self, lag: std::time::Duration) {
        let millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        self.shared.world().jira.set_search_lag(millis);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}
