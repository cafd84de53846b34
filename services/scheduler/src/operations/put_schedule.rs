//! CreateSchedule and UpdateSchedule, which take the same members.

use anabranch_ports::PortErrorKind;
use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::members::{FlexibleTimeWindow, TargetMembers};
use crate::error::{conflict, quota_exceeded};
use crate::limits::SCHEDULES_MAX;
use crate::schedule::{DEFAULT_GROUP, Schedule, ScheduleSettings, schedule_arn};
use crate::scheduler::Scheduler;
use crate::shapes::{ACTION, CLIENT_TOKEN, DESCRIPTION, NAME, SCHEDULE_EXPRESSION, STATE, TIMEZONE};
use crate::target::ScheduleTarget;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutScheduleRequest {
    name: Option<String>,
    group_name: Option<String>,
    action_after_completion: Option<String>,
    client_token: Option<String>,
    description: Option<String>,
    end_date: Option<Timestamp>,
    flexible_time_window: Option<FlexibleTimeWindow>,
    kms_key_arn: Option<String>,
    schedule_expression: Option<String>,
    schedule_expression_timezone: Option<String>,
    start_date: Option<Timestamp>,
    state: Option<String>,
    target: Option<TargetMembers>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutScheduleResponse {
    schedule_arn: String,
}

/// Makes a schedule.
pub(super) async fn create_schedule(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: PutScheduleRequest,
) -> Result<PutScheduleResponse, ApiError> {
    let now_ms = scheduler.clock.now_ms();
    let schedule = checked(context, request, now_ms)?;
    check_kind(scheduler, &schedule.settings.target).await?;
    let settings = &schedule.settings;
    let schedule_arn = settings.arn.clone();
    let changing = scheduler.registry.changing().await;
    scheduler.registry.group(context, &settings.group)?;
    if let Some(before) = scheduler.registry.by_arn(&settings.arn) {
        return match before.settings.client_token.is_some() && before.settings.client_token == settings.client_token {
            true => Ok(PutScheduleResponse { schedule_arn }),
            false => Err(conflict(format!("Schedule {} already exists.", settings.name))),
        };
    }
    if scheduler.registry.len() >= SCHEDULES_MAX {
        return Err(quota_exceeded(format!("There are {SCHEDULES_MAX} schedules, and no more can be made.")));
    }
    scheduler.registry.put(changing, schedule, now_ms).await?;
    Ok(PutScheduleResponse { schedule_arn })
}

/// Sets all of a schedule: what the request leaves out is as in a new one.
pub(super) async fn update_schedule(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: PutScheduleRequest,
) -> Result<PutScheduleResponse, ApiError> {
    let now_ms = scheduler.clock.now_ms();
    let Schedule { settings, .. } = checked(context, request, now_ms)?;
    check_kind(scheduler, &settings.target).await?;
    let changing = scheduler.registry.changing().await;
    let before = scheduler.registry.schedule(context, Some(&settings.group), &settings.name)?;
    let created_ms = before.settings.created_ms;
    let client_token = before.settings.client_token.clone();
    let schedule = Schedule::new(ScheduleSettings { created_ms, client_token, ..settings })?;
    let schedule_arn = schedule.settings.arn.clone();
    scheduler.registry.put(changing, schedule, now_ms).await?;
    Ok(PutScheduleResponse { schedule_arn })
}

fn checked(context: &RequestContext, request: PutScheduleRequest, now_ms: u64) -> Result<Schedule, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("name", request.name.as_deref(), &NAME);
    violations.text("groupName", request.group_name.as_deref(), &NAME);
    violations.text("actionAfterCompletion", request.action_after_completion.as_deref(), &ACTION);
    violations.text("clientToken", request.client_token.as_deref(), &CLIENT_TOKEN);
    violations.text("description", request.description.as_deref(), &DESCRIPTION);
    violations.required("flexibleTimeWindow", request.flexible_time_window.as_ref());
    if let Some(window) = &request.flexible_time_window {
        window.check(&mut violations);
    }
    let expression = request.schedule_expression.as_deref();
    violations.required_text("scheduleExpression", expression, &SCHEDULE_EXPRESSION);
    let timezone = request.schedule_expression_timezone.as_deref();
    violations.text("scheduleExpressionTimezone", timezone, &TIMEZONE);
    violations.text("state", request.state.as_deref(), &STATE);
    violations.required("target", request.target.as_ref());
    if let Some(target) = &request.target {
        target.check(&mut violations);
    }
    violations.finish()?;
    let (start_ms, end_ms) = (request.start_date.map(|at| at.0), request.end_date.map(|at| at.0));
    if start_ms.zip(end_ms).is_some_and(|(start_ms, end_ms)| start_ms >= end_ms) {
        return Err(ApiError::validation("The StartDate must come before the EndDate."));
    }
    let name = request.name.unwrap_or_default();
    let group = request.group_name.unwrap_or_else(|| DEFAULT_GROUP.into());
    let window_minutes = match &request.flexible_time_window {
        Some(window) => window.minutes()?,
        None => None,
    };
    Schedule::new(ScheduleSettings {
        arn: schedule_arn(context, &group, &name),
        name,
        group,
        region: context.region.clone(),
        account: context.account,
        description: request.description,
        expression: request.schedule_expression.unwrap_or_default(),
        timezone: request.schedule_expression_timezone,
        start_ms,
        end_ms,
        window_minutes,
        is_enabled: request.state.as_deref() != Some("DISABLED"),
        is_deleted_after_completion: request.action_after_completion.as_deref() == Some("DELETE"),
        target: request.target.unwrap_or_default().target()?,
        kms_key_arn: request.kms_key_arn,
        created_ms: now_ms,
        modified_ms: now_ms,
        client_token: request.client_token,
    })
}

/// Refuses a target of a kind that takes nothing here. One that does not exist yet is taken.
async fn check_kind(scheduler: &Scheduler, target: &ScheduleTarget) -> Result<(), ApiError> {
    match scheduler.targets.check(&target.arn).await {
        Err(error) if error.kind == PortErrorKind::Refused => {
            let message = format!("{} is not supported as a target: {}.", target.arn, error.message);
            Err(ApiError::validation(message))
        }
        _ => Ok(()),
    }
}
