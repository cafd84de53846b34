//! ListEventBuses.

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::page::page;
use crate::bus::BusSettings;
use crate::events::Events;
use crate::shapes::EVENT_BUS_NAME;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListEventBusesRequest {
    name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListEventBusesResponse {
    event_buses: Vec<EventBus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventBus {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified_time: Option<Timestamp>,
}

pub(super) fn list_event_buses(
    events: &Events,
    context: &RequestContext,
    request: &ListEventBusesRequest,
) -> Result<ListEventBusesResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("namePrefix", request.name_prefix.as_deref(), &EVENT_BUS_NAME);
    let page = page(violations, request.next_token.as_deref(), request.limit)?;
    let prefix = request.name_prefix.as_deref().unwrap_or_default();
    let buses = events.registry.of_caller(context);
    let wanted = buses.iter().filter(|bus| bus.settings.name.starts_with(prefix));
    let (cut, next_token) = page.cut(wanted, |bus| &bus.settings.name);
    Ok(ListEventBusesResponse { event_buses: cut.into_iter().map(|bus| listed(&bus.settings)).collect(), next_token })
}

fn listed(settings: &BusSettings) -> EventBus {
    EventBus {
        name: settings.name.clone(),
        arn: settings.arn.clone(),
        description: settings.description.clone(),
        policy: settings.policy.as_ref().map(ToString::to_string),
        creation_time: settings.created_ms.map(Timestamp),
        last_modified_time: settings.modified_ms.map(Timestamp),
    }
}
