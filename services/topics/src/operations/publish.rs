//! Publish.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::error::{invalid, not_offered};
use crate::message::{AttributeRequest, Message, MessageRequest};
use crate::names::topic_arn;
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishRequest {
    topic_arn: Option<String>,
    target_arn: Option<String>,
    phone_number: Option<String>,
    message: Option<String>,
    subject: Option<String>,
    message_structure: Option<String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, AttributeRequest>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishAnswer {
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

/// Publishes a message and answers once all its deliveries are durable.
pub(super) async fn publish(shared: &Arc<Shared>, request: PublishRequest) -> Result<PublishAnswer, ApiError> {
    if request.phone_number.is_some() {
        return Err(not_offered("messages to phone numbers"));
    }
    let (parameter, arn) = match (request.topic_arn.as_deref(), request.target_arn.as_deref()) {
        (Some(arn), None) => ("TopicArn", arn),
        (None, Some(arn)) if arn.contains(":endpoint/") => return Err(not_offered("mobile push")),
        (None, Some(arn)) => ("TargetArn", arn),
        (None, None) => return Err(invalid("TopicArn or TargetArn Reason: no value for required parameter")),
        (Some(_), Some(_)) => return Err(invalid("Only one of TopicArn, TargetArn and PhoneNumber may be given")),
    };
    let arn = topic_arn(parameter, Some(arn))?;
    let message = Message::of(MessageRequest {
        message: request.message,
        subject: request.subject,
        message_structure: request.message_structure,
        message_attributes: request.message_attributes,
        message_deduplication_id: request.message_deduplication_id,
        message_group_id: request.message_group_id,
    })?;
    let topic = shared.catalog.read(|contents| contents.topic(arn).cloned())?;
    let published = shared.publish(&topic, message).await?;
    Ok(PublishAnswer { message_id: published.message_id, sequence_number: published.sequence_number })
}
