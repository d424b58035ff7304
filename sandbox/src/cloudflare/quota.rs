//! The two things that run out: requests of a token, and writes to the lists of an account.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::config::{Limiter, WriteQuota};
use super::refusal::{Refusal, code};
use crate::http::Reply;

/// What the code 10040 says.
pub(crate) const RATE_LIMITED: &str = "you have been ratelimited please wait and try again";

/// Requests of one token in the present window.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Timestamp,
    requests: u64,
    blocked_until: Option<Timestamp>,
}

/// The global limiter, by token.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    windows: HashMap<String, Window>,
}

impl Gate {
    /// Counts a request; refuses it once there were too many, and everything for a while after that.
    pub(crate) fn pass(
        &mut self,
        token: &str,
        limits: &Limiter,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let fresh = Window {
            since: now,
            requests: 0,
            blocked_until: None,
        };
        let window = self.windows.entry(token.to_owned()).or_insert(fresh);
        if let Some(until) = window.blocked_until {
            if now < until {
                return Err(throttled(seconds(now, until)));
            }
            *window = fresh;
        }
        if seconds(window.since, now) >= limits.window_s {
            *window = fresh;
        }
        window.requests += 1;
        if window.requests > limits.requests {
            window.blocked_until = later(now, limits.block_s);
            return Err(throttled(limits.block_s));
        }
        Ok(())
    }

    /// `Ratelimit` and `Ratelimit-Policy`, which every answer carries.
    pub(crate) fn mark(
        &self,
        reply: Reply,
        token: &str,
        limits: &Limiter,
        now: Timestamp,
    ) -> Reply {
        let window = self.windows.get(token);
        let left = limits
            .requests
            .saturating_sub(window.map_or(0, |w| w.requests));
        let passed = window.map_or(0, |w| seconds(w.since, now));
        let resets = limits.window_s.saturating_sub(passed).max(1);
        reply
            .with_header("Ratelimit", format!("\"default\";r={left};t={resets}"))
            .with_header(
                "Ratelimit-Policy",
                format!("\"default\";q={};w={}", limits.requests, limits.window_s),
            )
    }
}

fn throttled(retry_after: u64) -> Refusal {
    Refusal::too_many_requests(
        code::GLOBAL_LIMIT,
        "Please wait and consider throttling your request speed",
    )
    .retry_after(retry_after.max(1))
}

/// What was written to the lists of the account within the window.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    made: VecDeque<(Timestamp, u64)>,
    modifications: u64,
}

impl Writes {
    /// Takes `modifications` out of the quota, or says when there will be room for them.
    pub(crate) fn take(
        &mut self,
        quota: &WriteQuota,
        modifications: u64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.forget(quota, now);
        let requests = self.made.len() as u64 + 1;
        if requests > quota.requests || self.modifications + modifications > quota.modifications {
            return Err(self.exhausted(quota, now));
        }
        self.made.push_back((now, modifications));
        self.modifications += modifications;
        Ok(())
    }

    /// Requests and modifications of the present window.
    pub(crate) fn used(&self) -> (u64, u64) {
        (self.made.len() as u64, self.modifications)
    }

    fn forget(&mut self, quota: &WriteQuota, now: Timestamp) {
        while let Some((at, modifications)) = self.made.front().copied() {
            if seconds(at, now) < quota.window_s {
                break;
            }
            self.made.pop_front();
            self.modifications -= modifications;
        }
    }

    fn exhausted(&self, quota: &WriteQuota, now: Timestamp) -> Refusal {
        let since = self.made.front().map_or(now, |(at, _)| *at);
        let wait = quota.window_s.saturating_sub(seconds(since, now));
        Refusal::too_many_requests(code::RATE_LIMITED, RATE_LIMITED)
            .retry_after(wait.max(1))
            .why("the write quota of the account's lists is used up")
    }
}

/// Whole seconds from one moment to a later one.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

fn later(at: Timestamp, seconds: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Some(
        at.checked_add(jiff::SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX),
    )
}
