//! Queues, as other services read them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{MessageAttribute, PortError};

/// A message that was received. Until it is deleted or released nobody else gets it, or for as long
/// as the queue's visibility timeout says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// `MessageId`.
    pub message_id: String,
    /// By what it is deleted or released.
    pub receipt_handle: String,
    /// Its body.
    pub body: String,
    /// The MD5 of the body, in hex.
    pub md5_of_body: String,
    /// System attributes by name, such as `ApproximateReceiveCount`, `SentTimestamp` and
    /// `MessageGroupId`.
    pub attributes: Vec<(String, String)>,
    /// The attributes that its sender gave it.
    pub message_attributes: Vec<(String, MessageAttribute)>,
}

/// The queues there are, by ARN.
#[async_trait]
pub trait QueueSource: Send + Sync + 'static {
    /// The queue that `arn` names, resolved once.
    ///
    /// # Errors
    /// `NotFound` when there is no such queue, `Refused` when it is not a queue's ARN.
    async fn open_queue(&self, arn: &str) -> Result<Arc<dyn QueueHandle>, PortError>;
}

/// A queue that is read. Once it is deleted all calls fail with `NotFound`.
#[async_trait]
pub trait QueueHandle: Send + Sync + 'static {
    /// Whether order holds within message groups (FIFO).
    fn is_fifo(&self) -> bool;

    /// How long a message that was received stays invisible, in seconds.
    fn visibility_timeout_seconds(&self) -> u64;

    /// Waits for messages and takes up to `messages_max` of them, however many that is: the limit of
    /// ten is ReceiveMessage's own. May return none. Whoever drops the future before it completes has
    /// taken none.
    ///
    /// # Errors
    /// When the queue can't be read.
    async fn receive(&self, messages_max: usize) -> Result<Vec<QueueMessage>, PortError>;

    /// Deletes messages that are done.
    ///
    /// # Errors
    /// When they may not be gone: they come again.
    async fn delete(&self, receipt_handles: &[String]) -> Result<(), PortError>;

    /// Makes messages visible in `seconds` from now, 0 for at once.
    ///
    /// # Errors
    /// When they stay invisible for as long as they were.
    async fn change_visibility(&self, receipt_handles: &[String], seconds: u64) -> Result<(), PortError>;
}
