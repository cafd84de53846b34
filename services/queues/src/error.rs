//! What can go wrong, and what it becomes on the wire.

use std::path::PathBuf;

use anabranch_control::ControlError;
use anabranch_protocol::{ApiError, ErrorKind};
use anabranch_storage::{Failure, FailureKind};

/// Why the queues can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum QueuesError {
    /// The control store failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The log can't be opened or read.
    #[error("log of the queues in {path}: {reason}")]
    Log {
        /// The log's directory.
        path: PathBuf,
        /// What the log reported.
        reason: String,
    },
    /// A record of the log is not one that this version writes.
    #[error("log of the queues in {path}, position {position}: not a record of this version")]
    Record {
        /// The log's directory.
        path: PathBuf,
        /// Where it is.
        position: u64,
    },
}

macro_rules! codes {
    ($($(#[$attribute:meta])* $name:ident $json:literal $query:literal;)+) => {
        $($(#[$attribute])* pub(crate) const $name: &str = $json;)+

        /// The codes of the Query protocol, by the names of the JSON protocol.
        pub(crate) const QUERY_CODES: &[(&str, &str)] = &[$(($json, $query)),+];
    };
}

codes! {
    QUEUE_DOES_NOT_EXIST "com.amazonaws.sqs#QueueDoesNotExist" "AWS.SimpleQueueService.NonExistentQueue";
    QUEUE_DELETED_RECENTLY "com.amazonaws.sqs#QueueDeletedRecently" "AWS.SimpleQueueService.QueueDeletedRecently";
    QUEUE_NAME_EXISTS "com.amazonaws.sqs#QueueNameExists" "QueueAlreadyExists";
    PURGE_QUEUE_IN_PROGRESS "com.amazonaws.sqs#PurgeQueueInProgress" "AWS.SimpleQueueService.PurgeQueueInProgress";
    TOO_MANY_ENTRIES "com.amazonaws.sqs#TooManyEntriesInBatchRequest" "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
    EMPTY_BATCH "com.amazonaws.sqs#EmptyBatchRequest" "AWS.SimpleQueueService.EmptyBatchRequest";
    IDS_NOT_DISTINCT "com.amazonaws.sqs#BatchEntryIdsNotDistinct" "AWS.SimpleQueueService.BatchEntryIdsNotDistinct";
    INVALID_BATCH_ENTRY_ID "com.amazonaws.sqs#InvalidBatchEntryId" "AWS.SimpleQueueService.InvalidBatchEntryId";
    BATCH_TOO_LONG "com.amazonaws.sqs#BatchRequestTooLong" "AWS.SimpleQueueService.BatchRequestTooLong";
    MESSAGE_NOT_IN_FLIGHT "com.amazonaws.sqs#MessageNotInflight" "AWS.SimpleQueueService.MessageNotInflight";
    INVALID_MESSAGE_CONTENTS "com.amazonaws.sqs#InvalidMessageContents" "InvalidMessageContents";
    RECEIPT_HANDLE_IS_INVALID "com.amazonaws.sqs#ReceiptHandleIsInvalid" "ReceiptHandleIsInvalid";
    INVALID_ATTRIBUTE_NAME "com.amazonaws.sqs#InvalidAttributeName" "InvalidAttributeName";
    INVALID_ATTRIBUTE_VALUE "com.amazonaws.sqs#InvalidAttributeValue" "InvalidAttributeValue";
    INVALID_ADDRESS "com.amazonaws.sqs#InvalidAddress" "InvalidAddress";
    OVER_LIMIT "com.amazonaws.sqs#OverLimit" "OverLimit";
    RESOURCE_NOT_FOUND "com.amazonaws.sqs#ResourceNotFoundException" "ResourceNotFoundException";
    INVALID_PARAMETER_VALUE "com.amazon.coral.service#InvalidParameterValueException" "InvalidParameterValue";
    MISSING_PARAMETER "com.amazon.coral.service#MissingRequiredParameterException" "MissingParameter";
    SERVICE_UNAVAILABLE "com.amazon.coral.service#ServiceUnavailableException" "ServiceUnavailable";
}

/// The code of an entry's failure in a batch, which is the Query protocol's in every wire.
pub(crate) fn entry_code(error: &ApiError) -> &'static str {
    QUERY_CODES.iter().find(|(json, _)| *json == error.code).map_or(error.code, |(_, query)| query)
}

pub(crate) fn no_such_queue() -> ApiError {
    ApiError::not_found(QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.")
}

pub(crate) fn missing(parameter: &str) -> ApiError {
    ApiError::invalid(MISSING_PARAMETER, format!("The request must contain the parameter {parameter}."))
}

pub(crate) fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::invalid(INVALID_PARAMETER_VALUE, message)
}

/// A parameter whose value is not allowed, and why.
pub(crate) fn invalid_value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> ApiError {
    let value = anabranch_protocol::Clipped(value);
    invalid_parameter(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

pub(crate) fn invalid_attribute(name: &str) -> ApiError {
    ApiError::invalid(INVALID_ATTRIBUTE_VALUE, format!("Invalid value for the parameter {name}."))
}

pub(crate) fn bad_receipt_handle(handle: &str) -> ApiError {
    let handle = anabranch_protocol::Clipped(handle);
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    ApiError::invalid(RECEIPT_HANDLE_IS_INVALID, message)
}

/// The answer when the disk fails or is full; SDKs send the request again.
pub(crate) fn unavailable(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, SERVICE_UNAVAILABLE, message)
}

/// The answer when the log did not take something.
pub(crate) fn log_failure(failure: &Failure) -> ApiError {
    match failure.kind {
        FailureKind::NoSpace { .. } => {
            unavailable("The disk is full: nothing was changed. Free some space and send the request again.")
        }
        _ => {
            tracing::error!(error = %failure, "log of the queues");
            unavailable("The log of the queues failed; the server's log says why. Send the request again.")
        }
    }
}

/// The answer when control state could not be changed.
pub(crate) fn control_failure(error: &ControlError) -> ApiError {
    tracing::error!(%error, "control store");
    unavailable("The control store failed; the server's log says why. Send the request again.")
}
