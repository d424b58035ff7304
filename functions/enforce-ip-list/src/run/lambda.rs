//! The Lambda entry: a [`Trigger`] in, a [`Report`](super::report::Report) out. What fails, fails the invocation.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use remediate_core::aws::{self, ConfigSource};
use remediate_core::config::Config;
use remediate_core::fault::Fault;
use remediate_core::ledger::Ledger;
use remediate_core::{lambda as shared, telemetry};
use serde_json::Value;
use tokio::time::Instant;

use super::bulk::Pace;
use super::engine::Engine;
use super::gather::{Pushed, Pushing};
use super::report::{End, Report};
use super::store_s3::Bucket;
use super::trigger::NotATrigger;
use super::wish::{Wishes, Work};
use super::{NAME, RunError, Trigger, metrics};

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Trigger(#[from] NotATrigger),
    #[error(transparent)]
    Host(#[from] shared::InvocationError),
    #[error(transparent)]
    Config(#[from] aws::ConfigSourceError),
    #[error(transparent)]
    Run(#[from] RunError),
    /// What was asked for is not done; the invocation is to be repeated.
    #[error("{0}")]
    Unfinished(String),
}

impl From<Failed> for Diagnostic {
    fn from(error: Failed) -> Self {
        let error_type = match &error {
            Failed::Trigger(_) => "NotATrigger",
            Failed::Host(_) => "EnvironmentIncomplete",
            Failed::Config(_) => "ConfigurationInvalid",
            Failed::Run(error) => {
                return Self {
                    error_type: format!("RunFailed.{}", error.class().name()),
                    error_message: error.to_string(),
                };
            }
            Failed::Unfinished(_) => "Unfinished",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Serves the function until the runtime ends the process.
///
/// # Errors
/// When the runtime's API cannot be reached, or `REMEDIATE_CONFIG` is no address.
pub async fn serve() -> Result<(), lambda_runtime::Error> {
    telemetry::init_lambda();
    let source = ConfigSource::from_env().await?;
    let handler = service_fn(|event: LambdaEvent<Value>| async {
        let result = invoke(&source, event).await;
        if let Err(error) = &result {
            tracing::error!(%error, "The run failed.");
            telemetry::count("ThreatRunFailed", 1, &[("Function", NAME)]);
        }
        result
    });
    Runtime::new(handler).run().await
}

async fn invoke(source: &ConfigSource, event: LambdaEvent<Value>) -> Result<Report, Failed> {
    let left = event
        .context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    let deadline = Instant::now() + left;
    let trigger = Trigger::from_event(&event.payload)?;
    tracing::info!(%trigger, "A run begins.");
    let config = source.current().await?;
    let ledger: Arc<dyn Ledger> = shared::ledger(&config).await?;
    let store = Bucket::at(&shared::variable("THREATS_STORE")?)
        .await
        .map_err(RunError::from)?;
    let engine = Engine {
        config: &config,
        ledger: &*ledger,
        store: &store,
        owner: &event.context.request_id,
        // It outlives this invocation, and a crashed one is not in the way for long.
        lease: left + Duration::from_secs(30),
        deadline: Some(deadline),
        pace: Pace::default(),
    };
    let is_sync = matches!(trigger, Trigger::Sync);
    let is_address = matches!(trigger, Trigger::Address(_));
    let work = work(trigger).await?;
    let report = engine.wait_and_run(work, Wishes::default()).await?;
    publish(&config, &report, &*ledger).await;
    // A schedule comes again by itself, and so does what a guard holds back of a snapshot; a message does not.
    let is_enough = match &report.end {
        End::HeldBack { .. } => !is_address,
        end => is_sync || end.is_success(),
    };
    if is_enough {
        Ok(report)
    } else {
        Err(Failed::Unfinished(report.end.to_string()))
    }
}

async fn work(trigger: Trigger) -> Result<Work, Failed> {
    Ok(match trigger {
        Trigger::Sync => Work::Sync,
        Trigger::Address(address) => Work::Address(address),
        Trigger::Snapshot {
            bucket,
            key,
            version_id,
        } => Work::Snapshot(Box::new(fetch(&bucket, &key, version_id).await?)),
    })
}

/// Reads a snapshot from S3, piece by piece.
async fn fetch(bucket: &str, key: &str, version: Option<String>) -> Result<Pushed, RunError> {
    let object = format!("s3://{bucket}/{key}");
    let failed = |reason: String| RunError::Fetch {
        object: object.clone(),
        reason,
    };
    let client = aws::s3_client(aws::sdk_config().await);
    let request = client
        .get_object()
        .bucket(bucket)
        .key(key)
        .set_version_id(version);
    let answer = request
        .send()
        .await
        .map_err(|error| failed(aws_sdk_s3::error::DisplayErrorContext(error).to_string()))?;
    let mut pushing = Pushing::new(&object, Timestamp::now())?;
    let mut body = answer.body;
    while let Some(piece) = body
        .try_next()
        .await
        .map_err(|error| failed(error.to_string()))?
    {
        pushing.piece(&piece)?;
    }
    pushing.finish()
}

async fn publish(config: &Config, report: &Report, ledger: &dyn Ledger) {
    let account = config.services.cloudflare.account_id.as_deref();
    let state = match account {
        Some(account) => super::session::peek(ledger, account).await.ok(),
        None => None,
    };
    for line in metrics::lines(report, state.as_ref(), Timestamp::now()) {
        println!("{line}");
    }
    tracing::info!(end = %report.end, calls = report.calls.all(), "The run is over.");
}
