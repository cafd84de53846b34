//! ListTagsForStream.

use anabranch_protocol::{RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use super::view::TagView;
use crate::error::Error;
use crate::limits::TAGS_MAX;
use crate::service::Streams;
use crate::shapes::{TAG_KEY, TAG_LIMIT};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForStreamRequest {
    exclusive_start_tag_key: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForStreamAnswer {
    tags: Vec<TagView>,
    has_more_tags: bool,
}

/// Lists a stream's tags by key, a page at a time.
pub(super) fn list_tags_for_stream(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, ListTagsForStreamRequest>,
) -> Result<ListTagsForStreamAnswer, Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.text("exclusiveStartTagKey", request.exclusive_start_tag_key.as_deref(), &TAG_KEY);
    violations.integer("limit", request.limit, &TAG_LIMIT);
    violations.finish()?;
    let state = stream.find(streams, context)?.state();
    let limit = request.limit.map_or(TAGS_MAX, |limit| limit as usize);
    let after = request.exclusive_start_tag_key;
    let mut tags = state.tags.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
    let page = tags.by_ref().take(limit).map(TagView::from).collect();
    Ok(ListTagsForStreamAnswer { tags: page, has_more_tags: tags.next().is_some() })
}
