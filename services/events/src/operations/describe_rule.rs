//! DescribeRule, and a rule as answers have it.

use anabranch_protocol::{Account, ApiError, Arn, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use crate::events::Events;
use crate::rule::{RuleSettings, RuleState};
use crate::shapes::{EVENT_BUS_NAME_OR_ARN, RULE_NAME};

/// What names a rule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RuleRequest {
    name: Option<String>,
    event_bus_name: Option<String>,
}

/// `Rule`, and the answer to DescribeRule.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RuleMembers {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_expression: Option<String>,
    state: RuleState,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    event_bus_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<Account>,
}

impl RuleRequest {
    /// The rule's name.
    pub(super) fn checked(&self) -> Result<&str, ApiError> {
        let mut violations = Violations::default();
        violations.required_text("name", self.name.as_deref(), &RULE_NAME);
        violations.text("eventBusName", self.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
        violations.finish()?;
        Ok(self.name.as_deref().unwrap_or_default())
    }

    pub(super) fn event_bus_name(&self) -> Option<&str> {
        self.event_bus_name.as_deref()
    }
}

impl RuleMembers {
    /// A rule in a list.
    pub(super) fn of(settings: &RuleSettings) -> Self {
        let bus: Option<Arn> = settings.bus_arn.parse().ok();
        let bus_name = bus.as_ref().and_then(|arn| arn.resource_after("event-bus/")).unwrap_or_default();
        Self {
            name: settings.name.clone(),
            arn: settings.arn.clone(),
            event_pattern: settings.event_pattern.clone(),
            schedule_expression: settings.schedule_expression.clone(),
            state: settings.state,
            description: settings.description.clone(),
            role_arn: settings.role_arn.clone(),
            event_bus_name: bus_name.into(),
            created_by: None,
        }
    }
}

pub(super) fn describe_rule(
    events: &Events,
    context: &RequestContext,
    request: &RuleRequest,
) -> Result<RuleMembers, ApiError> {
    let (_, rule) = events.registry.rule(context, request.event_bus_name(), request.checked()?)?;
    Ok(RuleMembers { created_by: Some(rule.settings.created_by), ..RuleMembers::of(&rule.settings) })
}
