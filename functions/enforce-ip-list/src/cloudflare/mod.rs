//! A thin client of the calls that lists, their items and the rules over them need.
//!
//! | file | what |
//! |---|---|
//! | `connection` | one call: token, timeouts, retries of what is safe to retry, the count of calls |
//! | `answer` | the envelope, read defensively; what an answer means |
//! | `limits` | `Retry-After`, `Ratelimit`, and which of the three limits a 429 is |
//! | `lists`, `items`, `operations` | `…/rules/lists`, its items page by page, its bulk operations |
//! | `rules` | single rules of a zone's rulesets, found by `ref` |
//! | `account` | the token, the account, zones, Cloudflare's own ranges |
//!
//! A [`Reader`] has no call that changes anything, and planning is only ever handed one. A [`Writer`] can only be made with a
//! [`Grant`](crate::run::apply::Grant), which only [`crate::run::apply`] can make.
//!
//! The facts are those of <https://developers.cloudflare.com/api/resources/rules/subresources/lists/> and
//! <https://developers.cloudflare.com/waf/tools/lists/lists-api/>.

mod account;
mod answer;
mod connection;
mod error;
mod items;
mod limits;
mod lists;
mod operations;
mod rules;

pub use account::{Ranges, TokenState, Zone};
pub use connection::{Calls, Connection};
pub use error::{ApiError, CloudflareError, Limit};
pub use items::{Item, NewItem, PAGE};
pub use lists::{List, kinds};
pub use operations::Operation;
pub use rules::{Phase, Rehearsal, Rule, RuleDraft, Ruleset};

use std::sync::Arc;

use crate::run::apply::Grant;

/// Looks at Cloudflare and cannot change it.
#[derive(Clone)]
pub struct Reader {
    connection: Arc<Connection>,
}

impl Reader {
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// What is left of this run's time; nothing if it has no end.
    pub fn time_left(&self) -> Option<std::time::Duration> {
        self.connection.time_left()
    }

    /// When this run ends, if it does.
    pub fn deadline(&self) -> Option<tokio::time::Instant> {
        self.connection.deadline()
    }

    /// The calls made so far, by this reader and whatever shares its connection.
    pub fn calls(&self) -> Calls {
        self.connection.calls()
    }
}

/// Changes lists and rules.
#[derive(Clone)]
pub struct Writer {
    connection: Arc<Connection>,
}

impl Writer {
    /// Over the same connection as the reader, so that calls are counted together.
    pub fn new(connection: Arc<Connection>, _: &Grant) -> Self {
        Self { connection }
    }
}
