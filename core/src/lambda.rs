//! The Lambda entry point that all functions share: a batch of tasks from a queue in and the records that failed out, or one task
//! that the function is invoked with.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::aws::{self, ConfigSource};
use crate::config::Config;
use crate::fault::FaultClass;
use crate::function::{Function, Task};
use crate::ledger::dynamodb::DynamoLedger;
use crate::ledger::{Ledger, Retention};
use crate::runner::{RunError, Runner};
use crate::telemetry;

/// A batch from SQS, as much of it as is needed. Mocks leave out what AWS always sends, so nothing else is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct QueueEvent {
    #[serde(default, rename = "Records")]
    pub records: Vec<QueueRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueRecord {
    pub message_id: String,
    #[serde(default)]
    pub receipt_handle: String,
    #[serde(default)]
    pub body: String,
}

/// The records that are to come back; an empty list says that all is done.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    pub batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    pub item_identifier: String,
}

impl BatchResponse {
    pub fn fail(&mut self, record: &QueueRecord) {
        self.batch_item_failures.push(BatchItemFailure {
            item_identifier: record.message_id.clone(),
        });
    }
}

/// Why a whole invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    #[error("environment variable {0} is not set")]
    Unset(&'static str),
    #[error(transparent)]
    Config(#[from] aws::ConfigSourceError),
    #[error("{function} cannot be set up: {reason}")]
    Setup {
        function: &'static str,
        reason: String,
    },
    #[error(
        "{function} was invoked with something that is neither a task nor a batch of them: {source}"
    )]
    NotOurs {
        function: &'static str,
        source: serde_json::Error,
    },
    /// The task that the function was invoked with is not done.
    #[error("{message}")]
    Task {
        class: &'static str,
        message: String,
    },
}

