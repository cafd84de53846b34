//! `PurgeQueue`: deletes all messages of a queue.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};

use super::delete_queue::OfQueue;
use crate::blocking::blocking;
use crate::registry::Registry;

pub(super) async fn purge_queue(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: OfQueue,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let purging = registry.clone();
    let purged = blocking(move || queue.purge(&purging.journal, purging.clock.now_ms())).await??;
    purged.done(&registry.journal).await
}
