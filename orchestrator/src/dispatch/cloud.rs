//! On AWS: each task the way that its function is fed.

use async_trait::async_trait;
use remediate_core::rule::{self, Feed};
use remediate_core::{FunctionName, Task};
use serde_json::Value;

use super::invoke::Invoker;
use super::queues::QueueDispatcher;
use super::{Delivery, DispatchError, Dispatched, Dispatcher, unanswered};

/// Queues for the functions that have one, Lambda's own queue for the others.
#[derive(Debug)]
pub struct CloudDispatcher {
    queues: QueueDispatcher,
    invoker: Invoker,
}

impl CloudDispatcher {
    /// Queues and functions as the environment names them.
    pub fn from_env(sqs: aws_sdk_sqs::Client, lambda: aws_sdk_lambda::Client) -> Self {
        Self {
            queues: QueueDispatcher::from_env(sqs),
            invoker: Invoker::from_env(lambda),
        }
    }
}

#[async_trait]
impl Dispatcher for CloudDispatcher {
    async fn dispatch(&self, tasks: Vec<Task>) -> Vec<Dispatched> {
        let queued = |task: &Task| {
            rule::function(task.function.as_str()).is_none_or(|spec| spec.feed == Feed::Queue)
        };
        let (for_queues, invoked): (Vec<_>, Vec<_>) = tasks.iter().cloned().partition(queued);
        let (mut done, more) = futures::future::join(
            self.queues.dispatch(&for_queues),
            self.invoker.dispatch(&invoked),
        )
        .await;
        done.extend(more);
        tasks
            .iter()
            .map(|task| {
                let found = done.iter().position(|answer| answer.task == task.id);
                found.map_or_else(
                    || Dispatched {
                        task: task.id.clone(),
                        result: Err(unanswered(task)),
                    },
                    |index| done.swap_remove(index),
                )
            })
            .collect()
    }

    async fn signal(
        &self,
        function: &FunctionName,
        signal: &Value,
    ) -> Result<Delivery, DispatchError> {
        self.invoker.signal(function, signal).await
    }
}
