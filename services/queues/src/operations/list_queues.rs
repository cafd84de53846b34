//! `ListQueues`: the URLs of the caller's queues.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use super::page::Page;
use crate::registry::Registry;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list_queues(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<Answer, ApiError> {
    let page = Page::of(request.max_results, request.next_token.as_deref())?;
    let prefix = request.queue_name_prefix.unwrap_or_default();
    let found = registry.of_caller(context, &prefix, page.after.as_deref(), page.most + 1);
    let (found, next_token) = page.cut(found, |queue| &queue.name.name);
    Ok(Answer { queue_urls: found.iter().map(|queue| queue.name.url(context)).collect(), next_token })
}
