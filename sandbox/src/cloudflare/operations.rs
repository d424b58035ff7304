//! Bulk operations: accepted at once, carried out later, one at a time.

use jiff::Timestamp;

use super::config::{ForcedFailure, Leaves, Pace};
use super::id::{self, Kind};
use super::lists::{List, Wanted};

/// What the vendor says when a list is full.
const FULL: &str = "This list is at the maximum number of items";

/// What an operation does to its list.
#[derive(Debug)]
pub(crate) enum Work {
    Append(Vec<Wanted>),
    Replace(Vec<Wanted>),
    Delete(Vec<u64>),
}

impl Work {
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Append(_) => "append",
            Self::Replace(_) => "replace",
            Self::Delete(_) => "delete",
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Append(items) | Self::Replace(items) => items.len(),
            Self::Delete(numbers) => numbers.len(),
        }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) at: Timestamp,
    pub(crate) error: Option<String>,
}

/// One bulk operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) number: u64,
    pub(crate) list: u64,
    pub(crate) list_name: String,
    pub(crate) verb: &'static str,
    /// How many elements it was sent with.
    pub(crate) elements: usize,
    pub(crate) asked: Timestamp,
    pub(crate) polls: u32,
    /// Gone once it is over.
    pub(crate) work: Option<Work>,
    pub(crate) end: Option<End>,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Running,
    Over,
}

impl Operation {
    pub(crate) fn new(number: u64, list: &List, work: Work, now: Timestamp) -> Self {
        Self {
            number,
            list: list.number,
            list_name: list.name.clone(),
            verb: work.verb(),
            elements: work.len(),
            asked: now,
            polls: 0,
            work: Some(work),
            end: None,
        }
    }

    pub(crate) fn id(&self) -> String {
        id::show(Kind::Operation, self.number)
    }

    pub(crate) fn stage(&self, pace: &Pace, now: Timestamp) -> Stage {
        let waited = u64::try_from(now.duration_since(self.asked).as_millis()).unwrap_or(0);
        if self.end.is_some() || waited >= pace.at_most_ms {
            return Stage::Over;
        }
        let polls = pace.pending_polls.saturating_add(pace.running_polls);
        let millis = pace.pending_ms.saturating_add(pace.running_ms);
        if self.polls < pace.pending_polls || waited < pace.pending_ms {
            Stage::Pending
        } else if self.polls < polls || waited < millis {
            Stage::Running
        } else {
            Stage::Over
        }
    }

    /// The word that the API, the page and the outbox use.
    pub(crate) fn status(&self, pace: &Pace, now: Timestamp) -> &'static str {
        match (&self.end, self.stage(pace, now)) {
            (Some(End { error: Some(_), .. }), _) => "failed",
            (Some(_), _) => "completed",
            (None, Stage::Pending) => "pending",
            (None, _) => "running",
        }
    }
}

/// What carrying an operation out depends on.
pub(crate) struct Circumstances<'a> {
    /// How many items more the account may hold.
    pub(crate) room: usize,
    pub(crate) forced: Option<ForcedFailure>,
    pub(crate) leaves: Leaves,
    pub(crate) keeps_ids: bool,
    pub(crate) next_item: &'a mut u64,
    pub(crate) now: Timestamp,
}

/// Carries an operation out on its list; the error, if it fails.
pub(crate) fn carry_out(
    work: Work,
    list: &mut List,
    mut with: Circumstances<'_>,
) -> Option<String> {
    match work {
        Work::Append(items) => put_all(items, list, &mut with),
        Work::Replace(items) => {
            with.room += list.len();
            if with.leaves == Leaves::Nothing && (with.forced.is_some() || items.len() > with.room)
            {
                return Some(
                    with.forced
                        .map_or_else(|| FULL.into(), |forced| forced.error),
                );
            }
            list.clear(with.now);
            put_all(items, list, &mut with)
        }
        Work::Delete(numbers) => {
            let (whole, error) = extent(with.forced, with.leaves, numbers.len());
            for number in numbers.into_iter().take(whole) {
                list.remove_number(number, with.now);
            }
            error
        }
    }
}

fn put_all(items: Vec<Wanted>, list: &mut List, with: &mut Circumstances<'_>) -> Option<String> {
    let (whole, error) = extent(with.forced.take(), with.leaves, items.len());
    if with.leaves == Leaves::Nothing {
        let new = items
            .iter()
            .filter(|item| !list.contains(&item.net))
            .count();
        if new > with.room {
            return Some(FULL.into());
        }
    }
    for item in items.into_iter().take(whole) {
        let is_new = !list.contains(&item.net);
        if is_new && with.room == 0 {
            return Some(FULL.into());
        }
        with.room -= usize::from(is_new);
        *with.next_item += 1;
        list.put(item, *with.next_item, with.keeps_ids, false, with.now);
    }
    error
}

/// How many elements take effect, and the error at the end.
fn extent(forced: Option<ForcedFailure>, leaves: Leaves, all: usize) -> (usize, Option<String>) {
    match (forced, leaves) {
        (None, _) => (all, None),
        (Some(forced), Leaves::Part) => (forced.applied.min(all), Some(forced.error)),
        (Some(forced), Leaves::Nothing) => (0, Some(forced.error)),
    }
}
