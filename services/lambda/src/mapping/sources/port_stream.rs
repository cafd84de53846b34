//! A stream of another service as what a mapping reads.

use std::sync::Arc;

use anabranch_ports::{PortError, ShardCursor, ShardInfo, Start, StreamHandle, StreamRecord};
use async_trait::async_trait;

use super::source::{SourceRecord, StreamRead, StreamReader};

/// Reads `stream`; `record` makes of each record, of the shard with the given id, what its source's are.
pub(super) struct PortStream<F> {
    pub(super) stream: Arc<dyn StreamHandle>,
    pub(super) record: F,
}

#[async_trait]
impl<F> StreamReader for PortStream<F>
where
    F: Fn(&Arc<str>, StreamRecord) -> Box<dyn SourceRecord> + Send + Sync + 'static,
{
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        self.stream.list_shards().await
    }

    async fn resolve_start(&self, shard_id: &str, start: Start) -> Result<ShardCursor, PortError> {
        self.stream.resolve_start(shard_id, start).await
    }

    async fn read(
        &self,
        shard_id: &str,
        cursor: &ShardCursor,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<StreamRead, PortError> {
        let read = self.stream.read_shard(shard_id, cursor, records_max, bytes_max).await?;
        let shard_id: Arc<str> = shard_id.into();
        Ok(StreamRead {
            records: read.records.into_iter().map(|record| (self.record)(&shard_id, record)).collect(),
            next: read.next,
            at_tip: read.at_tip,
            closed_and_drained: read.closed_and_drained,
        })
    }

    async fn wait(&self, shard_id: &str, cursor: &ShardCursor) -> Result<(), PortError> {
        self.stream.wait_for_records(shard_id, cursor).await
    }
}
