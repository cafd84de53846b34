//! GetEventSourceMapping.

use anabranch_protocol::ApiError;

use super::addressed::MappingRequest;
use crate::{EventSourceMapping, Lambda, Scope};

/// Describes a mapping.
pub(super) fn get_event_source_mapping(
    lambda: &Lambda,
    scope: &Scope,
    request: &MappingRequest,
) -> Result<EventSourceMapping, ApiError> {
    lambda.get_event_source_mapping(scope, &request.uuid)
}
