//! The log of all queues, of which they use one lane.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anabranch_protocol::{Problem, ProblemKind};
use anabranch_storage::{
    Acknowledgement, Failure, FailureKind, LaneBatch, LaneId, LanePositions, Log, Position, ReadLimit, RecordLog,
    Refusal, Waiting,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::error::QueuesError;
use crate::limits::{RECEIVES_UNFLUSHED_MS_MAX, RECLAIM_EVERY_BYTES, REPLAY_READ};

/// The only lane.
const LANE: LaneId = LaneId(0);

/// The log. It is written and read through what every engine offers; only opening, closing, figures
/// and health are this engine's own.
pub(crate) struct Journal {
    log: Log,
    /// The newest append that nobody waits for.
    unflushed: Mutex<Option<Acknowledgement>>,
    flush: Notify,
    /// Bytes appended since what can be reclaimed was looked at.
    appended_bytes: AtomicU64,
    pub(crate) reclaim: Notify,
}

/// Records on their way to the disk. They get there even if who appended them does not wait.
pub(crate) struct Appending(Option<Acknowledgement>);

impl Appending {
    /// Waits until the records are durable.
    pub(crate) async fn done(mut self) -> Result<(), Failure> {
        // It stays in place while it is being waited for, since the caller may be dropped meanwhile.
        let Some(appended) = &mut self.0 else { return Ok(()) };
        let outcome = appended.await;
        self.0 = None;
        outcome
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        if let Some(appended) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            // Only who waits has the log flushed.
            runtime.spawn(appended);
        }
    }
}

impl Journal {
    /// Opens the log in `directory`, creating it if absent.
    pub(crate) fn open(directory: &Path, config: anabranch_storage::Config) -> Result<Self, QueuesError> {
        let failed = |error: anabranch_storage::Error| QueuesError::Log {
            path: directory.to_path_buf(),
            reason: error.to_string(),
        };
        let (log, recovery) = Log::open(directory, config).map_err(failed)?;
        if let Some(torn) = recovery.torn {
            tracing::warn!(?torn, "bytes that were never acknowledged are ignored");
        }
        for damage in &recovery.damage {
            tracing::error!(%damage, "the log of the queues is damaged");
        }
        Ok(Self {
            log,
            unflushed: Mutex::default(),
            flush: Notify::new(),
            appended_bytes: AtomicU64::new(0),
            reclaim: Notify::new(),
        })
    }

    fn records(&self) -> &dyn RecordLog {
        &self.log
    }

    /// Appends `records`, and says at which position the first is; the others follow it densely.
    /// Waits for the disk where room has to be made.
    pub(crate) fn append(&self, now_ms: u64, records: &[&[u8]]) -> Result<(u64, Appending), Failure> {
        let (first, acknowledgement) = self.append_batch(now_ms, records)?;
        Ok((first, Appending(Some(acknowledgement))))
    }

    /// As [`Journal::append`], of what need not be durable at once: it is within
    /// [`RECEIVES_UNFLUSHED_MS_MAX`]. Where the disk is full it is not appended at all.
    pub(crate) fn note(&self, now_ms: u64, record: &[u8]) -> Result<(), Failure> {
        match self.append_batch(now_ms, &[record]) {
            Ok((_, acknowledgement)) => {
                let before = self.unflushed.lock().replace(acknowledgement);
                if before.is_none() {
                    self.flush.notify_one();
                }
                Ok(())
            }
            Err(Failure { kind: FailureKind::NoSpace { .. } | FailureKind::Exhausted, .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn append_batch(&self, now_ms: u64, records: &[&[u8]]) -> Result<(u64, Acknowledgement), Failure> {
        let appended = self.records().append(now_ms, &[LaneBatch { lane: LANE, records }])?;
        let first = appended.first_positions().first().map_or(0, |position| position.0);
        let bytes: u64 = records.iter().map(|record| record.len() as u64).sum();
        if self.appended_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes >= RECLAIM_EVERY_BYTES {
            self.appended_bytes.store(0, Ordering::Relaxed);
            self.reclaim.notify_one();
        }
        Ok((first, appended))
    }

    /// Has what was noted flushed, a little later and together.
    #[allow(clippy::disallowed_methods, reason = "flushes are not of service time")]
    pub(crate) async fn flush_notes(&self) {
        loop {
            self.flush.notified().await;
            tokio::time::sleep(Duration::from_millis(RECEIVES_UNFLUSHED_MS_MAX)).await;
            let noted = self.unflushed.lock().take();
            if let Some(noted) = noted
                && let Err(error) = noted.await
            {
                tracing::error!(%error, "receives could not be made durable");
            }
        }
    }

    /// All that lies below is durable.
    pub(crate) fn visible(&self) -> u64 {
        self.records().watermark().of(LANE).0
    }

    /// Completes once the record at `position` is durable, or never will be.
    pub(crate) fn past(&self, position: u64) -> Waiting {
        self.records().past(LANE, Position(position))
    }

    /// Shows `look` the record at `position`.
    pub(crate) fn read<T>(&self, position: u64, look: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Failure> {
        let records = self.records().read(LANE, Position(position), ReadLimit { records: 1, bytes: 0 })?;
        let found = records.iter().next().filter(|record| record.position.0 == position);
        Ok(found.and_then(|record| look(record.data)))
    }

    /// Shows `look` all records in their order, passing over what is damaged.
    pub(crate) fn replay<E>(
        &self,
        mut look: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<Result<(), E>, Failure> {
        let (mut next, end) = (self.records().start(LANE), Position(self.visible()));
        while next < end {
            let records = match self.records().read(LANE, next, REPLAY_READ) {
                Ok(records) => records,
                Err(Failure { kind: FailureKind::Lost { resume, .. }, .. }) if resume > next => {
                    next = resume;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            for record in records.iter() {
                if let Err(error) = look(record.position.0, record.data) {
                    return Ok(Err(error));
                }
            }
            next = records.next();
        }
        Ok(Ok(()))
    }

    /// Bytes of the disk that hold records.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.log.stat().used_bytes
    }

    /// Gives back what lies before `position`, as far as whole segments go.
    pub(crate) fn trim_to(&self, position: u64) -> Result<usize, Failure> {
        self.records().trim_to(&LanePositions::shared(Position(position)))
    }

    /// What is wrong with the log.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        const RESOURCE: &str = "log of the queues";
        let health = self.log.health();
        let poisoned = health.poisoned.map(|why| {
            Problem::new(ProblemKind::Poisoned, RESOURCE, format!("it takes nothing until a restart: {why}"))
        });
        let refused = health.refused.map(|why| {
            let kind = match why {
                Refusal::NoSpace => ProblemKind::FullDisk,
                Refusal::TooManyOpenFiles => ProblemKind::Descriptors,
                _ => ProblemKind::Failing,
            };
            Problem::new(kind, RESOURCE, format!("it takes no messages: {why}"))
        });
        let damaged = health.first_damage.map(|first| {
            let message = format!("{} ranges of it are damaged, the first of them: {first}", health.damaged);
            Problem::new(ProblemKind::Damaged, RESOURCE, message)
        });
        [poisoned, refused, damaged].into_iter().flatten().collect()
    }

    /// Flushes what was appended and closes the log. Blocks.
    pub(crate) fn close(&self) -> Result<(), Failure> {
        self.unflushed.lock().take();
        self.log.close().map_err(Failure::from)
    }
}
