//! Delivery: cut a batch by size or age, decide its object, write it, move on.
//!
//! **Invariant**: the object's key and records are in the control store before the object is
//! written, and the delivered position moves only after it is. After a crash at any moment the
//! same object is written again under the same key, so no record is ever in two objects.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anabranch_control::ControlError;
use anabranch_ports::{NewObject, PortError};
use anabranch_storage::Failure;

use crate::buffer::{BufferError, Pending};
use crate::delivery_stream::{Compression, DeliveryPlan, Progress};
use crate::fleet::Fleet;
use crate::hose::Hose;
use crate::key::object_key;
use crate::limits::{RETRY_WAIT_MAX, RETRY_WAIT_MIN};

const CONTENT_TYPE: &str = "application/octet-stream";

/// Why a step failed. Every step is tried again; nothing is dropped.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("reading the buffer: {0}")]
    Buffer(#[from] BufferError),
    #[error("control store: {0}")]
    Control(#[from] ControlError),
    #[error("writing s3://{bucket}/{key}: {source}")]
    Write { bucket: String, key: String, source: PortError },
    #[error("object key: {0}")]
    Key(String),
    #[error("a step of delivery did not end: {0}")]
    Task(String),
}

impl From<Failure> for DeliveryError {
    fn from(failure: Failure) -> Self {
        Self::Buffer(BufferError::Log(failure))
    }
}

/// The delivery task of one delivery stream.
pub(crate) struct Delivery {
    fleet: Arc<Fleet>,
    hose: Arc<Hose>,
    progress: Progress,
    pending: Pending,
}

impl Delivery {
    /// Takes up where `progress` says.
    pub(crate) fn new(fleet: Arc<Fleet>, hose: Arc<Hose>, progress: Progress) -> Self {
        let pending = Pending::starting(progress.delivered);
        let delivery = Self { fleet, hose, progress, pending };
        delivery.show_progress();
        delivery
    }

    /// Delivers until told to stop.
    pub(crate) async fn run(mut self) {
        let mut stop = self.hose.stop.subscribe();
        let ended = async move {
            // An error means the sender is gone, which ends delivery too.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        tokio::select! {
            () = ended => {}
            () = self.deliver_forever() => {}
        }
    }

    async fn deliver_forever(&mut self) {
        self.count_backlog().await;
        let mut retry_wait = RETRY_WAIT_MIN;
        loop {
            match self.step().await {
                Ok(()) => {
                    retry_wait = RETRY_WAIT_MIN;
                    *self.hose.counters.stuck.lock() = None;
                }
                Err(error) => {
                    tracing::warn!(stream = self.hose.stream.name, %error, ?retry_wait, "delivery failed; trying again");
                    self.hose.attempt_failed(self.fleet.clock.now_ms(), error.to_string());
                    tokio::time::sleep(retry_wait).await;
                    retry_wait = (retry_wait * 2).min(RETRY_WAIT_MAX);
                }
            }
        }
    }

    /// Delivers the planned object, or plans one, or waits for a reason to.
    async fn step(&mut self) -> Result<(), DeliveryError> {
        if let Some(plan) = self.progress.plan.clone() {
            return self.deliver(plan).await;
        }
        // Read first, so that what is durable by the end of the interval is in its object.
        let now_ms = self.fleet.clock.now_ms();
        self.collect().await?;
        if self.is_due(now_ms) { self.plan().await } else { self.wait().await }
    }

    /// Looks at what has arrived, as far as one object takes it.
    async fn collect(&mut self) -> Result<(), DeliveryError> {
        let (hose, mut pending, size) = (self.hose.clone(), self.pending, self.size());
        self.pending = blocking(move || {
            hose.buffer.collect(&mut pending, size)?;
            Ok(pending)
        })
        .await?;
        Ok(())
    }

    fn size(&self) -> u64 {
        self.hose.stream.destination.size_bytes()
    }

    /// When the oldest pending record is due; `None` while there is none.
    fn due_ms(&self) -> Option<u64> {
        let interval_ms = self.hose.stream.destination.interval_in_seconds * 1_000;
        Some(self.pending.oldest_ms?.saturating_add(interval_ms))
    }

    fn is_due(&self, now_ms: u64) -> bool {
        self.pending.bytes >= self.size() || self.due_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }

    /// Waits for a first record; then until the buffer is full, the interval is over or the
    /// clock was moved. Later records are not looked at one by one.
    async fn wait(&self) -> Result<(), DeliveryError> {
        let Some(due_ms) = self.due_ms() else {
            self.growth().await;
            return Ok(());
        };
        let left = Duration::from_millis(due_ms.saturating_sub(self.fleet.clock.now_ms()));
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            () = self.hose.full.notified() => {}
            () = self.hose.clock_moved.notified() => {}
        }
        Ok(())
    }

    /// Completes when records are durable beyond those looked at.
    async fn growth(&self) {
        self.hose.buffer.grown_past(self.pending.end).await;
        if self.hose.buffer.end() <= self.pending.end {
            // The log has failed and will not grow before it is opened again.
            std::future::pending::<()>().await;
        }
    }

    /// Decides the next object.
    async fn plan(&mut self) -> Result<(), DeliveryError> {
        let Some(oldest_ms) = self.pending.oldest_ms else { return Ok(()) };
        let stream = &self.hose.stream;
        let plan = DeliveryPlan {
            first: self.pending.first,
            end: self.pending.end,
            records: self.pending.records,
            bytes: self.pending.bytes,
            bucket: stream.destination.bucket().to_string(),
            key: object_key(stream, oldest_ms).map_err(DeliveryError::Key)?,
            compression: stream.destination.compression,
        };
        self.advance(Progress { plan: Some(plan), ..self.progress.clone() }).await
    }

    /// Writes the planned object, then moves on past it.
    async fn deliver(&mut self, plan: DeliveryPlan) -> Result<(), DeliveryError> {
        {
            let _one_of_few = self.fleet.deliveries.acquire().await;
            let (hose, planned) = (self.hose.clone(), plan.clone());
            let body = blocking(move || Ok(hose.buffer.object(&planned)?)).await?;
            let content_encoding = match plan.compression {
                Compression::Uncompressed => None,
                Compression::Gzip => Some("gzip".to_string()),
            };
            let object = NewObject { content_encoding, ..NewObject::new(body, CONTENT_TYPE) };
            self.fleet.writer.put_object(&plan.bucket, &plan.key, object).await.map_err(|source| {
                DeliveryError::Write { bucket: plan.bucket.clone(), key: plan.key.clone(), source }
            })?;
        }
        self.advance(Progress { delivered: plan.end, plan: None, objects: self.progress.objects + 1 }).await?;
        self.pending = Pending::starting(plan.end);
        self.hose.counters.bytes_delivered.fetch_add(plan.bytes, Ordering::Relaxed);
        *self.hose.counters.stuck.lock() = None;
        let hose = self.hose.clone();
        let trimmed = blocking(move || Ok(hose.buffer.trim(plan.end)?)).await;
        self.show_progress();
        trimmed
    }

    /// Makes `progress` durable and then ours.
    async fn advance(&mut self, progress: Progress) -> Result<(), DeliveryError> {
        let (fleet, hose, next) = (self.fleet.clone(), self.hose.clone(), progress.clone());
        blocking(move || Ok(fleet.catalog.advance(&hose.stream, &next)?)).await?;
        self.progress = progress;
        Ok(())
    }

    fn show_progress(&self) {
        self.hose.counters.delivered.store(self.progress.delivered, Ordering::Relaxed);
        self.hose.counters.objects_delivered.store(self.progress.objects, Ordering::Relaxed);
    }

    /// Counts the bytes that an earlier run left undelivered.
    async fn count_backlog(&self) {
        let (hose, from) = (self.hose.clone(), self.progress.delivered);
        let until = hose.opened_at;
        let counted = blocking(move || Ok(hose.buffer.bytes_between(from, until)?)).await;
        match counted {
            Ok(bytes) => {
                self.hose.counters.bytes_found.fetch_add(bytes, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(stream = self.hose.stream.name, %error, "counting the backlog"),
        }
    }
}

async fn blocking<T, F>(work: F) -> Result<T, DeliveryError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, DeliveryError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| DeliveryError::Task(error.to_string()))?
}
