//! TagResource, UntagResource and ListTagsForResource: of schedule groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::{ApiError, Arn, BoundedList, Violations};
use serde::{Deserialize, Serialize};

use super::get_schedule::Nothing;
use crate::error::{no_group, quota_exceeded};
use crate::limits::TAGS_MAX;
use crate::schedule::GroupSettings;
use crate::scheduler::Scheduler;
use crate::shapes::{GROUP_ARN, TAG_KEY, TAG_VALUE, TAGS};

/// `Tag`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: Option<String>,
    value: Option<String>,
}

/// `TagList`.
pub(super) type TagList = BoundedList<Tag, { TAGS.max }>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResourceRequest {
    resource_arn: Option<String>,
    tags: Option<TagList>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResourceRequest {
    resource_arn: Option<String>,
    tag_keys: Option<BoundedList<String, { TAGS.max }>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForResourceRequest {
    resource_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForResourceResponse {
    tags: Vec<Tag>,
}

/// Checks each tag of a list.
pub(super) fn check(tags: &TagList, violations: &mut Violations) {
    violations.list("tags", tags.count(), &TAGS);
    for (number, tag) in tags.iter().enumerate() {
        let path = |member: &str| format!("tags.{}.member.{member}", number + 1);
        violations.required_text(path("key"), tag.key.as_deref(), &TAG_KEY);
        violations.required_text(path("value"), tag.value.as_deref(), &TAG_VALUE);
    }
}

/// `tags` with those of `added` on top.
pub(super) fn merged(tags: &BTreeMap<String, String>, added: &TagList) -> Result<BTreeMap<String, String>, ApiError> {
    let mut merged = tags.clone();
    for tag in added.iter() {
        merged.insert(tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default());
    }
    match merged.len() > TAGS_MAX {
        true => Err(quota_exceeded(format!("A schedule group has at most {TAGS_MAX} tags."))),
        false => Ok(merged),
    }
}

pub(super) async fn tag_resource(scheduler: &Scheduler, request: TagResourceRequest) -> Result<Nothing, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceArn", request.resource_arn.as_deref(), &GROUP_ARN);
    violations.required("tags", request.tags.as_ref());
    let tags = request.tags.unwrap_or_default();
    check(&tags, &mut violations);
    violations.finish()?;
    let changing = scheduler.registry.changing().await;
    let group = find(scheduler, request.resource_arn.as_deref())?;
    let tags = merged(&group.tags, &tags)?;
    scheduler.registry.put_group(changing, GroupSettings { tags, ..(*group).clone() }).await?;
    Ok(Nothing {})
}

pub(super) async fn untag_resource(scheduler: &Scheduler, request: UntagResourceRequest) -> Result<Nothing, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceArn", request.resource_arn.as_deref(), &GROUP_ARN);
    violations.required("tagKeys", request.tag_keys.as_ref());
    let keys = request.tag_keys.unwrap_or_default();
    violations.texts("tagKeys", &keys, &TAGS, &TAG_KEY);
    violations.finish()?;
    let changing = scheduler.registry.changing().await;
    let group = find(scheduler, request.resource_arn.as_deref())?;
    let mut tags = group.tags.clone();
    tags.retain(|key, _| !keys.contains(key));
    scheduler.registry.put_group(changing, GroupSettings { tags, ..(*group).clone() }).await?;
    Ok(Nothing {})
}

pub(super) fn list_tags_for_resource(
    scheduler: &Scheduler,
    request: &ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceArn", request.resource_arn.as_deref(), &GROUP_ARN);
    violations.finish()?;
    let group = find(scheduler, request.resource_arn.as_deref())?;
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    Ok(ListTagsForResourceResponse { tags: group.tags.iter().map(tag).collect() })
}

fn find(scheduler: &Scheduler, arn: Option<&str>) -> Result<Arc<GroupSettings>, ApiError> {
    let arn = arn.unwrap_or_default();
    let parsed = arn.parse::<Arn>().ok();
    let name = parsed.as_ref().and_then(|arn| arn.resource_after("schedule-group/")).unwrap_or_default();
    scheduler.registry.group_by_arn(arn, name).ok_or_else(|| no_group(name))
}
