//! ListTags, TagResource and UntagResource.

use std::collections::BTreeMap;

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsRequest {
    resource: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsAnswer {
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResourceRequest {
    resource: String,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResourceRequest {
    resource: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// The tags of a resource.
pub(super) fn list_tags(lambda: &Lambda, scope: &Scope, request: &ListTagsRequest) -> Result<ListTagsAnswer, ApiError> {
    lambda.tags(scope, &request.resource).map(|tags| ListTagsAnswer { tags })
}

/// Adds tags to a resource, or changes their values.
pub(super) async fn tag_resource(lambda: &Lambda, scope: &Scope, request: TagResourceRequest) -> Result<(), ApiError> {
    let TagResourceRequest { resource, tags } = request;
    lambda.change_tags(scope, &resource, |present| present.extend(tags)).await
}

/// Removes tags of a resource, by their keys.
pub(super) async fn untag_resource(
    lambda: &Lambda,
    scope: &Scope,
    request: UntagResourceRequest,
) -> Result<(), ApiError> {
    let UntagResourceRequest { resource, tag_keys } = request;
    lambda.change_tags(scope, &resource, |present| present.retain(|key, _| !tag_keys.contains(key))).await
}
