//! `CreateQueue`: makes a queue, or finds the one that is just so.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedMap, RequestContext};
use serde::{Deserialize, Serialize};

use super::tags::{Tags, check_tags};
use crate::error::missing;
use crate::limits::ATTRIBUTES_MAX;
use crate::name::{QueueName, check_name};
use crate::registry::Registry;
use crate::settings::{asks_for_fifo, without_empty};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_name: Option<String>,
    #[serde(alias = "Attribute")]
    attributes: Option<BoundedMap<String, ATTRIBUTES_MAX>>,
    #[serde(rename = "tags", alias = "Tag", alias = "Tags")]
    tags: Option<Tags>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueUrlAnswer {
    pub(super) queue_url: String,
}

pub(super) async fn create_queue(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<QueueUrlAnswer, ApiError> {
    let name = request.queue_name.ok_or_else(|| missing("QueueName"))?;
    let attributes = without_empty(request.attributes.unwrap_or_default().into_map());
    check_name(&name, asks_for_fifo(&attributes))?;
    let mut tags = BTreeMap::new();
    check_tags(&mut tags, request.tags.unwrap_or_default())?;
    let queue = registry.create(QueueName::of(context, name), attributes, tags).await?;
    Ok(QueueUrlAnswer { queue_url: queue.name.url(context) })
}
