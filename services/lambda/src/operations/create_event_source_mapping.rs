//! CreateEventSourceMapping.

use anabranch_protocol::ApiError;

use crate::{EventSourceMapping, EventSourceMappingRequest, Lambda, Scope};

/// Makes a mapping, which is `Creating` at first.
pub(super) async fn create_event_source_mapping(
    lambda: &Lambda,
    scope: &Scope,
    request: EventSourceMappingRequest,
) -> Result<EventSourceMapping, ApiError> {
    lambda.create_event_source_mapping(scope, request).await
}
