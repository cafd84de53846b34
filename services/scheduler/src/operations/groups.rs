//! CreateScheduleGroup, GetScheduleGroup, DeleteScheduleGroup and ListScheduleGroups.

use std::collections::BTreeMap;

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::get_schedule::Nothing;
use super::page::page;
use super::tags::{TagList, check, merged};
use crate::error::{conflict, quota_exceeded};
use crate::limits::GROUPS_MAX;
use crate::schedule::{DEFAULT_GROUP, GroupSettings, group_arn, schedules_of};
use crate::scheduler::Scheduler;
use crate::shapes::{CLIENT_TOKEN, NAME};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateScheduleGroupRequest {
    name: Option<String>,
    client_token: Option<String>,
    #[serde(default)]
    tags: TagList,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateScheduleGroupResponse {
    schedule_group_arn: String,
}

/// What names a group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupRequest {
    name: Option<String>,
}

/// `ScheduleGroupSummary`, and the answer to GetScheduleGroup.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupMembers {
    arn: String,
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modification_date: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListScheduleGroupsRequest {
    max_results: Option<i64>,
    name_prefix: Option<String>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListScheduleGroupsResponse {
    schedule_groups: Vec<GroupMembers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl GroupRequest {
    fn checked(&self) -> Result<&str, ApiError> {
        let mut violations = Violations::default();
        violations.required_text("name", self.name.as_deref(), &NAME);
        violations.finish()?;
        Ok(self.name.as_deref().unwrap_or_default())
    }
}

impl From<&GroupSettings> for GroupMembers {
    fn from(group: &GroupSettings) -> Self {
        Self {
            arn: group.arn.clone(),
            name: group.name.clone(),
            state: "ACTIVE",
            creation_date: group.created_ms.map(Timestamp),
            last_modification_date: group.modified_ms.map(Timestamp),
        }
    }
}

pub(super) async fn create_schedule_group(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: CreateScheduleGroupRequest,
) -> Result<CreateScheduleGroupResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("name", request.name.as_deref(), &NAME);
    violations.text("clientToken", request.client_token.as_deref(), &CLIENT_TOKEN);
    check(&request.tags, &mut violations);
    violations.finish()?;
    let name = request.name.unwrap_or_default();
    let schedule_group_arn = group_arn(context, &name);
    let changing = scheduler.registry.changing().await;
    if let Some(before) = scheduler.registry.group_by_arn(&schedule_group_arn, &name) {
        return match before.client_token.is_some() && before.client_token == request.client_token {
            true => Ok(CreateScheduleGroupResponse { schedule_group_arn }),
            false => Err(conflict(format!("Schedule group {name} already exists."))),
        };
    }
    // The default group does not count.
    if scheduler.registry.groups_of(context).len() > GROUPS_MAX {
        return Err(quota_exceeded(format!("There are {GROUPS_MAX} schedule groups, and no more can be made.")));
    }
    let now_ms = scheduler.clock.now_ms();
    let group = GroupSettings {
        arn: schedule_group_arn.clone(),
        name,
        created_ms: Some(now_ms),
        modified_ms: Some(now_ms),
        tags: merged(&BTreeMap::new(), &request.tags)?,
        client_token: request.client_token,
    };
    scheduler.registry.put_group(changing, group).await?;
    Ok(CreateScheduleGroupResponse { schedule_group_arn })
}

pub(super) fn get_schedule_group(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: &GroupRequest,
) -> Result<GroupMembers, ApiError> {
    scheduler.registry.group(context, request.checked()?).map(|group| GroupMembers::from(&*group))
}

/// Deletes a group with its schedules, at once.
pub(super) async fn delete_schedule_group(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: &GroupRequest,
) -> Result<Nothing, ApiError> {
    let name = request.checked()?;
    if name == DEFAULT_GROUP {
        return Err(ApiError::validation("The default schedule group can't be deleted."));
    }
    let changing = scheduler.registry.changing().await;
    let group = scheduler.registry.group(context, name)?;
    let below = schedules_of(&group.arn).unwrap_or_else(|| group.arn.clone());
    let schedules = scheduler.registry.schedules_below(&below);
    let arns = schedules.iter().map(|schedule| schedule.settings.arn.clone()).collect();
    scheduler.registry.remove(changing, arns, Some(group.arn.clone())).await?;
    Ok(Nothing {})
}

pub(super) fn list_schedule_groups(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: &ListScheduleGroupsRequest,
) -> Result<ListScheduleGroupsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("namePrefix", request.name_prefix.as_deref(), &NAME);
    let page = page(violations, request.next_token.as_deref(), request.max_results)?;
    let prefix = request.name_prefix.as_deref().unwrap_or_default();
    let groups = scheduler.registry.groups_of(context);
    let wanted = groups.iter().filter(|group| group.name.starts_with(prefix));
    let (cut, next_token) = page.cut(wanted, |group| &group.name);
    let schedule_groups = cut.into_iter().map(|group| GroupMembers::from(&**group)).collect();
    Ok(ListScheduleGroupsResponse { schedule_groups, next_token })
}
