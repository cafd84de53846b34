//! DeleteRule.

use anabranch_control::Changes;
use anabranch_protocol::{ApiError, RequestContext};

use super::describe_rule::RuleRequest;
use crate::events::Events;
use crate::timer::FIRED;

/// Deletes a rule without targets. One that does not exist is none that could fail.
pub(super) async fn delete_rule(
    events: &Events,
    context: &RequestContext,
    request: &RuleRequest,
) -> Result<(), ApiError> {
    let name = request.checked()?;
    let changing = events.registry.changing().await;
    let bus = events.registry.bus(context, request.event_bus_name())?;
    let Some(rule) = bus.rules.get(name) else { return Ok(()) };
    if !rule.settings.targets.is_empty() {
        return Err(ApiError::validation("Rule can't be deleted since it has targets."));
    }
    let mut changes = Changes::default();
    changes.delete(FIRED, &rule.settings.arn);
    events.registry.delete_rule(changing, &bus, rule, changes).await
}