impl InvocationError {
    fn not_ours<F: Function>(source: serde_json::Error) -> Self {
        Self::NotOurs {
            function: F::NAME,
            source,
        }
    }
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        let error_type = match &error {
            InvocationError::Unset(_) => "EnvironmentIncomplete",
            InvocationError::Config(_) => "ConfigurationInvalid",
            InvocationError::Setup { .. } => "SetupFailed",
            InvocationError::NotOurs { .. } => "PayloadUnknown",
            InvocationError::Task { .. } => "TaskFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// A variable that the template sets.
///
/// # Errors
/// When it is not set.
pub fn variable(name: &'static str) -> Result<String, InvocationError> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or(InvocationError::Unset(name))
}

/// The ledger that `LEDGER_TABLE` names.
///
/// # Errors
/// When the variable is not set.
pub async fn ledger(config: &Config) -> Result<Arc<DynamoLedger>, InvocationError> {
    let client = aws_sdk_dynamodb::Client::new(aws::sdk_config().await);
    let history = config.rules.global.retention.get();
    let retention = Retention {
        history,
        closed: history,
    };
    Ok(Arc::new(DynamoLedger::new(
        client,
        variable("LEDGER_TABLE")?,
        retention,
    )))
}

/// Serves a function until the runtime ends the process. `build` makes it anew whenever the configuration changes.
///
/// # Errors
/// When the runtime's API cannot be reached.
pub async fn serve<F, B, E>(build: B) -> Result<(), lambda_runtime::Error>
where
    F: Function + 'static,
    B: Fn(Arc<Config>, Arc<dyn Ledger>) -> Result<F, E> + Send + Sync + 'static,
    E: std::fmt::Display,
{
    telemetry::init_lambda();
    let host = Host {
        source: ConfigSource::from_env().await?,
        built: Mutex::new(None),
        build,
    };
    let handler = service_fn(|event: LambdaEvent<Value>| async { host.invoke(event).await });
    let runtime = Runtime::new(handler);
    runtime.run().await
}

/// What is kept warm: clients and the validated configuration, nothing of any finding.
struct Host<F, B> {
    source: ConfigSource,
    built: Mutex<Option<Built<F>>>,
    build: B,
}

struct Built<F> {
    config: String,
    function: Arc<F>,
    ledger: Arc<dyn Ledger>,
}

impl<F, B, E> Host<F, B>
where
    F: Function,
    B: Fn(Arc<Config>, Arc<dyn Ledger>) -> Result<F, E>,
    E: std::fmt::Display,
{
    async fn invoke(&self, event: LambdaEvent<Value>) -> Result<Value, InvocationError> {
        let (function, ledger) = self.function().await?;
        let left = event
            .context
            .deadline()
            .duration_since(std::time::SystemTime::now())
            .unwrap_or_default();
        let runner = Runner {
            function: &*function,
            ledger: &*ledger,
            owner: &event.context.request_id,
            lease: left + Duration::from_secs(30),
        };
        if event.payload.get("Records").is_none() {
            return run_alone(&runner, event.payload, left).await;
        }
        let batch: QueueEvent =
            serde_json::from_value(event.payload).map_err(InvocationError::not_ours::<F>)?;
        let response = run_batch(&runner, &batch).await;
        serde_json::to_value(response).map_err(InvocationError::not_ours::<F>)
    }

    async fn function(&self) -> Result<(Arc<F>, Arc<dyn Ledger>), InvocationError> {
        let config = self.source.current().await?;
        let mut built = self.built.lock().await;
        if let Some(built) = built.as_ref().filter(|built| built.config == config.hash) {
            return Ok((Arc::clone(&built.function), Arc::clone(&built.ledger)));
        }
        let ledger: Arc<dyn Ledger> = ledger(&config).await?;
        let function = (self.build)(Arc::clone(&config), Arc::clone(&ledger));
        let function = Arc::new(function.map_err(|error| InvocationError::Setup {
            function: F::NAME,
            reason: error.to_string(),
        })?);
        *built = Some(Built {
            config: config.hash.clone(),
            function: Arc::clone(&function),
            ledger: Arc::clone(&ledger),
        });
        Ok((function, ledger))
    }
}

/// Runs a batch's tasks; says which records are to come back.
async fn run_batch<F: Function>(runner: &Runner<'_, F>, batch: &QueueEvent) -> BatchResponse {
    let mut response = BatchResponse::default();
    let mut wall: Option<FaultClass> = None;
    for record in &batch.records {
        let class = match wall {
            Some(class) => Some(class),
            None => run_record(runner, record).await,
        };
        let Some(class) = class else { continue };
        response.fail(record);
        if class.stops_batch() {
            wall = Some(class);
        }
        hold_back(record, class).await;
    }
    response
}

/// How often a group that another invocation is working on is asked for.
const AGAIN: Duration = Duration::from_secs(1);
/// Time kept for the work itself while waiting for a group.
const FOR_WORK: Duration = Duration::from_secs(30);

/// Runs the task that the function was invoked with. What fails, fails the invocation: Lambda tries it again and hands it to the
/// on-failure destination in the end.
async fn run_alone<F: Function>(
    runner: &Runner<'_, F>,
    payload: Value,
    left: Duration,
) -> Result<Value, InvocationError> {
    let function = [("Function", F::NAME)];
    let task: Task = serde_json::from_value(payload).map_err(InvocationError::not_ours::<F>)?;
    let begun = std::time::Instant::now();
    loop {
        match runner.run(&task, Timestamp::now()).await {
            Ok(report) => {
                tracing::info!(task = %task.id, mode = %task.mode, outcome = %report.outcome, "Task is finished.");
                telemetry::count("TaskFinished", 1, &function);
                return serde_json::to_value(&report.outcome)
                    .map_err(InvocationError::not_ours::<F>);
            }
            // Whoever holds the group is at work on the same resource and lets go of it in moments.
            Err(RunError::Busy { .. }) if begun.elapsed() + FOR_WORK < left => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => {
                tracing::error!(task = %task.id, class = error.class().name(), %error, "Task failed.");
                report_failure(&error, &function);
                return Err(InvocationError::Task {
                    class: error.class().name(),
                    message: error.to_string(),
                });
            }
        }
    }
}

/// Runs the task of one record; the class of the error if it is to come back.
async fn run_record<F: Function>(
    runner: &Runner<'_, F>,
    record: &QueueRecord,
) -> Option<FaultClass> {
    let function = [("Function", F::NAME)];
    let task: Task = match serde_json::from_str(&record.body) {
        Ok(task) => task,
        Err(error) => {
            tracing::error!(message = record.message_id, %error, "Record holds no task.");
            telemetry::count("TaskFailed", 1, &function);
            return Some(FaultClass::Permanent);
        }
    };
    match runner.run(&task, Timestamp::now()).await {
        Ok(report) => {
            tracing::info!(task = %task.id, mode = %task.mode, outcome = %report.outcome, "Task is finished.");
            telemetry::count("TaskFinished", 1, &function);
            None
        }
        Err(error) => {
            let class = error.class();
            tracing::error!(task = %task.id, class = class.name(), %error, "Task failed.");
            report_failure(&error, &function);
            Some(class)
        }
    }
}

fn report_failure<E: crate::fault::Fault>(error: &RunError<E>, function: &[(&str, &str)]) {
    telemetry::count("TaskFailed", 1, function);
    if error.class() == FaultClass::Configuration {
        telemetry::count("ConfigurationAlarm", 1, &[]);
    }
}

/// SQS allows twelve hours from the receipt; an hour less leaves room for the time that has gone by.
const LONGEST_WAIT: Duration = Duration::from_secs(11 * 60 * 60);

/// Gives a record back for as long as its error asks; one that can never succeed comes back at once, on its way to the dead letters.
async fn hold_back(record: &QueueRecord, class: FaultClass) {
    let wait = match class {
        FaultClass::Permanent => Duration::ZERO,
        _ => match class.retry_after() {
            Some(after) => after.min(LONGEST_WAIT),
            None => return,
        },
    };
    make_visible(&record.receipt_handle, wait).await;
}

/// Lets a record of this function's queue (`QUEUE_URL`) come back after so long.
///
/// Should that fail, it comes back when the queue's own timeout ends: later or earlier, not lost.
pub async fn make_visible(receipt: &str, after: Duration) {
    let Ok(queue) = variable("QUEUE_URL") else {
        return;
    };
    let seconds = i32::try_from(after.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    let client = aws_sdk_sqs::Client::new(aws::sdk_config().await);
    let answer = client
        .change_message_visibility()
        .queue_url(queue)
        .receipt_handle(receipt)
        .visibility_timeout(seconds)
        .send()
        .await;
    if let Err(error) = answer {
        tracing::warn!(error = %aws_sdk_sqs::error::DisplayErrorContext(&error), "Visibility was not changed.");
    }
}
