//! Finding out what became of a change whose end was not seen.
//!
//! Jira knows no idempotency key, and its search lags behind what was written. So a lost create is looked for, by the label
//! that only this fingerprint has and by the property that every ticket of ours has, until the lag is over; only then is it
//! held for not made. What is found is confirmed by reading the ticket itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use remediate_core::function::{Receipt, Recovery};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::apply::{Writer, gone, note_comment, note_view, present};
use crate::client::{Created, IssueView, quoted};
use crate::create::PROPERTY;
use crate::effect::{Effect, Ticket};
use crate::error::JiraError;
use crate::state::State;
use crate::transition::Direction;
use crate::wording;

/// A lag that is waited out in place.
const SHORT: Duration = Duration::from_secs(5);
/// How often is looked while it is.
const POLL: Duration = Duration::from_millis(500);
/// How far Jira's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

impl Writer {
    pub(crate) async fn recover(
        &self,
        effect: &Effect,
        intended_at: Timestamp,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Recovery, JiraError> {
        match effect {
            Effect::Create { ticket } => {
                let waited =
                    Duration::try_from(now.duration_since(intended_at)).unwrap_or_default();
                let left = self.lag().saturating_sub(waited);
                match self.find(ticket, intended_at, left, state, now).await? {
                    Some(view) => Ok(Recovery::Done(self.adopt_found(ticket, &view, state, now))),
                    None => Ok(Recovery::NotDone),
                }
            }
            Effect::Comment { key, body, told } => {
                let action = format!("comment on {key}");
                let Some(issue) = present(state, Some(key)) else {
                    return Ok(Recovery::NotDone);
                };
                let id = issue.id.clone();
                match self.client.has_comment(&action, &id, body).await {
                    Ok(true) => {
                        note_comment(state, *told, now);
                        Ok(Recovery::Done(Receipt::Made {
                            after: json!({ "ticket": key }),
                        }))
                    }
                    Ok(false) => Ok(Recovery::NotDone),
                    Err(error) if error.is_gone() => Ok(Recovery::Done(gone(state, key))),
                    Err(error) => Err(error),
                }
            }
            Effect::Close { key, at } => {
                let direction = Direction::Close { at: *at };
                let turned = self.is_turned(direction, key.as_deref(), state, now);
                Ok(turned.await?.map_or(Recovery::NotDone, Recovery::Done))
            }
            Effect::Reopen { key } => {
                let turned = self.is_turned(Direction::Reopen, key.as_deref(), state, now);
                Ok(turned.await?.map_or(Recovery::NotDone, Recovery::Done))
            }
        }
    }

    /// After a create whose answer was lost just now: looks at once if the lag is short enough to be waited out, else leaves
    /// it to the next attempt, when the lag is over.
    pub(crate) async fn find_at_once(
        &self,
        ticket: &Ticket,
        state: &mut State,
        lost: JiraError,
        now: Timestamp,
    ) -> Result<Receipt, JiraError> {
        let JiraError::Lost {
            action,
            reason,
            after,
        } = lost
        else {
            return Err(lost);
        };
        let lag = self.lag();
        let unknown = |action, reason| JiraError::Lost {
            action,
            reason,
            after: Some(after.unwrap_or_default().max(lag)),
        };
        if lag > SHORT {
            return Err(unknown(action, reason));
        }
        match self.find(ticket, now, lag, state, now).await {
            Ok(Some(view)) => Ok(self.adopt_found(ticket, &view, state, now)),
            Ok(None) => Err(JiraError::NotDone { action, reason }),
            // Whatever keeps us from looking, the ticket may be there: that must not be forgotten.
            Err(error) => Err(unknown(
                action,
                format!("{reason}; looking for it: {error}"),
            )),
        }
    }

    fn lag(&self) -> Duration {
        self.config.services.jira.search_lag.get()
    }

    /// Looks until `left` is over, if that is soon.
    async fn find(
        &self,
        ticket: &Ticket,
        intended_at: Timestamp,
        left: Duration,
        state: &State,
        now: Timestamp,
    ) -> Result<Option<IssueView>, JiraError> {
        let action = format!("look for the ticket of {}", ticket.fingerprint);
        let deadline = Instant::now() + left;
        loop {
            let is_last = Instant::now() >= deadline;
            if let Some(view) = self.look(&action, ticket, intended_at, state, now).await? {
                return Ok(Some(view));
            }
            if is_last {
                return Ok(None);
            }
            if left > SHORT {
                return Err(JiraError::NotFoundYet {
                    action,
                    after: left,
                });
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            tokio::time::sleep(rest.min(POLL)).await;
        }
    }

    /// One look: by the label, and, since a project may have no labels, through what was made since.
    async fn look(
        &self,
        action: &str,
        ticket: &Ticket,
        intended_at: Timestamp,
        state: &State,
        now: Timestamp,
    ) -> Result<Option<IssueView>, JiraError> {
        let project = quoted(&self.config.services.jira.project);
        let label = wording::fingerprint_label(ticket.fingerprint);
        let days = now.duration_since(intended_at).as_hours().max(0) / 24 + 1;
        let labelled = format!(
            "project = {project} AND labels = {} ORDER BY created DESC",
            quoted(&label)
        );
        let recent = format!("project = {project} AND created >= -{days}d ORDER BY created DESC");
        let earliest = intended_at.saturating_sub(SKEW).unwrap_or(intended_at);
        let is_new = |created: Option<Timestamp>| created.is_none_or(|created| created >= earliest);
        for jql in [labelled, recent] {
            for (id, created) in self.client.search(action, &jql).await? {
                if !is_new(created) {
                    continue;
                }
                let view = match self.client.issue(action, &id).await {
                    Ok(view) => view,
                    Err(error) if error.is_gone() => continue,
                    Err(error) => return Err(error),
                };
                if !is_new(view.created) || state.knows(&view.key) {
                    continue;
                }
                if view.labels.contains(&label)
                    || self.has_property(action, &view.id, ticket).await?
                {
                    return Ok(Some(view));
                }
            }
        }
        Ok(None)
    }

    async fn has_property(
        &self,
        action: &str,
        id: &str,
        ticket: &Ticket,
    ) -> Result<bool, JiraError> {
        let property = self.client.property(action, id, PROPERTY).await?;
        let fingerprint = property
            .as_ref()
            .and_then(|value| value.get("fingerprint"))
            .and_then(Value::as_str);
        Ok(fingerprint == Some(ticket.fingerprint.to_string().as_str()))
    }

    fn adopt_found(
        &self,
        ticket: &Ticket,
        view: &IssueView,
        state: &mut State,
        now: Timestamp,
    ) -> Receipt {
        let created = Created {
            id: view.id.clone(),
            key: view.key.clone(),
        };
        let described = !self.memory.is_absent("description");
        let receipt = self.adopt(ticket, created, None, described, state, now);
        note_view(state, view, now);
        receipt
    }
}
