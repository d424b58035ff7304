//! Bulk operations, one at a time: sent in chunks, written down before they are waited for, resumed by the next run.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunError;
use super::session::Session;
use crate::cloudflare::{CloudflareError, Limit, NewItem, Operation, Reader, Writer};
use crate::threat::Tier;

/// Nobody documents how large a body may be; lists of this size have been replaced in one call.
pub(super) const CHUNK: usize = 10_000;

/// How long is waited for what. The default is meant for Cloudflare; tests are in a hurry.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Before the first question how far an operation is; doubled up to `poll_most`.
    pub poll_first: Duration,
    pub poll_most: Duration,
    /// Before sending again what met another operation in flight; doubled up to `busy_most`.
    pub busy_first: Duration,
    pub busy_most: Duration,
    /// How long an operation in flight is waited for altogether.
    pub busy_patience: Duration,
    /// Before a call that failed is made again; doubled.
    pub retry_first: Duration,
    /// With less time than this left no operation is begun, and none is waited for.
    pub reserve: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll_first: Duration::from_secs(1),
            poll_most: Duration::from_secs(10),
            busy_first: Duration::from_secs(5),
            busy_most: Duration::from_secs(40),
            busy_patience: Duration::from_secs(180),
            retry_first: Duration::from_millis(500),
            reserve: Duration::from_secs(20),
        }
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Add,
    Remove,
    Replace,
}

/// An operation that Cloudflare has accepted and whose end is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    pub id: String,
    #[serde(with = "super::tiers::text")]
    pub tier: Tier,
    pub list: String,
    pub verb: Verb,
    pub items: u64,
    pub since: Timestamp,
}

/// An operation as the audit keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub list: String,
    pub verb: Verb,
    pub items: u64,
    /// Cloudflare's id of it; empty where it was refused.
    pub operation: String,
    /// `completed`, `failed: …`, `still running`, `refused: …`.
    pub end: String,
    pub milliseconds: u64,
}

/// Why no further operation is sent in this run. What is left is planned again by the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stopped", rename_all = "snake_case")]
pub enum Stop {
    /// Somebody else's operation is in flight.
    Busy {
        reason: String,
    },
    /// The quota of changes to lists is used up.
    Quota {
        reason: String,
        until: Timestamp,
    },
    /// The API's own limit.
    Throttled {
        reason: String,
        until: Timestamp,
    },
    OutOfTime,
    /// Ours is; the next run asks for it.
    StillRunning {
        operation: String,
    },
    /// It is not known whether it was carried out, or only that it failed: the list has to be read again.
    Unsure {
        reason: String,
    },
    /// Cloudflare does not take it.
    Refused {
        reason: String,
    },
    /// Rules are on whose lists are not there.
    NoList {
        lists: String,
    },
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy { reason } => write!(f, "another operation is in flight: {reason}"),
            Self::Quota { reason, until } => {
                write!(f, "the quota of changes is used up until {until}: {reason}")
            }
            Self::Throttled { reason, until } => {
                write!(f, "Cloudflare takes no calls until {until}: {reason}")
            }
            Self::OutOfTime => f.write_str("no time is left in this run"),
            Self::StillRunning { operation } => {
                write!(f, "the operation {operation} is still running")
            }
            Self::Unsure { reason } => write!(f, "the list has to be read again: {reason}"),
            Self::Refused { reason } => write!(f, "refused: {reason}"),
            Self::NoList { lists } => write!(
                f,
                "the account has no list {lists}: run `remediate threats setup`"
            ),
        }
    }
}

/// Where an operation goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub tier: Tier,
    pub id: &'a str,
    pub name: &'a str,
    /// How many items it is taken to have.
    pub items: u64,
}

/// What became of the elements that were handed over; those in neither list were not carried out.
#[derive(Debug)]
pub struct Done<T> {
    pub applied: Vec<T>,
    /// Elements that Cloudflare does not take, with what it says of them.
    pub dropped: Vec<(T, String)>,
    pub stop: Option<Stop>,
}

/// The hands of a run.
pub struct Bulk<'a> {
    pub reader: &'a Reader,
    pub writer: &'a Writer,
    pub pace: Pace,
    pub sent: Vec<Sent>,
}

/// What became of one chunk.
enum Chunk {
    Completed,
    TooLarge,
    /// Where the element stands that is not taken, and what is said of it.
    BadElement(usize, String),
    Stop(Stop),
}

