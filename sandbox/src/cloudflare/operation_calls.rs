//! `…/bulk_operations/{id}`, and what happens between two polls.

use jiff::Timestamp;
use serde_json::json;

use super::id::{self, Kind};
use super::lists::List;
use super::operations::{Circumstances, End, Stage, carry_out};
use super::refusal::Refusal;
use super::{Answer, Asked, Cloudflare, moment, ok};

impl Cloudflare {
    /// `GET …/bulk_operations/{id}`.
    pub(super) fn poll(&mut self, id: &str, asked: &Asked<'_>) -> Answer {
        let number = id::read(Kind::Operation, id);
        let Some(operation) = self
            .operations
            .iter_mut()
            .find(|o| Some(o.number) == number)
        else {
            return Err(Refusal::not_found("operation", id));
        };
        let status = operation.status(&self.config.operations, asked.now);
        operation.polls = operation.polls.saturating_add(1);
        let mut result = json!({"id": operation.id(), "status": status});
        if let Some(end) = &operation.end {
            result["completed"] = json!(moment(end.at));
            if let Some(error) = &end.error {
                result["error"] = json!(error);
            }
        }
        Ok(ok(&result))
    }

    /// Whether a bulk operation is not over yet, be it ours or somebody else's.
    pub(super) fn is_busy(&self, now: Timestamp) -> bool {
        self.occupied_until.is_some_and(|until| now < until)
            || self
                .operations
                .last()
                .is_some_and(|operation| operation.end.is_none())
    }

    /// The refusal while an operation is under way.
    pub(super) fn busy(&self) -> Refusal {
        let told = &self.config.pending_refusal;
        let refusal = Refusal::too_many_requests(told.code, &told.message)
            .why("another bulk operation of the account is under way");
        match told.retry_after {
            Some(seconds) => refusal.retry_after(seconds),
            None => refusal,
        }
    }

    /// Carries out what is due. Called before anything looks at the state.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        let held: usize = self.lists.iter().map(List::len).sum();
        let Some(operation) = self.operations.last_mut() else {
            return;
        };
        if operation.stage(&self.config.operations, now) != Stage::Over {
            return;
        }
        let Some(work) = operation.work.take() else {
            return;
        };
        let forced = (!self.config.fail_next.is_empty()).then(|| self.config.fail_next.remove(0));
        let number = operation.list;
        let error = match self.lists.iter_mut().find(|list| list.number == number) {
            Some(list) => carry_out(
                work,
                list,
                Circumstances {
                    room: self.config.capacity().saturating_sub(held),
                    forced,
                    leaves: self.config.failed_operation_leaves,
                    keeps_ids: self.config.upsert_keeps_ids,
                    next_item: &mut self.items_made,
                    now,
                },
            ),
            None => Some("filters.api.not_found".into()),
        };
        operation.end = Some(End { at: now, error });
    }
}
