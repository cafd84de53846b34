//! PutRule.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::tag_list::{self, TagList};
use crate::bus::DEFAULT_BUS;
use crate::error::limit_exceeded;
use crate::events::Events;
use crate::limits::RULES_MAX;
use crate::rule::{Rule, RuleSettings, RuleState};
use crate::shapes::{
    ARN, DESCRIPTION, EVENT_BUS_NAME_OR_ARN, EVENT_PATTERN, RULE_NAME, RULE_STATE, SCHEDULE_EXPRESSION,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRuleRequest {
    name: Option<String>,
    schedule_expression: Option<String>,
    event_pattern: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    #[serde(default)]
    tags: TagList,
    event_bus_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRuleResponse {
    rule_arn: String,
}

/// Makes a rule, or changes one: what the request leaves out is as in a new rule, but for targets and
/// tags, which stay.
pub(super) async fn put_rule(
    events: &Events,
    context: &RequestContext,
    request: PutRuleRequest,
) -> Result<PutRuleResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("name", request.name.as_deref(), &RULE_NAME);
    violations.text("scheduleExpression", request.schedule_expression.as_deref(), &SCHEDULE_EXPRESSION);
    violations.text("eventPattern", request.event_pattern.as_deref(), &EVENT_PATTERN);
    violations.text("state", request.state.as_deref(), &RULE_STATE);
    violations.text("description", request.description.as_deref(), &DESCRIPTION);
    violations.text("roleArn", request.role_arn.as_deref(), &ARN);
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    tag_list::check(&request.tags, &mut violations);
    violations.finish()?;
    let is_given = |text: &String| !text.is_empty();
    let schedule_expression = request.schedule_expression.filter(is_given);
    let event_pattern = request.event_pattern.filter(is_given);
    if schedule_expression.is_none() && event_pattern.is_none() {
        let message = "Parameter(s) EventPattern or ScheduleExpression must be specified.";
        return Err(ApiError::validation(message));
    }

    let changing = events.registry.changing().await;
    let bus = events.registry.bus(context, request.event_bus_name.as_deref())?;
    if schedule_expression.is_some() && bus.settings.name != DEFAULT_BUS {
        return Err(ApiError::validation("ScheduleExpression is supported only on the default event bus."));
    }
    let name = request.name.unwrap_or_default();
    let before = bus.rules.get(&name).map(|rule| &rule.settings);
    if before.is_none() && bus.rules.len() >= RULES_MAX {
        return Err(limit_exceeded());
    }
    let state = match request.state.as_deref() {
        Some("DISABLED") => RuleState::Disabled,
        Some("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") => RuleState::EnabledWithAllCloudTrailManagementEvents,
        _ => RuleState::Enabled,
    };
    let goes_on = |before: &&RuleSettings| {
        before.schedule_expression == schedule_expression && before.state != RuleState::Disabled
    };
    let rule = Rule::new(RuleSettings {
        arn: bus.address.rule_arn(&name),
        name,
        bus_arn: bus.settings.arn.clone(),
        since_ms: before.filter(goes_on).map_or_else(|| events.clock.now_ms(), |before| before.since_ms),
        event_pattern,
        schedule_expression,
        state,
        description: request.description,
        role_arn: request.role_arn,
        created_by: before.map_or(context.account, |before| before.created_by),
        tags: match before {
            Some(before) => before.tags.clone(),
            None => tag_list::merged(&Default::default(), &request.tags)?,
        },
        targets: before.map(|before| before.targets.clone()).unwrap_or_default(),
    })?;
    let rule_arn = rule.settings.arn.clone();
    events.registry.put_rule(changing, &bus, rule).await?;
    Ok(PutRuleResponse { rule_arn })
}
