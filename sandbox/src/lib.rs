//! Strict, stateful HTTP stand-ins of the Telegram Bot API, of Jira, of Cloudflare's IP lists and of an Intelligence
//! Collector, for the demo, for tests, and for looking at.
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
//! | `/client/v4/…` | Cloudflare: `ips`, tokens, accounts, zones, `rules/lists`, `rulesets`; Bearer token |
//! | `/collector/ips`, `/ips` | the Intelligence Collector, Bearer token |
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
//! | `GET cloudflare` | account, usage, lists, rules, operations, settings; `?entries=true` with what is in the lists |
//! | `POST cloudflare` | changes the named keys of [`CloudflareConfig`]: `{"plan":"free","operations":{"pending_polls":2}}` |
//! | `POST cloudflare/occupy` | `{"ms":5000}`: somebody else's bulk operation is under way for so long |
//! | `GET cloudflare/lists/<name>` | what is in a list: [`ListEntry`] |
//! | `POST`, `DELETE cloudflare/lists/<name>` | a person puts in `{"ip","comment"}`, one or many, or takes out `{"ip"}` |
//! | `GET collector` | [`CollectorState`] and the settings |
//! | `POST collector` | changes the named keys of [`CollectorConfig`]: `{"keep_percent":10}` |
//! | `POST collector/threats` | another data set: records, or a document like `examples/threats-snapshot.json` |
//! | `POST reset` | back to the state right after the start |
//!
//! # Where it knowingly differs
//!
//! - `parse_mode` Markdown and MarkdownV2 are answered 501: half a parser would let pass what Telegram refuses.
//! - `getUpdates` never waits.
//! - Jira's search lags on Data Center as it does on Cloud, as if another node of the cluster answered.
//! - The 32,767 characters of a document are counted in its wiki notation.
//! - Refusals whose text alone does not say where a document is wrong carry the header `X-Sandbox-Why`.
//! - Cloudflare: only lists of the kind `ip` hold items, and only the phases `http_request_firewall_custom` and
//!   `http_ratelimit` of zones hold rules. Where the vendor has published no text or code for a refusal (a name that
//!   is taken, too many lists, an unknown list in an expression, a pending operation) the sandbox has words of its
//!   own: a client that reads them, and not the status, is wrong.
//! - Cloudflare: what the vendor leaves open (ids after an upsert, unknown ids in a deletion, what a failed operation
//!   leaves behind, `pending_refusal`) is a setting of [`CloudflareConfig`]; the default is the less convenient one.
//! - The collector's example data set is always fresh: its dates move along ([`CollectorConfig::redate`]).
//! - Nothing is kept when it stops.

mod admin;
mod clock;
mod cloudflare;
mod collector;
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

