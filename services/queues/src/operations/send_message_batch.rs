//! `SendMessageBatch`: puts up to ten messages into a queue, by one append.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::Deserialize;

use super::batch::{self, BatchAnswer, Entries};
use super::send_message;
use crate::compose::{self, Draft};
use crate::error::{BATCH_TOO_LONG, missing};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::message_attributes::WireAttributes;
use crate::registry::Registry;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    #[serde(alias = "SendMessageBatchRequestEntry")]
    entries: Option<Entries<Entry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    id: String,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    #[serde(alias = "MessageAttribute")]
    message_attributes: Option<WireAttributes>,
    #[serde(alias = "MessageSystemAttribute")]
    message_system_attributes: Option<WireAttributes>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

pub(super) async fn send_message_batch(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<BatchAnswer<send_message::Answer>, ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let entries = request.entries.ok_or_else(|| missing("Entries"))?;
    batch::check("SendMessageBatchRequestEntry", &entries, |entry| &entry.id)?;
    let description = queue.description();
    let mut answer = BatchAnswer::new();
    let (mut ids, mut digests, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries.into_vec() {
        let draft = Draft {
            message_body: entry.message_body,
            delay_seconds: entry.delay_seconds,
            message_attributes: entry.message_attributes,
            message_system_attributes: entry.message_system_attributes,
            message_deduplication_id: entry.message_deduplication_id,
            message_group_id: entry.message_group_id,
        };
        match draft.checked(&description.settings, context) {
            Ok(outgoing) => {
                ids.push(entry.id);
                digests.push(send_message::Answer::digests(&outgoing.contents));
                messages.push(outgoing);
            }
            Err(error) => answer.fail(entry.id, &error),
        }
    }
    let bytes: usize = messages.iter().map(compose::size).sum();
    if bytes as u64 > MESSAGE_BYTES_MAX {
        let message =
            format!("Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {bytes} bytes.");
        return Err(ApiError::invalid(BATCH_TOO_LONG, message));
    }
    if messages.is_empty() {
        return Ok(answer);
    }
    let sent = registry.send(&queue, messages).await?;
    for ((id, digests), sent) in ids.into_iter().zip(digests).zip(sent) {
        answer.successful.push(digests.sent(sent, queue.name.is_fifo()).of_entry(id));
    }
    Ok(answer)
}
