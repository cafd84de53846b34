//! A message as it is stored.

use anabranch_ports::{Delivery, MessageAttribute};
use anabranch_protocol::Blob;
use serde::{Deserialize, Serialize};

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredMessage {
    pub(crate) payload: Blob,
    pub(crate) attributes: Vec<(String, MessageAttribute)>,
    pub(crate) subject: Option<String>,
    pub(crate) message_group_id: Option<String>,
    pub(crate) message_deduplication_id: Option<String>,
    pub(crate) partition_key: Option<String>,
    pub(crate) source_arn: Option<String>,
}

impl From<Delivery> for StoredMessage {
    fn from(delivery: Delivery) -> Self {
        Self {
            payload: Blob(delivery.payload),
            attributes: delivery.attributes,
            subject: delivery.subject,
            message_group_id: delivery.message_group_id,
            message_deduplication_id: delivery.message_deduplication_id,
            partition_key: delivery.partition_key,
            source_arn: delivery.source_arn,
        }
    }
}

impl StoredMessage {
    pub(crate) fn delivery(&self) -> Delivery {
        let this = self.clone();
        Delivery {
            payload: this.payload.0,
            attributes: this.attributes,
            subject: this.subject,
            message_group_id: this.message_group_id,
            message_deduplication_id: this.message_deduplication_id,
            partition_key: this.partition_key,
            source_arn: this.source_arn,
        }
    }
}
