//! What takes messages, by ARN: a function, a queue, a topic, a stream, a delivery stream, a bus.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::PortError;

/// A message on its way to a target, with all that its sender knows about it. Each kind of target
/// takes what means something to it and leaves the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The message: JSON for functions and buses, text for queues and topics, anything for streams.
    pub payload: Bytes,
    /// What travels beside the message of a queue or topic (`MessageAttributes`), by name.
    pub attributes: Vec<(String, MessageAttribute)>,
    /// The subject of a topic's message.
    pub subject: Option<String>,
    /// `MessageGroupId` of queues and topics.
    pub message_group_id: Option<String>,
    /// `MessageDeduplicationId` of FIFO queues and topics.
    pub message_deduplication_id: Option<String>,
    /// `PartitionKey` of streams; where there is none, the target chooses one.
    pub partition_key: Option<String>,
    /// What sends it, such as a topic or a rule.
    pub source_arn: Option<String>,
}

impl Delivery {
    /// A message alone.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }
}

/// The value of a message's attribute. Data types may have a label behind a point, such as
/// `Number.int` ("Amazon SQS message metadata").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, or one of them with a label; `String.Array` of topics.
    pub data_type: String,
    /// What it is.
    pub value: AttributeValue,
}

/// What a message's attribute holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// Of a string or a number.
    Text(String),
    /// Of binary data.
    Binary(Vec<u8>),
}

/// Takes messages for what ARNs name. Each service that can be a target implements it for its own
/// ARNs; the server hands out one that knows them all.
#[async_trait]
pub trait Target: Send + Sync + 'static {
    /// Whether a message for `target_arn` could be taken now: asked when a target is configured.
    ///
    /// # Errors
    /// `NotFound` when there is no such thing, `Refused` when nothing of its kind takes messages.
    async fn check(&self, target_arn: &str) -> Result<(), PortError>;

    /// Takes `delivery` for `target_arn`. Once this returns, the message is durable there and will be
    /// worked on; the same message may come again after a crash.
    ///
    /// # Errors
    /// [`PortError`]. One that is not [transient](PortError::is_transient) says that the message can
    /// never be taken.
    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError>;
}
