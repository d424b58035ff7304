//! Finds out whether a message was sent whose answer is lost, or before whose answer the process died.
//!
//! Telegram knows no idempotency key. Two things help. Message ids grow: those of a bot's private chats (and basic groups) in
//! one sequence, those of each supergroup and channel in their own. And an edit tells: `editMessageText` with exactly the
//! text that stands there answers "message is not modified", for an id that is not in the chat "message to edit not found".
//! So the ids above the highest one that was known when the message was planned are tried, each with exactly the intended
//! text: the one that answers "not modified" is ours.
//!
//! What remains, since Telegram documents none of this:
//!
//! - A second message is possible if more than [`PROBES`] other messages got ids in between (for a supergroup: people's too),
//!   or if no id is known yet, as before the very first message that this installation sends.
//! - An edit that succeeds instead of being "not modified" has changed a message of the same bot in the same chat. In a person's chat that
//!   can only be ours, sent as plain text; messages of other software that shares the bot are the exception. In shared chats, the
//!   ledger notes whose each message is, and those are left alone.

use jiff::Timestamp;
use remediate_core::function::Recovery;

use crate::Writer;
use crate::apply::{CallFailed, Through, delivered, refused};
use crate::client::CallError;
use crate::effect::{Deed, Effect};
use crate::error::NotifyError;
use crate::state::State;

/// How many ids are tried.
pub(crate) const PROBES: i64 = 25;

pub(crate) async fn recover(
    effect: &Effect,
    intended_at: Timestamp,
    state: &mut State,
    writer: &Writer,
    now: Timestamp,
) -> Result<Recovery, NotifyError> {
    // Editing twice is the same as editing once: planning again does it, if it is still wanted.
    let Deed::Send { mark } = effect.deed else {
        return Ok(Recovery::NotDone);
    };
    let first = i64::try_from(mark)
        .unwrap_or(i64::MAX)
        .max(highest_known(state, effect.chat));
    for message_id in first.saturating_add(1)..=first.saturating_add(PROBES) {
        if is_anothers(effect, message_id, writer).await? {
            continue;
        }
        let error = match writer.call(effect, Some(message_id)).await {
            Ok(through) if through.chat == effect.chat => {
                return Ok(adopt(effect, through, intended_at, state, writer).await);
            }
            Err(CallFailed::Call(CallError::NotModified)) => {
                let chat = effect.chat;
                let through = Through { message_id, chat };
                return Ok(adopt(effect, through, intended_at, state, writer).await);
            }
            // The group has moved: the message, if it was sent, stayed behind.
            Ok(_) => return Ok(Recovery::NotDone),
            Err(CallFailed::Connection(error)) => return Err(error),
            Err(CallFailed::Call(error)) => error,
        };
        match error {
            // Not this one: not there, not ours, or not to be had for a reason that says nothing about ours.
            CallError::Gone { .. } | CallError::Rejected { .. } => {}
            // Such a text can never have been sent.
            CallError::TooLong | CallError::CannotParse { .. } | CallError::Migrated { .. } => {
                return Ok(Recovery::NotDone);
            }
            CallError::Unreachable { reason } => {
                refused(effect.slot, effect.chat, &reason, state, now);
                return Ok(Recovery::NotDone);
            }
            // Nothing was learned: the intent stays, and the next attempt begins again.
            source => {
                return Err(NotifyError::Call {
                    doing: "finding out whether a message was sent",
                    source,
                    repeatable: true,
                });
            }
        }
    }
    Ok(Recovery::NotDone)
}

async fn adopt(
    effect: &Effect,
    through: Through,
    intended_at: Timestamp,
    state: &mut State,
    writer: &Writer,
) -> Recovery {
    writer.mark(effect, &through).await;
    Recovery::Done(delivered(effect, &through, state, intended_at))
}

/// The highest id in this chat that the state itself knows: never to be edited into something else.
fn highest_known(state: &State, chat: i64) -> i64 {
    [&state.direct, &state.team, &state.notice]
        .into_iter()
        .flatten()
        .filter(|live| live.chat == chat)
        .flat_map(|live| live.parts.iter().map(|part| part.message_id))
        .max()
        .unwrap_or(0)
}

/// Whether the ledger knows the message as another one's.
async fn is_anothers(
    effect: &Effect,
    message_id: i64,
    writer: &Writer,
) -> Result<bool, NotifyError> {
    if !writer.is_shared(effect.slot, effect.chat) {
        return Ok(false);
    }
    let name = writer
        .connection
        .claim_name(effect.chat, message_id)
        .await?;
    let claim = writer.ledger.mark(&name).await?;
    Ok(claim != 0 && claim != effect.claim())
}
