//! What can go wrong on opening, and how the engine's errors read on the wire.

use std::path::PathBuf;

use anabranch_protocol::{ApiError, Fault};
use dynoxide::DynoxideError;
use serde_json::Value;

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
}

/// DynamoDB's name for a failure of the service.
const INTERNAL_SERVER_ERROR: &str = "com.amazonaws.dynamodb.v20120810#InternalServerError";

/// The engine's error under DynamoDB's name for it, with the members the model gives it.
pub(crate) fn to_api(error: DynoxideError) -> ApiError {
    let (code, message) = (error.error_type(), error.to_string());
    match error {
        DynoxideError::ConditionalCheckFailedException(_, Some(item))
        | DynoxideError::StatementConditionalCheckFailed(_, item) => match serde_json::to_value(&item) {
            Ok(item) => ApiError::client(code, message).with_detail("Item", item),
            Err(error) => internal(&error.to_string()),
        },
        DynoxideError::TransactionCanceledException(_, reasons) => match serde_json::to_value(&reasons) {
            // The model spells this exception's message with a capital letter.
            Ok(reasons) => ApiError::client(code, message.clone())
                .with_detail("Message", Value::from(message))
                .with_detail("CancellationReasons", reasons),
            Err(error) => internal(&error.to_string()),
        },
        _ if error.status_code() < 500 => ApiError::client(code, message),
        _ if message.contains("disk is full") => {
            internal("The disk is full: nothing was written. Free some space and send the request again.")
        }
        _ => {
            tracing::error!(code, message, "the table engine failed");
            internal(&message)
        }
    }
}

/// A failure of ours; SDKs send the request again.
pub(crate) fn internal(message: &str) -> ApiError {
    ApiError { code: INTERNAL_SERVER_ERROR, fault: Fault::Server, ..ApiError::internal(message) }
}

/// The answer to calls while the service shuts down.
pub(crate) fn closed() -> ApiError {
    internal("The tables are shutting down.")
}

/// The answer when too many calls wait already.
pub(crate) fn too_busy() -> ApiError {
    ApiError::client(
        "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded",
        "Throughput exceeds the current throughput limit for your account: too many requests are waiting.",
    )
}
