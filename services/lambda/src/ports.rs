//! What this crate needs of its neighbours; the server wires them together.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Why a neighbour could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// What was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Anything else: the disk, a state that does not allow it.
    #[error("{0}")]
    Failed(String),
}

/// A shard as event source mappings see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardView {
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
    /// At the first record that arrived at or after this time, in ms since the Unix epoch.
    AtTimestamp(u64),
}

/// A place in a shard, durable across restarts. Its text means something to the stream only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardCursor(pub String);

/// A record of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Decimal; grows within a shard.
    pub sequence_number: String,
    /// As the producer gave it.
    pub partition_key: String,
    /// The record's bytes.
    pub data: Bytes,
    /// When it was put, in ms since the Unix epoch.
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

/// The streams that mappings read.
#[async_trait]
pub trait StreamSource: Send + Sync + 'static {
    /// All shards that still hold data or are open.
    async fn list_shards(&self, arn: &str) -> Result<Vec<ShardView>, PortError>;
    /// The cursor for `start`, fixed from now on.
    async fn resolve_start(&self, arn: &str, shard_id: &str, start: Start) -> Result<ShardCursor, PortError>;
    /// Records at and after `cursor`, at least one if there is one.
    async fn read_shard(
        &self,
        arn: &str,
        shard_id: &str,
        cursor: &ShardCursor,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<ShardRead, PortError>;
    /// Completes when a read at `cursor` may find something new, or the shards changed.
    async fn wait_for_records(&self, arn: &str, shard_id: &str, cursor: &ShardCursor);
}

/// The object store that failed batches and events go to.
#[async_trait]
pub trait ObjectWriter: Send + Sync + 'static {
    /// Writes an object and returns once it is durable.
    async fn put_object(&self, bucket: &str, key: &str, body: Bytes, content_type: &str) -> Result<(), PortError>;
}
