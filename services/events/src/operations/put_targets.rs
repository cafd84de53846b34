//! PutTargets.

use anabranch_ports::PortErrorKind;
use anabranch_protocol::{ApiError, BoundedList, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::target_members::TargetMembers;
use crate::error::limit_exceeded;
use crate::events::Events;
use crate::limits::TARGETS_MAX;
use crate::rule::{Rule, RuleSettings};
use crate::shapes::{EVENT_BUS_NAME_OR_ARN, RULE_NAME, TARGETS};
use crate::target::RuleTarget;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutTargetsRequest {
    rule: Option<String>,
    event_bus_name: Option<String>,
    targets: Option<BoundedList<TargetMembers, { TARGETS.max }>>,
}

/// The answer to PutTargets and RemoveTargets, of which no entry fails alone.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EntriesResponse {
    failed_entry_count: usize,
    failed_entries: [(); 0],
}

/// Adds targets to a rule, in the place of those of the same ids.
pub(super) async fn put_targets(
    events: &Events,
    context: &RequestContext,
    request: PutTargetsRequest,
) -> Result<EntriesResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("rule", request.rule.as_deref(), &RULE_NAME);
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    violations.required("targets", request.targets.as_ref());
    let targets = request.targets.unwrap_or_default();
    violations.list("targets", targets.count(), &TARGETS);
    for (number, target) in targets.iter().enumerate() {
        target.check(&format!("targets.{}.member", number + 1), &mut violations);
    }
    violations.finish()?;
    let targets: Vec<RuleTarget> =
        targets.into_vec().into_iter().map(TargetMembers::target).collect::<Result<_, _>>()?;
    for target in &targets {
        check_kind(events, target).await?;
    }

    let changing = events.registry.changing().await;
    let name = request.rule.unwrap_or_default();
    let (bus, rule) = events.registry.rule(context, request.event_bus_name.as_deref(), &name)?;
    let mut all = rule.settings.targets.clone();
    for target in targets {
        match all.iter_mut().find(|other| other.id == target.id) {
            Some(other) => *other = target,
            None => all.push(target),
        }
    }
    if all.len() > TARGETS_MAX {
        return Err(limit_exceeded());
    }
    let rule = Rule { settings: RuleSettings { targets: all, ..rule.settings.clone() }, ..(*rule).clone() };
    events.registry.put_rule(changing, &bus, rule).await?;
    Ok(EntriesResponse::default())
}

/// Refuses a target of a kind that takes no events here. One that does not exist yet is taken, as it
/// is by EventBridge.
async fn check_kind(events: &Events, target: &RuleTarget) -> Result<(), ApiError> {
    match events.targets.check(&target.arn).await {
        Err(error) if error.kind == PortErrorKind::Refused => {
            let message = format!("Parameter {} is not valid. Reason: {}", target.arn, error.message);
            Err(ApiError::validation(message))
        }
        _ => Ok(()),
    }
}
