//! Where reading a shard starts, as `GetShardIterator` and `SubscribeToShard` take it.

use anabranch_protocol::Timestamp;
use anabranch_storage::Position;

use crate::error::StartError;
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
    ) -> Result<Position, StartError> {
        self.check_members()?;
        match self.kind {
            // A lane is its shard's alone, so all that lies in it is the shard's.
            "TRIM_HORIZON" => Ok(Position(0)),
            "LATEST" => Ok(stream.log.watermark(shard.lane()).map_err(|error| stream.unless_deleted(error))?),
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
    fn check_members(&self) -> Result<(), StartError> {
        let and = match (self.kind, self.sequence_number) {
            ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER", None) => "no",
            ("TRIM_HORIZON" | "LATEST", Some(_)) => "also a",
            _ => return Ok(()),
        };
        Err(StartError::Members { kind: self.kind.to_string(), and })
    }

    fn own_sequence_number(&self, state: &StreamState, shard: &Shard) -> Result<SequenceNumber, StartError> {
        let text = self.sequence_number.unwrap_or_default();
        let (own, operation) = (ShardId(shard.index), self.operation);
        let number = SequenceNumber::parse(text).ok_or_else(|| StartError::NotASequenceNumber {
            number: text.to_string(),
            operation,
            shard: own,
            key: state.key.clone(),
        })?;
        if number.shard_index != shard.index {
            return Err(StartError::OfOtherShard { encoded: ShardId(number.shard_index), shard: own });
        }
        if !shard.owns(&number) {
            let (number, key) = (text.to_string(), state.key.clone());
            return Err(StartError::OfOtherStream { number, operation, shard: own, key });
        }
        Ok(number)
    }
}

fn at_timestamp(
    stream: &Stream,
    shard: &Shard,
    timestamp: Option<Timestamp>,
    now_ms: u64,
) -> Result<Position, StartError> {
    let Some(Timestamp(timestamp_ms)) = timestamp else {
        return Err(StartError::NoTimestamp);
    };
    if timestamp_ms > now_ms {
        return Err(StartError::InFuture { timestamp_ms, now_ms });
    }
    let log = stream.log()?;
    Ok(log.seek_time(shard.lane(), timestamp_ms).map_err(|error| stream.unless_deleted(log.failed(&error)))?)
}
