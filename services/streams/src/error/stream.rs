//! Why a stream is not found, made or changed.

use super::failure::{ControlFailure, LogFailure};
use crate::state::key::StreamKey;
use crate::state::status::StreamStatus;

#[derive(Debug, thiserror::Error)]
#[error("Stream {} not found.", .0.under_account())]
pub(crate) struct StreamNotFound(pub(crate) StreamKey);

#[derive(Debug, thiserror::Error)]
#[error("Stream {} not ACTIVE, instead in state {status}", .key.under_account())]
pub(crate) struct NotActive {
    pub(crate) key: StreamKey,
    pub(crate) status: StreamStatus,
}

/// A request's names of a stream name none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("Either StreamName or StreamARN must be provided.")]
    Unnamed,
    #[error("StreamName and StreamARN do not name the same stream. Provide one of them, or matching ones.")]
    Ambiguous,
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
}

/// Why a stream was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("Stream {} already exists.", .0.under_account())]
    Exists(StreamKey),
    #[error(transparent)]
    Log(#[from] LogFailure),
    #[error(transparent)]
    Control(#[from] ControlFailure),
}

/// Why a stream can't be changed now, whatever the change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    #[error(transparent)]
    NotActive(#[from] NotActive),
    /// Shards of on-demand streams are not changed by hand.
    #[error("Request is invalid. Stream {} is in On-Demand mode.", .0.under_account())]
    OnDemand(StreamKey),
    #[error(transparent)]
    Log(#[from] LogFailure),
    #[error(transparent)]
    Control(#[from] ControlFailure),
}

/// Why a stream's records can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    /// It was deleted meanwhile.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    #[error(transparent)]
    Log(#[from] LogFailure),
}

impl From<AccessError> for ChangeError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound(error) => Self::NotFound(error),
            AccessError::Log(error) => Self::Log(error),
        }
    }
}

/// Why a stream was not deleted.
#[derive(Debug, thiserror::Error)]
#[error("Stream {} has registered consumers. Deregister them, or set EnforceConsumerDeletion.", .0.under_account())]
pub(crate) struct HasConsumers(pub(crate) StreamKey);
