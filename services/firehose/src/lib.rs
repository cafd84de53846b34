//! Amazon Data Firehose: delivery streams take records, keep them in a durable buffer and write
//! them to S3 in objects cut by size or by time.
//!
//! Offered are direct puts and the S3 destination with GZIP compression and key expressions.
//! Transformation, format conversion, dynamic partitioning, other sources and destinations are
//! refused by name.
//!
//! A put is acknowledged once it is durable in the delivery stream's source (`sources`), its own log.
//! One task per delivery stream (`delivery_task`) cuts it into batches, and its destination
//! (`destinations`) delivers each, exactly once as far as its name goes.
//! Start reading at `delivery_task.rs`.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod active_stream;
mod delivery_stream;
mod delivery_task;
mod destinations;
mod error;
mod java_time;
mod limits;
mod operations;
mod progress;
mod registry;
mod section;
mod shapes;
mod sources;
mod stored;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anabranch_control::ControlStore;
use anabranch_ports::ObjectWriter;
use anabranch_protocol::{Answer, ApiError, Call, Clock, Problem, Section, Service, ServiceModel};
use async_trait::async_trait;
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use crate::active_stream::ActiveStream;
use crate::delivery_task::Shared;
use crate::destinations::Outlets;
pub use crate::error::FirehoseError;
use crate::limits::DELIVERIES_RUNNING_MAX;
use crate::registry::Registry;
pub use crate::section::DeliveryStreamStat;
use crate::stored::Catalog;

/// The Firehose service over one data directory.
pub struct Firehose {
    registry: Arc<Registry>,
}

impl Firehose {
    /// Opens the delivery streams in `directory` (one log each), creating it if absent, and
    /// resumes delivery. Blocks on the disk; call it within a tokio runtime.
    ///
    /// # Errors
    /// [`FirehoseError`] when the directory, the control store or a log can't be read.
    pub fn open(
        directory: &Path,
        control: ControlStore,
        clock: Arc<dyn Clock>,
        writer: Arc<dyn ObjectWriter>,
        log_config: anabranch_storage::Config,
    ) -> Result<Arc<Self>, FirehoseError> {
        let registry = Arc::new(Registry {
            directory: directory.to_path_buf(),
            log_config,
            shared: Arc::new(Shared {
                catalog: Catalog(control),
                clock,
                outlets: Outlets { objects: writer },
                deliveries: Semaphore::new(DELIVERIES_RUNNING_MAX),
            }),
            streams: RwLock::new(BTreeMap::new()),
            changing: Arc::default(),
            found: parking_lot::Mutex::default(),
        });
        registry.resume()?;
        Ok(Arc::new(Self { registry }))
    }

    /// The delivery streams and how they are, by ARN.
    pub fn stat(&self) -> Vec<DeliveryStreamStat> {
        self.registry.streams.read().values().map(|active| stat(active)).collect()
    }

    /// What keeps delivery streams from taking or delivering records.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.registry.found.lock().clone();
        problems.extend(self.registry.streams.read().values().flat_map(|active| active.problems()));
        problems
    }

    /// Stops delivery and closes the logs. What is buffered stays, and goes on from there when
    /// opened again.
    pub async fn shutdown(&self) {
        let _changing = self.registry.changing.lock().await;
        let streams = std::mem::take(&mut *self.registry.streams.write());
        for active in streams.into_values() {
            active.close().await;
        }
    }
}

#[async_trait]
impl Service for Firehose {
    fn model(&self) -> &'static ServiceModel {
        &operations::MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(&self.registry, call).await
    }

    fn problems(&self) -> Vec<Problem> {
        Firehose::problems(self)
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section::section(self.stat())]
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}

fn stat(active: &ActiveStream) -> DeliveryStreamStat {
    let counters = &active.counters;
    DeliveryStreamStat {
        name: active.stream.name.clone(),
        arn: active.stream.arn.clone(),
        records_in: counters.records_in.load(Ordering::Relaxed),
        bytes_in: counters.bytes_in.load(Ordering::Relaxed),
        objects_delivered: counters.objects_delivered.load(Ordering::Relaxed),
        backlog_records: active.source.end().saturating_sub(counters.delivered.load(Ordering::Relaxed)),
        backlog_bytes: active.backlog_bytes(),
        last_error: counters.stuck.lock().as_ref().map(|stuck| stuck.error.clone()),
    }
}
