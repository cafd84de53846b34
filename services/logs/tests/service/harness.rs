//! A service over a scratch directory, with a clock that tests move.

use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_logs::Logs;
use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::{ApiError, Encoding, ManualClock, RequestContext, Service};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// When tests begin.
pub(crate) const NOW_MS: u64 = 1_772_730_249_000;
pub(crate) const HOUR_MS: u64 = 3_600_000;

pub(crate) struct Harness {
    pub(crate) directory: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) targets: Arc<Taken>,
    pub(crate) logs: Arc<Logs>,
}

/// Takes messages, or fails as often as it is told.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) messages: Mutex<Vec<(String, Delivery)>>,
    pub(crate) failures: std::sync::atomic::AtomicUsize,
    pub(crate) changed: tokio::sync::Notify,
}

#[async_trait]
impl Target for Taken {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        match target_arn.ends_with("nobody") {
            true => Err(PortError::new(PortErrorKind::NotFound, "ResourceNotFoundException", "nobody")),
            false => Ok(()),
        }
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        use std::sync::atomic::Ordering::SeqCst;
        if self.failures.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(PortError::new(PortErrorKind::Throttled, "Throttled", "later"));
        }
        self.messages.lock().await.push((target_arn.into(), delivery));
        self.changed.notify_waiters();
        Ok(())
    }
}

impl Taken {
    /// The messages, once there are so many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<(String, Delivery)> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let messages = self.messages.lock().await.clone();
            if messages.len() >= count {
                return messages;
            }
            changed.await;
        }
    }
}

fn open(directory: &TempDir, clock: &ManualClock, targets: &Arc<Taken>) -> Arc<Logs> {
    let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
    let config = anabranch_storage::Config::default();
    let logs = directory.path().join("logs");
    Logs::open(&logs, control, Arc::new(clock.clone()), Some(targets.clone()), config).unwrap()
}

impl Harness {
    pub(crate) fn new() -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOW_MS));
        let targets = Arc::new(Taken::default());
        let logs = open(&directory, &clock, &targets);
        Self { directory, clock, targets, logs }
    }

    /// Ends the service as a crash would, with what is on the disk, and opens it again.
    pub(crate) fn crash(self) -> Self {
        let Self { directory, clock, targets, logs } = self;
        drop(logs);
        let copy = tempfile::tempdir().unwrap();
        copy_directory(directory.path(), copy.path());
        let logs = open(&copy, &clock, &targets);
        Self { directory: copy, clock, targets, logs }
    }

    /// Ends the service in order and opens it again.
    pub(crate) async fn restart(self) -> Self {
        let Self { directory, clock, targets, logs } = self;
        logs.close().await;
        drop(logs);
        let logs = open(&directory, &clock, &targets);
        Self { directory, clock, targets, logs }
    }

    pub(crate) async fn try_call(&self, operation: &str, body: Value) -> Result<Value, ApiError> {
        let body = Bytes::from(body.to_string());
        let answer = self.logs.call(&RequestContext::default(), operation, Encoding::Json, body).await?;
        Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer).unwrap() })
    }

    pub(crate) async fn call(&self, operation: &str, body: Value) -> Value {
        self.try_call(operation, body).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The error of a call that fails, as `code: message`.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> String {
        self.try_call(operation, body).await.unwrap_err().to_string()
    }

    /// Makes a group with streams.
    pub(crate) async fn make(&self, group: &str, streams: &[&str]) {
        self.call("CreateLogGroup", json!({ "logGroupName": group })).await;
        for stream in streams {
            self.call("CreateLogStream", json!({ "logGroupName": group, "logStreamName": stream })).await;
        }
    }

    /// Puts messages, each with its time after [`NOW_MS`].
    pub(crate) async fn put(&self, group: &str, stream: &str, events: &[(i64, &str)]) -> Value {
        let event =
            |(at, message): &(i64, &str)| json!({ "timestamp": NOW_MS.saturating_add_signed(*at), "message": message });
        let events: Vec<_> = events.iter().map(event).collect();
        self.call("PutLogEvents", json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events })).await
    }

    /// The messages that FilterLogEvents finds, over all its pages.
    pub(crate) async fn filter(&self, mut request: Value) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let page = self.call("FilterLogEvents", request.clone()).await;
            found.extend(messages(&page));
            match page.get("nextToken") {
                Some(token) => request["nextToken"] = token.clone(),
                None => return found,
            }
        }
    }
}

/// The messages of an answer.
pub(crate) fn messages(page: &Value) -> Vec<String> {
    page["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_string()).collect()
}

fn copy_directory(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_directory(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
