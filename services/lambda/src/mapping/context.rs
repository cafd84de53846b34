//! What all tasks of one mapping share.

use anabranch_pattern::SourceFilter;
use anabranch_ports::{PortError, PortErrorKind};
use anabranch_protocol::{ApiError, Arn, Clock, ProblemKind};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

use super::settings::{STREAM_DEFAULTS, Settings, StreamSettings};
use super::sources::{EventSource, QueueReader, Reader, StreamReader};
use super::stat::Stat;
use super::stream::checkpoint::Checkpoints;
use crate::config::Backoff;
use crate::destinations;
use crate::function_id::FunctionId;
use crate::invoke::InvokeOutcome;

/// What invokes the function of a mapping.
#[async_trait]
pub(crate) trait BatchInvoker: Send + Sync + 'static {
    /// Invokes `function` synchronously. An error means that the function was not reached.
    async fn invoke(&self, function: &FunctionId, payload: Bytes) -> Result<InvokeOutcome, ApiError>;
}

/// A mapping as its tasks see it.
pub(crate) struct Context {
    pub(super) uuid: String,
    pub(super) function: FunctionId,
    pub(super) source_arn: Arn,
    pub(super) settings: Settings,
    pub(super) filter: Option<SourceFilter>,
    pub(super) source: Arc<dyn EventSource>,
    /// The source, once it was opened and until it can't be read.
    pub(super) opened: Mutex<Option<Reader>>,
    pub(super) invoker: Arc<dyn BatchInvoker>,
    pub(super) destinations: destinations::Services,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backoff: Backoff,
    pub(super) stat: Arc<Stat>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Context {
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Completes when the mapping is stopped.
    pub(super) async fn stopped(&self) {
        let _ = self.stop.clone().wait_for(|stopped| *stopped).await;
    }

    /// Waits for `pause`; true if the mapping was stopped meanwhile.
    pub(super) async fn stopped_during(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stopped() => true,
            () = self.clock.sleep(pause) => false,
        }
    }

    /// The settings of a mapping of a stream.
    pub(super) fn stream_settings(&self) -> &StreamSettings {
        self.settings.stream.as_ref().unwrap_or(&STREAM_DEFAULTS)
    }

    /// The stream that is read, opened if it is not.
    pub(super) async fn stream(&self) -> Result<Arc<dyn StreamReader>, PortError> {
        match self.reader().await? {
            Reader::Stream(stream) => Ok(stream),
            Reader::Queue(_) => Err(mismatch()),
        }
    }

    /// The queue that is read, opened if it is not.
    pub(super) async fn queue(&self) -> Result<Arc<dyn QueueReader>, PortError> {
        match self.reader().await? {
            Reader::Queue(queue) => Ok(queue),
            Reader::Stream(_) => Err(mismatch()),
        }
    }

    async fn reader(&self) -> Result<Reader, PortError> {
        if let Some(reader) = self.opened.lock().clone() {
            return Ok(reader);
        }
        let reader = self.source.open(&self.source_arn).await?;
        *self.opened.lock() = Some(reader.clone());
        Ok(reader)
    }

    /// Notes that the source can't be read: a shard of it, or with an empty `shard_id` all of it.
    /// It is opened anew for the next attempt, since there may be another of its name by then.
    pub(super) fn source_failed(&self, shard_id: &str, error: &PortError) {
        *self.opened.lock() = None;
        let title = self.source.rules().title;
        self.stuck(shard_id, format!("cannot read the {title}: {error}"));
        tracing::warn!(mapping = %self.uuid, source = %self.source_arn, %error, "cannot read the source of a mapping");
    }

    /// Notes that a shard makes no progress, by no fault of the function.
    pub(super) fn stuck(&self, shard_id: &str, why: String) {
        self.stat.failing.failed(shard_id, self.clock.now_ms(), ProblemKind::StuckDelivery, why.clone());
        self.stat.problem(why);
    }

    /// Whether a filter lets `record` through.
    pub(super) fn passes(&self, record: &dyn super::sources::SourceRecord) -> bool {
        self.filter.as_ref().is_none_or(|filter| record.passes(filter))
    }
}

/// A source opens what its rules say; anything else is a bug of the source's.
fn mismatch() -> PortError {
    PortError::new(PortErrorKind::Failed, "InternalFailure", "the source was opened as one of another kind")
}
