//! Functions in this process instead of behind queues: the same runner, with the queue's patience.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use notify_telegram::NotifyTelegram;
use open_jira::OpenJira;
use orchestrator::dispatch::{Delivery, DispatchError, Dispatched, Dispatcher};
use remediate_core::config::Config;
use remediate_core::fault::FaultClass;
use remediate_core::function::Function;
use remediate_core::ledger::{Ledger, Thread};
use remediate_core::runner::{self, Report, RunError, Runner};
use remediate_core::{FunctionName, Mode, Task};

use crate::error::CliError;

/// Runs tasks here and now.
pub struct LocalDispatcher {
    notify_telegram: NotifyTelegram,
    open_jira: OpenJira,
    ledger: Arc<dyn Ledger>,
    owner: String,
    /// Without it every task only plans: no writer is ever made.
    apply: bool,
    /// Functions that nothing can be had from in this run, and why.
    walls: Mutex<BTreeMap<FunctionName, String>>,
}

/// How often a task is tried, as often as its queue would deliver it.
const ATTEMPTS: u32 = 4;
/// A longer wait than this is left to the next run.
const PATIENCE: Duration = Duration::from_secs(90);
/// Leases are broken when the next run takes the process lock, so they may be long.
const LEASE: Duration = Duration::from_secs(15 * 60);
/// Tickets under way at once. Messages go one by one: Telegram counts them all together.
const TICKETS_AT_ONCE: usize = 4;

impl LocalDispatcher {
    pub fn new(
        config: &Arc<Config>,
        ledger: Arc<dyn Ledger>,
        apply: bool,
    ) -> Result<Self, CliError> {
        let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
        Ok(Self {
            notify_telegram: NotifyTelegram::new(Arc::clone(config), Arc::clone(&ledger))
                .map_err(|error| failed(&error))?,
            open_jira: OpenJira::new(Arc::clone(config), Arc::clone(&ledger))
                .map_err(|error| failed(&error))?,
            ledger,
            owner: format!("remediate {}", std::process::id()),
            apply,
            walls: Mutex::default(),
        })
    }

    /// What the thread's function holds in it.
    pub fn describe(&self, thread: &Thread) -> Vec<String> {
        let lines = match thread.key.function.as_str() {
            NotifyTelegram::NAME => runner::describe(&self.notify_telegram, thread),
            OpenJira::NAME => runner::describe(&self.open_jira, thread),
            _ => Ok(Vec::new()),
        };
        lines.unwrap_or_else(|error| {
            vec![format!(
                "the state cannot be understood by this version: {error}"
            )]
        })
    }

    fn numbered(&self, (index, task): (usize, Task)) -> BoxFuture<'_, (usize, Dispatched)> {
        Box::pin(async move { (index, self.run(task).await) })
    }

    async fn run(&self, task: Task) -> Dispatched {
        let id = task.id.clone();
        let result = match task.function.as_str() {
            NotifyTelegram::NAME => self.persist(&self.notify_telegram, task).await,
            OpenJira::NAME => self.persist(&self.open_jira, task).await,
            _ => Err(DispatchError::UnknownFunction(task.function)),
        };
        Dispatched {
            task: id,
            result: result.map(Delivery::Ran),
        }
    }

    /// Tries until it is done, until nothing can come of trying, or until patience ends.
    async fn persist<F: Function>(
        &self,
        function: &F,
        mut task: Task,
    ) -> Result<Report, DispatchError> {
        if !self.apply {
            task.mode = Mode::Observe;
        }
        if let Some(reason) = self.walls().get(&task.function) {
            return Err(DispatchError::Failed {
                reason: reason.clone(),
                retryable: true,
            });
        }
        let runner = Runner {
            function,
            ledger: &*self.ledger,
            owner: &self.owner,
            lease: LEASE,
        };
        let mut attempt = 1;
        loop {
            let error = match runner.run(&task, Timestamp::now()).await {
                Ok(report) => return Ok(report),
                Err(error) => error,
            };
            match wait_before_next(&error, attempt) {
                Some(wait) => {
                    tracing::warn!(%error, seconds = wait.as_secs_f32(), "Trying again.");
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
                None => return Err(self.given_up(&task.function, &error)),
            }
        }
    }

    fn given_up<E: remediate_core::Fault>(
        &self,
        function: &FunctionName,
        error: &RunError<E>,
    ) -> DispatchError {
        let reason = error.to_string();
        if error.class().stops_batch() {
            self.walls().insert(function.clone(), reason.clone());
        }
        DispatchError::Failed {
            reason,
            retryable: error.class().is_retryable(),
        }
    }

    fn walls(&self) -> std::sync::MutexGuard<'_, BTreeMap<FunctionName, String>> {
        self.walls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait_before_next<E: remediate_core::Fault>(
    error: &RunError<E>,
    attempt: u32,
) -> Option<Duration> {
    let class = error.class();
    let wait = match class {
        FaultClass::Permanent | FaultClass::Configuration => return None,
        _ => class
            .retry_after()
            .unwrap_or(Duration::from_secs(1 << attempt.min(5))),
    };
    (attempt < ATTEMPTS && wait <= PATIENCE).then_some(wait)
}

#[async_trait]
impl Dispatcher for LocalDispatcher {
    async fn dispatch(&self, tasks: Vec<Task>) -> Vec<Dispatched> {
        let (messages, rest): (Vec<_>, Vec<_>) = tasks
            .into_iter()
            .enumerate()
            .partition(|(_, task)| task.function.as_str() == NotifyTelegram::NAME);
        let one_by_one = stream::iter(messages.into_iter().map(|task| self.numbered(task)))
            .buffer_unordered(1)
            .collect::<Vec<_>>();
        let at_once = stream::iter(rest.into_iter().map(|task| self.numbered(task)))
            .buffer_unordered(TICKETS_AT_ONCE)
            .collect::<Vec<_>>();
        let (mut done, rest) = futures::future::join(one_by_one, at_once).await;
        done.extend(rest);
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, dispatched)| dispatched).collect()
    }
}
