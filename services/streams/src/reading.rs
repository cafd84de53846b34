//! Reading a shard: its lane of the log, within retention and up to the shard's end.

use anabranch_protocol::ApiError;
use anabranch_storage::{Position, ReadLimit, Records};

use crate::error::log_failure;
use crate::record::OVERHEAD_BYTES;
use crate::shard::Shard;
use crate::stream::{Stream, StreamState};

/// What a read of a shard found.
pub(crate) struct Found {
    pub(crate) records: Records,
    /// Where the next read goes on.
    pub(crate) next: Position,
    /// Whether everything durable was read.
    pub(crate) at_tip: bool,
    /// Whether the shard is closed and was read to its end.
    pub(crate) is_drained: bool,
    /// How old the last record read is, or 0 at the tip.
    pub(crate) millis_behind: u64,
}

impl Found {
    /// Bytes of partition keys and data, as quotas and metrics count them.
    pub(crate) fn bytes(&self) -> u64 {
        self.records.iter().map(|record| record.data.len().saturating_sub(OVERHEAD_BYTES) as u64).sum()
    }
}

/// Reads from `from` on at most so many records and bytes; records out of retention are passed over.
pub(crate) fn read(
    stream: &Stream,
    state: &StreamState,
    shard: &Shard,
    from: Position,
    records_max: usize,
    bytes_max: usize,
    now_ms: u64,
) -> Result<Found, ApiError> {
    let log = stream.log()?;
    let horizon_ms = state.horizon_ms(now_ms);
    let from = if state.created_ms < horizon_ms {
        from.max(log.seek_time(shard.lane(), horizon_ms).map_err(|error| log_failure(&error))?)
    } else {
        from
    };
    let visible = log.visible();
    let limit = ReadLimit { records: records_max, bytes: bytes_max };
    let records = log.read(shard.lane(), from, limit).map_err(|error| log_failure(&error))?;
    let next = records.next();
    let at_tip = next >= visible;
    let last_ms = records.iter().last().map(|record| record.timestamp_ms);
    // All that a closed shard ever held was durable when it was closed.
    let is_drained = shard.closed.is_some_and(|closed| at_tip || next.0 >= closed.at);
    Ok(Found {
        records,
        next,
        at_tip,
        is_drained,
        millis_behind: last_ms.filter(|_| !at_tip && !is_drained).map_or(0, |last_ms| now_ms.saturating_sub(last_ms)),
    })
}
