//! What a failed call says, and how long to wait before the next.

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

use crate::fault::causes;
use crate::ledger::LedgerError;

/// Why a call failed, without anything of what was to be written.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("DynamoDB refused with {code}: {message} (request {request})")]
    Refused {
        code: String,
        message: String,
        request: String,
    },
    #[error("no answer from DynamoDB in time")]
    Timeout,
    #[error("no connection to DynamoDB: {0}")]
    Connection(String),
    #[error("DynamoDB's answer cannot be understood (HTTP status {0})")]
    Answer(u16),
    #[error("the request could not be made: {0}")]
    Request(String),
}

/// Maps the SDK's error to the ledger's, naming what was tried.
pub(super) fn unavailable<E>(
    action: &'static str,
) -> impl FnOnce(SdkError<E, aws_sdk_dynamodb::config::http::HttpResponse>) -> LedgerError
where
    E: ProvideErrorMetadata + RequestId + Error + Send + Sync + 'static,
{
    move |error| {
        let cause = match &error {
            SdkError::ServiceError(refused) => match refused.err().code() {
                Some(code) => CallError::Refused {
                    code: code.to_owned(),
                    message: refused.err().message().unwrap_or("no message").to_owned(),
                    request: refused.err().request_id().unwrap_or("unknown").to_owned(),
                },
                // A proxy's page, for example.
                None => CallError::Answer(refused.raw().status().as_u16()),
            },
            SdkError::TimeoutError(_) => CallError::Timeout,
            SdkError::DispatchFailure(failure) => CallError::Connection(
                failure
                    .as_connector_error()
                    .map_or_else(|| causes(&error), |cause| causes(cause)),
            ),
            SdkError::ResponseError(answer) => CallError::Answer(answer.raw().status().as_u16()),
            other => CallError::Request(causes(other)),
        };
        LedgerError::Unavailable {
            action,
            source: Box::new(cause),
        }
    }
}

/// Waits before attempt `number` (from 1): twice as long each time up to two seconds, and never as long as another process that met the same wall.
pub(super) async fn back_off(number: u32) {
    const FIRST: u64 = 25;
    const LONGEST: u64 = 2000;
    let full = FIRST
        .saturating_mul(1 << number.saturating_sub(1).min(10))
        .min(LONGEST);
    let random = uuid::Uuid::now_v7().as_u64_pair().1 % (full / 2 + 1);
    tokio::time::sleep(Duration::from_millis(full / 2 + random)).await;
}
