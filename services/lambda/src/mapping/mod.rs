//! Event source mappings from Kinesis streams to functions.
//!
//! [`Mappings`] keeps their configuration and runs a [`supervisor`] for each that is
//! enabled; that runs a [`poller`] for each shard, which hands batches to [`batch`].

mod batch;
mod bisect;
mod checkpoint;
mod event;
mod failure_destination;
mod filter;
mod manager;
mod poller;
mod response;
mod settings;
mod stat;
mod supervisor;
#[cfg(test)]
mod tests;

use anabranch_pattern::SourceFilter;
use anabranch_ports::{ObjectWriter, PortError, StreamHandle, StreamSource};
use anabranch_protocol::{ApiError, Clock, ProblemKind};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

use crate::config::Backoff;
use crate::invoke::InvokeOutcome;
use checkpoint::Checkpoints;
use stat::Stat;

pub use filter::{Filter, FilterCriteria};
pub(crate) use manager::{Dependencies, Mappings};
pub use manager::{EventSourceMapping, ListEventSourceMappings};
pub use settings::{DestinationConfig, EventSourceMappingRequest, OnFailure, Settings};
pub use stat::MappingStat;

/// What invokes the function of a mapping.
#[async_trait]
pub(crate) trait BatchInvoker: Send + Sync + 'static {
    /// Invokes `function` synchronously. An error means that the function was not reached.
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<InvokeOutcome, ApiError>;
}

/// All that the tasks of one mapping share.
pub(crate) struct Context {
    uuid: String,
    function: String,
    function_arn: String,
    stream_arn: String,
    settings: Settings,
    filter: Option<SourceFilter>,
    source: Arc<dyn StreamSource>,
    /// The stream, once it was opened and until it can't be read.
    opened: Mutex<Option<Arc<dyn StreamHandle>>>,
    invoker: Arc<dyn BatchInvoker>,
    objects: Arc<dyn ObjectWriter>,
    checkpoints: Arc<Checkpoints>,
    clock: Arc<dyn Clock>,
    backoff: Backoff,
    stat: Arc<Stat>,
    stop: watch::Receiver<bool>,
}

impl Context {
    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Completes when the mapping is stopped.
    async fn stopped(&self) {
        let _ = self.stop.clone().wait_for(|stopped| *stopped).await;
    }

    /// Waits for `pause`; true if the mapping was stopped meanwhile.
    async fn stopped_during(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.stopped()).await.is_ok()
    }

    /// The stream, opened if it is not.
    async fn stream(&self) -> Result<Arc<dyn StreamHandle>, PortError> {
        if let Some(stream) = self.opened.lock().clone() {
            return Ok(stream);
        }
        let stream = self.source.open_stream(&self.stream_arn).await?;
        *self.opened.lock() = Some(stream.clone());
        Ok(stream)
    }

    /// Notes that the stream can't be read: a shard of it, or with an empty `shard_id` its shards.
    /// It is opened anew for the next attempt, since there may be another of its name by then.
    fn source_failed(&self, shard_id: &str, error: &PortError) {
        *self.opened.lock() = None;
        self.stuck(shard_id, format!("cannot read the stream: {error}"));
        tracing::warn!(mapping = %self.uuid, stream = %self.stream_arn, %error, "cannot read the stream of a mapping");
    }

    /// Notes that a shard makes no progress, by no fault of the function.
    fn stuck(&self, shard_id: &str, why: String) {
        self.stat.setbacks.failed(shard_id, self.clock.now_ms(), ProblemKind::StuckDelivery, why.clone());
        self.stat.problem(format!("PROBLEM: {why}"));
    }
}
