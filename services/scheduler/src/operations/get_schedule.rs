//! GetSchedule and DeleteSchedule.

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::members::{FlexibleTimeWindow, TargetMembers};
use crate::scheduler::Scheduler;
use crate::shapes::NAME;

/// What names a schedule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleRequest {
    name: Option<String>,
    group_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetScheduleResponse {
    arn: String,
    name: String,
    group_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    schedule_expression: String,
    schedule_expression_timezone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<Timestamp>,
    flexible_time_window: FlexibleTimeWindow,
    state: &'static str,
    action_after_completion: &'static str,
    target: TargetMembers,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<String>,
    creation_date: Timestamp,
    last_modification_date: Timestamp,
}

/// The answer without members.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

impl ScheduleRequest {
    fn check(&self) -> Result<(), ApiError> {
        let mut violations = Violations::default();
        violations.required_text("name", self.name.as_deref(), &NAME);
        violations.text("groupName", self.group_name.as_deref(), &NAME);
        violations.finish()
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// `ScheduleState`.
pub(super) fn state(is_enabled: bool) -> &'static str {
    if is_enabled { "ENABLED" } else { "DISABLED" }
}

pub(super) fn get_schedule(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: &ScheduleRequest,
) -> Result<GetScheduleResponse, ApiError> {
    request.check()?;
    let schedule = scheduler.registry.schedule(context, request.group_name.as_deref(), request.name())?;
    let settings = schedule.settings.clone();
    Ok(GetScheduleResponse {
        flexible_time_window: FlexibleTimeWindow::of(&settings),
        target: TargetMembers::of(&settings.target),
        arn: settings.arn,
        name: settings.name,
        group_name: settings.group,
        description: settings.description,
        schedule_expression: settings.expression,
        schedule_expression_timezone: settings.timezone.unwrap_or_else(|| "UTC".into()),
        start_date: settings.start_ms.map(Timestamp),
        end_date: settings.end_ms.map(Timestamp),
        state: state(settings.is_enabled),
        action_after_completion: if settings.is_deleted_after_completion { "DELETE" } else { "NONE" },
        kms_key_arn: settings.kms_key_arn,
        creation_date: Timestamp(settings.created_ms),
        last_modification_date: Timestamp(settings.modified_ms),
    })
}

pub(super) async fn delete_schedule(
    scheduler: &Scheduler,
    context: &RequestContext,
    request: &ScheduleRequest,
) -> Result<Nothing, ApiError> {
    request.check()?;
    let changing = scheduler.registry.changing().await;
    let schedule = scheduler.registry.schedule(context, request.group_name.as_deref(), request.name())?;
    scheduler.registry.remove(changing, vec![schedule.settings.arn.clone()], None).await?;
    Ok(Nothing {})
}
