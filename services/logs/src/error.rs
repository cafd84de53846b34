//! What can go wrong, and what it becomes on the wire.

use std::path::PathBuf;

use anabranch_control::ControlError;
use anabranch_protocol::{ApiError, ErrorKind, Violations};
use anabranch_storage::{Error, Failure, FailureKind};

use crate::pattern::InvalidPattern;

/// Why the log groups can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The directory can't be read, made or synced.
    #[error("directory of log groups {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the file system reported.
        source: std::io::Error,
    },
    /// The control store failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// Why something in the group's store did not go through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Log(#[from] Failure),
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The group was deleted meanwhile.
    #[error("the log group was deleted")]
    Deleted,
    /// The stream does not exist, or no longer.
    #[error("there is no such log stream")]
    NoStream,
    /// The stream exists already.
    #[error("there is such a log stream already")]
    StreamExists,
    /// All logs that may be open are in use.
    #[error("too many log groups are in use at once")]
    Busy,
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Log(error.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Deleted => group_not_found(),
            StoreError::NoStream => stream_not_found(),
            StoreError::StreamExists => already_exists("The specified log stream already exists"),
            StoreError::Log(Failure { kind: FailureKind::NoSpace { .. } | FailureKind::Exhausted, .. })
            | StoreError::Busy => service_unavailable(error.to_string()),
            StoreError::Log(_) | StoreError::Control(_) => {
                tracing::error!(%error, "a log group can't be read or written");
                service_unavailable("The service cannot complete the request.")
            }
        }
    }
}

impl From<InvalidPattern> for ApiError {
    fn from(error: InvalidPattern) -> Self {
        invalid_parameter(error.to_string())
    }
}

/// `InvalidParameterException`.
pub(crate) fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::invalid("InvalidParameterException", message)
}

/// `ServiceUnavailableException`.
pub(crate) fn service_unavailable(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, "ServiceUnavailableException", message)
}

/// `ResourceAlreadyExistsException`.
pub(crate) fn already_exists(message: &str) -> ApiError {
    ApiError::conflict("ResourceAlreadyExistsException", message)
}

/// `LimitExceededException`.
pub(crate) fn limit_exceeded() -> ApiError {
    ApiError::new(ErrorKind::LimitExceeded, "LimitExceededException", "Resource limit exceeded.")
}

pub(crate) fn not_found(message: &str) -> ApiError {
    ApiError::not_found("ResourceNotFoundException", message)
}

pub(crate) fn group_not_found() -> ApiError {
    not_found("The specified log group does not exist.")
}

pub(crate) fn stream_not_found() -> ApiError {
    not_found("The specified log stream does not exist.")
}

/// Ends a check: violations of the model are `InvalidParameterException` here.
pub(crate) fn finish(violations: Violations) -> Result<(), ApiError> {
    violations.finish().map_err(|error| invalid_parameter(error.message))
}
