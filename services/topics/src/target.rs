//! Topics as other services publish to them.

use anabranch_ports::{Delivery, PortError, Target};
use async_trait::async_trait;

use crate::error::invalid;
use crate::message::Message;
use crate::service::Topics;

#[async_trait]
impl Target for Topics {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        Ok(self.shared.catalog.read(|contents| contents.topic(target_arn).map(drop))?)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let topic = self.shared.catalog.read(|contents| contents.topic(target_arn).cloned())?;
        let text = String::from_utf8(delivery.payload.to_vec());
        let text = text.map_err(|_| invalid("Message Reason: it is not text"))?;
        self.shared.publish(&topic, Message::of_service(text, delivery)?).await?;
        Ok(())
    }
}
