//! Direct put: records come by PutRecord and PutRecordBatch and lie in the delivery stream's own
//! log, of which it uses one lane.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use anabranch_protocol::{ApiError, Problem, ProblemKind};
use anabranch_storage::{Failure, LaneBatch, LaneId, LanePositions, Log, Position, RecordLog, Refusal};
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::contract::{Pending, Place, RecordSource, SourceError, SourceKind, SourceSettings};
use crate::error::{FirehoseError, PutError};
use crate::limits::READ;

/// The only lane of a delivery stream's log.
const LANE: LaneId = LaneId(0);

/// The settings of direct put: there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DirectPut {}

impl SourceKind for DirectPut {
    const TYPE: &'static str = "DirectPut";

    fn configured() -> Result<Self, ApiError> {
        Ok(Self {})
    }
}

impl SourceSettings for DirectPut {
    fn open(&self, place: &Place) -> Result<Arc<dyn RecordSource>, FirehoseError> {
        let (log, recovery) = Log::open(&place.directory, place.log.clone()).map_err(|source| FirehoseError::Log {
            stream: place.name.clone(),
            path: place.directory.clone(),
            source,
        })?;
        if let Some(torn) = recovery.torn {
            tracing::warn!(?torn, "bytes that were never acknowledged are ignored");
        }
        for damage in &recovery.damage {
            tracing::error!(%damage, "a delivery stream's log is damaged");
        }
        Ok(Arc::new(Buffer { log }))
    }

    fn is_lost(&self, place: &Place) -> bool {
        !place.directory.exists()
    }
}

/// A delivery stream's log. It is written and read through what every engine offers; only opening,
/// closing and health are this engine's own.
struct Buffer {
    log: Log,
}

impl Buffer {
    fn records(&self) -> &dyn RecordLog {
        &self.log
    }
}

#[async_trait]
impl RecordSource for Buffer {
    fn end(&self) -> u64 {
        self.records().watermark().of(LANE).0
    }

    async fn grown_past(&self, position: u64) {
        self.records().past(LANE, Position(position)).await;
    }

    fn collect(&self, pending: &mut Pending, bytes_max: u64) -> Result<(), SourceError> {
        while pending.bytes < bytes_max && pending.end < self.end() {
            let records = self.records().read(LANE, Position(pending.end), READ)?;
            for record in records.iter() {
                if pending.bytes >= bytes_max {
                    return Ok(());
                }
                pending.add(record.position.0, record.timestamp_ms, record.data.len());
            }
            if records.is_empty() {
                pending.end = pending.end.max(records.next().0);
            }
        }
        Ok(())
    }

    fn read(&self, mut range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), SourceError> {
        while !range.is_empty() {
            let records = self.records().read(LANE, Position(range.start), READ)?;
            if records.is_empty() {
                break;
            }
            for record in records.iter().take_while(|record| record.position.0 < range.end) {
                look(record.data)?;
            }
            range.start = records.next().0;
        }
        Ok(())
    }

    fn release(&self, position: u64) -> Result<(), SourceError> {
        // As far as whole segments go.
        Ok(self.records().trim_to(&LanePositions::shared(Position(position))).map(|_| ())?)
    }

    fn problems(&self, name: &str) -> Vec<Problem> {
        let health = self.log.health();
        let poisoned =
            health.poisoned.map(|why| Problem::new(ProblemKind::Poisoned, name, format!("its log failed: {why}")));
        let refused = health.refused.map(|why| {
            let kind = match why {
                Refusal::NoSpace => ProblemKind::FullDisk,
                Refusal::TooManyOpenFiles => ProblemKind::Descriptors,
                _ => ProblemKind::Failing,
            };
            Problem::new(kind, name, format!("its log takes no records: {why}"))
        });
        let damaged = health.first_damage.map(|first| {
            let message = format!("{} ranges of its log are damaged, the first of them: {first}", health.damaged);
            Problem::new(ProblemKind::Damaged, name, message)
        });
        [poisoned, refused, damaged].into_iter().flatten().collect()
    }

    fn close(&self) -> Result<(), SourceError> {
        Ok(self.log.close().map_err(Failure::from)?)
    }

    async fn put(self: Arc<Self>, now_ms: u64, records: Vec<Bytes>) -> Result<u64, PutError> {
        // Appending waits for the disk where room has to be made.
        let appending = tokio::task::spawn_blocking(move || {
            let records: Vec<&[u8]> = records.iter().map(Bytes::as_ref).collect();
            self.records().append(now_ms, &[LaneBatch { lane: LANE, records: &records }])
        });
        let appended = appending.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let first = appended.first_positions().first().map_or(0, |position| position.0);
        appended.await?;
        Ok(first)
    }
}
