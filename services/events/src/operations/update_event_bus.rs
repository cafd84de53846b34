//! UpdateEventBus.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::bus_members::{DeadLetterConfig, LogConfig};
use crate::bus::BusSettings;
use crate::events::Events;
use crate::shapes::{DESCRIPTION, EVENT_BUS_NAME};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateEventBusRequest {
    name: Option<String>,
    description: Option<String>,
    kms_key_identifier: Option<String>,
    dead_letter_config: Option<DeadLetterConfig>,
    log_config: Option<LogConfig>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateEventBusResponse {
    arn: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_config: Option<LogConfig>,
}

/// Sets what the request has; the rest stays.
pub(super) async fn update_event_bus(
    events: &Events,
    context: &RequestContext,
    request: UpdateEventBusRequest,
) -> Result<UpdateEventBusResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("name", request.name.as_deref(), &EVENT_BUS_NAME);
    violations.text("description", request.description.as_deref(), &DESCRIPTION);
    violations.finish()?;

    let changing = events.registry.changing().await;
    let bus = events.registry.bus(context, request.name.as_deref())?;
    let before = bus.settings.clone();
    let settings = BusSettings {
        description: request.description.or(before.description),
        kms_key_identifier: request.kms_key_identifier.or(before.kms_key_identifier),
        dead_letter_arn: match request.dead_letter_config {
            Some(config) => config.checked()?,
            None => before.dead_letter_arn,
        },
        log_config: request.log_config.map(Into::into).or(before.log_config),
        modified_ms: Some(events.clock.now_ms()),
        ..before
    };
    let answer = UpdateEventBusResponse {
        arn: settings.arn.clone(),
        name: settings.name.clone(),
        description: settings.description.clone(),
        kms_key_identifier: settings.kms_key_identifier.clone(),
        dead_letter_config: DeadLetterConfig::of(settings.dead_letter_arn.as_ref()),
        log_config: settings.log_config.as_ref().map(LogConfig::from),
    };
    events.registry.put_bus(changing, bus.with_settings(settings)).await?;
    Ok(answer)
}
