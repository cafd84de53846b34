//! What can go wrong on opening, and how the engine's errors read on the wire.

use std::fmt::Display;
use std::path::PathBuf;

use anabranch_protocol::{ApiError, ErrorKind};
use dynoxide::DynoxideError;
use serde_json::Value;

use crate::wording::{is_full_disk, reworded};

/// Why the tables can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The directory can't be made or synced.
    #[error("tables directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the file system reported.
        source: std::io::Error,
    },
    /// The database can't be opened, is damaged, or was written by a newer version.
    #[error("tables database {path}: {reason}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the engine reported.
        reason: String,
    },
    /// The database is not the one that was made here.
    #[error(
        "tables database {path} is {state}, though one was made here: put it back from a backup, or remove {id_path} \
         and what is left of it to begin without tables"
    )]
    Lost {
        /// The database file.
        path: PathBuf,
        /// What it is instead.
        state: &'static str,
        /// The file that tells which database was made here.
        id_path: PathBuf,
    },
}

/// DynamoDB's name for a failure of the service.
const INTERNAL_SERVER_ERROR: &str = "com.amazonaws.dynamodb.v20120810#InternalServerError";

/// The engine's error under DynamoDB's name for it, with the members the model gives it.
pub(crate) fn to_api(error: DynoxideError) -> ApiError {
    let (code, message) = (error.error_type(), error.to_string());
    match error {
        DynoxideError::ConditionalCheckFailedException(_, Some(item))
        | DynoxideError::StatementConditionalCheckFailed(_, item) => match serde_json::to_value(&item) {
            Ok(item) => ApiError::invalid(code, message).with_detail("Item", item),
            Err(error) => internal(&error),
        },
        DynoxideError::TransactionCanceledException(_, reasons) => match serde_json::to_value(&reasons) {
            // The model spells this exception's message with a capital letter.
            Ok(reasons) => ApiError::invalid(code, message.clone())
                .with_detail("Message", Value::from(message))
                .with_detail("CancellationReasons", reasons),
            Err(error) => internal(&error),
        },
        error if error.status_code() < 500 => ApiError::new(kind(&error), code, bounded(reworded(&message))),
        _ if is_full_disk(&message) => {
            failed("The disk is full: nothing was written. Free some space and send the request again.")
        }
        _ => internal(&format_args!("{code}: {message}")),
    }
}

/// What the engine's refusal is, beside its name.
fn kind(error: &DynoxideError) -> ErrorKind {
    match error {
        DynoxideError::ResourceNotFoundException(_) => ErrorKind::NotFound,
        DynoxideError::ResourceInUseException(_) | DynoxideError::DuplicateItemException(_) => ErrorKind::Conflict,
        DynoxideError::ProvisionedThroughputExceededException(_) => ErrorKind::Throttled,
        DynoxideError::LimitExceededException(_) => ErrorKind::LimitExceeded,
        DynoxideError::AccessDeniedException(_) => ErrorKind::AccessDenied,
        DynoxideError::SerializationException(_) => ErrorKind::Serialization,
        _ => ErrorKind::Invalid,
    }
}

/// A failure of ours; SDKs send the request again. Its cause may name files and other parts of the
/// works, so it goes to the log.
pub(crate) fn internal(cause: &dyn Display) -> ApiError {
    tracing::error!(%cause, "the table engine failed");
    failed("Internal server error")
}

/// A failure of ours in words for the caller.
pub(crate) fn failed(message: &str) -> ApiError {
    ApiError::new(ErrorKind::Internal, INTERNAL_SERVER_ERROR, message)
}

/// Bytes of an error message, which may repeat what was sent.
const MESSAGE_BYTES_MAX: usize = 8 << 10;

/// Cuts a message that repeats too much of the request.
pub(crate) fn bounded(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        message.push('…');
    }
    message
}

/// The answer to calls while the service shuts down.
pub(crate) fn closed() -> ApiError {
    failed("The tables are shutting down.")
}

/// The answer when too many calls wait already.
pub(crate) fn too_busy() -> ApiError {
    ApiError::throttled(
        "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded",
        "Throughput exceeds the current throughput limit for your account: too many requests are waiting.",
    )
}

/// A `ValidationException`.
pub(crate) fn validation(message: &str) -> ApiError {
    ApiError::invalid("com.amazon.coral.validate#ValidationException", bounded(message.to_string()))
}

/// A `SerializationException`.
pub(crate) fn serialization(message: &str) -> ApiError {
    ApiError::new(
        ErrorKind::Serialization,
        "com.amazon.coral.service#SerializationException",
        bounded(message.to_string()),
    )
}

/// Why a call failed: the database said so, or the request was wrong.
pub(crate) enum CallError {
    Database(dynoxide::DynoxideError),
    Api(ApiError),
}

impl From<dynoxide::DynoxideError> for CallError {
    fn from(error: dynoxide::DynoxideError) -> Self {
        Self::Database(error)
    }
}

impl From<ApiError> for CallError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// `TableName` as `tableName`, as messages name members.
pub(crate) fn lower_camel(field: &str) -> String {
    let mut letters = field.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
