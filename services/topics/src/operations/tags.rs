//! TagResource, UntagResource and ListTagsForResource.

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::names::topic_arn;
use crate::shared::Shared;
use crate::tags::{Tag, check_count, checked, listed};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResourceRequest {
    resource_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResourceRequest {
    resource_arn: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForResourceRequest {
    resource_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForResourceAnswer {
    tags: Vec<Tag>,
}

/// What these operations call a topic that is not there.
fn no_resource(error: ApiError) -> ApiError {
    match error.code {
        "NotFound" => ApiError::not_found("ResourceNotFound", "Resource does not exist"),
        _ => error,
    }
}

/// Adds tags to a topic, replacing those with the same keys.
pub(super) async fn tag_resource(shared: &Shared, request: TagResourceRequest) -> Result<(), ApiError> {
    let arn = topic_arn("ResourceArn", request.resource_arn.as_deref())?.to_string();
    let tags = checked(request.tags)?;
    let changed = shared.catalog.change_topic(arn, move |topic| {
        let mut stored = topic.stored.clone();
        stored.tags.extend(tags);
        check_count(&stored.tags)?;
        Ok(stored)
    });
    changed.await.map_err(no_resource)
}

/// Removes tags from a topic.
pub(super) async fn untag_resource(shared: &Shared, request: UntagResourceRequest) -> Result<(), ApiError> {
    let arn = topic_arn("ResourceArn", request.resource_arn.as_deref())?.to_string();
    let changed = shared.catalog.change_topic(arn, move |topic| {
        let mut stored = topic.stored.clone();
        stored.tags.retain(|key, _| !request.tag_keys.contains(key));
        Ok(stored)
    });
    changed.await.map_err(no_resource)
}

/// Lists a topic's tags.
pub(super) fn list_tags_for_resource(
    shared: &Shared,
    request: &ListTagsForResourceRequest,
) -> Result<ListTagsForResourceAnswer, ApiError> {
    let arn = topic_arn("ResourceArn", request.resource_arn.as_deref())?;
    let tags = shared.catalog.read(|contents| contents.topic(arn).map(|topic| listed(&topic.stored.tags)));
    Ok(ListTagsForResourceAnswer { tags: tags.map_err(no_resource)? })
}