impl Bulk<'_> {
    /// Puts items into a list.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn add(
        &mut self,
        session: &mut Session<'_>,
        target: Target<'_>,
        items: Vec<NewItem>,
    ) -> Result<Done<NewItem>, RunError> {
        self.run(session, target, Verb::Add, items).await
    }

    /// Replaces everything that a list holds, in one operation.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn replace(
        &mut self,
        session: &mut Session<'_>,
        target: Target<'_>,
        items: Vec<NewItem>,
    ) -> Result<Done<NewItem>, RunError> {
        self.run(session, target, Verb::Replace, items).await
    }

    /// Takes items out of a list.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn remove(
        &mut self,
        session: &mut Session<'_>,
        target: Target<'_>,
        ids: Vec<String>,
    ) -> Result<Done<String>, RunError> {
        self.run(session, target, Verb::Remove, ids).await
    }

    async fn run<T: Element>(
        &mut self,
        session: &mut Session<'_>,
        mut target: Target<'_>,
        verb: Verb,
        mut rest: Vec<T>,
    ) -> Result<Done<T>, RunError> {
        let mut done = Done {
            applied: Vec::with_capacity(rest.len()),
            dropped: Vec::new(),
            stop: None,
        };
        if rest.is_empty() {
            return Ok(done);
        }
        // Whatever happens from here on, what we remember of the list is not to be relied on until it is written anew.
        session.forget_copy(target.tier).await?;
        let mut size = if verb == Verb::Replace {
            rest.len()
        } else {
            CHUNK
        };
        let mut resent = false;
        while !rest.is_empty() {
            let take = size.min(rest.len());
            match self.chunk(session, target, verb, &rest[..take]).await? {
                Chunk::Completed => {
                    done.applied.extend(rest.drain(..take));
                    resent = false;
                    if verb == Verb::Remove {
                        target.items = target.items.saturating_sub(take as u64);
                    } else if !rest.is_empty() {
                        // How many of them were there already, only the list itself knows.
                        target.items = self.items_of(target).await;
                    }
                }
                Chunk::TooLarge if take > 1 && verb != Verb::Replace => size = take.div_ceil(2),
                Chunk::TooLarge => {
                    done.stop = Some(Stop::Refused {
                        reason: "the body is too large, and cannot be divided".to_owned(),
                    });
                    break;
                }
                Chunk::BadElement(position, reason) if !resent && position < take => {
                    done.dropped.push((rest.remove(position), reason));
                    resent = true;
                }
                Chunk::BadElement(_, reason) => {
                    done.stop = Some(Stop::Refused { reason });
                    break;
                }
                Chunk::Stop(stop) => {
                    done.stop = Some(stop);
                    break;
                }
            }
        }
        Ok(done)
    }

    /// How many items the list has now; as many as before where it cannot be asked.
    async fn items_of(&self, target: Target<'_>) -> u64 {
        let list = self.reader.list(target.id, target.name).await;
        list.map_or(target.items, |list| list.num_items)
    }

    /// Sends one chunk and waits for its end.
    async fn chunk<T: Element>(
        &mut self,
        session: &mut Session<'_>,
        target: Target<'_>,
        verb: Verb,
        elements: &[T],
    ) -> Result<Chunk, RunError> {
        let began = tokio::time::Instant::now();
        let mut sent = Sent {
            list: target.name.to_owned(),
            verb,
            items: elements.len() as u64,
            operation: String::new(),
            end: String::new(),
            milliseconds: 0,
        };
        let end = match self.accepted(target, verb, elements).await {
            Ok(id) => {
                sent.operation.clone_from(&id);
                let flight = InFlight {
                    id,
                    tier: target.tier,
                    list: target.name.to_owned(),
                    verb,
                    items: elements.len() as u64,
                    since: Timestamp::now(),
                };
                session.begin(flight.clone()).await?;
                self.finish(session, &flight).await?
            }
            Err(chunk) => chunk,
        };
        sent.end = match &end {
            Chunk::Completed => "completed".to_owned(),
            Chunk::TooLarge => "refused: the body is too large".to_owned(),
            Chunk::BadElement(_, reason) => format!("refused: {reason}"),
            Chunk::Stop(stop) => stop.to_string(),
        };
        sent.milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sent.push(sent);
        Ok(end)
    }

    /// Sends it until Cloudflare accepts it, and gives the operation's id.
    async fn accepted<T: Element>(
        &self,
        target: Target<'_>,
        verb: Verb,
        elements: &[T],
    ) -> Result<String, Chunk> {
        let mut wait = self.pace.busy_first;
        let mut waited = Duration::ZERO;
        loop {
            if self.is_late() {
                return Err(Chunk::Stop(Stop::OutOfTime));
            }
            let error = match T::send(self.writer, target, verb, elements).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            let CloudflareError::Limited { limit, after, .. } = &error else {
                return Err(judged(&error));
            };
            let pause = match limit {
                Limit::Pending | Limit::Unclear => after.unwrap_or(wait),
                Limit::Global => after.unwrap_or(Duration::from_secs(300)),
                Limit::Lists => Duration::MAX,
            };
            if waited.saturating_add(pause) > self.pace.busy_patience || !self.has_time_for(pause) {
                return Err(Chunk::Stop(gives_up(*limit, *after, &error)));
            }
            tracing::info!(%error, seconds = pause.as_secs_f32(), "Waiting for Cloudflare.");
            tokio::time::sleep(pause).await;
            waited += pause;
            // Whose operation it was is not known: what was planned holds only if it was not about this list.
            match self.reader.list(target.id, target.name).await {
                Ok(list) if list.num_items == target.items => {}
                Ok(_) => {
                    return Err(Chunk::Stop(Stop::Unsure {
                        reason: format!("{} changed while its turn was waited for", target.name),
                    }));
                }
                Err(error) => return Err(judged(&error)),
            }
            wait = (wait * 2).min(self.pace.busy_most);
        }
    }

    /// Waits for the end of an operation that was accepted, now or by an earlier run.
    pub(super) async fn resume(
        &mut self,
        session: &mut Session<'_>,
        flight: &InFlight,
    ) -> Result<Option<Stop>, RunError> {
        let end = self.finish(session, flight).await?;
        let (stop, end) = match end {
            Chunk::Completed => (None, "completed".to_owned()),
            // It was an earlier run's: this one reads the list again in any case.
            Chunk::Stop(Stop::Unsure { reason }) => (None, reason),
            Chunk::Stop(stop) => (Some(stop.clone()), stop.to_string()),
            Chunk::TooLarge | Chunk::BadElement(..) => (None, String::new()),
        };
        self.sent.push(Sent {
            list: flight.list.clone(),
            verb: flight.verb,
            items: flight.items,
            operation: flight.id.clone(),
            end: format!("of an earlier run: {end}"),
            milliseconds: 0,
        });
        Ok(stop)
    }

    async fn finish(
        &self,
        session: &mut Session<'_>,
        flight: &InFlight,
    ) -> Result<Chunk, RunError> {
        let mut wait = self.pace.poll_first;
        loop {
            if !self.has_time_for(wait) {
                return Ok(Chunk::Stop(Stop::StillRunning {
                    operation: flight.id.clone(),
                }));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.pace.poll_most);
            let chunk = match self.reader.operation(&flight.id).await {
                Ok(Operation::Underway) => continue,
                Ok(Operation::Completed) => Chunk::Completed,
                Ok(Operation::Failed(reason)) => Chunk::Stop(Stop::Unsure {
                    reason: format!("the operation {} failed: {reason}", flight.id),
                }),
                Ok(Operation::Unknown) => Chunk::Stop(Stop::Unsure {
                    reason: format!("Cloudflare does not know the operation {}", flight.id),
                }),
                // It goes on without us; whoever asks next learns its end.
                Err(error) => {
                    tracing::warn!(%error, "It is not known how far the operation is.");
                    return Ok(Chunk::Stop(Stop::StillRunning {
                        operation: flight.id.clone(),
                    }));
                }
            };
            session.end_operation().await?;
            return Ok(chunk);
        }
    }

    fn is_late(&self) -> bool {
        !self.has_time_for(Duration::ZERO)
    }

    fn has_time_for(&self, wait: Duration) -> bool {
        self.reader
            .time_left()
            .is_none_or(|left| left > wait.saturating_add(self.pace.reserve))
    }
}

