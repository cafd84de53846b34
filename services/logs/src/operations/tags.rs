//! Tags of log groups: TagResource, UntagResource, ListTagsForResource, and TagLogGroup,
//! UntagLogGroup, ListTagsLogGroup, which came before them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_control::Changes;
use anabranch_protocol::{ApiError, BoundedList, BoundedMap, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use crate::error::{finish, invalid_parameter};
use crate::group::Group;
use crate::limits::TAGS_MAX;
use crate::shapes::{LOG_GROUP_NAME, RESOURCE_ARN, TAG_KEY, TAG_KEYS, TAG_LIST, TAG_VALUE, TAGS};
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagResourceRequest {
    resource_arn: Option<String>,
    tags: Option<BoundedMap<String, TAGS_MAX>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagLogGroupRequest {
    log_group_name: Option<String>,
    tags: Option<BoundedMap<String, TAGS_MAX>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UntagResourceRequest {
    resource_arn: Option<String>,
    tag_keys: Option<BoundedList<String, TAGS_MAX>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UntagLogGroupRequest {
    log_group_name: Option<String>,
    tags: Option<BoundedList<String, TAGS_MAX>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTagsForResourceRequest {
    resource_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTagsLogGroupRequest {
    log_group_name: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct TagsResponse {
    tags: BTreeMap<String, String>,
}

/// Adds tags to what an ARN names.
pub(super) async fn tag_resource(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: TagResourceRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceArn", request.resource_arn.as_deref(), &RESOURCE_ARN);
    check_tags(&mut violations, request.tags.as_ref());
    finish(violations)?;
    let group = shared.groups.identified(context, &arn(request.resource_arn)?)?;
    let too_many =
        ApiError::invalid("TooManyTagsException", format!("A resource can have no more than {TAGS_MAX} tags."));
    tag(shared, group, request.tags, too_many).await
}

/// Adds tags to a log group.
pub(super) async fn tag_log_group(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: TagLogGroupRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    check_tags(&mut violations, request.tags.as_ref());
    finish(violations)?;
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    let too_many = invalid_parameter(format!("A log group can have no more than {TAGS_MAX} tags."));
    tag(shared, group, request.tags, too_many).await
}

fn check_tags(violations: &mut Violations, tags: Option<&BoundedMap<String, TAGS_MAX>>) {
    violations.required("tags", tags);
    if let Some(tags) = tags {
        violations.text_map("tags", tags, &TAGS, &TAG_KEY, &TAG_VALUE);
    }
}

async fn tag(
    shared: &Arc<Shared>,
    group: Arc<Group>,
    tags: Option<BoundedMap<String, TAGS_MAX>>,
    too_many: ApiError,
) -> Result<(), ApiError> {
    let tags = tags.unwrap_or_default().into_map();
    let change = move |shared: &Shared| {
        group.change(&shared.store, |row| {
            row.tags.extend(tags);
            if row.tags.len() > TAGS_MAX { Err(too_many) } else { Ok(Changes::default()) }
        })
    };
    shared.blocking(change).await
}

/// Removes tags from what an ARN names.
pub(super) async fn untag_resource(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: UntagResourceRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceArn", request.resource_arn.as_deref(), &RESOURCE_ARN);
    violations.required("tagKeys", request.tag_keys.as_ref());
    if let Some(keys) = &request.tag_keys {
        violations.texts("tagKeys", keys, &TAG_KEYS, &TAG_KEY);
    }
    finish(violations)?;
    let group = shared.groups.identified(context, &arn(request.resource_arn)?)?;
    untag(shared, group, request.tag_keys).await
}

/// Removes tags from a log group.
pub(super) async fn untag_log_group(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: UntagLogGroupRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.required("tags", request.tags.as_ref());
    if let Some(keys) = &request.tags {
        violations.texts("tags", keys, &TAG_LIST, &TAG_KEY);
    }
    finish(violations)?;
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    untag(shared, group, request.tags).await
}

async fn untag(
    shared: &Arc<Shared>,
    group: Arc<Group>,
    keys: Option<BoundedList<String, TAGS_MAX>>,
) -> Result<(), ApiError> {
    let keys = keys.unwrap_or_default();
    let change = move |shared: &Shared| {
        group.change(&shared.store, |row| {
            keys.iter().for_each(|key| drop(row.tags.remove(key)));
            Ok(Changes::default())
        })
    };
    shared.blocking(change).await
}

/// Tells the tags of what an ARN names.
pub(super) fn list_tags_for_resource(
    shared: &Shared,
    context: &RequestContext,
    request: ListTagsForResourceRequest,
) -> Result<TagsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceArn", request.resource_arn.as_deref(), &RESOURCE_ARN);
    finish(violations)?;
    let group = shared.groups.identified(context, &arn(request.resource_arn)?)?;
    Ok(TagsResponse { tags: group.row().tags.clone() })
}

/// Tells the tags of a log group.
pub(super) fn list_tags_log_group(
    shared: &Shared,
    context: &RequestContext,
    request: ListTagsLogGroupRequest,
) -> Result<TagsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    finish(violations)?;
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    Ok(TagsResponse { tags: group.row().tags.clone() })
}

/// A name is not taken where an ARN is asked for.
fn arn(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.starts_with("arn:") { Ok(text) } else { Err(invalid_parameter("The specified resourceArn is not an ARN.")) }
}
