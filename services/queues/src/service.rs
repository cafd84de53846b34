//! SQS as the server sees it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_control::ControlStore;
use anabranch_protocol::{
    Answer, ApiError, Call, Clock, Measured, MeasuredKind, Problem, Section, Service, ServiceModel,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::error::QueuesError;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::{opening, operations, section, upkeep};

/// The SQS service over one data directory.
pub struct Queues {
    pub(crate) registry: Arc<Registry>,
    background: Mutex<Vec<JoinHandle<()>>>,
}

impl Queues {
    /// Opens the queues whose messages are in `directory`, creating it if absent. Blocks on the
    /// disk; call it within a tokio runtime.
    ///
    /// # Errors
    /// [`QueuesError`] when the log or the control store can't be read.
    pub fn open(
        directory: &Path,
        control: ControlStore,
        clock: Arc<dyn Clock>,
        log_config: anabranch_storage::Config,
    ) -> Result<Arc<Self>, QueuesError> {
        let registry = Arc::new(opening::open(directory, control, clock, log_config)?);
        registry.resume_move_tasks();
        let journal = registry.journal.clone();
        let background = vec![
            tokio::spawn(async move { journal.flush_notes().await }),
            tokio::spawn(upkeep::expire(registry.clone())),
            tokio::spawn(upkeep::reclaim(registry.clone())),
        ];
        Ok(Arc::new(Self { registry, background: Mutex::new(background) }))
    }

    /// Gives back what the log needs no more, however little it is. For tests.
    ///
    /// # Errors
    /// When the log fails.
    pub async fn reclaim(&self) -> Result<(), ApiError> {
        upkeep::reclaim_now(&self.registry, 0).await
    }

    /// Bytes of the disk that hold messages, and what became of them.
    pub fn used_bytes(&self) -> u64 {
        self.registry.journal.used_bytes()
    }

    /// Ends background work and closes the log.
    pub async fn shutdown(&self) {
        self.registry.stop();
        let background = std::mem::take(&mut *self.background.lock());
        background.iter().for_each(JoinHandle::abort);
        let journal = self.registry.journal.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || journal.close()).await {
            tracing::error!(%error, "the log of the queues can't be closed");
        }
    }
}

#[async_trait]
impl Service for Queues {
    fn model(&self) -> &'static ServiceModel {
        &operations::MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(&self.registry, call).await
    }

    fn metrics(&self) -> Vec<Measured> {
        self.registry.all().iter().flat_map(|queue| measured(queue, self.registry.clock.now_ms())).collect()
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.registry.found.lock().clone();
        problems.extend(self.registry.journal.problems());
        problems
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section::section(&self.registry)]
    }

    async fn pause(&self) {
        // Whoever waits for messages is answered while requests still are.
        self.registry.stop();
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}

/// A queue's figures, by the names that CloudWatch has for them ("Available CloudWatch metrics for
/// Amazon SQS").
fn measured(queue: &Queue, now_ms: u64) -> Vec<Measured> {
    let figures = &queue.figures;
    let counter =
        |name: &'static str, counter: &AtomicU64| (name, MeasuredKind::Counter, counter.load(Ordering::Relaxed));
    let gauges = {
        let mut messages = queue.raw();
        let state = &mut messages.state;
        state.advance(now_ms);
        let age_ms = state.oldest_ms().map_or(0, |oldest_ms| now_ms.saturating_sub(oldest_ms));
        [
            ("aws_sqs_approximate_number_of_messages_visible", state.visible_count() as u64),
            ("aws_sqs_approximate_number_of_messages_not_visible", state.in_flight_count() as u64),
            ("aws_sqs_approximate_number_of_messages_delayed", state.delayed_count() as u64),
            ("aws_sqs_approximate_age_of_oldest_message_seconds", age_ms / 1_000),
        ]
        .map(|(name, value)| (name, MeasuredKind::Gauge, value))
    };
    let counters = [
        counter("aws_sqs_number_of_messages_sent_sum", &figures.sent),
        counter("aws_sqs_sent_message_size_sum", &figures.sent_bytes),
        counter("aws_sqs_number_of_messages_received_sum", &figures.received),
        counter("aws_sqs_number_of_empty_receives_sum", &figures.empty_receives),
        counter("aws_sqs_number_of_messages_deleted_sum", &figures.deleted),
    ];
    let labelled = |(name, kind, value): (&'static str, MeasuredKind, u64)| Measured {
        name: name.into(),
        help: "",
        kind,
        labels: vec![
            ("queue_name", queue.name.name.clone()),
            ("account", queue.name.account.to_string()),
            ("region", queue.name.region.to_string()),
        ],
        value: value as f64,
    };
    counters.into_iter().chain(gauges).map(labelled).collect()
}
