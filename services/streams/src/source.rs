//! Streams as other services read them, from inside the program.

use std::sync::Arc;

use anabranch_ports::{
    PortError, PortErrorKind, ShardCursor, ShardInfo, ShardRead, Start, StreamHandle, StreamRecord, StreamSource,
};
use anabranch_protocol::Clock;
use anabranch_storage::{Position, Record};
use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{Error, LogFailure, RequestError, StreamNotFound, port_error};
use crate::reading::Reading;
use crate::record::StoredRecord;
use crate::service::Streams;
use crate::shard::{Shard, shard_id};
use crate::state::key::StreamKey;
use crate::state::stream::StreamState;
use crate::stream::Stream;

#[async_trait]
impl StreamSource for Streams {
    async fn open_stream(&self, arn: &str) -> Result<Arc<dyn StreamHandle>, PortError> {
        let key = StreamKey::of_arn(arn).ok_or_else(|| port_error(RequestError::StreamArn(arn.to_string())))?;
        let stream = self.registry.get(&key).map_err(port_error)?;
        let source = Source { stream, clock: self.clock.clone() };
        let state = source.state().map_err(port_error)?;
        if arn.contains("/consumer/") {
            // The consumer is only looked for: reading from inside is counted for nobody.
            state.consumer_by_arn(arn, self.clock.now_ms()).map_err(port_error)?;
        }
        Ok(Arc::new(source))
    }
}

/// A stream that another service reads.
#[derive(Clone)]
struct Source {
    stream: Arc<Stream>,
    clock: Arc<dyn Clock>,
}

impl Source {
    /// The stream's state, unless the stream is gone.
    fn state(&self) -> Result<Arc<StreamState>, StreamNotFound> {
        let state = self.stream.state();
        if state.deleting || self.stream.log.is_deleted() {
            return Err(StreamNotFound(state.key.clone()));
        }
        Ok(state)
    }

    /// Opening a log and reading a segment that is not in memory wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, PortError> {
        let source = self.clone();
        match tokio::task::spawn_blocking(move || work(&source)).await {
            Ok(outcome) => outcome.map_err(port_error),
            // A panic in there is printed.
            Err(_) => Err(port_error(LogFailure::Other)),
        }
    }

    fn resolve(&self, shard_id: &str, start: Start) -> Result<Position, Error> {
        let state = self.state()?;
        let shard = state.shard(shard_id, self.clock.now_ms())?;
        match start {
            Start::TrimHorizon => Ok(Position(0)),
            Start::Latest => Ok(self.stream.log.watermark(shard.lane())?),
            Start::AtTimestamp(ms) => {
                let log = self.stream.log()?;
                Ok(log.seek_time(shard.lane(), ms).map_err(|error| log.failed(&error))?)
            }
        }
    }

    fn read(&self, shard_id: &str, from: Position, records_max: usize, bytes_max: usize) -> Result<ShardRead, Error> {
        let (state, now_ms) = (self.state()?, self.clock.now_ms());
        let shard = state.shard(shard_id, now_ms)?;
        let reading = Reading { stream: &self.stream, state: &state, shard, from, records_max, bytes_max, now_ms };
        let found = reading.read_blocking()?;
        Ok(ShardRead {
            records: found.records().map(|record| stream_record(shard, &record)).collect::<Result<_, _>>()?,
            next: cursor(found.next),
            at_tip: found.at_tip,
            closed_and_drained: found.is_drained,
            millis_behind: found.millis_behind,
        })
    }

    async fn wait(&self, shard_id: &str, position: Position) -> Result<(), Error> {
        let mut changes = self.stream.changes();
        // It may have been closed since it was read.
        let state = self.state()?;
        let shard = state.shard(shard_id, self.clock.now_ms())?;
        if shard.closed.is_some_and(|closed| position.0 >= closed.at) {
            return Ok(());
        }
        // A record at the cursor makes the watermark go past it.
        tokio::select! {
            outcome = self.stream.log.past(shard.lane(), position) => Ok(outcome?),
            _ = changes.changed() => Ok(()),
        }
    }
}

#[async_trait]
impl StreamHandle for Source {
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        let (state, now_ms) = (self.state().map_err(port_error)?, self.clock.now_ms());
        Ok(state.held_shards(now_ms).map(shard_info).collect())
    }

    async fn resolve_start(&self, shard_id: &str, start: Start) -> Result<ShardCursor, PortError> {
        let shard_id = shard_id.to_string();
        self.blocking(move |source| source.resolve(&shard_id, start)).await.map(cursor)
    }

    async fn read_shard(
        &self,
        shard_id: &str,
        cursor: &ShardCursor,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<ShardRead, PortError> {
        let (shard_id, from) = (shard_id.to_string(), position(cursor)?);
        self.blocking(move |source| source.read(&shard_id, from, max_records, max_bytes)).await
    }

    /// Holds no log open meanwhile.
    async fn wait_for_records(&self, shard_id: &str, cursor: &ShardCursor) -> Result<(), PortError> {
        self.wait(shard_id, position(cursor)?).await.map_err(port_error)
    }
}

/// A cursor's text is the position in the log at which reading goes on.
fn cursor(position: Position) -> ShardCursor {
    ShardCursor::from_text(position.to_string())
}

fn position(cursor: &ShardCursor) -> Result<Position, PortError> {
    let text = cursor.as_str();
    text.parse().map(Position).map_err(|_| refused(format!("{text:?} is no place in a shard.")))
}

fn shard_info(shard: &Shard) -> ShardInfo {
    ShardInfo {
        shard_id: shard.id(),
        parent_shard_id: shard.parent.map(shard_id),
        adjacent_parent_shard_id: shard.adjacent_parent.map(shard_id),
        closed: shard.closed.is_some(),
    }
}

fn stream_record(shard: &Shard, record: &Record<'_>) -> Result<StreamRecord, LogFailure> {
    let stored = StoredRecord::of(record)?;
    Ok(StreamRecord {
        sequence_number: shard.sequence_number(record.position, record.timestamp_ms).to_string(),
        partition_key: stored.partition_key.to_string(),
        data: Bytes::copy_from_slice(stored.data),
        approximate_arrival_ms: record.timestamp_ms,
    })
}

fn refused(message: String) -> PortError {
    PortError::new(PortErrorKind::Refused, "InvalidArgumentException", message)
}
