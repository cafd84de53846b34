//! Delivery: cut a batch by size or age, decide where it goes, deliver it, move on.
//!
//! **Invariant**: the batch's name and records are in the control store before it is delivered,
//! and the delivered position moves only after it is. After a crash at any moment the same batch
//! is delivered again under the same name, so no record is ever in two objects.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anabranch_control::ControlError;
use anabranch_protocol::Clock;
use tokio::sync::Semaphore;

use crate::active_stream::ActiveStream;
use crate::destinations::{Batch, Buffering, DestinationError, Outlets};
use crate::limits::{RETRY_WAIT_MAX, RETRY_WAIT_MIN};
use crate::progress::{DeliveryPlan, Progress};
use crate::sources::{Pending, SourceError};
use crate::stored::Catalog;

/// Why a step failed. Every step is tried again; nothing is dropped.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("reading the buffer: {0}")]
    Source(#[from] SourceError),
    #[error("control store: {0}")]
    Control(#[from] ControlError),
    #[error(transparent)]
    Destination(#[from] DestinationError),
    #[error("object key: {0}")]
    Plan(String),
    #[error("a step of delivery did not end: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What all delivery tasks share.
pub(crate) struct Shared {
    pub(crate) catalog: Catalog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outlets: Outlets,
    /// Bounds the batches that are in memory at once.
    pub(crate) deliveries: Semaphore,
}

/// The delivery task of one delivery stream.
pub(crate) struct DeliveryTask {
    shared: Arc<Shared>,
    active: Arc<ActiveStream>,
    buffering: Buffering,
    progress: Progress,
    pending: Pending,
}

impl DeliveryTask {
    /// Takes up where `progress` says.
    pub(crate) fn new(shared: Arc<Shared>, active: Arc<ActiveStream>, progress: Progress) -> Self {
        let pending = Pending::starting(progress.delivered);
        let buffering = active.stream.destination.settings().buffering();
        let task = Self { shared, active, buffering, progress, pending };
        task.show_progress();
        task
    }

    /// Delivers until told to stop.
    pub(crate) async fn run(mut self) {
        let mut stop = self.active.stop.subscribe();
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
                    *self.active.counters.stuck.lock() = None;
                }
                Err(error) => {
                    let name = &self.active.stream.name;
                    tracing::warn!(stream = name, %error, ?retry_wait, "delivery failed; trying again");
                    self.active.attempt_failed(self.shared.clock.now_ms(), error.to_string());
                    self.shared.clock.sleep(retry_wait).await;
                    retry_wait = (retry_wait * 2).min(RETRY_WAIT_MAX);
                }
            }
        }
    }

    /// Delivers the planned batch, or plans one, or waits for a reason to.
    async fn step(&mut self) -> Result<(), DeliveryError> {
        if let Some(plan) = self.progress.plan.clone() {
            return self.deliver(plan).await;
        }
        // Read first, so that what is durable by the end of the interval is in its batch.
        let now_ms = self.shared.clock.now_ms();
        self.collect().await?;
        if self.is_due(now_ms) { self.plan().await } else { self.wait().await }
    }

    /// Looks at what has arrived, as far as one batch takes it.
    async fn collect(&mut self) -> Result<(), DeliveryError> {
        let (source, mut pending, size) = (self.active.source.clone(), self.pending, self.buffering.size_bytes);
        self.pending = blocking(move || {
            source.collect(&mut pending, size)?;
            Ok(pending)
        })
        .await?;
        Ok(())
    }

    /// When the oldest pending record is due; `None` while there is none.
    fn due_ms(&self) -> Option<u64> {
        let interval_ms = u64::try_from(self.buffering.interval.as_millis()).unwrap_or(u64::MAX);
        Some(self.pending.oldest_ms?.saturating_add(interval_ms))
    }

    fn is_due(&self, now_ms: u64) -> bool {
        self.pending.bytes >= self.buffering.size_bytes || self.due_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }

    /// Waits for a first record; then until the buffer is full or the interval is over. Later records
    /// are not looked at one by one.
    async fn wait(&self) -> Result<(), DeliveryError> {
        let Some(due_ms) = self.due_ms() else {
            self.growth().await;
            return Ok(());
        };
        let left = Duration::from_millis(due_ms.saturating_sub(self.shared.clock.now_ms()));
        tokio::select! {
            () = self.shared.clock.sleep(left) => {}
            () = self.active.full.notified() => {}
        }
        Ok(())
    }

    /// Completes when records are durable beyond those looked at.
    async fn growth(&self) {
        self.active.source.grown_past(self.pending.end).await;
        if self.active.source.end() <= self.pending.end {
            // The source has failed and will not grow before it is opened again.
            std::future::pending::<()>().await;
        }
    }

    /// Decides the next batch.
    async fn plan(&mut self) -> Result<(), DeliveryError> {
        if self.pending.records == 0 {
            return Ok(());
        }
        let stream = &self.active.stream;
        let target = stream.destination.settings().plan(stream.stream_name(), &self.pending);
        let Pending { first, end, records, bytes, .. } = self.pending;
        let plan = DeliveryPlan { first, end, records, bytes, target: target.map_err(DeliveryError::Plan)? };
        self.advance(Progress { plan: Some(plan), ..self.progress.clone() }).await
    }

    /// Delivers the planned batch, then moves on past it.
    async fn deliver(&mut self, plan: DeliveryPlan) -> Result<(), DeliveryError> {
        let source = self.active.source.clone();
        {
            let _one_of_few = self.shared.deliveries.acquire().await;
            let batch = Batch { source: source.clone(), range: plan.first..plan.end, records: plan.records };
            let destination = self.active.stream.destination.settings();
            destination.deliver(&plan, batch, &self.shared.outlets).await?;
        }
        self.advance(Progress { delivered: plan.end, plan: None, objects: self.progress.objects + 1 }).await?;
        self.pending = Pending::starting(plan.end);
        self.active.counters.bytes_delivered.fetch_add(plan.bytes, Ordering::Relaxed);
        *self.active.counters.stuck.lock() = None;
        let released = blocking(move || Ok(source.release(plan.end)?)).await;
        self.show_progress();
        released
    }

    /// Makes `progress` durable and then ours.
    async fn advance(&mut self, progress: Progress) -> Result<(), DeliveryError> {
        self.shared.catalog.advance(&self.active.stream, &progress).await?;
        self.progress = progress;
        Ok(())
    }

    fn show_progress(&self) {
        self.active.counters.delivered.store(self.progress.delivered, Ordering::Relaxed);
        self.active.counters.objects_delivered.store(self.progress.objects, Ordering::Relaxed);
    }

    /// Counts the bytes that an earlier run left undelivered.
    async fn count_backlog(&self) {
        let (source, left) = (self.active.source.clone(), self.progress.delivered..self.active.opened_at);
        let counted = blocking(move || {
            let mut bytes = 0;
            source.read(left, &mut |record| {
                bytes += record.len() as u64;
                Ok(())
            })?;
            Ok(bytes)
        });
        match counted.await {
            Ok(bytes) => {
                self.active.counters.bytes_found.fetch_add(bytes, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(stream = self.active.stream.name, %error, "counting the backlog"),
        }
    }
}

async fn blocking<T, F>(work: F) -> Result<T, DeliveryError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, DeliveryError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await?
}
