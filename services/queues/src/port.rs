//! Queues as other services use them: they read them, and send messages to them.

use std::sync::Arc;

use anabranch_ports::{Delivery, PortError, PortErrorKind, QueueHandle, QueueMessage, QueueSource, Target};
use anabranch_protocol::ApiError;
use async_trait::async_trait;

use crate::blocking::blocking;
use crate::compose::Plain;
use crate::deleting::Outcomes;
use crate::limits::IN_FLIGHT_MAX;
use crate::message_attributes::md5_of_body;
use crate::name::QueueName;
use crate::queue::Queue;
use crate::receiving::{Ask, receive};
use crate::registry::Registry;
use crate::service::Queues;
use crate::shown;

impl Queues {
    fn by_arn(&self, arn: &str) -> Result<Arc<Queue>, PortError> {
        let name = QueueName::of_arn(arn).ok_or_else(|| {
            PortError::new(PortErrorKind::Refused, "InvalidAddress", format!("{arn} is not the ARN of a queue"))
        })?;
        Ok(self.registry.get(&name)?)
    }
}

#[async_trait]
impl QueueSource for Queues {
    async fn open_queue(&self, arn: &str) -> Result<Arc<dyn QueueHandle>, PortError> {
        Ok(Arc::new(Opened { registry: self.registry.clone(), queue: self.by_arn(arn)? }))
    }
}

/// A queue that is read from inside the program.
struct Opened {
    registry: Arc<Registry>,
    queue: Arc<Queue>,
}

impl Opened {
    /// Waits for a change to be durable, and says whether it was made to all.
    async fn done(&self, changed: Result<Outcomes, ApiError>) -> Result<(), ApiError> {
        let (outcomes, changing) = changed?;
        changing.done(&self.registry.journal).await?;
        outcomes.into_iter().collect()
    }
}

#[async_trait]
impl QueueHandle for Opened {
    fn is_fifo(&self) -> bool {
        self.queue.name.is_fifo()
    }

    fn visibility_timeout_seconds(&self) -> u64 {
        self.queue.description().settings.visibility_timeout_seconds
    }

    async fn receive(&self, messages_max: usize) -> Result<Vec<QueueMessage>, PortError> {
        let ask = Ask { messages_max: messages_max.min(IN_FLIGHT_MAX), ..Ask::default() };
        let received = receive(&self.registry, &self.queue, ask).await?.keep();
        let is_fifo = self.is_fifo();
        let message = |message: crate::receiving::Received| {
            let attributes = shown::system_attributes(&message, is_fifo);
            QueueMessage {
                message_id: message.contents.id.to_string(),
                receipt_handle: message.receipt.to_handle(),
                md5_of_body: md5_of_body(&message.contents.body),
                body: message.contents.body,
                attributes: attributes.into_iter().map(|(name, value)| (name.to_string(), value)).collect(),
                message_attributes: message.contents.attributes,
            }
        };
        Ok(received.into_iter().map(message).collect())
    }

    async fn delete(&self, receipt_handles: &[String]) -> Result<(), PortError> {
        let (registry, queue, handles) = (self.registry.clone(), self.queue.clone(), receipt_handles.to_vec());
        let deleted = blocking(move || queue.delete(&registry.journal, registry.clock.now_ms(), &handles));
        Ok(self.done(deleted.await.flatten()).await?)
    }

    async fn change_visibility(&self, receipt_handles: &[String], seconds: u64) -> Result<(), PortError> {
        let (registry, queue) = (self.registry.clone(), self.queue.clone());
        let changes: Vec<(String, u64)> = receipt_handles.iter().map(|handle| (handle.clone(), seconds)).collect();
        let changed = blocking(move || queue.change_visibility(&registry.journal, registry.clock.now_ms(), &changes));
        Ok(self.done(changed.await.flatten()).await?)
    }
}

#[async_trait]
impl Target for Queues {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        self.by_arn(target_arn).map(drop)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let queue = self.by_arn(target_arn)?;
        let body = String::from_utf8(delivery.payload.to_vec()).map_err(|_| {
            PortError::new(PortErrorKind::Refused, "InvalidMessageContents", "a message of a queue is text".to_string())
        })?;
        let settings = queue.description().settings.clone();
        let plain = Plain {
            body,
            attributes: delivery.attributes,
            group: delivery.message_group_id,
            // A standard queue takes messages of a FIFO topic, too, and has no use for it.
            deduplication: delivery.message_deduplication_id.filter(|_| settings.is_fifo),
            sender: queue.name.account.to_string(),
            ..Plain::default()
        };
        let outgoing = plain.checked(&settings)?;
        Ok(self.registry.send(&queue, vec![outgoing]).await.map(drop)?)
    }
}
