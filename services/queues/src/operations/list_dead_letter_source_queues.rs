//! `ListDeadLetterSourceQueues`: the queues that have this one as their dead-letter queue.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use super::page::Page;
use crate::registry::Registry;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    #[serde(rename = "queueUrls")]
    queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list_dead_letter_source_queues(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<Answer, ApiError> {
    let target = registry.by_url(context, &request.queue_url)?;
    let page = Page::of(request.max_results, request.next_token.as_deref())?;
    let mut found = registry.of_caller(context, "", page.after.as_deref(), usize::MAX);
    found.retain(|queue| {
        queue.description().settings.redrive.as_ref().is_some_and(|redrive| redrive.target == target.name)
    });
    let (found, next_token) = page.cut(found, |queue| &queue.name.name);
    Ok(Answer { queue_urls: found.iter().map(|queue| queue.name.url(context)).collect(), next_token })
}
