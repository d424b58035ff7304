//! What one change does, as data: one message sent, or one message edited.

use std::collections::BTreeSet;

use jiff::Timestamp;
use remediate_core::Fingerprint;
use remediate_core::id::{digest, digest_hex};
use serde::{Deserialize, Serialize};

use crate::state::Slot;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub(crate) deed: Deed,
    pub(crate) slot: Slot,
    /// Which message it is a part of; [`Live::id`](crate::state::Live).
    pub(crate) message: String,
    pub(crate) chat: i64,
    /// In Telegram's markup. Kept whole, because finding out about a lost answer needs exactly this text.
    pub(crate) html: String,
    /// Counted from 0.
    pub(crate) part: usize,
    pub(crate) of: usize,
    pub(crate) facts: String,
    pub(crate) shown: BTreeSet<Fingerprint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) as_of: Option<Timestamp>,
    /// With it the message says that all is well.
    #[serde(default)]
    pub(crate) closes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Deed {
    Send {
        /// The highest message id that was known when this was planned. A message that was sent since has a higher one.
        #[serde(default)]
        mark: u64,
    },
    Edit {
        message_id: i64,
    },
}

impl Effect {
    /// What [`Part::text`](crate::state::Part) holds of it.
    pub(crate) fn text_digest(&self) -> String {
        text_digest(&self.html)
    }

    /// What the ledger notes about a message in a shared chat: whose it is. Never 0, which means that nobody's is known.
    pub(crate) fn claim(&self) -> u64 {
        let part = self.part.to_string();
        let [a, b, c, d, e, f, ..] = digest(&["telegram claim", &self.message, &part]);
        u64::from_be_bytes([0, 0, a, b, c, d, e, f]) | 1
    }
}

pub(crate) fn text_digest(html: &str) -> String {
    digest_hex(&["telegram html", html])
}
