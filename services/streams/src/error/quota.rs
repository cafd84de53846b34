//! Quotas that are used up, and rates that are exceeded.

use anabranch_protocol::{Account, Region};

use super::failure::ControlFailure;
use crate::limits::{
    ACCOUNT_SHARDS, ENCRYPTION_CHANGES_A_DAY, MODE_SWITCHES_A_DAY, ON_DEMAND_STREAMS, SCALINGS_A_DAY,
    WARM_THROUGHPUT_MIBPS_MAX,
};
use crate::shard::ShardId;
use crate::state::key::StreamKey;

/// What an account has in a region would be more than it may have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountQuotaExceeded {
    #[error(
        "This request would exceed the shard limit for the account {account} in {region}. Current shard count for the \
         account: {current}. Limit: {ACCOUNT_SHARDS}. Number of additional shards that would have resulted from this \
         request: {additional}. Refer to the AWS Service Limits page \
         (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to \
         request higher limits."
    )]
    Shards { account: Account, region: Region, current: usize, additional: u32 },
    #[error(
        "This request would exceed the on-demand stream limit for the account {account} in {region}. Current on-demand \
         stream count for the account: {current}. Limit: {ON_DEMAND_STREAMS}."
    )]
    OnDemandStreams { account: Account, region: Region, current: usize },
}

/// Why a stream can't be warm for what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WarmThroughputError {
    #[error("WarmThroughputMiBps is only supported for streams in ON_DEMAND mode.")]
    Provisioned,
    #[error(
        "WarmThroughputMiBps is only supported for accounts that have MinimumThroughputBillingCommitment enabled, \
         which account {0} has not."
    )]
    NoCommitment(Account),
    #[error("WarmThroughputMiBps {0} is greater than {WARM_THROUGHPUT_MIBPS_MAX}, the most of a stream.")]
    TooMuch(i64),
    #[error(transparent)]
    Control(#[from] ControlFailure),
}

/// The stream was changed in this way as often as it may be within a day.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DailyLimitExceeded {
    #[error("Stream {stream} can be scaled at most {SCALINGS_A_DAY} times within 24 hours.")]
    Scalings { stream: String },
    #[error("Stream {stream} can change its mode at most {MODE_SWITCHES_A_DAY} times within 24 hours.")]
    ModeSwitches { stream: String },
    #[error("Encryption of stream {stream} can be started at most {ENCRYPTION_CHANGES_A_DAY} times within 24 hours.")]
    EncryptionStarts { stream: String },
    #[error("Encryption of stream {stream} can be stopped at most {ENCRYPTION_CHANGES_A_DAY} times within 24 hours.")]
    EncryptionStops { stream: String },
}

/// A shard was written to, read or asked for iterators too much.
#[derive(Debug, thiserror::Error)]
#[error("Rate exceeded for shard {shard} in stream {}.", .key.under_account())]
pub(crate) struct ShardRateExceeded {
    pub(crate) shard: ShardId,
    pub(crate) key: StreamKey,
}

/// An operation was called too often.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallRateExceeded {
    #[error("Rate exceeded for account {0}.")]
    OfAccount(Account),
    #[error("Rate exceeded for stream {}.", .0.under_account())]
    OfStream(StreamKey),
}
