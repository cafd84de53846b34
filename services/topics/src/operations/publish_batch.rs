//! PublishBatch.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::ApiError;
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::batch::check_ids;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::message::{AttributeRequest, Message, MessageRequest};
use crate::names::topic_arn;
use crate::publish::Published;
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishBatchRequest {
    topic_arn: Option<String>,
    #[serde(default)]
    publish_batch_request_entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    message: Option<String>,
    subject: Option<String>,
    message_structure: Option<String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, AttributeRequest>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishBatchAnswer {
    successful: Vec<Successful>,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Successful {
    id: String,
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    id: String,
    code: &'static str,
    message: String,
    sender_fault: bool,
}

/// Publishes up to ten messages; each succeeds or fails by itself.
pub(super) async fn publish_batch(
    shared: &Arc<Shared>,
    request: PublishBatchRequest,
) -> Result<PublishBatchAnswer, ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?;
    let topic = shared.catalog.read(|contents| contents.topic(arn).cloned())?;
    let entries = request.publish_batch_request_entries;
    check_ids(entries.iter().map(|entry| entry.id.as_str()))?;
    let messages: Vec<(String, Result<Message, ApiError>)> = entries.into_iter().map(Entry::message).collect();
    let bytes: usize = messages.iter().map(|(_, message)| message.as_ref().map_or(0, |message| message.bytes)).sum();
    if bytes > MESSAGE_BYTES_MAX {
        let message = "The length of all the batch messages put together is more than the limit.";
        return Err(ApiError::invalid("BatchRequestTooLong", message));
    }
    let publish = |message| {
        let topic = &topic;
        async move {
            match message {
                Ok(message) => shared.publish(topic, message).await,
                Err(error) => Err(error),
            }
        }
    };
    let mut answer = PublishBatchAnswer::default();
    if topic.fifo.is_some() {
        for (id, message) in messages {
            answer.add(id, publish(message).await);
        }
    } else {
        // Beside one another, so that their commits share flushes.
        let (ids, messages): (Vec<String>, Vec<_>) = messages.into_iter().unzip();
        let outcomes = join_all(messages.into_iter().map(publish)).await;
        ids.into_iter().zip(outcomes).for_each(|(id, outcome)| answer.add(id, outcome));
    }
    Ok(answer)
}

impl Entry {
    fn message(self) -> (String, Result<Message, ApiError>) {
        let request = MessageRequest {
            message: self.message,
            subject: self.subject,
            message_structure: self.message_structure,
            message_attributes: self.message_attributes,
            message_deduplication_id: self.message_deduplication_id,
            message_group_id: self.message_group_id,
        };
        (self.id, Message::of(request))
    }
}

impl PublishBatchAnswer {
    fn add(&mut self, id: String, outcome: Result<Published, ApiError>) {
        match outcome {
            Ok(Published { message_id, sequence_number }) => {
                self.successful.push(Successful { id, message_id, sequence_number });
            }
            Err(error) => {
                let sender_fault = !error.kind.is_ours();
                self.failed.push(Failed { id, code: error.code, message: error.message, sender_fault });
            }
        }
    }
}