/// What a refusal of the request itself means.
fn judged(error: &CloudflareError) -> Chunk {
    if error.is_too_large() {
        return Chunk::TooLarge;
    }
    if let Some((position, reason)) = error.bad_item() {
        return Chunk::BadElement(position, reason.to_owned());
    }
    let reason = error.to_string();
    Chunk::Stop(match error {
        CloudflareError::Lost { .. } => Stop::Unsure { reason },
        CloudflareError::OutOfTime { .. } => Stop::OutOfTime,
        // An id that is not there, the same network twice: what we took for the list is not what it is.
        _ if error.is_duplicate() || error.is_gone() || error.status() == Some(400) => {
            Stop::Unsure { reason }
        }
        _ => Stop::Refused { reason },
    })
}

fn gives_up(limit: Limit, after: Option<Duration>, error: &CloudflareError) -> Stop {
    let reason = error.to_string();
    let until = |unsaid: u64| {
        let wait = after.unwrap_or(Duration::from_secs(unsaid));
        Timestamp::now()
            .saturating_add(wait)
            .unwrap_or(Timestamp::MAX)
    };
    match limit {
        Limit::Pending => Stop::Busy { reason },
        // After so long a wait it is hardly an operation in flight.
        Limit::Unclear => Stop::Busy { reason },
        Limit::Lists => Stop::Quota {
            reason,
            until: until(3600),
        },
        Limit::Global => Stop::Throttled {
            reason,
            until: until(300),
        },
    }
}

/// What a chunk is made of.
trait Element: Sized {
    fn send(
        writer: &Writer,
        target: Target<'_>,
        verb: Verb,
        elements: &[Self],
    ) -> impl Future<Output = Result<String, CloudflareError>> + Send;
}

impl Element for NewItem {
    async fn send(
        writer: &Writer,
        target: Target<'_>,
        verb: Verb,
        elements: &[Self],
    ) -> Result<String, CloudflareError> {
        match verb {
            Verb::Replace => writer.replace(target.id, target.name, elements).await,
            Verb::Add | Verb::Remove => writer.append(target.id, target.name, elements).await,
        }
    }
}

impl Element for String {
    async fn send(
        writer: &Writer,
        target: Target<'_>,
        _: Verb,
        elements: &[Self],
    ) -> Result<String, CloudflareError> {
        writer.delete(target.id, target.name, elements).await
    }
}
