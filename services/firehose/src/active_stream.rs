//! A delivery stream at work: its open source, its counters and its delivery task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_protocol::{Problem, ProblemKind};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::delivery_stream::{DeliveryStream, Status};
use crate::error::PutError;
use crate::sources::RecordSource;

/// One delivery stream at work.
pub(crate) struct ActiveStream {
    pub(crate) stream: DeliveryStream,
    pub(crate) source: Arc<dyn RecordSource>,
    /// End of the source when it was opened.
    pub(crate) opened_at: u64,
    pub(crate) counters: Counters,
    /// Told when the buffer may hold a whole batch.
    pub(crate) full: Notify,
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
    /// Position up to which records are delivered.
    pub(crate) delivered: AtomicU64,
    /// Bytes that were not delivered when this process opened the stream.
    pub(crate) bytes_found: AtomicU64,
    /// Bytes delivered since.
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

impl ActiveStream {
    pub(crate) fn new(stream: DeliveryStream, source: Arc<dyn RecordSource>) -> Self {
        Self {
            stream,
            opened_at: source.end(),
            source,
            counters: Counters::default(),
            full: Notify::new(),
            stop: watch::Sender::new(false),
            task: Mutex::new(None),
        }
    }

    /// Stores `records` in order and returns the position of the first, once they are durable.
    pub(crate) async fn put(&self, now_ms: u64, records: Vec<Bytes>) -> Result<u64, PutError> {
        let (count, bytes) = (records.len() as u64, records.iter().map(|record| record.len() as u64).sum());
        let first = self.source.clone().put(now_ms, records).await?;
        self.counters.records_in.fetch_add(count, Ordering::Relaxed);
        self.counters.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        if self.backlog_bytes() >= self.stream.destination.settings().buffering().size_bytes {
            self.full.notify_one();
        }
        Ok(first)
    }

    pub(crate) fn status(&self) -> Status {
        Status::Active
    }

    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let name = &self.stream.name;
        let mut problems = self.source.problems(name);
        problems.extend(self.counters.stuck.lock().clone().map(|stuck| {
            let since = jiff::Timestamp::from_millisecond(stuck.since_ms as i64).unwrap_or_default();
            let (attempts, error) = (stuck.attempts, stuck.error);
            let message = format!("nothing was delivered since {since}, in {attempts} attempts: {error}");
            Problem::new(ProblemKind::StuckDelivery, name, message)
        }));
        problems
    }

    /// Notes a failed attempt at delivery.
    pub(crate) fn attempt_failed(&self, now_ms: u64, error: String) {
        let mut stuck = self.counters.stuck.lock();
        let (since_ms, attempts) = stuck.as_ref().map_or((now_ms, 0), |stuck| (stuck.since_ms, stuck.attempts));
        *stuck = Some(Stuck { since_ms, attempts: attempts + 1, error });
    }

    /// Bytes that are not delivered yet.
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
    /// the source.
    pub(crate) async fn close(&self) {
        self.stop.send_replace(true);
        let task = self.task.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(stream = self.stream.name, %error, "delivery ended early");
        }
        let source = self.source.clone();
        let closed = tokio::task::spawn_blocking(move || source.close()).await;
        if let Ok(Err(error)) = closed {
            tracing::error!(stream = self.stream.name, %error, "closing the log");
        }
    }
}
