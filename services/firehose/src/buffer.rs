//! The durable buffer of one delivery stream: its log, of which it uses one lane.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use anabranch_storage::{
    Acknowledgement, Config, Failure, Health, LaneBatch, LaneId, LanePositions, Log, Position, RecordLog,
};
use bytes::Bytes;
use flate2::GzBuilder;
use flate2::write::GzEncoder;

use crate::delivery_stream::{Compression, DeliveryPlan};
use crate::limits::READ;

/// The only lane of a delivery stream's log.
const LANE: LaneId = LaneId(0);

/// Why the buffer could not be read into an object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BufferError {
    #[error(transparent)]
    Log(#[from] Failure),
    #[error("compressing the object: {0}")]
    Compress(#[from] io::Error),
    /// The records that a plan covers are not all there any more.
    #[error("the log holds {found} of the {planned} records of the object that was being delivered")]
    Incomplete { found: u64, planned: u64 },
}

/// A delivery stream's log. It is written and read through what every engine offers; only opening,
/// closing and health are this engine's own.
pub(crate) struct Buffer {
    log: Log,
}

/// Records that wait to be put in an object, as far as they were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Position of the first.
    pub(crate) first: u64,
    /// Position after the last.
    pub(crate) end: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// When the first arrived.
    pub(crate) oldest_ms: Option<u64>,
}

impl Pending {
    /// Nothing yet, from `position` on.
    pub(crate) fn starting(position: u64) -> Self {
        Self { first: position, end: position, records: 0, bytes: 0, oldest_ms: None }
    }
}

impl Buffer {
    /// Opens the log in `directory`, creating it if absent.
    pub(crate) fn open(directory: &Path, config: Config) -> anabranch_storage::Result<Self> {
        let (log, recovery) = Log::open(directory, config)?;
        if let Some(torn) = recovery.torn {
            tracing::warn!(?torn, "bytes that were never acknowledged are ignored");
        }
        for damage in &recovery.damage {
            tracing::error!(%damage, "a delivery stream's log is damaged");
        }
        Ok(Self { log })
    }

    fn records(&self) -> &dyn RecordLog {
        &self.log
    }

    /// What is wrong with the log.
    pub(crate) fn health(&self) -> Health {
        self.log.health()
    }

    /// Appends `records`; they are durable once the answer completes. Waits for the disk where
    /// room has to be made.
    pub(crate) fn append(&self, now_ms: u64, records: &[Bytes]) -> Result<Acknowledgement, Failure> {
        let records: Vec<&[u8]> = records.iter().map(Bytes::as_ref).collect();
        self.records().append(now_ms, &[LaneBatch { lane: LANE, records: &records }])
    }

    /// Where durable records end.
    pub(crate) fn end(&self) -> u64 {
        self.records().watermark().of(LANE).0
    }

    /// Waits until records beyond `position` are durable. Returns at once if the log has failed.
    pub(crate) async fn grown_past(&self, position: u64) {
        self.records().past(LANE, Position(position)).await;
    }

    /// Adds to `pending` what follows it, until it holds `bytes_max` or all there is. The record
    /// that reaches `bytes_max` is the last one added.
    pub(crate) fn collect(&self, pending: &mut Pending, bytes_max: u64) -> Result<(), Failure> {
        while pending.bytes < bytes_max && pending.end < self.end() {
            let records = self.records().read(LANE, Position(pending.end), READ)?;
            for record in records.iter() {
                if pending.bytes >= bytes_max {
                    return Ok(());
                }
                pending.oldest_ms.get_or_insert(record.timestamp_ms);
                pending.records += 1;
                pending.bytes += record.data.len() as u64;
                pending.end = record.position.0 + 1;
            }
            if records.is_empty() {
                pending.end = pending.end.max(records.next().0);
            }
        }
        Ok(())
    }

    /// Bytes of the records from one position to another.
    pub(crate) fn bytes_between(&self, from: u64, until: u64) -> Result<u64, Failure> {
        let (mut from, mut bytes) = (from, 0);
        while from < until {
            let records = self.records().read(LANE, Position(from), READ)?;
            let within = records.iter().take_while(|record| record.position.0 < until);
            bytes += within.map(|record| record.data.len() as u64).sum::<u64>();
            from = records.next().0;
        }
        Ok(bytes)
    }

    /// The object that `plan` describes: the same bytes every time.
    pub(crate) fn object(&self, plan: &DeliveryPlan) -> Result<Bytes, BufferError> {
        let body = Vec::with_capacity(match plan.compression {
            Compression::Uncompressed => plan.bytes as usize,
            Compression::Gzip => 0,
        });
        match plan.compression {
            Compression::Uncompressed => Ok(Bytes::from(self.copy(plan, body)?)),
            Compression::Gzip => {
                // Without a time in its header, so that a retry is equal to the byte.
                let encoder: GzEncoder<Vec<u8>> = GzBuilder::new().mtime(0).write(body, flate2::Compression::default());
                Ok(Bytes::from(self.copy(plan, encoder)?.finish()?))
            }
        }
    }

    fn copy<W: Write>(&self, plan: &DeliveryPlan, mut to: W) -> Result<W, BufferError> {
        let mut left: Range<u64> = plan.first..plan.end;
        let mut found = 0;
        while !left.is_empty() {
            let records = self.records().read(LANE, Position(left.start), READ)?;
            if records.is_empty() {
                break;
            }
            for record in records.iter().take_while(|record| record.position.0 < left.end) {
                to.write_all(record.data)?;
                found += 1;
            }
            left.start = records.next().0;
        }
        if found != plan.records {
            return Err(BufferError::Incomplete { found, planned: plan.records });
        }
        Ok(to)
    }

    /// Frees the space of what lies before `position`, as far as whole segments go.
    pub(crate) fn trim(&self, position: u64) -> Result<(), Failure> {
        self.records().trim_to(&LanePositions::shared(Position(position))).map(|_| ())
    }

    /// Flushes and closes the log; later appends fail.
    pub(crate) fn close(&self) -> anabranch_storage::Result<()> {
        self.log.close()
    }
}
