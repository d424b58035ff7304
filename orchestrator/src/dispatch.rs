//! Dispatch: sends tasks to their functions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use remediate_core::rule::{self, Mode};
use remediate_core::runner::Report;
use remediate_core::{Finding, FunctionName, Task, TaskId};

/// Takes tasks to where they are done.
#[async_trait]
pub trait Dispatcher: Send + Sync {
    /// Sends the tasks; the answers are in the same order.
    async fn dispatch(&self, tasks: Vec<Task>) -> Vec<Dispatched>;
}

/// What became of sending one task.
#[derive(Debug)]
pub struct Dispatched {
    pub task: TaskId,
    pub result: Result<Delivery, DispatchError>,
}

/// A task that is in good hands.
#[derive(Debug)]
pub enum Delivery {
    /// In the function's queue.
    Queued,
    /// Done in this process.
    Ran(Report),
}

#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    #[error("there is no function `{0}` here")]
    UnknownFunction(FunctionName),
    #[error("{function}: {reason}")]
    NotAccepted {
        function: FunctionName,
        reason: String,
    },
    /// Run in this process, and failed.
    #[error("{reason}")]
    Failed { reason: String, retryable: bool },
}

/// Puts findings of one decision into tasks, grouped as each function declares. The order is that of function and group, always the same.
pub fn tasks(
    findings: &[(&Finding, &[FunctionName])],
    mode: Mode,
) -> Result<Vec<Task>, DispatchError> {
    // Where each rule is a function of its own, a task holds findings of one rule.
    let mut groups: BTreeMap<(&FunctionName, String, Option<&RuleId>), Vec<Finding>> =
        BTreeMap::new();
    for (finding, functions) in findings {
        for function in *functions {
            let spec = rule::function(function.as_str())
                .ok_or_else(|| DispatchError::UnknownFunction(function.clone()))?;
            // There is nothing to repair in a resource that passes.
            if spec.grouping == Grouping::PerResource && !finding.failed() {
                continue;
            }
            let of_rule = (spec.feed == Feed::InvokePerRule).then_some(&finding.rule);
            groups
                .entry((function, spec.grouping.group_of(finding), of_rule))
                .or_default()
                .push((*finding).clone());
        }
    }
    Ok(groups
        .into_iter()
        .flat_map(|((function, group, _), findings)| fitting(function, &group, mode, findings))
        .collect())
}

/// A queue takes 256 KiB; what is larger is sent in halves.
const LARGEST_TASK: usize = 240 * 1024;

fn fitting(
    function: &FunctionName,
    group: &str,
    mode: Mode,
    mut findings: Vec<Finding>,
) -> Vec<Task> {
    let size = serde_json::to_vec(&findings).map_or(0, |json| json.len());
    if size <= LARGEST_TASK || findings.len() == 1 {
        return vec![Task::of_findings(
            function,
            group.to_owned(),
            mode,
            findings,
        )];
    }
    let second = findings.split_off(findings.len() / 2);
    let mut tasks = fitting(function, group, mode, findings);
    tasks.extend(fitting(function, group, mode, second));
    tasks
}

#[cfg(feature = "aws")]
pub use queues::QueueDispatcher;

