//! Topics as other services publish to them.

use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::{ApiError, ErrorKind};
use async_trait::async_trait;

use crate::error::invalid;
use crate::message::Message;
use crate::service::Topics;

#[async_trait]
impl Target for Topics {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        self.shared.catalog.read(|contents| contents.topic(target_arn).map(drop)).map_err(port_error)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let topic = self.shared.catalog.read(|contents| contents.topic(target_arn).cloned()).map_err(port_error)?;
        let text = String::from_utf8(delivery.payload.to_vec());
        let text = text.map_err(|_| port_error(invalid("Message Reason: it is not text")))?;
        let message = Message::of_service(text, delivery).map_err(port_error)?;
        self.shared.publish(&topic, message).await.map(drop).map_err(port_error)
    }
}

fn port_error(error: ApiError) -> PortError {
    let kind = match error.kind {
        ErrorKind::NotFound => PortErrorKind::NotFound,
        ErrorKind::Throttled => PortErrorKind::Throttled,
        ErrorKind::Unavailable => PortErrorKind::Unavailable,
        kind if kind.is_ours() => PortErrorKind::Failed,
        _ => PortErrorKind::Refused,
    };
    PortError::new(kind, error.code, error.message)
}
