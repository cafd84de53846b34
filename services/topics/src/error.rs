//! SNS's errors, in its words.

use anabranch_control::ControlError;
use anabranch_delivery::AcceptError;
use anabranch_protocol::{ApiError, ErrorKind};

/// `InvalidParameter`, whose message begins with what the code says.
pub(crate) fn invalid(what: impl std::fmt::Display) -> ApiError {
    ApiError::invalid("InvalidParameter", format!("Invalid parameter: {what}"))
}

/// A message attribute that can't be (`InvalidParameterValueException`).
pub(crate) fn invalid_value(message: impl Into<String>) -> ApiError {
    ApiError::invalid("ParameterValueInvalid", message)
}

/// A parameter that is not there.
pub(crate) fn missing(name: &str) -> ApiError {
    invalid(format_args!("{name} Reason: no value for required parameter"))
}

/// What SNS has and this program does not.
pub(crate) fn not_offered(what: &str) -> ApiError {
    invalid(format_args!("Anabranch does not support {what}"))
}

pub(crate) fn no_topic() -> ApiError {
    ApiError::not_found("NotFound", "Topic does not exist")
}

pub(crate) fn no_subscription() -> ApiError {
    ApiError::not_found("NotFound", "Subscription does not exist")
}

pub(crate) fn limit_exceeded(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::LimitExceeded, code, message)
}

pub(crate) fn internal(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Internal, "InternalError", message)
}

pub(crate) fn control_failure(error: &ControlError) -> ApiError {
    tracing::error!(%error, "control store");
    internal(format!("The control store failed: {error}"))
}

pub(crate) fn accept_failure(error: &AcceptError) -> ApiError {
    match error {
        AcceptError::Full { .. } => ApiError::throttled("Throttled", format!("Rate exceeded: {error}")),
        AcceptError::Store(error) => control_failure(error),
    }
}
