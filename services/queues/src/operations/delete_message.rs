//! `DeleteMessage` and `DeleteMessageBatch`.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::Deserialize;

use super::batch::{self, BatchAnswer, DoneEntry, Entries};
use crate::blocking::blocking;
use crate::error::missing;
use crate::queue::Queue;
use crate::registry::Registry;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    receipt_handle: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct BatchRequest {
    queue_url: String,
    #[serde(alias = "DeleteMessageBatchRequestEntry")]
    entries: Option<Entries<Entry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    id: String,
    receipt_handle: String,
}

pub(super) async fn delete_message(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let handle = request.receipt_handle.ok_or_else(|| missing("ReceiptHandle"))?;
    delete(registry, queue, vec![handle]).await?.into_iter().collect()
}

pub(super) async fn delete_message_batch(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: BatchRequest,
) -> Result<BatchAnswer<DoneEntry>, ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let entries = request.entries.ok_or_else(|| missing("Entries"))?;
    batch::check("DeleteMessageBatchRequestEntry", &entries, |entry| &entry.id)?;
    let (ids, handles): (Vec<String>, Vec<String>) =
        entries.into_vec().into_iter().map(|entry| (entry.id, entry.receipt_handle)).unzip();
    let outcomes = delete(registry, queue, handles).await?;
    Ok(BatchAnswer::of(ids.into_iter(), outcomes))
}

async fn delete(
    registry: &Arc<Registry>,
    queue: Arc<Queue>,
    handles: Vec<String>,
) -> Result<Vec<Result<(), ApiError>>, ApiError> {
    let deleting = registry.clone();
    let deleted = blocking(move || queue.delete(&deleting.journal, deleting.clock.now_ms(), &handles));
    let (outcomes, changing) = deleted.await??;
    changing.done(&registry.journal).await?;
    Ok(outcomes)
}
