//! A service on a directory of its own and a clock that the test moves.

use std::path::Path;
use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_protocol::{ApiError, Encoding, ManualClock, RequestContext, Service};
use anabranch_queues::Queues;
use serde_json::{Value, json};

/// When a test begins, in milliseconds since the epoch.
pub(crate) const BEGIN_MS: u64 = 1_763_000_000_000;

pub(crate) struct Harness {
    directory: tempfile::TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) queues: Arc<Queues>,
    control: ControlStore,
}

fn open(directory: &Path, clock: &ManualClock) -> (Arc<Queues>, ControlStore) {
    let control = ControlStore::open(&directory.join("control.redb")).unwrap();
    let config = anabranch_storage::Config::default();
    let queues = Queues::open(&directory.join("queues"), control.clone(), Arc::new(clock.clone()), config).unwrap();
    (queues, control)
}

impl Harness {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("queues")).unwrap();
        let clock = ManualClock::new(BEGIN_MS);
        let (queues, control) = open(directory.path(), &clock);
        Self { directory, clock, queues, control }
    }

    /// Closes everything and opens it again.
    pub(crate) async fn restart(&mut self) {
        self.queues.shutdown().await;
        self.control.close();
        (self.queues, self.control) = open(self.directory.path(), &self.clock);
    }

    pub(crate) async fn call(&self, operation: &str, input: Value) -> Result<Value, ApiError> {
        let body = serde_json::to_vec(&input).unwrap().into();
        let answer = self.queues.call(&RequestContext::default(), operation, Encoding::Json, body).await?;
        Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer).unwrap() })
    }

    /// Makes a queue and says its URL.
    pub(crate) async fn make(&self, name: &str, attributes: Value) -> String {
        let made = self.call("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await.unwrap();
        made["QueueUrl"].as_str().unwrap().to_string()
    }

    pub(crate) async fn send(&self, url: &str, body: &str) -> Value {
        self.call("SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).await.unwrap()
    }

    pub(crate) async fn receive(&self, url: &str, more: Value) -> Vec<Value> {
        let mut input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"] });
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        let answer = self.call("ReceiveMessage", input).await.unwrap();
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn delete(&self, url: &str, message: &Value) {
        let input = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        self.call("DeleteMessage", input).await.unwrap();
    }

    /// How many messages are visible, in flight and delayed.
    pub(crate) async fn counts(&self, url: &str) -> [u64; 3] {
        let found =
            self.call("GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["All"] })).await.unwrap();
        ["", "NotVisible", "Delayed"].map(|kind| {
            found["Attributes"][format!("ApproximateNumberOfMessages{kind}")].as_str().unwrap().parse().unwrap()
        })
    }
}

/// The bodies of messages.
pub(crate) fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}
