//! CreateEventBus.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::bus_members::{DeadLetterConfig, LogConfig};
use super::tag_list::{self, TagList};
use crate::bus::{Bus, BusSettings};
use crate::error::{already_exists, limit_exceeded, unsupported};
use crate::events::Events;
use crate::limits::EVENT_BUSES_MAX;
use crate::registry::Registry;
use crate::shapes::{DESCRIPTION, EVENT_BUS_NAME};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateEventBusRequest {
    name: Option<String>,
    event_source_name: Option<String>,
    description: Option<String>,
    kms_key_identifier: Option<String>,
    dead_letter_config: Option<DeadLetterConfig>,
    log_config: Option<LogConfig>,
    #[serde(default)]
    tags: TagList,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateEventBusResponse {
    event_bus_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_config: Option<LogConfig>,
}

pub(super) async fn create_event_bus(
    events: &Events,
    context: &RequestContext,
    request: CreateEventBusRequest,
) -> Result<CreateEventBusResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("name", request.name.as_deref(), &EVENT_BUS_NAME);
    violations.text("description", request.description.as_deref(), &DESCRIPTION);
    tag_list::check(&request.tags, &mut violations);
    violations.finish()?;
    if request.event_source_name.is_some() {
        return Err(unsupported("EventSourceName"));
    }
    let name = request.name.unwrap_or_default();
    if name.contains('/') {
        return Err(ApiError::validation("Event bus name must not contain '/'."));
    }
    let dead_letter_arn = request.dead_letter_config.map(DeadLetterConfig::checked).transpose()?.flatten();

    let changing = events.registry.changing().await;
    let address = Registry::address(context, Some(&name));
    if events.registry.find(&address).is_some() {
        return Err(already_exists(format!("Event bus {name} already exists.")));
    }
    // The default bus does not count.
    if events.registry.of_caller(context).len() > EVENT_BUSES_MAX {
        return Err(limit_exceeded());
    }
    let now_ms = events.clock.now_ms();
    let settings = BusSettings {
        description: request.description,
        kms_key_identifier: request.kms_key_identifier,
        dead_letter_arn,
        log_config: request.log_config.map(Into::into),
        created_ms: Some(now_ms),
        modified_ms: Some(now_ms),
        tags: tag_list::merged(&Default::default(), &request.tags)?,
        ..BusSettings::new(&address)
    };
    let answer = CreateEventBusResponse {
        event_bus_arn: settings.arn.clone(),
        description: settings.description.clone(),
        kms_key_identifier: settings.kms_key_identifier.clone(),
        dead_letter_config: DeadLetterConfig::of(settings.dead_letter_arn.as_ref()),
        log_config: settings.log_config.as_ref().map(LogConfig::from),
    };
    events.registry.put_bus(changing, Bus::new(settings, address, Default::default())).await?;
    Ok(answer)
}
