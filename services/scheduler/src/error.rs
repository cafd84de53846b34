//! What can go wrong, and what it becomes on the wire.

use anabranch_control::ControlError;
use anabranch_protocol::{ApiError, ErrorKind, ModelledError};

/// Why Scheduler can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The control store failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A stored schedule can't be read by this program.
    #[error("schedule {arn}: {reason}")]
    Schedule {
        /// The schedule.
        arn: String,
        /// Why.
        reason: String,
    },
}

/// The exceptions of the service model.
pub(crate) const EXCEPTIONS: &[ModelledError] = &[
    exception("ConflictException", 409),
    exception("InternalServerException", 500),
    exception("ResourceNotFoundException", 404),
    exception("ServiceQuotaExceededException", 402),
    exception("ThrottlingException", 429),
    exception("ValidationException", 400),
];

const fn exception(code: &'static str, status: u16) -> ModelledError {
    ModelledError { code, status, message_member: "Message" }
}

pub(crate) fn no_schedule(name: &str) -> ApiError {
    ApiError::not_found("ResourceNotFoundException", format!("Schedule {name} does not exist."))
}

pub(crate) fn no_group(name: &str) -> ApiError {
    ApiError::not_found("ResourceNotFoundException", format!("Schedule group {name} does not exist."))
}

pub(crate) fn conflict(message: impl Into<String>) -> ApiError {
    ApiError::conflict("ConflictException", message)
}

pub(crate) fn quota_exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::LimitExceeded, "ServiceQuotaExceededException", message)
}

/// The control store failed; SDKs send the request again.
pub(crate) fn store_failed(error: &ControlError) -> ApiError {
    tracing::error!(%error, "control store");
    let message = "The state of Scheduler could not be stored; the server's log says why. Send the request again.";
    ApiError::new(ErrorKind::Unavailable, "InternalServerException", message)
}
