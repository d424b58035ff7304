//! The published sending limits: 1 a second per chat, 20 a minute per group, 30 a second over all.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::config::ChatKind;

/// A chat may exceed its second by this many messages before it is stopped.
const BURST: usize = 5;
const GROUP_PER_MINUTE: usize = 20;
const TOTAL_PER_SECOND: usize = 30;

/// Remembers when messages went out. A flood wait, once given, holds for the whole bot until it is over.
#[derive(Debug, Default)]
pub(crate) struct FloodGate {
    sent: VecDeque<Timestamp>,
    per_chat: HashMap<i64, VecDeque<Timestamp>>,
    closed_until: Option<Timestamp>,
}

impl FloodGate {
    /// Lets a message pass, or says how many seconds to wait.
    pub(crate) fn pass(&mut self, chat: i64, kind: ChatKind, now: Timestamp) -> Result<(), u64> {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Err(seconds(until.duration_since(now)));
        }
        let chat_window = self.per_chat.entry(chat).or_default();
        // Sustained one a second with a burst: no more than BURST in any BURST seconds.
        let (cap, span) = match kind {
            ChatKind::Private => (BURST, BURST as i64),
            _ => (GROUP_PER_MINUTE, 60),
        };
        let wait = [
            over(&mut self.sent, TOTAL_PER_SECOND, 1, now),
            over(chat_window, cap, span, now),
        ]
        .into_iter()
        .flatten()
        .max();
        if let Some(wait) = wait {
            self.closed_until = now.checked_add(wait).ok();
            return Err(seconds(wait));
        }
        self.sent.push_back(now);
        chat_window.push_back(now);
        Ok(())
    }
}

/// How long until the window of `span` seconds has room again; `None` when it has.
fn over(
    window: &mut VecDeque<Timestamp>,
    cap: usize,
    span: i64,
    now: Timestamp,
) -> Option<SignedDuration> {
    let span = SignedDuration::from_secs(span);
    while window
        .front()
        .is_some_and(|sent| now.duration_since(*sent) >= span)
    {
        window.pop_front();
    }
    if window.len() < cap {
        return None;
    }
    let oldest = *window.front()?;
    Some(span - now.duration_since(oldest))
}

fn seconds(wait: SignedDuration) -> u64 {
    let rounded_up = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
    u64::try_from(rounded_up).unwrap_or(0).max(1)
}
