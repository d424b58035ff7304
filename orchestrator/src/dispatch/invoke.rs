//! Functions that are invoked, asynchronously: Lambda keeps the task, tries it again, and sends it to the on-failure queue in the end.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html>

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use remediate_core::rule::Feed;
use remediate_core::{FunctionName, Task};
use serde_json::Value;

use super::{Delivery, DispatchError, Dispatched};

/// Invocations under way at once.
const AT_ONCE: usize = 8;
/// What stands for the rule in the name of functions of which every rule has its own.
const RULE: &str = "{rule}";

/// `FUNCTION_REMEDIATE_AWS` is the name of `remediate-aws`, with `{rule}` for the rule: `AutoRemediate{rule}`.
#[derive(Debug)]
pub(super) struct Invoker {
    client: Client,
    /// Function to the name of its Lambda function.
    names: BTreeMap<String, String>,
}

impl Invoker {
    pub(super) fn from_env(client: Client) -> Self {
        let names = remediate_core::rule::FUNCTIONS
            .iter()
            .filter(|spec| spec.feed != Feed::Queue)
            .filter_map(|spec| {
                let variable = format!("FUNCTION_{}", spec.name.to_uppercase().replace('-', "_"));
                let name = std::env::var(variable)
                    .ok()
                    .filter(|name| !name.is_empty())?;
                Some((spec.name.to_owned(), name))
            })
            .collect();
        Self { client, names }
    }

    /// Invokes each task's function; the answers are in the same order.
    pub(super) async fn dispatch(&self, tasks: &[Task]) -> Vec<Dispatched> {
        let invocations: Vec<BoxFuture<'_, Dispatched>> =
            tasks.iter().map(|task| self.dispatched(task)).collect();
        stream::iter(invocations).buffered(AT_ONCE).collect().await
    }

    fn dispatched<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Dispatched> {
        Box::pin(async move {
            Dispatched {
                task: task.id.clone(),
                result: self.invoke(task).await,
            }
        })
    }

    pub(super) async fn signal(
        &self,
        function: &FunctionName,
        signal: &Value,
    ) -> Result<Delivery, DispatchError> {
        self.send(function, self.name(function)?, signal.to_string())
            .await
    }

    async fn invoke(&self, task: &Task) -> Result<Delivery, DispatchError> {
        let refused = |reason: String| DispatchError::NotAccepted {
            function: task.function.clone(),
            reason,
        };
        let name = self.name(&task.function)?;
        let name = match task.findings().first() {
            Some(finding) => name.replace(RULE, finding.rule.as_str()),
            None if name.contains(RULE) => {
                return Err(refused("a task without a rule has no function".to_owned()));
            }
            None => name.to_owned(),
        };
        let payload = serde_json::to_string(task).map_err(|error| refused(error.to_string()))?;
        self.send(&task.function, &name, payload).await
    }

    fn name(&self, function: &FunctionName) -> Result<&str, DispatchError> {
        self.names
            .get(function.as_str())
            .map(String::as_str)
            .ok_or_else(|| DispatchError::UnknownFunction(function.clone()))
    }

    async fn send(
        &self,
        function: &FunctionName,
        name: &str,
        payload: String,
    ) -> Result<Delivery, DispatchError> {
        let answer = self
            .client
            .invoke()
            .function_name(name)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload))
            .send()
            .await;
        let reason = match answer {
            Ok(answer) if answer.status_code() == 202 => return Ok(Delivery::Invoked),
            Ok(answer) => format!("Lambda answered {} instead of 202", answer.status_code()),
            Err(error) => error.code().map_or_else(
                || DisplayErrorContext(&error).to_string(),
                |code| format!("{name}: {code}"),
            ),
        };
        Err(DispatchError::NotAccepted {
            function: function.clone(),
            reason,
        })
    }
}