#[cfg(feature = "aws")]
mod queues {
    use aws_sdk_sqs::Client;
    use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata};
    use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

    use super::{
        BTreeMap, Delivery, DispatchError, Dispatched, Dispatcher, FunctionName, Task, async_trait,
    };

    /// The most that one request takes, in messages and in bytes together.
    const BATCH: usize = 10;
    const BATCH_BYTES: usize = 250 * 1024;

    /// Feeds each function through its queue: `QUEUE_NOTIFY_TELEGRAM` is that of `notify-telegram`.
    #[derive(Debug)]
    pub struct QueueDispatcher {
        client: Client,
        /// Function to queue URL.
        queues: BTreeMap<String, String>,
    }

    impl QueueDispatcher {
        /// The queues that the environment names.
        pub fn from_env(client: Client) -> Self {
            let queues = remediate_core::rule::FUNCTIONS
                .iter()
                .filter_map(|spec| {
                    let variable = format!("QUEUE_{}", spec.name.to_uppercase().replace('-', "_"));
                    Some((
                        spec.name.to_owned(),
                        std::env::var(variable).ok().filter(|url| !url.is_empty())?,
                    ))
                })
                .collect();
            Self { client, queues }
        }

        async fn send(
            &self,
            function: &FunctionName,
            batch: Vec<(usize, String)>,
        ) -> Vec<(usize, Result<Delivery, DispatchError>)> {
            let refused = |reason: String| DispatchError::NotAccepted {
                function: function.clone(),
                reason,
            };
            let Some(queue) = self.queues.get(function.as_str()) else {
                return batch
                    .into_iter()
                    .map(|(index, _)| {
                        (index, Err(DispatchError::UnknownFunction(function.clone())))
                    })
                    .collect();
            };
            let indices: Vec<usize> = batch.iter().map(|(index, _)| *index).collect();
            let mut request = self.client.send_message_batch().queue_url(queue);
            for (index, body) in batch {
                match SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body)
                    .build()
                {
                    Ok(entry) => request = request.entries(entry),
                    Err(error) => {
                        return indices
                            .iter()
                            .map(|index| (*index, Err(refused(error.to_string()))))
                            .collect();
                    }
                }
            }
            match request.send().await {
                Ok(answer) => indices
                    .into_iter()
                    .map(|index| {
                        let name = index.to_string();
                        let failed = answer.failed().iter().find(|entry| entry.id() == name);
                        let sent = answer.successful().iter().any(|entry| entry.id() == name);
                        (
                            index,
                            match (sent, failed) {
                                (true, _) => Ok(Delivery::Queued),
                                (false, Some(entry)) => Err(refused(entry.code().to_owned())),
                                (false, None) => {
                                    Err(refused("the queue did not confirm it".to_owned()))
                                }
                            },
                        )
                    })
                    .collect(),
                Err(error) => {
                    let reason = error
                        .code()
                        .map_or_else(|| DisplayErrorContext(&error).to_string(), str::to_owned);
                    indices
                        .into_iter()
                        .map(|index| (index, Err(refused(reason.clone()))))
                        .collect()
                }
            }
        }
    }

    #[async_trait]
    impl Dispatcher for QueueDispatcher {
        async fn dispatch(&self, tasks: Vec<Task>) -> Vec<Dispatched> {
            let mut batches: Vec<(FunctionName, Vec<(usize, String)>, usize)> = Vec::new();
            let mut results: BTreeMap<usize, Result<Delivery, DispatchError>> = BTreeMap::new();
            for (index, task) in tasks.iter().enumerate() {
                let body = match serde_json::to_string(task) {
                    Ok(body) => body,
                    Err(error) => {
                        let refused = DispatchError::NotAccepted {
                            function: task.function.clone(),
                            reason: error.to_string(),
                        };
                        results.insert(index, Err(refused));
                        continue;
                    }
                };
                let size = body.len();
                let room = batches.iter_mut().find(|(function, batch, bytes)| {
                    *function == task.function && batch.len() < BATCH && bytes + size <= BATCH_BYTES
                });
                match room {
                    Some((_, batch, bytes)) => {
                        batch.push((index, body));
                        *bytes += size;
                    }
                    None => batches.push((task.function.clone(), vec![(index, body)], size)),
                }
            }
            let sent = futures::future::join_all(
                batches
                    .into_iter()
                    .map(|(function, batch, _)| async move { self.send(&function, batch).await }),
            )
            .await;
            results.extend(sent.into_iter().flatten());
            let unanswered = |task: &Task| {
                Err(DispatchError::NotAccepted {
                    function: task.function.clone(),
                    reason: "was not sent".to_owned(),
                })
            };
            tasks
                .iter()
                .enumerate()
                .map(|(index, task)| Dispatched {
                    task: task.id.clone(),
                    result: results.remove(&index).unwrap_or_else(|| unanswered(task)),
                })
                .collect()
        }
    }
}
