//! Reading streams from inside the program: for event source mappings and other services.

use anabranch_protocol::ApiError;
use anabranch_storage::Position;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::error::invalid_argument;
use crate::reading::Reading;
use crate::record::StoredRecord;
use crate::shard::shard_id;
use crate::stream::{Stream, StreamKey};
use crate::streams::Streams;

/// A shard, as a consumer needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardInfo {
    /// Its id.
    pub shard_id: String,
    /// Its parent, if it came from a split or merge.
    pub parent_shard_id: Option<String>,
    /// Its other parent, if it came from a merge.
    pub adjacent_parent_shard_id: Option<String>,
    /// Whether it takes no more records.
    pub closed: bool,
}

/// Where a consumer starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record.
    TrimHorizon,
    /// Behind the newest record.
    Latest,
    /// At the first record that came at this time (milliseconds since the epoch) or later.
    AtTimestamp(u64),
}

/// A place in a shard that survives restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardCursor(String);

impl ShardCursor {
    fn at(position: Position) -> Self {
        Self(position.to_string())
    }

    fn position(&self) -> Result<Position, ApiError> {
        self.0.parse().map(Position).map_err(|_| invalid_argument(format!("{:?} is no place in a shard.", self.0)))
    }

    /// The cursor that this text, once given by [`ShardCursor::as_str`], stands for.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A record as consumers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Its sequence number, decimal.
    pub sequence_number: String,
    /// Its partition key.
    pub partition_key: String,
    /// Its data.
    pub data: Bytes,
    /// When it came, in milliseconds since the epoch.
    pub approximate_arrival_ms: u64,
}

/// What one read found.
#[derive(Debug, Clone)]
pub struct ShardRead {
    /// Records, in order.
    pub records: Vec<StreamRecord>,
    /// Where to go on.
    pub next: ShardCursor,
    /// Whether everything there is was read.
    pub at_tip: bool,
    /// Whether the shard is closed and was read to its end.
    pub closed_and_drained: bool,
    /// Age of the last record read; 0 at the tip.
    pub millis_behind: u64,
}

impl Streams {
    fn of_arn(&self, arn: &str) -> Result<Arc<Stream>, ApiError> {
        let key = StreamKey::of_arn(arn).ok_or_else(|| invalid_argument(format!("{arn} is no ARN of a stream.")))?;
        let stream = self.get(&key)?;
        stream.state().check_not_deleting()?;
        Ok(stream)
    }

    /// The shards of the stream `arn`, parents before children.
    ///
    /// # Errors
    /// `ResourceNotFoundException` when there is no such stream.
    pub fn list_shards(&self, arn: &str) -> Result<Vec<ShardInfo>, ApiError> {
        let (state, now_ms) = (self.of_arn(arn)?.state(), self.clock.now_ms());
        let info = |shard: &crate::shard::Shard| ShardInfo {
            shard_id: shard.id(),
            parent_shard_id: shard.parent.map(shard_id),
            adjacent_parent_shard_id: shard.adjacent_parent.map(shard_id),
            closed: shard.closed.is_some(),
        };
        Ok(state.held_shards(now_ms).map(info).collect())
    }

    /// Turns a start into a fixed place.
    ///
    /// # Errors
    /// When stream or shard do not exist, or the log can't be opened.
    pub fn resolve_start(&self, arn: &str, shard_id: &str, start: Start) -> Result<ShardCursor, ApiError> {
        let stream = self.of_arn(arn)?;
        let state = stream.state();
        let shard = state.shard(shard_id, self.clock.now_ms())?;
        let position = match start {
            Start::TrimHorizon => Position(0),
            Start::Latest => stream.log.visible()?,
            Start::AtTimestamp(ms) => {
                let log = stream.log()?;
                log.seek_time(shard.lane(), ms).map_err(|error| log.failed(&error))?
            }
        };
        Ok(ShardCursor::at(position))
    }

    /// Reads a shard from `cursor` on. At least one record is returned if there is one.
    ///
    /// # Errors
    /// When stream or shard do not exist, or what comes next can't be read.
    pub fn read_shard(
        &self,
        arn: &str,
        shard_id: &str,
        cursor: &ShardCursor,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<ShardRead, ApiError> {
        let stream = self.of_arn(arn)?;
        let state = stream.state();
        let now_ms = self.clock.now_ms();
        let shard = state.shard(shard_id, now_ms)?;
        let reading = Reading {
            stream: &stream,
            state: &state,
            shard,
            from: cursor.position()?,
            records_max: max_records,
            bytes_max: max_bytes,
            now_ms,
        };
        let found = reading.read_blocking()?;
        let record = |record: anabranch_storage::Record<'_>| {
            let stored = StoredRecord::decode(record.data).ok_or_else(|| {
                ApiError::internal(format!("the record at {} is of an unknown version", record.position))
            })?;
            Ok(StreamRecord {
                sequence_number: shard.sequence_number(record.position, record.timestamp_ms).to_string(),
                partition_key: stored.partition_key.to_string(),
                data: Bytes::copy_from_slice(stored.data),
                approximate_arrival_ms: record.timestamp_ms,
            })
        };
        Ok(ShardRead {
            records: found.records().map(record).collect::<Result<_, ApiError>>()?,
            next: ShardCursor::at(found.next),
            at_tip: found.at_tip,
            closed_and_drained: found.is_drained,
            millis_behind: found.millis_behind,
        })
    }

    /// Waits until there may be something to read of a shard behind `cursor`, which was at the tip,
    /// or the stream or its shards changed. It holds no log open.
    ///
    /// # Errors
    /// `ResourceNotFoundException` when there is no such stream or shard.
    pub async fn wait_for_records(&self, arn: &str, shard_id: &str, cursor: &ShardCursor) -> Result<(), ApiError> {
        let (stream, position) = (self.of_arn(arn)?, cursor.position()?);
        let mut changes = stream.changes();
        // It may have been closed since it was read.
        if stream.state().shard(shard_id, self.clock.now_ms())?.closed.is_some_and(|closed| position.0 >= closed.at) {
            return Ok(());
        }
        // A record at the cursor makes the watermark go past it.
        tokio::select! {
            outcome = stream.log.visible_past(position) => outcome,
            _ = changes.changed() => Ok(()),
        }
    }
}
