//! Carries one change out and notes what stands there now.

use std::time::Duration;

use jiff::Timestamp;
use remediate_core::function::Receipt;
use serde_json::json;

use crate::Writer;
use crate::client::{CallError, Client, Format};
use crate::effect::{Deed, Effect};
use crate::error::NotifyError;
use crate::html::{MESSAGE_LIMIT, strip};
use crate::state::{Live, Part, Refusal, Slot, State};

/// A flood wait that is not longer is sat out in place: giving the record back would take longer.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Below this a part cannot be what is too long.
const SMALLEST_PART: usize = 512;

/// What a call that got through did, and where.
pub(crate) struct Through {
    pub(crate) message_id: i64,
    /// The chat it went to: another one than planned if the group has moved.
    pub(crate) chat: i64,
}

impl Writer {
    /// Sends or edits, and answers what can be answered at once: a short flood wait, a group that moved, markup that is
    /// not understood. Each once.
    pub(crate) async fn call(
        &self,
        effect: &Effect,
        message_id: Option<i64>,
    ) -> Result<Through, CallFailed> {
        let client = self.connection.client().await?;
        let mut chat = effect.chat;
        let mut format = Format::Html;
        let mut waited = false;
        loop {
            let error = match attempt(&client, effect, message_id, chat, format).await {
                Ok(message_id) => return Ok(Through { message_id, chat }),
                Err(error) => error,
            };
            match error {
                CallError::Flood { after } if after <= SHORT_WAIT && !waited => {
                    waited = true;
                    tokio::time::sleep(after).await;
                }
                CallError::Migrated { to } if chat == effect.chat && to != chat => {
                    tracing::warn!(
                        from = chat,
                        to,
                        "a group has become a supergroup: put its new id into services.toml"
                    );
                    chat = to;
                }
                CallError::CannotParse { detail } if format == Format::Html => {
                    tracing::error!(%detail, "telegram does not understand our markup: the message is sent as plain text");
                    format = Format::Plain;
                }
                error => {
                    self.connection.forget_if_refused(&error).await;
                    return Err(CallFailed::Call(error));
                }
            }
        }
    }

    /// Remembers the id of a message: ids only grow, so one whose answer was lost is looked for above it.
    ///
    /// A mark that cannot be written makes that search a little longer and is no reason to lose track of a message that was sent.
    pub(crate) async fn mark(&self, effect: &Effect, through: &Through) {
        let Through { message_id, chat } = *through;
        let Ok(id) = u64::try_from(message_id) else {
            return;
        };
        let raised = async {
            let name = self.connection.mark_name(chat).await?;
            self.ledger.raise_mark(&name, id).await?;
            if self.is_shared(effect.slot, chat) {
                let name = self.connection.claim_name(chat, message_id).await?;
                self.ledger.raise_mark(&name, effect.claim()).await?;
            }
            Ok::<(), NotifyError>(())
        };
        if let Err(error) = raised.await {
            tracing::warn!(%error, "the id of a message that was sent could not be remembered");
        }
    }

    /// Whether messages of other threads can stand in this chat.
    pub(crate) fn is_shared(&self, slot: Slot, chat: i64) -> bool {
        slot != Slot::Direct || self.shared_chats.contains(&chat)
    }
}

/// Why [`Writer::call`] did not get through.
pub(crate) enum CallFailed {
    Call(CallError),
    /// There is no connection to call over.
    Connection(NotifyError),
}

impl From<NotifyError> for CallFailed {
    fn from(error: NotifyError) -> Self {
        Self::Connection(error)
    }
}

async fn attempt(
    client: &Client,
    effect: &Effect,
    message_id: Option<i64>,
    chat: i64,
    format: Format,
) -> Result<i64, CallError> {
    let plain;
    let text = match format {
        Format::Html => &effect.html,
        Format::Plain => {
            plain = strip(&effect.html);
            &plain
        }
    };
    match message_id {
        // Only the first part of a new message makes a sound.
        None => client.send(chat, text, format, effect.part > 0).await,
        Some(message_id) => client
            .edit(chat, message_id, text, format)
            .await
            .map(|()| message_id),
    }
}

