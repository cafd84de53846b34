//! EnableRule and DisableRule.

use anabranch_protocol::{ApiError, RequestContext};

use super::describe_rule::RuleRequest;
use crate::events::Events;
use crate::rule::{Rule, RuleSettings, RuleState};

/// Sets whether a rule is enabled. A schedule counts from when it is.
pub(super) async fn set_rule_state(
    events: &Events,
    context: &RequestContext,
    request: &RuleRequest,
    state: RuleState,
) -> Result<(), ApiError> {
    let name = request.checked()?;
    let changing = events.registry.changing().await;
    let (bus, rule) = events.registry.rule(context, request.event_bus_name(), name)?;
    if rule.is_enabled() == (state != RuleState::Disabled) {
        return Ok(());
    }
    let settings = RuleSettings { state, since_ms: events.clock.now_ms(), ..rule.settings.clone() };
    let rule = Rule { settings, ..(*rule).clone() };
    events.registry.put_rule(changing, &bus, rule).await
}
