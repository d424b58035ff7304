//! The lease of a run, and the state that it guards.

use std::time::Duration;

use jiff::Timestamp;
use remediate_core::FunctionName;
use remediate_core::ledger::{Acquired, Keep, Ledger, LedgerRead, Thread, ThreadKey};
use serde_json::Value;

use super::bulk::InFlight;
use super::state::State;
use super::{NAME, RunError};
use crate::threat::Tier;

/// What the state of an account is kept by.
pub fn key(account: &str) -> ThreadKey {
    ThreadKey {
        function: FunctionName::new(NAME),
        group: account.to_owned(),
    }
}

/// The state as it is now, for looking only.
///
/// # Errors
/// When the ledger cannot be read, or another version wrote it.
pub async fn peek(ledger: &dyn LedgerRead, account: &str) -> Result<State, RunError> {
    match ledger.thread(&key(account)).await? {
        Some(thread) => decode(&thread),
        None => Ok(State::default()),
    }
}

fn decode(thread: &Thread) -> Result<State, RunError> {
    match &thread.state {
        Value::Null => Ok(State::default()),
        state => serde_json::from_value(state.clone()).map_err(|source| RunError::State {
            account: thread.key.group.clone(),
            source,
        }),
    }
}

/// A run that holds the lease of its account: no other is under way.
pub struct Session<'a> {
    ledger: &'a dyn Ledger,
    thread: Thread,
    pub state: State,
}

impl<'a> Session<'a> {
    /// Takes the lease.
    ///
    /// # Errors
    /// [`RunError::Busy`] while another run holds it.
    pub async fn open(
        ledger: &'a dyn Ledger,
        account: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Self, RunError> {
        let acquired = ledger
            .acquire(&key(account), owner, lease, Timestamp::now())
            .await?;
        match acquired {
            Acquired::Held(thread) => Ok(Self {
                state: decode(&thread)?,
                ledger,
                thread: *thread,
            }),
            Acquired::Busy { until } => Err(RunError::Busy {
                account: account.to_owned(),
                until,
            }),
        }
    }

    /// Writes the state down and keeps the lease.
    ///
    /// # Errors
    /// When the ledger cannot be written, or the lease was lost.
    pub async fn save(&mut self) -> Result<(), RunError> {
        self.write(Keep::Lease).await
    }

    /// Writes the state down and gives the lease back.
    ///
    /// # Errors
    /// As [`Session::save`].
    pub async fn close(mut self) -> Result<State, RunError> {
        self.write(Keep::Nothing).await?;
        Ok(self.state)
    }

    async fn write(&mut self, keep: Keep) -> Result<(), RunError> {
        self.thread.state =
            serde_json::to_value(&self.state).map_err(|source| RunError::State {
                account: self.thread.key.group.clone(),
                source,
            })?;
        self.ledger
            .save(&mut self.thread, keep, Timestamp::now())
            .await?;
        Ok(())
    }

    /// Before the first change to a list: after a crash it has to be read again.
    pub(super) async fn forget_copy(&mut self, tier: Tier) -> Result<(), RunError> {
        self.state.settled = None;
        let known = self
            .state
            .lists
            .get_mut(tier)
            .as_mut()
            .and_then(|list| list.copy.take());
        let began = std::mem::replace(&mut self.state.writing, true);
        if known.is_some() || !began {
            self.save().await?;
        }
        Ok(())
    }

    /// Cloudflare has accepted an operation: whoever comes next can ask for its end.
    pub(super) async fn begin(&mut self, flight: InFlight) -> Result<(), RunError> {
        self.state.quota.spend(flight.items, Timestamp::now());
        self.state.operation = Some(flight);
        self.save().await
    }

    pub(super) async fn end_operation(&mut self) -> Result<(), RunError> {
        self.state.operation = None;
        self.save().await
    }
}
