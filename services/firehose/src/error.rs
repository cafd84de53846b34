//! What can go wrong on opening, and the exceptions that several operations share.

use std::path::PathBuf;

use anabranch_control::ControlError;
use anabranch_protocol::{Account, ApiError, ErrorKind};
use anabranch_storage::{Failure, FailureKind};

/// Why the delivery streams can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum FirehoseError {
    /// The directory can't be read, made or synced.
    #[error("firehose directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the file system reported.
        source: std::io::Error,
    },
    /// The control store failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A delivery stream's log can't be opened.
    #[error("log of delivery stream {stream} in {path}: {source}")]
    Log {
        /// The delivery stream.
        stream: String,
        /// The log's directory.
        path: PathBuf,
        /// What the log reported.
        source: anabranch_storage::Error,
    },
    /// The log ends before the place up to which the control store says it was delivered.
    #[error(
        "log of delivery stream {stream} in {path} ends at position {end}, but objects were made of it up to \
         {reached}: the log and the control store do not belong together"
    )]
    Disagree {
        /// The delivery stream.
        stream: String,
        /// The log's directory.
        path: PathBuf,
        /// End of the log.
        end: u64,
        /// Position up to which objects were delivered or planned.
        reached: u64,
    },
}

/// The answer for a delivery stream that does not exist.
pub(crate) fn not_found(name: &str, account: Account) -> ApiError {
    ApiError::not_found("ResourceNotFoundException", format!("Firehose {name} under account {account} not found."))
}

/// The answer to an argument that fits the model but makes no sense.
pub(crate) fn invalid_argument(message: impl Into<String>) -> ApiError {
    ApiError::invalid("InvalidArgumentException", message)
}

/// The answer to a member of the API that is not offered here.
pub(crate) fn unsupported(member: &str) -> ApiError {
    invalid_argument(format!("{member} is not supported by Anabranch"))
}

/// The answer when the disk fails or is full; SDKs send the request again.
pub(crate) fn unavailable(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, "ServiceUnavailableException", message)
}

/// The answer when the control store fails.
pub(crate) fn control(error: &ControlError) -> ApiError {
    tracing::error!(%error, "control store");
    unavailable("The log of the delivery stream failed; the server's log says why. Send the request again.")
}

/// The answer when a log does not take records.
pub(crate) fn log(failure: &Failure) -> ApiError {
    match failure.kind {
        FailureKind::NoSpace { .. } => {
            unavailable("The disk is full: no record was stored. Free some space and send the request again.")
        }
        _ => {
            tracing::error!(error = %failure, "log");
            unavailable("The log of the delivery stream failed; the server's log says why. Send the request again.")
        }
    }
}
