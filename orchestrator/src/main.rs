//! The orchestrator as a Lambda function: any event in, the records that are to come back out.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use orchestrator::dispatch::CloudDispatcher;
use orchestrator::intake::envelope::{self, EnvelopeError, Record};
use orchestrator::intake::objects::S3Objects;
use orchestrator::{Handled, Moment, Orchestrator, OrchestratorError};
use remediate_core::aws::{self, ConfigSource};
use remediate_core::lambda::{self, BatchItemFailure, BatchResponse, InvocationError};
use remediate_core::telemetry;
use serde_json::Value;

// One thread drives all calls: an invocation waits for services, and a log is read on a thread of its own (`posture_log`). Workers
// would only hand the same work back and forth, which costs more than the work (docs/PERFORMANCE.md).
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init_lambda();
    let host = Host {
        source: ConfigSource::from_env().await?,
    };
    let handler = service_fn(|event: LambdaEvent<Value>| async { host.invoke(event).await });
    Runtime::new(handler).run().await
}

/// What is kept warm: the validated configuration. The connections of the SDK's clients are kept with its settings.
struct Host {
    source: ConfigSource,
}

/// Time kept back for giving records back and ending in order.
const RESERVE: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
enum HandlerError {
    #[error(transparent)]
    Setup(#[from] InvocationError),
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error(transparent)]
    Orchestrator(#[from] OrchestratorError),
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        let error_type = match error {
            HandlerError::Setup(error) => return error.into(),
            HandlerError::Envelope(_) => "EnvelopeUnknown",
            HandlerError::Orchestrator(OrchestratorError::Deadline { .. }) => "DeadlineReached",
            HandlerError::Orchestrator(OrchestratorError::Read { .. }) => "ObjectUnreadable",
            HandlerError::Orchestrator(OrchestratorError::Object(_)) => "ObjectUnavailable",
            HandlerError::Orchestrator(OrchestratorError::Ledger { .. }) => "LedgerUnavailable",
            HandlerError::Orchestrator(OrchestratorError::NotSent { .. }) => "TasksNotSent",
            HandlerError::Orchestrator(OrchestratorError::Fields { .. }) => "ConfigurationInvalid",
            HandlerError::Orchestrator(OrchestratorError::Interrupted { .. }) => "Interrupted",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

impl Host {
    async fn invoke(&self, event: LambdaEvent<Value>) -> Result<BatchResponse, HandlerError> {
        let orchestrator = self.orchestrator().await?;
        let left = event
            .context
            .deadline()
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let deadline = Instant::now() + left.saturating_sub(RESERVE.min(left / 4));
        let mut response = BatchResponse::default();
        for record in envelope::open(&event.payload) {
            let Record {
                id,
                receipt,
                content,
            } = record;
            let Err(error) = handle(&orchestrator, content, deadline).await else {
                continue;
            };
            tracing::error!(message = id.as_deref().unwrap_or("direct"), %error, "Record failed.");
            telemetry::count("RecordFailed", 1, &[]);
            // Without a queue there are no single records to give back: the invocation itself fails and is repeated.
            let Some(id) = id else { return Err(error) };
            if !is_retryable(&error) {
                lambda::make_visible(receipt.as_deref().unwrap_or_default(), Duration::ZERO).await;
            }
            response.batch_item_failures.push(BatchItemFailure {
                item_identifier: id,
            });
        }
        Ok(response)
    }

    async fn orchestrator(&self) -> Result<Orchestrator, InvocationError> {
        let config = self.source.current().await?;
        let sdk = aws::sdk_config().await;
        Ok(Orchestrator {
            ledger: lambda::ledger(&config).await?,
            objects: Arc::new(S3Objects::new(aws::s3_client(sdk))),
            dispatcher: Arc::new(CloudDispatcher::from_env(
                aws_sdk_sqs::Client::new(sdk),
                aws_sdk_lambda::Client::new(sdk),
            )),
            progress: None,
            config,
        })
    }
}

fn is_retryable(error: &HandlerError) -> bool {
    match error {
        HandlerError::Setup(_) => true,
        HandlerError::Envelope(_) => false,
        HandlerError::Orchestrator(error) => error.is_retryable(),
    }
}

/// Handles all notifications of one record; a failing one does not keep the others from being handled.
async fn handle(
    orchestrator: &Orchestrator,
    content: Result<Vec<envelope::Notification>, EnvelopeError>,
    deadline: Instant,
) -> Result<(), HandlerError> {
    let mut first = Ok(());
    for notification in content? {
        let moment = Moment {
            now: Timestamp::now(),
            deadline: Some(deadline),
        };
        let ended = orchestrator
            .handle(notification, moment)
            .await
            .and_then(Handled::into_complete);
        match ended {
            Ok(handled) => report(&handled),
            Err(error) if first.is_ok() => first = Err(error.into()),
            Err(error) => tracing::error!(%error, "Another notification of the record failed."),
        }
    }
    first
}

fn report(handled: &Handled) {
    let counts = handled.counts();
    for (decision, count) in &counts {
        telemetry::count("Findings", *count, &[("Decision", decision)]);
    }
    tracing::info!(about = handled.about, findings = ?counts, tasks = handled.sent.len(), problems = handled.problems.len(), "Handled.");
}
