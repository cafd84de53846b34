//! `ChangeMessageVisibility` and `ChangeMessageVisibilityBatch`.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::Deserialize;

use super::batch::{self, BatchAnswer, DoneEntry, Entries};
use crate::blocking::blocking;
use crate::error::{invalid_value, missing};
use crate::limits::VISIBILITY_TIMEOUT_SECONDS_MAX;
use crate::queue::Queue;
use crate::registry::Registry;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct BatchRequest {
    queue_url: String,
    #[serde(alias = "ChangeMessageVisibilityBatchRequestEntry")]
    entries: Option<Entries<Entry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

pub(super) async fn change_message_visibility(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let handle = request.receipt_handle.ok_or_else(|| missing("ReceiptHandle"))?;
    let seconds = seconds(Some(request.visibility_timeout.ok_or_else(|| missing("VisibilityTimeout"))?))?;
    change(registry, queue, vec![(handle, seconds)]).await?.into_iter().collect()
}

pub(super) async fn change_message_visibility_batch(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: BatchRequest,
) -> Result<BatchAnswer<DoneEntry>, ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let entries = request.entries.ok_or_else(|| missing("Entries"))?;
    batch::check("ChangeMessageVisibilityBatchRequestEntry", &entries, |entry| &entry.id)?;
    let mut refused = Vec::new();
    let (mut ids, mut changes) = (Vec::new(), Vec::new());
    for entry in entries.into_vec() {
        match seconds(entry.visibility_timeout) {
            Ok(seconds) => {
                ids.push(entry.id);
                changes.push((entry.receipt_handle, seconds));
            }
            Err(error) => refused.push((entry.id, error)),
        }
    }
    let outcomes = change(registry, queue, changes).await?;
    let mut answer = BatchAnswer::of(ids.into_iter(), outcomes);
    refused.into_iter().for_each(|(id, error)| answer.fail(id, &error));
    Ok(answer)
}

/// A timeout that is allowed; zero if none is given, as in a batch it may be.
fn seconds(asked: Option<i64>) -> Result<u64, ApiError> {
    let asked = asked.unwrap_or(0);
    let seconds = u64::try_from(asked).ok().filter(|seconds| *seconds <= VISIBILITY_TIMEOUT_SECONDS_MAX);
    let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
    seconds.ok_or_else(|| invalid_value(asked, "VisibilityTimeout", reason))
}

async fn change(
    registry: &Arc<Registry>,
    queue: Arc<Queue>,
    changes: Vec<(String, u64)>,
) -> Result<Vec<Result<(), ApiError>>, ApiError> {
    let changing = registry.clone();
    let changed = blocking(move || queue.change_visibility(&changing.journal, changing.clock.now_ms(), &changes));
    let (outcomes, changing) = changed.await??;
    changing.done(&registry.journal).await?;
    Ok(outcomes)
}
