//! Where reading a shard starts, as `GetShardIterator` and `SubscribeToShard` take it.

use anabranch_protocol::{ApiError, Timestamp};
use anabranch_storage::Position;

use crate::error::invalid_argument;
use crate::sequence_number::SequenceNumber;
use crate::shard::{Shard, ShardId};
use crate::state::stream::StreamState;
use crate::stream::Stream;

/// A place in a shard, in a request's words.
#[derive(Debug)]
pub(super) struct StartingPosition<'a> {
    /// The operation that was called, for messages.
    pub(super) operation: &'static str,
    /// One of the model's `ShardIteratorType`.
    pub(super) kind: &'a str,
    pub(super) sequence_number: Option<&'a str>,
    pub(super) timestamp: Option<Timestamp>,
}

impl StartingPosition<'_> {
    /// The place in the log.
    pub(super) fn resolve(
        &self,
        stream: &Stream,
        state: &StreamState,
        shard: &Shard,
        now_ms: u64,
    ) -> Result<Position, ApiError> {
        self.check_members()?;
        match self.kind {
            // A lane is its shard's alone, so all that lies in it is the shard's.
            "TRIM_HORIZON" => Ok(Position(0)),
            "LATEST" => stream.log.watermark(shard.lane()).map_err(|error| stream.unless_deleted(error)),
            "AT_TIMESTAMP" => at_timestamp(stream, shard, self.timestamp, now_ms),
            kind => {
                let number = self.own_sequence_number(state, shard)?;
                // The number of a record is its position plus one; that of a shard's start is where it starts.
                Ok(Position(match kind {
                    "AFTER_SEQUENCE_NUMBER" => number.place,
                    _ => number.place.saturating_sub(1),
                }))
            }
        }
    }

    /// A sequence number must be there for the kinds that start at one, and only for them.
    fn check_members(&self) -> Result<(), ApiError> {
        let and = match (self.kind, self.sequence_number) {
            ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER", None) => "no",
            ("TRIM_HORIZON" | "LATEST", Some(_)) => "also a",
            _ => return Ok(()),
        };
        Err(invalid_argument(format!(
            "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or \
             (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {} and {and} StartingSequenceNumber.",
            self.kind
        )))
    }

    fn own_sequence_number(&self, state: &StreamState, shard: &Shard) -> Result<SequenceNumber, ApiError> {
        let text = self.sequence_number.unwrap_or_default();
        let refused = |why: &str| {
            invalid_argument(format!(
                "StartingSequenceNumber {text} used in {} on shard {} in stream {} is invalid{why}.",
                self.operation,
                shard.id(),
                state.key.under_account()
            ))
        };
        let number = SequenceNumber::parse(text).ok_or_else(|| refused(""))?;
        if number.shard_index != shard.index {
            return Err(invalid_argument(format!(
                "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {}",
                ShardId(number.shard_index),
                shard.id()
            )));
        }
        if !shard.owns(&number) {
            return Err(refused(" because it did not come from this stream"));
        }
        Ok(number)
    }
}

fn at_timestamp(
    stream: &Stream,
    shard: &Shard,
    timestamp: Option<Timestamp>,
    now_ms: u64,
) -> Result<Position, ApiError> {
    let Some(Timestamp(timestamp_ms)) = timestamp else {
        return Err(invalid_argument(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. \
             Current request has no timestamp parameter.",
        ));
    };
    if timestamp_ms > now_ms {
        return Err(invalid_argument(format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
             timestampInMillis: {timestamp_ms}, currentTimestampInMillis: {now_ms}"
        )));
    }
    let log = stream.log()?;
    log.seek_time(shard.lane(), timestamp_ms).map_err(|error| log.failed(&error))
}
