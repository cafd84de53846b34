//! What is sent to destinations, and how each kind takes it.

use anabranch_ports::{ObjectWriter, PortError, Target};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;

/// What is told about records or an event that were given up.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its name where messages have one.
    pub(crate) key: String,
    /// The record, as every destination gets it.
    pub(crate) body: Value,
    /// The event that the function failed, as text. Only destinations without a limit on the size
    /// of a message get it.
    pub(crate) payload: Option<String>,
}

/// The services that destinations belong to.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) objects: Arc<dyn ObjectWriter>,
    /// Queues, topics, functions and event buses.
    pub(crate) targets: Arc<dyn Target>,
}

/// A kind of destination.
#[async_trait]
pub(super) trait Kind: Send + Sync {
    /// What it is, as in requests.
    fn arn(&self) -> Arn;

    /// Whether there is such a thing, as far as can be told without sending to it.
    async fn check(&self, services: &Services) -> Result<(), PortError>;

    /// Sends `message` and returns once it is durable there. The same message may be sent again.
    async fn send(&self, message: &Message, services: &Services) -> Result<(), PortError>;
}

impl Message {
    /// The record alone, as destinations with a limit on the size of a message get it.
    pub(super) fn without_payload(&self) -> Bytes {
        self.body.to_string().into()
    }

    /// The whole message, the payload included.
    pub(super) fn with_payload(&self) -> Bytes {
        let mut body = self.body.clone();
        if let Some(payload) = &self.payload {
            body["payload"] = payload.as_str().into();
        }
        body.to_string().into()
    }
}
