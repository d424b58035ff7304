//! Making one change in Jira, and noting in the thread what is there then.

use std::sync::Arc;

use jiff::Timestamp;
use remediate_core::Verdict;
use remediate_core::config::Config;
use remediate_core::function::Receipt;
use serde_json::json;

use crate::client::{Category, Client, Created, IssueView};
use crate::document::Document;
use crate::effect::{Effect, Ticket};
use crate::error::JiraError;
use crate::memory::Memory;
use crate::state::{Issue, State, Status, Told};
use crate::transition::Direction;

/// Changes Jira. The runner makes one only where a rule's mode is `act`.
pub struct Writer {
    pub(crate) config: Arc<Config>,
    pub(crate) client: Arc<Client>,
    pub(crate) memory: Arc<Memory>,
}

impl Writer {
    pub(crate) async fn apply(
        &self,
        effect: &Effect,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Receipt, JiraError> {
        match effect {
            Effect::Create { ticket } => self.open(ticket, state, now).await,
            Effect::Comment { key, body, told } => self.comment(key, body, *told, state, now).await,
            Effect::Close { key, at } => {
                self.turn(Direction::Close { at: *at }, key.as_deref(), state, now)
                    .await
            }
            Effect::Reopen { key } => {
                self.turn(Direction::Reopen, key.as_deref(), state, now)
                    .await
            }
        }
    }

    async fn open(
        &self,
        ticket: &Ticket,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Receipt, JiraError> {
        match self.create(ticket).await {
            Ok(made) => Ok(self.adopt(
                ticket,
                made.created,
                made.assignee,
                made.described,
                state,
                now,
            )),
            Err(lost @ JiraError::Lost { .. }) => self.find_at_once(ticket, state, lost, now).await,
            Err(error) => Err(error),
        }
    }

    /// The ticket is there: it is the thread's from now on.
    pub(crate) fn adopt(
        &self,
        ticket: &Ticket,
        created: Created,
        assignee: Option<String>,
        described: bool,
        state: &mut State,
        now: Timestamp,
    ) -> Receipt {
        let after = json!({
            "ticket": created.key,
            "url": self.client.browse_url(&created.key),
            "assignee": assignee,
        });
        state.replace_issue(Issue {
            id: created.id,
            key: created.key,
            status: Status::Open,
            created_at: now,
            written_at: now,
            told: ticket.told,
            assignee,
            unexplained: false,
            undescribed: !described,
            unclosable: None,
            unreopenable: None,
        });
        Receipt::Made { after }
    }

    async fn comment(
        &self,
        key: &str,
        body: &Document,
        told: Told,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Receipt, JiraError> {
        let action = format!("comment on {key}");
        let Some(issue) = present(state, Some(key)).filter(|issue| issue.is_open()) else {
            return Ok(skipped(key, "it is no longer open"));
        };
        let id = issue.id.clone();
        let view = match self.client.issue(&action, &id).await {
            Ok(view) => view,
            Err(error) if error.is_gone() => return Ok(gone(state, key)),
            Err(error) => return Err(error),
        };
        if note_view(state, &view, now) == Category::Done {
            return Ok(skipped(key, "somebody has closed it"));
        }
        match self.client.comment(&action, &id, body).await {
            Ok(comment) => {
                note_comment(state, told, now);
                Ok(Receipt::Made {
                    after: json!({ "ticket": view.key, "comment": comment }),
                })
            }
            // Jira lets a ticket have only so many comments; the ticket itself is still good.
            Err(JiraError::Refused {
                status: 413,
                detail,
                ..
            }) => {
                note_comment(state, told, now);
                Ok(skipped(key, &detail))
            }
            Err(error) if error.is_gone() => Ok(gone(state, key)),
            Err(error) => Err(error),
        }
    }
}

/// The thread's ticket, if it is the one that is meant.
pub(crate) fn present<'a>(state: &'a mut State, key: Option<&str>) -> Option<&'a mut Issue> {
    state
        .issue
        .as_mut()
        .filter(|issue| key.is_none_or(|key| issue.key == key))
}

/// Notes what a ticket looks like, says whether it is done.
pub(crate) fn note_view(state: &mut State, view: &IssueView, now: Timestamp) -> Category {
    if let Some(issue) = &mut state.issue {
        // A ticket that was moved to another project keeps its number and has another key.
        if view.id == issue.id {
            issue.key.clone_from(&view.key);
        }
        issue.status = match (view.category, issue.status) {
            (Category::Other, _) => Status::Open,
            (Category::Done, closed @ Status::Closed { .. }) => closed,
            (Category::Done, Status::Open) => Status::Closed {
                at: view.changed.unwrap_or(now),
                by_us: false,
            },
        };
    }
    view.category
}

pub(crate) fn note_comment(state: &mut State, told: Told, now: Timestamp) {
    if let Some(issue) = &mut state.issue {
        issue.told = told;
        issue.written_at = now;
        issue.unexplained = false;
        issue.undescribed = false;
        if told.verdict == Verdict::Failed {
            issue.unclosable = None;
        }
    }
}

pub(crate) fn gone(state: &mut State, key: &str) -> Receipt {
    state.forget_issue();
    skipped(key, "the ticket is no longer there")
}

pub(crate) fn skipped(key: &str, because: &str) -> Receipt {
    Receipt::NotMade {
        because: format!("{key}: {because}"),
    }
}
