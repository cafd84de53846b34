//! A service over a directory of its own, and targets in memory.

use std::path::Path;
use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::{Encoding, ManualClock, RequestContext, Service};
use anabranch_scheduler::Scheduler;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;

/// A queue that takes messages.
pub(crate) const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";

/// Keeps what it gets. What is called `gone` does not exist, and state machines take nothing.
#[derive(Default)]
pub(crate) struct Memory {
    deliveries: Mutex<Vec<(String, Delivery)>>,
    changed: Notify,
}

impl Memory {
    pub(crate) fn deliveries(&self) -> Vec<(String, Delivery)> {
        self.deliveries.lock().clone()
    }
}

#[async_trait]
impl Target for Memory {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        match target_arn.contains(":states:") {
            true => {
                Err(PortError::new(PortErrorKind::Refused, "InvalidTarget", "nothing of states takes messages here"))
            }
            false => Ok(()),
        }
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        if target_arn.ends_with(":gone") {
            return Err(PortError::new(PortErrorKind::NotFound, "NonExistentQueue", "no such queue"));
        }
        self.deliveries.lock().push((target_arn.into(), delivery));
        self.changed.notify_one();
        Ok(())
    }
}

pub(crate) struct Harness {
    pub(crate) events: Arc<Scheduler>,
    pub(crate) clock: ManualClock,
    pub(crate) target: Arc<Memory>,
    control: ControlStore,
    directory: TempDir,
}

impl Harness {
    pub(crate) fn new(now_ms: u64) -> Self {
        let harness = Self::not_started(now_ms);
        harness.events.start().unwrap();
        harness
    }

    pub(crate) fn not_started(now_ms: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (clock, target) = (ManualClock::new(now_ms), Arc::new(Memory::default()));
        let (control, events) = open(directory.path(), &clock, &target);
        Self { events, clock, target, control, directory }
    }

    /// As after a crash, and not started.
    pub(crate) async fn reopened(self) -> Self {
        self.control.close();
        let (control, events) = open(self.directory.path(), &self.clock, &self.target);
        Self { events, control, ..self }
    }

    pub(crate) async fn call(&self, operation: &str, request: Value) -> Value {
        let body =
            self.answer(operation, &request).await.unwrap_or_else(|error| panic!("{operation} {request}: {error}"));
        if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() }
    }

    pub(crate) async fn refused(&self, operation: &str, request: Value) -> (&'static str, String) {
        let error = self.answer(operation, &request).await.expect_err(operation);
        (error.code, error.message)
    }

    async fn answer(&self, operation: &str, request: &Value) -> Result<Bytes, anabranch_protocol::ApiError> {
        let body = Bytes::from(request.to_string());
        self.events.call(&RequestContext::default(), operation, Encoding::Json, body).await
    }

    /// Waits until so many deliveries came; their targets and payloads.
    pub(crate) async fn delivered(&self, count: usize) -> Vec<(String, String)> {
        while self.target.deliveries.lock().len() < count {
            let waited = tokio::time::timeout(std::time::Duration::from_secs(10), self.target.changed.notified()).await;
            assert!(waited.is_ok(), "{} of {count} deliveries came", self.target.deliveries.lock().len());
        }
        let text = |(arn, delivery): (String, Delivery)| (arn, String::from_utf8(delivery.payload.to_vec()).unwrap());
        self.target.deliveries().into_iter().map(text).collect()
    }

    /// Waits until nothing is left to deliver.
    pub(crate) async fn settled(&self) {
        while self.events.pending() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn open(directory: &Path, clock: &ManualClock, target: &Arc<Memory>) -> (ControlStore, Arc<Scheduler>) {
    let control = ControlStore::open(&directory.join("control.redb")).unwrap();
    let events = Scheduler::open(control.clone(), Arc::new(clock.clone()), target.clone()).unwrap();
    (control, events)
}
