//! What can go wrong, and what it becomes on the wire.

use std::path::PathBuf;

use anabranch_control::ControlError;
use anabranch_protocol::{Account, ApiError, ErrorKind};
use anabranch_storage::{Failure, FailureKind};
use serde_json::{Map, Value, json};
use tokio::task::JoinError;

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

/// Why there is no such delivery stream for a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Firehose {name} under account {account} not found.")]
pub(crate) struct NotFound {
    pub(crate) name: String,
    pub(crate) account: Account,
}

/// Why a delivery stream could not be made or deleted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    Open(#[from] FirehoseError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the change did not end: {0}")]
    Task(#[from] JoinError),
}

/// Why records were not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    /// Its source is not for puts.
    #[cfg_attr(not(test), expect(dead_code, reason = "direct put is the only source, and takes them"))]
    #[error("This operation is not permitted on {0} delivery stream type.")]
    NotPermitted(&'static str),
    #[error(transparent)]
    Log(#[from] Failure),
}

// The answers: every error of this crate becomes one here.

const LOG_FAILED: &str = "The log of the delivery stream failed; the server's log says why. Send the request again.";

impl From<NotFound> for ApiError {
    fn from(error: NotFound) -> Self {
        Self::not_found("ResourceNotFoundException", error.to_string())
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Open(FirehoseError::Log { source, .. }) => log_failure(&source.into()),
            ChangeError::Control(error) => {
                tracing::error!(%error, "control store");
                unavailable(LOG_FAILED)
            }
            other => unavailable(other.to_string()),
        }
    }
}

impl From<PutError> for ApiError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::NotPermitted(_) => invalid_argument(error.to_string()),
            PutError::Log(error) => log_failure(&error),
        }
    }
}

fn log_failure(failure: &Failure) -> ApiError {
    match failure.kind {
        FailureKind::NoSpace { .. } => {
            unavailable("The disk is full: no record was stored. Free some space and send the request again.")
        }
        _ => {
            tracing::error!(error = %failure, "log");
            unavailable(LOG_FAILED)
        }
    }
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
fn unavailable(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, "ServiceUnavailableException", message)
}

/// Refuses members by name, except those that say what is so anyway. `parent` is empty for those of
/// the request itself.
pub(crate) fn refuse_others(others: &Map<String, Value>, parent: &str) -> Result<(), ApiError> {
    let says_nothing = |name: &str, value: &Value| match name {
        "EncryptionConfiguration" => *value == json!({ "NoEncryptionConfig": "NoEncryption" }),
        "S3BackupMode" => *value == json!("Disabled"),
        "CloudWatchLoggingOptions"
        | "ProcessingConfiguration"
        | "DynamicPartitioningConfiguration"
        | "DataFormatConversionConfiguration" => value.get("Enabled") == Some(&Value::Bool(false)),
        _ => false,
    };
    match others.iter().find(|(name, value)| !value.is_null() && !says_nothing(name, value)) {
        Some((name, _)) if parent.is_empty() => Err(unsupported(name)),
        Some((name, _)) => Err(unsupported(&format!("{name} in {parent}"))),
        None => Ok(()),
    }
}
