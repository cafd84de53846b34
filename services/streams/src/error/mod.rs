//! What the service refuses or fails at, and in which words clients are told.
//!
//! Each part of the service fails with a type of its own that says what happened. [`Error`] is any
//! of them: what an operation comes to. How a type shows itself is AWS's message, and
//! `exception.rs` says which exception of the service model it is; nowhere else is either decided.

mod attached;
mod consumer;
mod exception;
mod failure;
mod open;
mod quota;
mod reading;
mod request;
mod shard;
mod stream;

use anabranch_ports::PortError;
use anabranch_protocol::ApiError;

pub(crate) use attached::{PolicyError, TagError};
pub(crate) use consumer::{ConsumerNotActive, ConsumerNotFound, RegisterError, SubscriptionExists};
pub(crate) use failure::{ControlFailure, LogFailure};
pub use open::OpenError;
pub(crate) use quota::{
    AccountQuotaExceeded, CallRateExceeded, DailyLimitExceeded, ShardRateExceeded, WarmThroughputError,
};
pub(crate) use reading::{IteratorError, StartError};
pub(crate) use request::RequestError;
pub(crate) use shard::{ReshardError, ScaleError, ScaleRefusal, ShardNotFound};
pub(crate) use stream::{AccessError, AddressError, ChangeError, CreateError, HasConsumers, NotActive, StreamNotFound};

/// Why an operation was not performed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What the protocol refuses: a body that can't be read, values that violate the service model.
    #[error(transparent)]
    Protocol(#[from] ApiError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    StreamNotFound(#[from] StreamNotFound),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Create(#[from] CreateError),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    HasConsumers(#[from] HasConsumers),
    #[error(transparent)]
    ShardNotFound(#[from] ShardNotFound),
    #[error(transparent)]
    Reshard(#[from] ReshardError),
    #[error(transparent)]
    Scale(#[from] ScaleError),
    #[error(transparent)]
    Iterator(#[from] IteratorError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    ConsumerNotFound(#[from] ConsumerNotFound),
    #[error(transparent)]
    ConsumerNotActive(#[from] ConsumerNotActive),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Subscription(#[from] SubscriptionExists),
    #[error(transparent)]
    Tag(#[from] TagError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    AccountQuota(#[from] AccountQuotaExceeded),
    #[error(transparent)]
    WarmThroughput(#[from] WarmThroughputError),
    #[error(transparent)]
    DailyLimit(#[from] DailyLimitExceeded),
    #[error(transparent)]
    ShardRate(#[from] ShardRateExceeded),
    #[error(transparent)]
    CallRate(#[from] CallRateExceeded),
    #[error(transparent)]
    Log(#[from] LogFailure),
    #[error(transparent)]
    Control(#[from] ControlFailure),
}

/// An error as another service of the program gets it.
pub(crate) fn port_error(error: impl Into<Error>) -> PortError {
    ApiError::from(error.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every call's outcome has room for one.
    #[test]
    fn an_error_is_small() {
        assert!(size_of::<Error>() <= 128, "{}", size_of::<Error>());
    }
}
