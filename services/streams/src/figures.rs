//! Figures of streams, for people and metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::meters::Measured;
use crate::service::Streams;
use crate::state::status::StreamStatus;
use crate::stream::Stream;

/// Figures of a stream for people.
#[derive(Debug, Clone)]
pub struct StreamStat {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its status.
    pub(crate) status: StreamStatus,
    /// Open shards.
    pub open_shards: usize,
    /// All shards.
    pub shards: usize,
    /// Hours for which records are kept.
    pub retention_hours: u32,
    /// Records held, if the log has been opened.
    pub records: Option<u64>,
    /// Bytes taken on the disk, if the log has been opened.
    pub reserved_bytes: Option<u64>,
    /// Records put since the start.
    pub records_in: u64,
    /// Bytes of data put since the start.
    pub bytes_in: u64,
}

impl Streams {
    /// Figures of all streams, by name.
    pub fn stat(&self) -> Vec<StreamStat> {
        let now_ms = self.clock.now_ms();
        let stat = |stream: Arc<Stream>| {
            let state = stream.state();
            let log = stream.log.stat();
            StreamStat {
                name: state.key.name.clone(),
                arn: state.key.arn(),
                status: state.status(now_ms),
                open_shards: state.open_shards().count(),
                shards: state.shards.len(),
                retention_hours: state.retention_hours,
                records: log.map(|log| log.records),
                reserved_bytes: log.map(|log| log.reserved_bytes),
                records_in: stream.records_in.load(Ordering::Relaxed),
                bytes_in: stream.bytes_in.load(Ordering::Relaxed),
            }
        };
        self.registry.all().into_iter().map(stat).collect()
    }

    /// What was measured of all streams and, where enabled, their shards.
    pub fn measured(&self) -> Vec<Measured> {
        self.registry.all().iter().flat_map(|stream| stream.meters.measured(&stream.state())).collect()
    }
}
