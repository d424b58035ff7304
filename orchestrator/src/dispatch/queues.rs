//! Functions that have a queue of their own.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use std::collections::BTreeMap;

use remediate_core::rule::Feed;
use remediate_core::{FunctionName, Task};

use super::{Delivery, DispatchError, Dispatched, unanswered};

/// The most that one request takes, in messages and in bytes together.
const BATCH: usize = 10;
const BATCH_BYTES: usize = 250 * 1024;

/// Tasks of one function that fit into one request.
struct Batch {
    function: FunctionName,
    /// Each with the task's position.
    bodies: Vec<(usize, String)>,
    bytes: usize,
}

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
            .filter(|spec| spec.feed == Feed::Queue)
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
                .map(|(index, _)| (index, Err(DispatchError::UnknownFunction(function.clone()))))
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

    /// Sends the tasks in batches, one function's together; the answers are in the same order.
    pub async fn dispatch(&self, tasks: &[Task]) -> Vec<Dispatched> {
        let mut batches: Vec<Batch> = Vec::new();
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
            let room = batches.iter_mut().find(|batch| {
                batch.function == task.function
                    && batch.bodies.len() < BATCH
                    && batch.bytes + size <= BATCH_BYTES
            });
            match room {
                Some(batch) => {
                    batch.bodies.push((index, body));
                    batch.bytes += size;
                }
                None => batches.push(Batch {
                    function: task.function.clone(),
                    bodies: vec![(index, body)],
                    bytes: size,
                }),
            }
        }
        let sent = futures::future::join_all(
            batches
                .into_iter()
                .map(|batch| async move { self.send(&batch.function, batch.bodies).await }),
        )
        .await;
        results.extend(sent.into_iter().flatten());
        tasks
            .iter()
            .enumerate()
            .map(|(index, task)| Dispatched {
                task: task.id.clone(),
                result: results
                    .remove(&index)
                    .unwrap_or_else(|| Err(unanswered(task))),
            })
            .collect()
    }
}
