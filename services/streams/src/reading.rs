//! Reading a shard: its lane of the log, within retention and up to the shard's end.

use anabranch_storage::{Failure, FailureKind, Position, ReadLimit, Record, Records};

use crate::error::AccessError;
use crate::record::OVERHEAD_BYTES;
use crate::shard::Shard;
use crate::state::stream::StreamState;
use crate::stream::Stream;
use crate::stream_log::LogInUse;

/// What a read of a shard found.
pub(crate) struct Found {
    /// `None` where the log was not even asked.
    records: Option<Records>,
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
    /// Nothing, at the tip.
    fn nothing(shard: &Shard, next: Position) -> Self {
        Self { records: None, next, at_tip: true, is_drained: shard.closed.is_some(), millis_behind: 0 }
    }

    /// The records, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().flat_map(|records| records.iter())
    }

    /// How many records there are.
    pub(crate) fn count(&self) -> usize {
        self.records.as_ref().map_or(0, Records::len)
    }

    /// Bytes of partition keys and data, as quotas and metrics count them.
    pub(crate) fn bytes(&self) -> u64 {
        self.records().map(|record| record.data.len().saturating_sub(OVERHEAD_BYTES) as u64).sum()
    }
}

/// A read of a shard.
pub(crate) struct Reading<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) state: &'a StreamState,
    pub(crate) shard: &'a Shard,
    /// The first position wanted; records out of retention are passed over.
    pub(crate) from: Position,
    pub(crate) records_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) now_ms: u64,
}

impl Reading<'_> {
    /// Reads without blocking the caller's thread while a log is opened. At the tip none is: those
    /// who wait for records of a quiet stream need no open log.
    pub(crate) async fn read(self) -> Result<Found, AccessError> {
        match self.at_tip() {
            Some(nothing) => Ok(nothing),
            None => {
                let log = self.stream.log_acquired().await?;
                self.read_from(&log)
            }
        }
    }

    /// As [`Reading::read`], for callers that may block.
    pub(crate) fn read_blocking(self) -> Result<Found, AccessError> {
        match self.at_tip() {
            Some(nothing) => Ok(nothing),
            None => {
                let log = self.stream.log()?;
                self.read_from(&log)
            }
        }
    }

    fn at_tip(&self) -> Option<Found> {
        let watermark = self.stream.log.known_watermark(self.shard.lane())?;
        (self.from >= watermark && !self.stream.log.is_deleted()).then(|| Found::nothing(self.shard, self.from))
    }

    fn read_from(self, log: &LogInUse) -> Result<Found, AccessError> {
        let Self { stream, state, shard, from, now_ms, .. } = self;
        let failed = |error| stream.unless_deleted(log.failed(&error));
        let horizon_ms = state.horizon_ms(now_ms);
        let from = if state.created_ms < horizon_ms {
            from.max(log.seek_time(shard.lane(), horizon_ms).map_err(failed)?)
        } else {
            from
        };
        let watermark = log.watermark().of(shard.lane());
        let limit = ReadLimit { records: self.records_max, bytes: self.bytes_max };
        let records = match log.read(shard.lane(), from, limit) {
            // What is gone in front of all that is held is passed over like what has expired.
            Err(failure @ Failure { kind: FailureKind::Lost { resume, .. }, .. })
                if resume <= log.start(shard.lane()) =>
            {
                log.failed(&failure);
                log.read(shard.lane(), resume, limit)
            }
            outcome => outcome,
        };
        let records = records.map_err(failed)?;
        let next = records.next();
        let at_tip = next >= watermark;
        let last_ms = records.iter().last().map(|record| record.timestamp_ms);
        // All that a closed shard ever held was durable when it was closed.
        let is_drained = shard.closed.is_some_and(|closed| at_tip || next.0 >= closed.at);
        let millis_behind =
            last_ms.filter(|_| !at_tip && !is_drained).map_or(0, |last_ms| now_ms.saturating_sub(last_ms));
        Ok(Found { records: Some(records), next, at_tip, is_drained, millis_behind })
    }
}
