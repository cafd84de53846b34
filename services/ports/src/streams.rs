//! Streams, as other services read them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::PortError;

/// A shard, as a consumer needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardInfo {
    /// Such as `shardId-000000000000`.
    pub shard_id: String,
    /// The shard that was split, or the first of those merged.
    pub parent_shard_id: Option<String>,
    /// The second of the shards merged.
    pub adjacent_parent_shard_id: Option<String>,
    /// No more records will be put to it.
    pub closed: bool,
}

/// Where reading a shard starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record kept.
    TrimHorizon,
    /// After the newest record as of now.
    Latest,
    /// At the first record that arrived at or after this time, in milliseconds since the Unix epoch.
    AtTimestamp(u64),
}

/// A place in a shard, durable across restarts. Its text means something to the stream only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardCursor(String);

impl ShardCursor {
    /// The cursor that this text, once given by [`ShardCursor::as_str`], stands for.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A record of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Decimal; grows within a shard.
    pub sequence_number: String,
    /// As the producer gave it; of a table's stream, the item's key as JSON. Records of one are in order.
    pub partition_key: String,
    /// The record's bytes; of a table's stream, the record as DynamoDB's GetRecords has it, in JSON.
    pub data: Bytes,
    /// When it was put, in milliseconds since the Unix epoch.
    pub approximate_arrival_ms: u64,
}

/// What one read of a shard found.
#[derive(Debug, Clone)]
pub struct ShardRead {
    /// Records in order; may be empty.
    pub records: Vec<StreamRecord>,
    /// Where the next read goes on.
    pub next: ShardCursor,
    /// Nothing more can be read now.
    pub at_tip: bool,
    /// The shard is closed and `next` lies at its end.
    pub closed_and_drained: bool,
    /// Age of the last record read, or 0 at the tip.
    pub millis_behind: u64,
}

/// The streams there are, by ARN.
#[async_trait]
pub trait StreamSource: Send + Sync + 'static {
    /// The stream that `arn` names, resolved once: reads go through the handle.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream, `Refused` when it is not a stream's ARN.
    async fn open_stream(&self, arn: &str) -> Result<Arc<dyn StreamHandle>, PortError>;
}

/// A stream that is read. It stands for the stream that was found when it was opened: once that is
/// deleted all calls fail with `NotFound`, even if there is another of the same name, which then has
/// to be reopened.
#[async_trait]
pub trait StreamHandle: Send + Sync + 'static {
    /// All shards that still hold data or are open, parents before children.
    ///
    /// # Errors
    /// `NotFound` when the stream is gone.
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError>;

    /// The cursor for `start`, fixed from now on.
    ///
    /// # Errors
    /// `NotFound` when stream or shard are gone; others when the stream can't be read.
    async fn resolve_start(&self, shard_id: &str, start: Start) -> Result<ShardCursor, PortError>;

    /// Records at and after `cursor`, at least one if there is one, of up to `max_bytes` together.
    ///
    /// # Errors
    /// `NotFound` when stream or shard are gone; others when what comes next can't be read.
    async fn read_shard(
        &self,
        shard_id: &str,
        cursor: &ShardCursor,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<ShardRead, PortError>;

    /// Completes when a read at `cursor`, which was at the tip, may find something new, or the
    /// stream or its shards changed.
    ///
    /// # Errors
    /// `NotFound` when stream or shard are gone: there is nothing to wait for.
    async fn wait_for_records(&self, shard_id: &str, cursor: &ShardCursor) -> Result<(), PortError>;
}
