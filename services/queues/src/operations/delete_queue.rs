//! `DeleteQueue`: deletes a queue with its messages.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::Deserialize;

use crate::registry::Registry;

/// A request that names a queue only.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct OfQueue {
    pub(super) queue_url: String,
}

pub(super) async fn delete_queue(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: OfQueue,
) -> Result<(), ApiError> {
    registry.delete(registry.by_url(context, &request.queue_url)?).await
}
