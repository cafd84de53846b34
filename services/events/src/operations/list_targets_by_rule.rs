//! ListTargetsByRule.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::page::page;
use super::target_members::TargetMembers;
use crate::events::Events;
use crate::shapes::{EVENT_BUS_NAME_OR_ARN, RULE_NAME};
use crate::target::RuleTarget;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTargetsByRuleRequest {
    rule: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTargetsByRuleResponse {
    targets: Vec<TargetMembers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Lists a rule's targets by id.
pub(super) fn list_targets_by_rule(
    events: &Events,
    context: &RequestContext,
    request: &ListTargetsByRuleRequest,
) -> Result<ListTargetsByRuleResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("rule", request.rule.as_deref(), &RULE_NAME);
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    let page = page(violations, request.next_token.as_deref(), request.limit)?;
    let name = request.rule.as_deref().unwrap_or_default();
    let (_, rule) = events.registry.rule(context, request.event_bus_name.as_deref(), name)?;
    let mut targets: Vec<&RuleTarget> = rule.settings.targets.iter().collect();
    targets.sort_by(|one, other| one.id.cmp(&other.id));
    let (cut, next_token) = page.cut(targets, |target| &target.id);
    Ok(ListTargetsByRuleResponse { targets: cut.into_iter().map(TargetMembers::from).collect(), next_token })
}
