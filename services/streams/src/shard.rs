//! A shard: a lane of its stream's log, with a range of hash keys and a span of positions.

use std::fmt;

use anabranch_storage::{LaneId, Position};

use crate::hash_key::HashKey;
use crate::sequence_number::SequenceNumber;

/// A shard of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    /// Its number in the stream, never used again; also its lane.
    pub(crate) index: u32,
    /// Its first hash key and its last.
    pub(crate) start_key: HashKey,
    pub(crate) end_key: HashKey,
    pub(crate) parent: Option<u32>,
    pub(crate) adjacent_parent: Option<u32>,
    /// The second in which it was created: later than its parents'.
    pub(crate) created_s: u64,
    /// When it was made; 0 for a shard that came with its stream.
    pub(crate) opened_ms: u64,
    /// First position its records can have.
    pub(crate) opened_at: u64,
    /// Set once it is closed: the first position its records can no longer have, and when.
    pub(crate) closed: Option<Closed>,
}

/// The end of a shard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed {
    pub(crate) at: u64,
    pub(crate) at_ms: u64,
}

impl Shard {
    pub(crate) fn lane(&self) -> LaneId {
        LaneId(self.index)
    }

    pub(crate) fn id(&self) -> String {
        shard_id(self.index)
    }

    /// Whether it was closed earlier than at `moment_ms`.
    pub(crate) fn is_closed_before(&self, moment_ms: u64) -> bool {
        self.closed.is_some_and(|closed| closed.at_ms < moment_ms)
    }

    /// The sequence number of the record at `position` that came at `timestamp_ms`.
    pub(crate) fn sequence_number(&self, position: Position, timestamp_ms: u64) -> SequenceNumber {
        SequenceNumber::of_record(self.index, self.created_s, position.0, timestamp_ms)
    }

    pub(crate) fn starting_sequence_number(&self) -> SequenceNumber {
        SequenceNumber {
            shard_created_s: self.created_s,
            place: self.opened_at,
            record_s: self.created_s,
            shard_index: self.index,
        }
    }

    pub(crate) fn ending_sequence_number(&self) -> Option<SequenceNumber> {
        self.closed.map(|closed| SequenceNumber {
            shard_created_s: self.created_s,
            place: closed.at + 1,
            record_s: closed.at_ms / 1000,
            shard_index: self.index,
        })
    }

    /// Whether `number` is one of this shard.
    pub(crate) fn owns(&self, number: &SequenceNumber) -> bool {
        number.shard_index == self.index && number.shard_created_s == self.created_s
    }
}

/// `shardId-` and twelve digits.
pub(crate) fn shard_id(index: u32) -> String {
    ShardId(index).to_string()
}

/// Most digits of a shard's number.
const DIGITS_MAX: usize = 10;

/// A shard's number, shown as its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShardId(pub(crate) u32);

impl fmt::Display for ShardId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: answers hold hundreds, and `{:012}` writes each zero by itself.
        let mut text = *b"shardId-000000000000";
        let mut rest = self.0;
        for digit in text.iter_mut().rev().take(DIGITS_MAX) {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        formatter.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// The number in a shard's id: Kinesis looks only at what follows the dash, and takes the bare
/// number too.
pub(crate) fn shard_index(shard_id: &str) -> Option<u32> {
    let digits = shard_id.split_once('-').map_or(shard_id, |(_, behind)| behind);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?.filter(|index| i32::try_from(*index).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_twelve_digits() {
        for index in [0, 7, 10, 4_999, 1_000_000_000, u32::MAX] {
            assert_eq!(shard_id(index), format!("shardId-{index:012}"));
            assert_eq!(shard_index(&shard_id(index)), i32::try_from(index).is_ok().then_some(index));
        }
    }
}
