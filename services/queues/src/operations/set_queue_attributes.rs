//! `SetQueueAttributes`: changes how a queue is.

use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedMap, RequestContext};
use serde::Deserialize;

use crate::error::missing;
use crate::limits::ATTRIBUTES_MAX;
use crate::queue::Description;
use crate::registry::Registry;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    #[serde(alias = "Attribute")]
    attributes: Option<BoundedMap<String, ATTRIBUTES_MAX>>,
}

pub(super) async fn set_queue_attributes(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let changes = request.attributes.ok_or_else(|| missing("Attributes"))?.into_map();
    let modified_ms = registry.clock.now_ms();
    let change =
        |before: Description| Ok(Description { settings: before.settings.with(changes)?, modified_ms, ..before });
    registry.describe(queue, change).await
}
