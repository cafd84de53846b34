//! Streams as event source mappings read them.

use std::sync::Arc;

use anabranch_lambda::ports::{self, PortError};
use anabranch_protocol::ApiError;
use anabranch_streams::{ShardCursor, ShardInfo, Start, StreamRecord, Streams};
use async_trait::async_trait;

/// Gives Lambda the streams of this server.
pub(super) struct StreamSource(pub(super) Arc<Streams>);

impl StreamSource {
    /// Opening a log and reading a segment that is not in memory wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Streams) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, PortError> {
        let streams = self.0.clone();
        match tokio::task::spawn_blocking(move || work(&streams)).await {
            Ok(outcome) => outcome.map_err(port_error),
            Err(error) => Err(PortError::Failed(error.to_string())),
        }
    }
}

#[async_trait]
impl ports::StreamSource for StreamSource {
    async fn list_shards(&self, arn: &str) -> Result<Vec<ports::ShardView>, PortError> {
        let shards = self.0.list_shards(arn).map_err(port_error)?;
        Ok(shards.into_iter().map(shard_view).collect())
    }

    async fn resolve_start(
        &self,
        arn: &str,
        shard_id: &str,
        start: ports::Start,
    ) -> Result<ports::ShardCursor, PortError> {
        let start = match start {
            ports::Start::TrimHorizon => Start::TrimHorizon,
            ports::Start::Latest => Start::Latest,
            ports::Start::AtTimestamp(ms) => Start::AtTimestamp(ms),
        };
        let (arn, shard_id) = (arn.to_string(), shard_id.to_string());
        let cursor = self.blocking(move |streams| streams.resolve_start(&arn, &shard_id, start)).await?;
        Ok(ports::ShardCursor(cursor.as_str().into()))
    }

    async fn read_shard(
        &self,
        arn: &str,
        shard_id: &str,
        cursor: &ports::ShardCursor,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<ports::ShardRead, PortError> {
        let cursor = ShardCursor::from_text(cursor.0.as_str());
        let (arn, shard_id) = (arn.to_string(), shard_id.to_string());
        let read =
            self.blocking(move |streams| streams.read_shard(&arn, &shard_id, &cursor, max_records, max_bytes)).await?;
        Ok(ports::ShardRead {
            records: read.records.into_iter().map(stream_record).collect(),
            next: ports::ShardCursor(read.next.as_str().into()),
            at_tip: read.at_tip,
            closed_and_drained: read.closed_and_drained,
            millis_behind: read.millis_behind,
        })
    }

    async fn wait_for_records(&self, arn: &str, shard_id: &str, cursor: &ports::ShardCursor) {
        let cursor = ShardCursor::from_text(cursor.0.as_str());
        // A stream that is gone ends the wait: the read that follows reports it.
        if let Err(error) = self.0.wait_for_records(arn, shard_id, &cursor).await {
            tracing::debug!(arn, %error, "nothing to wait for");
        }
    }
}

fn port_error(error: ApiError) -> PortError {
    match error.code {
        "ResourceNotFoundException" => PortError::NotFound(error.message),
        _ => PortError::Failed(error.to_string()),
    }
}

fn shard_view(shard: ShardInfo) -> ports::ShardView {
    ports::ShardView {
        shard_id: shard.shard_id,
        parent_shard_id: shard.parent_shard_id,
        adjacent_parent_shard_id: shard.adjacent_parent_shard_id,
        closed: shard.closed,
    }
}

fn stream_record(record: StreamRecord) -> ports::StreamRecord {
    ports::StreamRecord {
        sequence_number: record.sequence_number,
        partition_key: record.partition_key,
        data: record.data,
        approximate_arrival_ms: record.approximate_arrival_ms,
    }
}
