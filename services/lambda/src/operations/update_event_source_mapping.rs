//! UpdateEventSourceMapping.

use anabranch_protocol::ApiError;
use serde::Deserialize;

use crate::{EventSourceMapping, EventSourceMappingRequest, Lambda, Scope};

#[derive(Debug, Deserialize)]
pub(super) struct UpdateEventSourceMappingRequest {
    #[serde(rename = "UUID")]
    uuid: String,
    #[serde(flatten)]
    changes: EventSourceMappingRequest,
}

/// Changes a mapping; what the request leaves out stays.
pub(super) async fn update_event_source_mapping(
    lambda: &Lambda,
    scope: &Scope,
    request: UpdateEventSourceMappingRequest,
) -> Result<EventSourceMapping, ApiError> {
    lambda.update_event_source_mapping(scope, &request.uuid, request.changes).await
}
