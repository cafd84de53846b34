//! DescribeEventBus.

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::bus_members::{DeadLetterConfig, LogConfig};
use crate::events::Events;
use crate::shapes::EVENT_BUS_NAME_OR_ARN;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeEventBusRequest {
    name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeEventBusResponse {
    name: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_config: Option<LogConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified_time: Option<Timestamp>,
}

pub(super) fn describe_event_bus(
    events: &Events,
    context: &RequestContext,
    request: &DescribeEventBusRequest,
) -> Result<DescribeEventBusResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("name", request.name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    violations.finish()?;
    let settings = events.registry.bus(context, request.name.as_deref())?.settings.clone();
    Ok(DescribeEventBusResponse {
        dead_letter_config: DeadLetterConfig::of(settings.dead_letter_arn.as_ref()),
        policy: settings.policy.as_ref().map(ToString::to_string),
        log_config: settings.log_config.as_ref().map(LogConfig::from),
        creation_time: settings.created_ms.map(Timestamp),
        last_modified_time: settings.modified_ms.map(Timestamp),
        name: settings.name,
        arn: settings.arn,
        description: settings.description,
        kms_key_identifier: settings.kms_key_identifier,
    })
}
