//! ListSchedules.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::get_schedule::state;
use super::page::page;
use crate::schedule::{Schedule, schedule_arn};
use crate::scheduler::Scheduler;
use crate::shapes::{NAME, STATE};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSchedulesRequest {
    group_name: Option<String>,
    max_results: Option<i64>,
    name_prefix: Option<String>,
    next_token: Option<String>,
    state: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSchedulesResponse {
    schedules: Vec<ScheduleSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleSummary {
    arn: String,
    creation_date: Timestamp,
    group_name: String,
    last_modification_date: Timestamp,
    name: String,
    state: &'static str,
    target: TargetSummary,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetSummary {
    arn: String,
}

/// Lists the caller's schedules, by group and name.
pub(super) fn list_schedules(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: &ListSchedulesRequest,
) -> Result<ListSchedulesResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("groupName", request.group_name.as_deref(), &NAME);
    violations.text("namePrefix", request.name_prefix.as_deref(), &NAME);
    violations.text("state", request.state.as_deref(), &STATE);
    let page = page(violations, request.next_token.as_deref(), request.max_results)?;
    let below = match request.group_name.as_deref() {
        Some(group) => {
            scheduler.registry.group(context, group)?;
            schedule_arn(context, group, "")
        }
        None => context.arn("scheduler", "schedule/").to_string(),
    };
    let is_wanted = |schedule: &Arc<Schedule>| {
        let settings = &schedule.settings;
        request.name_prefix.as_deref().is_none_or(|prefix| settings.name.starts_with(prefix))
            && request.state.as_deref().is_none_or(|wanted| wanted == state(settings.is_enabled))
    };
    let wanted = scheduler.registry.schedules_below(&below).into_iter().filter(is_wanted);
    let (cut, next_token) = page.cut(wanted, |schedule| &schedule.settings.arn);
    let summary = |schedule: Arc<Schedule>| {
        let settings = &schedule.settings;
        ScheduleSummary {
            arn: settings.arn.clone(),
            creation_date: Timestamp(settings.created_ms),
            group_name: settings.group.clone(),
            last_modification_date: Timestamp(settings.modified_ms),
            name: settings.name.clone(),
            state: state(settings.is_enabled),
            target: TargetSummary { arn: settings.target.arn.clone() },
        }
    };
    Ok(ListSchedulesResponse { schedules: cut.into_iter().map(summary).collect(), next_token })
}
