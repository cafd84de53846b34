//! `SendMessage`: puts a message into a queue.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use crate::compose::Draft;
use crate::message_attributes::{WireAttributes, md5_of, md5_of_body, md5_of_system};
use crate::record::Contents;
use crate::registry::Registry;
use crate::sending::Sent;
use crate::shown::sequence_number;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    #[serde(alias = "MessageAttribute")]
    message_attributes: Option<WireAttributes>,
    #[serde(alias = "MessageSystemAttribute")]
    message_system_attributes: Option<WireAttributes>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// What a sender is told of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    /// Of the entry, in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_system_attributes: Option<String>,
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl Answer {
    /// The digests of a message, which was not sent yet.
    pub(super) fn digests(contents: &Contents) -> Self {
        Self {
            id: None,
            md5_of_body: md5_of_body(&contents.body),
            md5_of_attributes: md5_of(contents.attributes.iter().map(|(name, value)| (name.as_str(), value))),
            md5_of_system_attributes: md5_of_system(contents.trace_header.as_deref()),
            message_id: String::new(),
            sequence_number: None,
        }
    }

    /// The same, of an entry of a batch.
    pub(super) fn of_entry(self, id: String) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The same once it was.
    pub(super) fn sent(self, sent: Sent, is_fifo: bool) -> Self {
        let sequence_number = is_fifo.then(|| sequence_number(sent.seq));
        Self { message_id: sent.id.to_string(), sequence_number, ..self }
    }
}

pub(super) async fn send_message(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<Answer, ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let draft = Draft {
        message_body: request.message_body,
        delay_seconds: request.delay_seconds,
        message_attributes: request.message_attributes,
        message_system_attributes: request.message_system_attributes,
        message_deduplication_id: request.message_deduplication_id,
        message_group_id: request.message_group_id,
    };
    let outgoing = draft.checked(&queue.description().settings, context)?;
    let answer = Answer::digests(&outgoing.contents);
    let sent = registry.send(&queue, vec![outgoing]).await?;
    let sent = sent.first().ok_or_else(|| ApiError::internal("The message was not sent."))?;
    Ok(answer.sent(*sent, queue.name.is_fifo()))
}
