//! `TagQueue`, `UntagQueue` and `ListQueueTags`.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedList, BoundedMap, RequestContext};
use serde::{Deserialize, Serialize};

use super::delete_queue::OfQueue;
use crate::error::{invalid_parameter, missing};
use crate::limits::{TAG_KEY_CHARACTERS_MAX, TAG_VALUE_CHARACTERS_MAX, TAGS_MAX};
use crate::queue::Description;
use crate::registry::Registry;

/// Tags as they come.
pub(super) type Tags = BoundedMap<String, TAGS_MAX>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TagRequest {
    queue_url: String,
    #[serde(alias = "Tag")]
    tags: Option<Tags>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct UntagRequest {
    queue_url: String,
    #[serde(alias = "TagKey")]
    tag_keys: Option<BoundedList<String, TAGS_MAX>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// Adds `more` to the tags of a queue.
pub(super) fn check_tags(tags: &mut BTreeMap<String, String>, more: Tags) -> Result<(), ApiError> {
    let count = more.count();
    tags.extend(more.into_map());
    let is_fitting = |(key, value): (&String, &String)| {
        (1..=TAG_KEY_CHARACTERS_MAX).contains(&key.chars().count()) && value.chars().count() <= TAG_VALUE_CHARACTERS_MAX
    };
    if count > TAGS_MAX || tags.len() > TAGS_MAX {
        return Err(invalid_parameter(format!("A queue has at most {TAGS_MAX} tags.")));
    }
    if !tags.iter().all(is_fitting) {
        return Err(invalid_parameter(format!(
            "A tag's key has 1 to {TAG_KEY_CHARACTERS_MAX} characters and its value at most {TAG_VALUE_CHARACTERS_MAX}."
        )));
    }
    Ok(())
}

pub(super) async fn tag_queue(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: TagRequest,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let more = request.tags.ok_or_else(|| missing("Tags"))?;
    let change = |mut description: Description| {
        check_tags(&mut description.tags, more)?;
        Ok(description)
    };
    registry.describe(queue, change).await
}

pub(super) async fn untag_queue(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: UntagRequest,
) -> Result<(), ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let keys = request.tag_keys.ok_or_else(|| missing("TagKeys"))?;
    let change = |mut description: Description| {
        description.tags.retain(|key, _| !keys.contains(key));
        Ok(description)
    };
    registry.describe(queue, change).await
}

pub(super) async fn list_queue_tags(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: OfQueue,
) -> Result<Answer, ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    Ok(Answer { tags: queue.description().tags.clone() })
}
