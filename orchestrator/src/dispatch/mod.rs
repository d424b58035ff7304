//! Dispatch: sends tasks to their functions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use remediate_core::function::Grouping;
use remediate_core::rule::{self, Feed, Mode};
use remediate_core::runner::Report;
use remediate_core::{Finding, FunctionName, RuleId, Task, TaskId};
use serde_json::Value;

#[cfg(feature = "aws")]
mod cloud;
#[cfg(feature = "aws")]
mod invoke;
#[cfg(feature = "aws")]
mod queues;

#[cfg(feature = "aws")]
pub use cloud::CloudDispatcher;

/// Takes tasks to where they are done.
#[async_trait]
pub trait Dispatcher: Send + Sync {
    /// Sends the tasks; the answers are in the same order.
    async fn dispatch(&self, tasks: Vec<Task>) -> Vec<Dispatched>;

    /// Hands a function something that is no task: a new snapshot of threats, one hostile address.
    async fn signal(
        &self,
        function: &FunctionName,
        _signal: &Value,
    ) -> Result<Delivery, DispatchError> {
        Err(DispatchError::UnknownFunction(function.clone()))
    }
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
    /// Taken by Lambda, which keeps it until the function has had it.
    Invoked,
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

/// The answer about a task that no answer names.
#[cfg(feature = "aws")]
fn unanswered(task: &Task) -> DispatchError {
    DispatchError::NotAccepted {
        function: task.function.clone(),
        reason: "was not sent".to_owned(),
    }
}