pub use cloudflare::outbox::{BulkOperation, IpList, ListEntry, Usage, ZoneRule};
pub use cloudflare::{
    Access, CloudflareConfig, DEFAULT_ACCOUNT_ID, DEFAULT_CLOUDFLARE_TOKEN, DEFAULT_ZONE_ID,
    ForcedFailure, InitialList, LISTS_ONLY_TOKEN, Leaves, Limiter, Pace, PendingRefusal,
    PersonsEntry, Plan, Token, UnknownIds, WriteQuota, Zone,
};
pub use collector::{CollectorConfig, CollectorState, DEFAULT_COLLECTOR_TOKEN, Shape};
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

    /// Base of the Cloudflare API: `http://127.0.0.1:PORT/client/v4`.
    pub fn cloudflare_url(&self) -> String {
        format!("{}/client/v4", self.url())
    }

    /// Base of the Intelligence Collector: `http://127.0.0.1:PORT/collector`, with `/ips` behind it.
    pub fn collector_url(&self) -> String {
        format!("{}/collector", self.url())
    }

    /// The IP lists in order of creation, with everything that is due carried out.
    pub fn ip_lists(&self) -> Vec<IpList> {
        self.settled(|world| world.cloudflare.ip_lists())
    }

    /// What is in a list, in order of address; nothing when there is no such list.
    pub fn list_entries(&self, list: &str) -> Vec<ListEntry> {
        self.settled(|world| world.cloudflare.entries(list))
    }

    /// All bulk operations, oldest first.
    pub fn bulk_operations(&self) -> Vec<BulkOperation> {
        self.settled(|world| world.cloudflare.bulk_operations(world.clock.now()))
    }

    /// The rules of all zones, in the order in which they are evaluated.
    pub fn zone_rules(&self) -> Vec<ZoneRule> {
        self.settled(|world| world.cloudflare.zone_rules())
    }

    /// How full the Cloudflare account is.
    pub fn cloudflare_usage(&self) -> Usage {
        self.settled(|world| world.cloudflare.usage())
    }

    /// Changes how the Cloudflare account behaves from now on.
    ///
    /// # Errors
    /// The settings contradict themselves; nothing is changed.
    pub fn change_cloudflare(
        &self,
        change: impl FnOnce(&mut CloudflareConfig),
    ) -> Result<(), SandboxError> {
        self.settled(|world| {
            let mut config = world.cloudflare.config().clone();
            change(&mut config);
            world.cloudflare.set_config(config)
        })
        .map_err(SandboxError::Config)
    }

    /// Somebody else's bulk operation (a person's, Terraform's) is under way for so long: every write meets a 429.
    pub fn occupy_cloudflare(&self, by: std::time::Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.settled(|world| {
            let now = world.clock.now();
            world.cloudflare.occupy(millis, now);
        });
    }

    /// A person puts an entry into a list by hand; the list is created if it is not there.
    ///
    /// # Errors
    /// The list's name or the address is not one.
    pub fn put_list_entry(
        &self,
        list: &str,
        ip: &str,
        comment: Option<&str>,
    ) -> Result<(), SandboxError> {
        let entry = PersonsEntry {
            ip: ip.to_owned(),
            comment: comment.map(str::to_owned),
        };
        self.settled(|world| {
            let now = world.clock.now();
            world.cloudflare.add_by_hand(list, &[entry], now)
        })
        .map_err(SandboxError::Config)
    }

    /// A person takes an entry out of a list, whoever put it in.
    ///
    /// # Errors
    /// There is no such list or entry.
    pub fn remove_list_entry(&self, list: &str, ip: &str) -> Result<(), SandboxError> {
        self.settled(|world| {
            let now = world.clock.now();
            world.cloudflare.remove_by_hand(list, ip, now)
        })
        .map_err(SandboxError::Config)
    }

    /// What the collector tells at present.
    pub fn collector(&self) -> CollectorState {
        self.settled(|world| world.collector.state())
    }

    /// Gives the collector another data set: an array of records, or a document with `threats`.
    ///
    /// # Errors
    /// It is neither.
    pub fn set_threats(&self, threats: &serde_json::Value) -> Result<(), SandboxError> {
        self.settled(|world| {
            let now = world.clock.now();
            world.collector.load(Some(threats), now)
        })
        .map_err(SandboxError::Config)
    }

    /// Changes how the collector behaves from now on; its data stay unless `threats` is set.
    ///
    /// # Errors
    /// The settings contradict themselves; nothing is changed.
    pub fn change_collector(
        &self,
        change: impl FnOnce(&mut CollectorConfig),
    ) -> Result<(), SandboxError> {
        self.settled(|world| {
            let (mut config, now) = (world.collector.config().clone(), world.clock.now());
            change(&mut config);
            world.collector.set_config(config, now)
        })
        .map_err(SandboxError::Config)
    }

    fn settled<T>(&self, look: impl FnOnce(&mut state::World) -> T) -> T {
        let mut world = self.shared.world();
        world.settle();
        look(&mut world)
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

    /// Back to the state right after the start: no messages, tickets, calls; the configured chats, users,
    /// lists, data and faults.
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

    /// Moves the sandbox's clock forward, so that Jira's search catches up, operations end and quotas come back
    /// without waiting.
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
