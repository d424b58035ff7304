//! Whether a call was allowed.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    Denied,
}

/// Everything that is asked for in these tests exists, so that nothing but IAM has a reason to refuse. Each service has its
/// word for it.
pub(crate) fn verdict<T, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    result: Result<T, SdkError<E, R>>,
) -> Verdict {
    let Err(error) = result else {
        return Verdict::Allowed;
    };
    match error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
    {
        Some(
            "AccessDenied"
            | "AccessDeniedException"
            | "AuthorizationError"
            | "UnauthorizedOperation",
        ) => Verdict::Denied,
        _ => panic!("no verdict: {error:?}"),
    }
}