pub(crate) async fn apply(
    effect: &Effect,
    state: &mut State,
    writer: &Writer,
    now: Timestamp,
) -> Result<Receipt, NotifyError> {
    if let Some(because) = overtaken(effect, state) {
        return Ok(skipped(because));
    }
    let (message_id, doing, repeatable) = match effect.deed {
        Deed::Send { .. } => (None, "sending a message", false),
        Deed::Edit { message_id } => (Some(message_id), "editing a message", true),
    };
    let error = match writer.call(effect, message_id).await {
        Ok(through) => {
            writer.mark(effect, &through).await;
            return Ok(delivered(effect, &through, state, now));
        }
        Err(CallFailed::Connection(error)) => return Err(error),
        Err(CallFailed::Call(error)) => error,
    };
    match (error, message_id) {
        (CallError::NotModified, Some(message_id)) => {
            let chat = effect.chat;
            Ok(delivered(effect, &Through { message_id, chat }, state, now))
        }
        (CallError::Unreachable { reason }, _) => {
            Ok(refused(effect.slot, effect.chat, &reason, state, now))
        }
        (CallError::Gone { reason }, Some(_)) => {
            *state.slot_mut(effect.slot) = None;
            Ok(skipped(&format!("the message is gone: {reason}")))
        }
        (CallError::TooLong, _) if shorten(effect.slot, state) => Ok(skipped(
            "telegram finds this part too long: the message is cut into shorter ones",
        )),
        (source, _) => Err(NotifyError::Call {
            doing,
            source,
            repeatable,
        }),
    }
}

/// Why a change of a message in several parts has become pointless: an earlier part of it could not be delivered.
fn overtaken(effect: &Effect, state: &State) -> Option<&'static str> {
    let live = state.slot(effect.slot);
    let same = live.filter(|live| live.id == effect.message);
    match effect.deed {
        Deed::Send { .. } if effect.part == 0 && same.is_none() => None,
        Deed::Send { .. } => {
            let next = same.is_some_and(|live| live.parts.len() == effect.part);
            (!next).then_some("the message that this is a part of does not stand")
        }
        Deed::Edit { message_id } => {
            let part = same.and_then(|live| live.parts.get(effect.part));
            let there = part.is_some_and(|part| part.message_id == message_id);
            (!there).then_some("the message to edit does not stand any more")
        }
    }
}

/// Notes in the state that the effect is what stands in the chat now.
pub(crate) fn delivered(
    effect: &Effect,
    through: &Through,
    state: &mut State,
    sent_at: Timestamp,
) -> Receipt {
    let part = Part {
        message_id: through.message_id,
        text: effect.text_digest(),
        facts: effect.facts.clone(),
    };
    if through.chat != effect.chat {
        state.moved.insert(effect.chat, through.chat);
    }
    state.refused.remove(&through.chat);
    let place = state.slot_mut(effect.slot);
    match place.as_mut().filter(|live| live.id == effect.message) {
        Some(live) => {
            match live.parts.get_mut(effect.part) {
                Some(there) => *there = part,
                None => live.parts.push(part),
            }
            live.chat = through.chat;
            live.of = effect.of;
            live.shown.clone_from(&effect.shown);
            live.closed |= effect.closes;
        }
        None => {
            *place = Some(Live {
                id: effect.message.clone(),
                chat: through.chat,
                parts: vec![part],
                of: effect.of,
                sent_at,
                as_of: effect.as_of,
                shown: effect.shown.clone(),
                closed: effect.closes,
            });
        }
    }
    Receipt::Made {
        after: json!({"chat": through.chat, "message_id": through.message_id}),
    }
}

/// Notes that a chat takes nothing from the bot. Not an error: planning again finds another way.
pub(crate) fn refused(
    slot: Slot,
    chat: i64,
    reason: &str,
    state: &mut State,
    now: Timestamp,
) -> Receipt {
    tracing::warn!(?slot, reason, "a chat takes no messages from the bot");
    state.refused.insert(
        chat,
        Refusal {
            reason: reason.to_owned(),
            at: now,
        },
    );
    let place = state.slot_mut(slot);
    if place.as_ref().is_some_and(|live| live.chat == chat) {
        *place = None;
    }
    skipped(&format!(
        "chat {chat} takes no messages from the bot: {reason}"
    ))
}

/// Halves the length of parts from now on; `false` when that has been done often enough.
fn shorten(slot: Slot, state: &mut State) -> bool {
    let limit = state.part_limit.unwrap_or(MESSAGE_LIMIT) / 2;
    if limit < SMALLEST_PART {
        return false;
    }
    tracing::error!(limit, "telegram finds a message too long that we do not");
    state.part_limit = Some(limit);
    // Parts that stand were cut for another length.
    if let Some(live) = state.slot_mut(slot) {
        live.parts.iter_mut().for_each(|part| part.facts.clear());
    }
    true
}

fn skipped(because: &str) -> Receipt {
    Receipt::NotMade {
        because: because.to_owned(),
    }
}
