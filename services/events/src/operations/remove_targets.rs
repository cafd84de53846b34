//! RemoveTargets.

use anabranch_protocol::{ApiError, BoundedList, RequestContext, Violations};
use serde::Deserialize;

use super::put_targets::EntriesResponse;
use crate::events::Events;
use crate::rule::Rule;
use crate::shapes::{EVENT_BUS_NAME_OR_ARN, RULE_NAME, TARGET_ID, TARGETS};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveTargetsRequest {
    rule: Option<String>,
    event_bus_name: Option<String>,
    ids: Option<BoundedList<String, { TARGETS.max }>>,
}

/// Removes those of a rule's targets that have one of these ids.
pub(super) async fn remove_targets(
    events: &Events,
    context: &RequestContext,
    request: RemoveTargetsRequest,
) -> Result<EntriesResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("rule", request.rule.as_deref(), &RULE_NAME);
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    violations.required("ids", request.ids.as_ref());
    let ids = request.ids.unwrap_or_default();
    violations.texts("ids", &ids, &TARGETS, &TARGET_ID);
    violations.finish()?;

    let changing = events.registry.changing().await;
    let name = request.rule.unwrap_or_default();
    let (bus, rule) = events.registry.rule(context, request.event_bus_name.as_deref(), &name)?;
    let mut settings = rule.settings.clone();
    settings.targets.retain(|target| !ids.contains(&target.id));
    events.registry.put_rule(changing, &bus, Rule { settings, ..(*rule).clone() }).await?;
    Ok(EntriesResponse::default())
}
