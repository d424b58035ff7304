//! What AWS answers instead of doing it.

use std::time::Duration;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use remediate_core::fault::{Fault, FaultClass, causes};

/// Why a call was not answered as hoped. Names the call and the resource.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The resource is not there (any more).
    #[error("{what}: {call}: it does not exist ({code})")]
    Missing {
        call: &'static str,
        what: String,
        code: String,
    },
    /// It is in another region; S3 says in which, if it does.
    #[error("{what}: {call}: it is in another region{}", .region.as_ref().map(|region| format!(", {region}")).unwrap_or_default())]
    Elsewhere {
        call: &'static str,
        what: String,
        region: Option<String>,
    },
    /// The role, a key policy or a service control policy does not allow it.
    #[error("{what}: {call} is not allowed ({code}): {message}")]
    Denied {
        call: &'static str,
        what: String,
        code: String,
        message: String,
    },
    /// There are no credentials that AWS knows.
    #[error("{call}: the credentials are not accepted ({code}): {message}")]
    Credentials {
        call: &'static str,
        code: String,
        message: String,
    },
    /// Too many calls; retried as often as the SDK does, and still refused.
    #[error("{what}: {call} is throttled ({code}), also after retrying")]
    Throttled {
        call: &'static str,
        what: String,
        code: String,
    },
    /// The resource is busy or in a state in which it does not take this.
    #[error("{what}: {call}: not in this state ({code}): {message}")]
    Busy {
        call: &'static str,
        what: String,
        code: String,
        message: String,
    },
    /// Refused for what it asks; asking again will not help.
    #[error("{what}: {call} was refused ({code}): {message}")]
    Refused {
        call: &'static str,
        what: String,
        code: String,
        message: String,
    },
    /// The service failed, or its answer was not one.
    #[error("{what}: {call}: the service failed: {message}")]
    Service {
        call: &'static str,
        what: String,
        message: String,
    },
    /// No answer came. A call that writes may have been carried out.
    #[error("{what}: {call}: no answer: {message}")]
    Unanswered {
        call: &'static str,
        what: String,
        message: String,
    },
    /// The answer lacks what the service's description promises.
    #[error("{what}: {call}: the answer has no {lacking}")]
    Incomplete {
        call: &'static str,
        what: String,
        lacking: &'static str,
    },
    /// What the ledger holds was not written by this version.
    #[error("{0}")]
    Unreadable(String),
}

impl Fault for AwsError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Missing { .. }
            | Self::Elsewhere { .. }
            | Self::Denied { .. }
            | Self::Refused { .. }
            | Self::Incomplete { .. }
            | Self::Unreadable(_) => FaultClass::Permanent,
            Self::Credentials { .. } => FaultClass::Configuration,
            Self::Throttled { .. } => FaultClass::Transient {
                after: Some(Duration::from_secs(30)),
            },
            Self::Busy { .. } => FaultClass::Transient {
                after: Some(Duration::from_secs(60)),
            },
            Self::Service { .. } => FaultClass::Ambiguous { after: None },
            Self::Unanswered { .. } => FaultClass::Ambiguous { after: None },
        }
    }
}

/// Codes that mean "too fast", over all services.
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "SlowDown",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "LimitExceededException",
];
/// Codes that mean "may not".
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
    "UnauthorizedException",
    "AllAccessDisabled",
    "InsufficientDeliveryPolicyException",
    "KMS.AccessDeniedException",
    "KMSAccessDenied",
];
/// Codes that mean "I do not know you".
const CREDENTIALS: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "ExpiredToken",
    "ExpiredTokenException",
    "AuthFailure",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
];

impl AwsError {
    /// Reads an SDK's error. `call` is `service:Operation`, `what` the resource as a person names it (`bucket reports`).
    ///
    /// Retrying is the SDK's work (three attempts with backoff); what arrives here stayed wrong.
    pub fn of<E>(call: &'static str, what: impl Into<String>, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let what = what.into();
        let Some(service) = error.as_service_error() else {
            return Self::Unanswered {
                call,
                what,
                message: causes(error),
            };
        };
        if service.code().is_none()
            && let Some(response) = error.raw_response()
        {
            let status = response.status();
            return Self::Service {
                call,
                what,
                message: format!("HTTP {status}, and the answer is no error of the service"),
            };
        }
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self::from_code(call, what, text(service.code()), text(service.message()))
    }

    /// Reads a service's error code, as it also comes inside an answer that is none (`Unsuccessful` of EC2).
    pub fn from_code(
        call: &'static str,
        what: impl Into<String>,
        code: String,
        message: String,
    ) -> Self {
        let what = what.into();
        let is = |codes: &[&str]| codes.contains(&code.as_str());
        if is(THROTTLED) {
            Self::Throttled { call, what, code }
        } else if is(DENIED) {
            Self::Denied {
                call,
                what,
                code,
                message,
            }
        } else if is(CREDENTIALS) {
            Self::Credentials {
                call,
                code,
                message,
            }
        } else if is_missing(&code) {
            Self::Missing { call, what, code }
        } else if is_busy(&code) {
            Self::Busy {
                call,
                what,
                code,
                message,
            }
        } else if code.is_empty() || is_internal(&code) {
            Self::Service {
                call,
                what,
                message: if code.is_empty() {
                    "the answer is no error of the service".to_owned()
                } else {
                    format!("{code}: {message}")
                },
            }
        } else {
            Self::Refused {
                call,
                what,
                code,
                message,
            }
        }
    }

    /// The service's error code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Missing { code, .. }
            | Self::Denied { code, .. }
            | Self::Credentials { code, .. }
            | Self::Throttled { code, .. }
            | Self::Busy { code, .. }
            | Self::Refused { code, .. } => Some(code),
            Self::Elsewhere { .. }
            | Self::Service { .. }
            | Self::Unanswered { .. }
            | Self::Incomplete { .. }
            | Self::Unreadable(_) => None,
        }
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// Every service has its own words for it: `NoSuchBucket`, `InvalidGroup.NotFound`, `DBInstanceNotFoundFault`, `ResourceNotFoundException`.
fn is_missing(code: &str) -> bool {
    code.starts_with("NoSuch")
        || code.contains("NotFound")
        || code.ends_with("NonExistentQueue")
        || code == "QueueDoesNotExist"
        || code == "404"
}

/// `OperationAborted` (S3), `IncorrectState` (EC2), `InvalidDBInstanceState` (RDS), `InvalidClusterState` (Redshift), `ResourceInUseException`.
fn is_busy(code: &str) -> bool {
    matches!(
        code,
        "OperationAborted"
            | "IncorrectState"
            | "ConcurrentModification"
            | "ConcurrentModificationException"
            | "ResourceInUseException"
            | "ResourceConflictException"
            | "OperationInProgressException"
            | "KMSInvalidStateException"
    ) || ((code.starts_with("Invalid") || code.ends_with("Fault")) && code.contains("State"))
}

fn is_internal(code: &str) -> bool {
    matches!(
        code,
        "InternalError"
            | "InternalFailure"
            | "InternalServerError"
            | "ServerInternal"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "Unavailable"
            | "KMSInternalException"
            | "ServiceException"
            | "ServiceFailure"
    )
}
