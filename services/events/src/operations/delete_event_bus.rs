//! DeleteEventBus.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use crate::bus::DEFAULT_BUS;
use crate::events::Events;
use crate::registry::Registry;
use crate::shapes::EVENT_BUS_NAME;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteEventBusRequest {
    name: Option<String>,
}

/// Deletes a bus without rules. One that does not exist is none that could fail.
pub(super) async fn delete_event_bus(
    events: &Events,
    context: &RequestContext,
    request: DeleteEventBusRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("name", request.name.as_deref(), &EVENT_BUS_NAME);
    violations.finish()?;
    let address = Registry::address(context, request.name.as_deref());
    if address.name == DEFAULT_BUS {
        return Err(ApiError::validation("Cannot delete event bus default."));
    }
    let changing = events.registry.changing().await;
    let Some(bus) = events.registry.find(&address) else { return Ok(()) };
    if !bus.rules.is_empty() {
        return Err(ApiError::validation("Event bus can't be deleted since it has rules."));
    }
    events.registry.delete_bus(changing, bus.settings.arn.clone()).await
}
