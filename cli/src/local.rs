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
#[cfg(feature = "aws-rules")]
use remediate_aws::RemediateAws;
use remediate_core::config::Config;
use remediate_core::fault::FaultClass;
use remediate_core::function::Function;
use remediate_core::ledger::{Event, Ledger, Thread};
use remediate_core::runner::{self, Report, RunError, Runner};
use remediate_core::{Change, ChangeId, FunctionName, Mode, Task};

use crate::error::CliError;

/// Runs tasks here and now.
pub struct LocalDispatcher {
    notify_telegram: NotifyTelegram,
    open_jira: OpenJira,
    #[cfg(feature = "aws-rules")]
    remediate_aws: RemediateAws,
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
/// Groups under way at once. What belongs to one group goes one by one, and so do all messages: Telegram counts them together.
const AT_ONCE: usize = 4;
#[cfg(not(feature = "aws-rules"))]
const NO_AWS_RULES: &str = "this build has no AWS rules: build it with `--features aws-rules`";

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
            #[cfg(feature = "aws-rules")]
            remediate_aws: RemediateAws::new(
                Arc::clone(config),
                remediate_aws::aws::Reader::from_environment(),
                // As in the deployed functions: what belongs to this stack is left alone.
                std::env::var("STACK_NAME")
                    .ok()
                    .filter(|name| !name.is_empty()),
            ),
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
            #[cfg(feature = "aws-rules")]
            RemediateAws::NAME => runner::describe(&self.remediate_aws, thread),
            _ => Ok(Vec::new()),
        };
        lines.unwrap_or_else(|error| {
            vec![format!(
                "the state cannot be understood by this version: {error}"
            )]
        })
    }

    /// Takes a change back, whichever function made it.
    pub async fn undo(&self, change: &ChangeId, by: &str) -> Result<Change, String> {
        let entry = self.ledger.entry(change.as_str()).await;
        let function = match entry
            .map_err(|error| error.to_string())?
            .map(|entry| entry.event)
        {
            Some(Event::Changed { change, .. }) => change.function,
            _ => {
                return Err(format!(
                    "the ledger knows no change {change}: `remediate history` lists them"
                ));
            }
        };
        match function.as_str() {
            NotifyTelegram::NAME => self.taken_back(&self.notify_telegram, change, by).await,
            OpenJira::NAME => self.taken_back(&self.open_jira, change, by).await,
            #[cfg(feature = "aws-rules")]
            RemediateAws::NAME => self.taken_back(&self.remediate_aws, change, by).await,
            #[cfg(not(feature = "aws-rules"))]
            "remediate-aws" => Err(NO_AWS_RULES.to_owned()),
            other => Err(format!("changes of {other} are not undone one by one")),
        }
    }

    async fn taken_back<F: Function>(
        &self,
        function: &F,
        change: &ChangeId,
        by: &str,
    ) -> Result<Change, String> {
        let runner = Runner {
            function,
            ledger: &*self.ledger,
            owner: &self.owner,
            lease: LEASE,
        };
        runner
            .undo(change, by, Timestamp::now())
            .await
            .map_err(|error| error.to_string())
    }

    /// The tasks of one lane, one after another.
    fn lane(&self, tasks: Vec<(usize, Task)>) -> BoxFuture<'_, Vec<(usize, Dispatched)>> {
        Box::pin(async move {
            let mut done = Vec::with_capacity(tasks.len());
            for (index, task) in tasks {
                done.push((index, self.run(task).await));
            }
            done
        })
    }

    async fn run(&self, task: Task) -> Dispatched {
        let id = task.id.clone();
        let result = match task.function.as_str() {
            NotifyTelegram::NAME => self.persist(&self.notify_telegram, task).await,
            OpenJira::NAME => self.persist(&self.open_jira, task).await,
            #[cfg(feature = "aws-rules")]
            RemediateAws::NAME => self.persist(&self.remediate_aws, task).await,
            #[cfg(not(feature = "aws-rules"))]
            "remediate-aws" => Err(DispatchError::Failed {
                reason: NO_AWS_RULES.to_owned(),
                retryable: false,
            }),
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
        let mut lanes: BTreeMap<(FunctionName, String), Vec<(usize, Task)>> = BTreeMap::new();
        for (index, task) in tasks.into_iter().enumerate() {
            let group = match task.function.as_str() {
                NotifyTelegram::NAME => String::new(),
                _ => task.group.clone(),
            };
            lanes
                .entry((task.function.clone(), group))
                .or_default()
                .push((index, task));
        }
        let mut done = stream::iter(lanes.into_values().map(|lane| self.lane(lane)))
            .buffer_unordered(AT_ONCE)
            .concat()
            .await;
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, dispatched)| dispatched).collect()
    }
}
