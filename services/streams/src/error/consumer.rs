//! What is refused of consumers and their subscriptions.

use anabranch_protocol::Account;

use crate::limits::CONSUMERS_CREATING_MAX;
use crate::state::key::StreamKey;
use crate::state::status::ConsumerStatus;

/// `consumer` is an ARN or a name.
#[derive(Debug, thiserror::Error)]
#[error("Consumer {consumer}, account {account} not found.")]
pub(crate) struct ConsumerNotFound {
    pub(crate) consumer: String,
    pub(crate) account: Account,
}

/// Why a consumer was not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error("Consumer {name} under stream {} already exists for account {}.", .key.arn(), .key.account_id)]
    Exists { name: String, key: StreamKey },
    #[error("Stream {stream} has the {limit} consumers that it may have.")]
    TooMany { stream: String, limit: usize },
    #[error("{CONSUMERS_CREATING_MAX} consumers are being created already.")]
    TooManyCreating,
}

/// The ARN is that of a consumer that is not ACTIVE.
#[derive(Debug, thiserror::Error)]
#[error("The consumer {arn} is not ACTIVE, instead in state {status}")]
pub(crate) struct ConsumerNotActive {
    pub(crate) arn: String,
    pub(crate) status: ConsumerStatus,
}

/// The consumer's ARN: it is subscribed to the shard already, or someone else took over.
#[derive(Debug, thiserror::Error)]
#[error("Another active subscription exists for this consumer: {0}")]
pub(crate) struct SubscriptionExists(pub(crate) String);
