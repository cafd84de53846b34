//! What is refused of iterators and of the places that reading starts at.

use super::stream::AccessError;
use crate::limits::ITERATOR_MS;
use crate::shard::ShardId;
use crate::state::key::StreamKey;

/// Why a shard iterator is no good.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IteratorError {
    /// We never gave it out.
    #[error("Invalid ShardIterator.")]
    Invalid,
    #[error(
        "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the future \
         than the tolerated delay of {ITERATOR_MS} milliseconds.",
        moment(*.issued_ms), moment(*.now_ms)
    )]
    Expired { issued_ms: u64, now_ms: u64 },
    #[error("The iterator's stream does not exist any more.")]
    StreamGone,
    #[error("StreamARN does not name the iterator's stream.")]
    OtherStream,
}

/// Such as `Sat Nov 21 08:00:10 UTC 2026`.
fn moment(ms: u64) -> String {
    let moment = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(|| ms.to_string(), |moment| moment.strftime("%a %b %d %H:%M:%S UTC %Y").to_string())
}

/// Why reading can't start where a request says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// `and` is what the request has beside its type: `no` sequence number, or `also a`.
    #[error(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or \
         (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {kind} and {and} StartingSequenceNumber."
    )]
    Members { kind: String, and: &'static str },
    #[error(
        "StartingSequenceNumber {number} used in {operation} on shard {shard} in stream {} is invalid.",
        .key.under_account()
    )]
    NotASequenceNumber { number: String, operation: &'static str, shard: ShardId, key: StreamKey },
    #[error(
        "StartingSequenceNumber {number} used in {operation} on shard {shard} in stream {} is invalid because it did not \
         come from this stream.",
        .key.under_account()
    )]
    OfOtherStream { number: String, operation: &'static str, shard: ShardId, key: StreamKey },
    #[error(
        "Invalid StartingSequenceNumber. It encodes {encoded}, while it was used in a call to a shard with {shard}"
    )]
    OfOtherShard { encoded: ShardId, shard: ShardId },
    #[error(
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. \
         Current request has no timestamp parameter."
    )]
    NoTimestamp,
    #[error(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
         timestampInMillis: {timestamp_ms}, currentTimestampInMillis: {now_ms}"
    )]
    InFuture { timestamp_ms: u64, now_ms: u64 },
    #[error(transparent)]
    Access(#[from] AccessError),
}
