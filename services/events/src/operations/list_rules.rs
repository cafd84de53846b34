//! ListRules and ListRuleNamesByTarget.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::describe_rule::RuleMembers;
use super::page::page;
use crate::events::Events;
use crate::shapes::{ARN, EVENT_BUS_NAME_OR_ARN, RULE_NAME};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRulesRequest {
    name_prefix: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRulesResponse {
    rules: Vec<RuleMembers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRuleNamesByTargetRequest {
    target_arn: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRuleNamesByTargetResponse {
    rule_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Lists a bus's rules by name.
pub(super) fn list_rules(
    events: &Events,
    context: &RequestContext,
    request: &ListRulesRequest,
) -> Result<ListRulesResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("namePrefix", request.name_prefix.as_deref(), &RULE_NAME);
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    let page = page(violations, request.next_token.as_deref(), request.limit)?;
    let bus = events.registry.bus(context, request.event_bus_name.as_deref())?;
    let prefix = request.name_prefix.as_deref().unwrap_or_default();
    let wanted = bus.rules.values().filter(|rule| rule.settings.name.starts_with(prefix));
    let (cut, next_token) = page.cut(wanted, |rule| &rule.settings.name);
    Ok(ListRulesResponse { rules: cut.into_iter().map(|rule| RuleMembers::of(&rule.settings)).collect(), next_token })
}

/// Lists the names of a bus's rules that send to a target.
pub(super) fn list_rule_names_by_target(
    events: &Events,
    context: &RequestContext,
    request: &ListRuleNamesByTargetRequest,
) -> Result<ListRuleNamesByTargetResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("targetArn", request.target_arn.as_deref(), &ARN);
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    let page = page(violations, request.next_token.as_deref(), request.limit)?;
    let bus = events.registry.bus(context, request.event_bus_name.as_deref())?;
    let arn = request.target_arn.as_deref().unwrap_or_default();
    let wanted = bus.rules.values().filter(|rule| rule.settings.targets.iter().any(|target| target.arn == arn));
    let (cut, next_token) = page.cut(wanted, |rule| &rule.settings.name);
    let rule_names = cut.into_iter().map(|rule| rule.settings.name.clone()).collect();
    Ok(ListRuleNamesByTargetResponse { rule_names, next_token })
}
