//! The exceptions of the service, in the words of AWS.

use anabranch_protocol::{ApiError, ErrorKind};

use crate::state::key::StreamKey;
use crate::state::status::{ConsumerStatus, StreamStatus};

pub(crate) fn stream_not_found(key: &StreamKey) -> ApiError {
    let message = format!("Stream {} not found.", key.under_account());
    ApiError::not_found("ResourceNotFoundException", message)
}

pub(crate) fn stream_exists(key: &StreamKey) -> ApiError {
    let message = format!("Stream {} already exists.", key.under_account());
    ApiError::conflict("ResourceInUseException", message)
}

pub(crate) fn not_active(key: &StreamKey, status: StreamStatus) -> ApiError {
    let message = format!("Stream {} not ACTIVE, instead in state {status}", key.under_account());
    ApiError::conflict("ResourceInUseException", message)
}

pub(crate) fn has_registered_consumers(key: &StreamKey) -> ApiError {
    let message = format!(
        "Stream {} has registered consumers. Deregister them, or set EnforceConsumerDeletion.",
        key.under_account()
    );
    ApiError::conflict("ResourceInUseException", message)
}

pub(crate) fn shard_not_found(shard_id: &str, key: &StreamKey) -> ApiError {
    let message = format!("Could not find shard {shard_id} in stream {}.", key.under_account());
    ApiError::not_found("ResourceNotFoundException", message)
}

/// What reading says of a shard whose id is well-formed, be it the shard or its stream that is missing.
pub(crate) fn shard_does_not_exist(shard_id: &str, key: &StreamKey) -> ApiError {
    let message = format!("Shard {shard_id} in stream {} does not exist", key.under_account());
    ApiError::not_found("ResourceNotFoundException", message)
}

/// `consumer` is an ARN or a name.
pub(crate) fn consumer_not_found(consumer: &str, key: &StreamKey) -> ApiError {
    let message = format!("Consumer {consumer}, account {} not found.", key.account_id);
    ApiError::not_found("ResourceNotFoundException", message)
}

pub(crate) fn subscription_exists(consumer_arn: &str) -> ApiError {
    let message = format!("Another active subscription exists for this consumer: {consumer_arn}");
    ApiError::conflict("ResourceInUseException", message)
}

/// `resource` is a name such as `stream clicks`.
pub(crate) fn resource_not_active(resource: &str, status: ConsumerStatus) -> ApiError {
    ApiError::conflict("ResourceInUseException", format!("The {resource} is not ACTIVE, instead in state {status}"))
}

pub(crate) fn invalid_argument(message: impl Into<String>) -> ApiError {
    ApiError::invalid("InvalidArgumentException", message)
}

pub(crate) fn limit_exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::LimitExceeded, "LimitExceededException", message)
}

pub(crate) fn rate_exceeded(shard_id: &str, key: &StreamKey) -> ApiError {
    let message = format!("Rate exceeded for shard {shard_id} in stream {}.", key.under_account());
    ApiError::throttled("ProvisionedThroughputExceededException", message)
}

/// Too many calls of an operation.
pub(crate) fn call_rate_exceeded(message: impl Into<String>) -> ApiError {
    ApiError::throttled("LimitExceededException", message)
}

pub(crate) fn shard_limit(limit: i64) -> ApiError {
    limit_exceeded(format!("Target shard count or number of open shards cannot be greater than {limit}."))
}

/// A failure of the control store; the server's log says more.
pub(crate) fn control_failure(error: &anabranch_control::ControlError) -> ApiError {
    tracing::error!(%error, "control state of a stream");
    ApiError::internal(error.to_string())
}

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Control state can't be read or written.
    #[error(transparent)]
    Control(#[from] anabranch_control::ControlError),
    /// The directory can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
