//! A delivery stream at work: its buffer, its counters and its delivery task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_protocol::{Problem, ProblemKind};
use anabranch_storage::{Failure, Refusal};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::buffer::Buffer;
use crate::delivery_stream::DeliveryStream;

/// One delivery stream at work.
pub(crate) struct Hose {
    pub(crate) stream: DeliveryStream,
    pub(crate) buffer: Buffer,
    /// End of the buffer when it was opened.
    pub(crate) opened_at: u64,
    pub(crate) counters: Counters,
    /// Told when the buffer may hold a whole object.
    pub(crate) full: Notify,
    /// Told to look at the clock again.
    pub(crate) clock_moved: Notify,
    /// True once delivery has to stop.
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) task: Mutex<Option<JoinHandle<()>>>,
}

/// What the console shows.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) records_in: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) objects_delivered: AtomicU64,
    /// Position up to which records are in objects.
    pub(crate) delivered: AtomicU64,
    /// Bytes that were not in an object when this process opened the stream.
    pub(crate) bytes_found: AtomicU64,
    /// Bytes put in objects since.
    pub(crate) bytes_delivered: AtomicU64,
    /// Why delivery makes no progress, if it makes none.
    pub(crate) stuck: Mutex<Option<Stuck>>,
}

/// Delivery that makes no progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// When the first attempt failed, in ms since the Unix epoch.
    pub(crate) since_ms: u64,
    /// Attempts that failed since.
    pub(crate) attempts: u64,
    /// Why the last one failed.
    pub(crate) error: String,
}

impl Hose {
    pub(crate) fn new(stream: DeliveryStream, buffer: Buffer) -> Self {
        Self {
            stream,
            opened_at: buffer.end(),
            buffer,
            counters: Counters::default(),
            full: Notify::new(),
            clock_moved: Notify::new(),
            stop: watch::Sender::new(false),
            task: Mutex::new(None),
        }
    }

    /// Stores `records` in order and returns the position of the first, once they are durable.
    pub(crate) async fn put(self: &Arc<Self>, now_ms: u64, records: Vec<Bytes>) -> Result<u64, Failure> {
        let hose = self.clone();
        let appending = tokio::task::spawn_blocking(move || {
            let appended = hose.buffer.append(now_ms, &records)?;
            hose.counters.records_in.fetch_add(records.len() as u64, Ordering::Relaxed);
            let bytes = records.iter().map(|record| record.len() as u64).sum();
            hose.counters.bytes_in.fetch_add(bytes, Ordering::Relaxed);
            Ok::<_, Failure>(appended)
        });
        let appended = appending.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let first = appended.first_positions().first().map_or(0, |position| position.0);
        appended.await?;
        if self.backlog_bytes() >= self.stream.destination.size_bytes() {
            self.full.notify_one();
        }
        Ok(first)
    }

    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let name = &self.stream.name;
        let health = self.buffer.health();
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
        let stuck = self.counters.stuck.lock().clone().map(|stuck| {
            let since = jiff::Timestamp::from_millisecond(stuck.since_ms as i64).unwrap_or_default();
            let (attempts, error) = (stuck.attempts, stuck.error);
            let message = format!("nothing was delivered since {since}, in {attempts} attempts: {error}");
            Problem::new(ProblemKind::StuckDelivery, name, message)
        });
        [poisoned, refused, damaged, stuck].into_iter().flatten().collect()
    }

    /// Notes a failed attempt at delivery.
    pub(crate) fn attempt_failed(&self, now_ms: u64, error: String) {
        let mut stuck = self.counters.stuck.lock();
        let (since_ms, attempts) = stuck.as_ref().map_or((now_ms, 0), |stuck| (stuck.since_ms, stuck.attempts));
        *stuck = Some(Stuck { since_ms, attempts: attempts + 1, error });
    }

    /// Bytes that are not in an object yet.
    pub(crate) fn backlog_bytes(&self) -> u64 {
        let counters = &self.counters;
        let held = counters.bytes_found.load(Ordering::Relaxed) + counters.bytes_in.load(Ordering::Relaxed);
        held.saturating_sub(counters.bytes_delivered.load(Ordering::Relaxed))
    }

    /// The `RecordId` of the record at `position`.
    pub(crate) fn record_id(&self, position: u64) -> String {
        format!("{}-{position:020}", self.stream.id)
    }

    /// Stops delivery, which goes on where it was when the stream is opened again, and closes
    /// the log.
    pub(crate) async fn close(self: &Arc<Self>) {
        self.stop.send_replace(true);
        let task = self.task.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(stream = self.stream.name, %error, "delivery ended early");
        }
        let hose = self.clone();
        let closed = tokio::task::spawn_blocking(move || hose.buffer.close()).await;
        if let Ok(Err(error)) = closed {
            tracing::error!(stream = self.stream.name, %error, "closing the log");
        }
    }
}
