//! Requests that are wrong in themselves, in ways that the service model's constraints don't tell.

use anabranch_protocol::Clipped;

use crate::limits::{LIST_TOKEN_MS, PUT_RECORDS_BYTES_MAX, RETENTION_HOURS_MAX, RETENTION_HOURS_MIN, SHARDS_MAX};
use crate::state::key::StreamKey;

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    // CreateStream
    #[error("Anabranch does not support the RecordDistributionStrategy {}, only USER_PARTITION_KEY.", Clipped(.0))]
    DistributionStrategy(String),
    #[error("ShardCount cannot be specified for a stream in ON_DEMAND mode.")]
    ShardCountOnDemand,
    #[error("ShardCount must be specified for a stream in PROVISIONED mode.")]
    NoShardCount,
    #[error("A stream has at most {SHARDS_MAX} shards; ShardCount is {0}.")]
    TooManyShards(i64),

    // UpdateStreamMode, Increase- and DecreaseStreamRetentionPeriod, StartStreamEncryption and its opposite
    #[error("Stream {stream} is already in this mode.")]
    SameMode { stream: String },
    #[error(
        "Minimum allowed retention period is {RETENTION_HOURS_MIN} hours. Requested retention period ({hours} hours) is \
         too short."
    )]
    RetentionTooShort { hours: i64 },
    #[error(
        "Maximum allowed retention period is {RETENTION_HOURS_MAX} hours. Requested retention period ({hours} hours) is \
         too long."
    )]
    RetentionTooLong { hours: i64 },
    /// `comparison` is `shorter` or `longer`, `other` the operation for that.
    #[error(
        "Requested retention period ({hours} hours) for stream {stream} can not be {comparison} than existing retention \
         period ({now} hours). Use {other}RetentionPeriod API."
    )]
    RetentionTheOtherWay { hours: i64, now: i64, stream: String, comparison: &'static str, other: &'static str },
    #[error("The only valid EncryptionType is KMS.")]
    EncryptionType,
    #[error("Invalid keyId '{0}'")]
    KeyId(String),

    // PutRecord, PutRecords
    #[error(
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {decimal}"
    )]
    ExplicitHashKey { decimal: String },
    #[error("ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream {} is invalid.", .key.under_account())]
    Ordering { number: String, key: StreamKey },
    #[error("Records size exceeds {} MB limit", PUT_RECORDS_BYTES_MAX >> 20)]
    RecordsTooLarge,

    // Lists
    #[error("Invalid NextToken.")]
    Token,
    #[error("NextToken is older than {} seconds.", LIST_TOKEN_MS / 1_000)]
    TokenExpired,
    #[error("NextToken and {member} cannot be provided together.")]
    TokenBeside { member: &'static str },
    #[error("NextToken is not of this stream.")]
    TokenOfOtherStream,
    #[error("NextToken is not of the stream that StreamARN names.")]
    TokenBesideOtherStream,
    #[error("NextToken is of a stream that was deleted.")]
    TokenOfDeletedStream,
    #[error("{member} cannot be provided when the ShardFilter type is {filter}.")]
    FilterWith { member: &'static str, filter: String },
    #[error("{member} must be provided when the ShardFilter type is {filter}.")]
    FilterWithout { member: &'static str, filter: String },

    // Consumers and resources
    #[error("{0} is no ARN of a stream.")]
    StreamArn(String),
    #[error("Either ConsumerARN or both StreamARN and ConsumerName must be provided.")]
    NoConsumer,
    #[error("ConsumerARN does not agree with StreamARN and ConsumerName.")]
    AmbiguousConsumer,
    #[error("Invalid ConsumerARN: {0}.")]
    ConsumerArn(String),
    #[error("Invalid ResourceARN: {0}.")]
    ResourceArn(String),
}
