//! Amazon Data Firehose: delivery streams take records, keep them in a durable buffer and write
//! them to S3 in objects cut by size or by time.
//!
//! Offered are direct puts and the S3 destination with GZIP compression and key expressions.
//! Transformation, format conversion, dynamic partitioning, other sources and destinations are
//! refused by name.
//!
//! A put is acknowledged once it is durable in the stream's own log (`buffer`); one task per
//! stream (`delivery`) turns the log into objects, each exactly once as far as its key goes.
//! Start reading at `delivery.rs`.

mod buffer;
mod delivery;
mod delivery_stream;
mod error;
mod fleet;
mod hose;
mod java_time;
mod key;
mod limits;
mod operations;
mod section;
mod shapes;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anabranch_control::ControlStore;
use anabranch_ports::ObjectWriter;
use anabranch_protocol::{Answer, ApiError, Call, Clock, Problem, RequestContext, Section, Service, ServiceModel};
use async_trait::async_trait;
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use crate::delivery_stream::Catalog;
pub use crate::error::FirehoseError;
use crate::fleet::Fleet;
use crate::hose::Hose;
use crate::limits::DELIVERIES_RUNNING_MAX;
pub use crate::section::DeliveryStreamStat;

/// The Firehose service over one data directory.
pub struct Firehose {
    fleet: Arc<Fleet>,
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
        let fleet = Arc::new(Fleet {
            directory: directory.to_path_buf(),
            log_config,
            catalog: Catalog(control),
            clock,
            writer,
            deliveries: Semaphore::new(DELIVERIES_RUNNING_MAX),
            hoses: RwLock::new(BTreeMap::new()),
            changing: Arc::default(),
            found: parking_lot::Mutex::default(),
        });
        fleet.resume()?;
        Ok(Arc::new(Self { fleet }))
    }

    /// The delivery streams and how they are, by ARN.
    pub fn stat(&self) -> Vec<DeliveryStreamStat> {
        self.fleet.hoses.read().values().map(|hose| stat(hose)).collect()
    }

    /// What keeps delivery streams from taking or delivering records.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.fleet.found.lock().clone();
        problems.extend(self.fleet.hoses.read().values().flat_map(|hose| hose.problems()));
        problems
    }

    /// Has every delivery stream look at the clock again: for a clock that a test has moved.
    pub fn clock_moved(&self) {
        self.fleet.hoses.read().values().for_each(|hose| hose.clock_moved.notify_one());
    }

    /// Stops delivery and closes the logs. What is buffered stays, and goes on from there when
    /// opened again.
    pub async fn shutdown(&self) {
        let _changing = self.fleet.changing.lock().await;
        let hoses = std::mem::take(&mut *self.fleet.hoses.write());
        for hose in hoses.into_values() {
            hose.close().await;
        }
    }

    fn hose(&self, context: &RequestContext, name: &str) -> Result<Arc<Hose>, ApiError> {
        let found = self.fleet.hoses.read().get(&arn(context, name)).cloned();
        found.ok_or_else(|| error::not_found(name, context.account))
    }
}

#[async_trait]
impl Service for Firehose {
    fn model(&self) -> &'static ServiceModel {
        &operations::MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(self, call).await
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

/// The ARN of the delivery stream `name`.
fn arn(context: &RequestContext, name: &str) -> String {
    context.arn("firehose", &format!("deliverystream/{name}")).to_string()
}

fn stat(hose: &Hose) -> DeliveryStreamStat {
    let counters = &hose.counters;
    DeliveryStreamStat {
        name: hose.stream.name.clone(),
        arn: hose.stream.arn.clone(),
        records_in: counters.records_in.load(Ordering::Relaxed),
        bytes_in: counters.bytes_in.load(Ordering::Relaxed),
        objects_delivered: counters.objects_delivered.load(Ordering::Relaxed),
        backlog_records: hose.buffer.end().saturating_sub(counters.delivered.load(Ordering::Relaxed)),
        backlog_bytes: hose.backlog_bytes(),
        last_error: counters.stuck.lock().as_ref().map(|stuck| stuck.error.clone()),
    }
}
