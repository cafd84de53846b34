//! DeleteEventSourceMapping.

use anabranch_protocol::ApiError;

use super::addressed::MappingRequest;
use crate::{EventSourceMapping, Lambda, Scope};

/// Removes a mapping, which is `Deleting` at first.
pub(super) async fn delete_event_source_mapping(
    lambda: &Lambda,
    scope: &Scope,
    request: MappingRequest,
) -> Result<EventSourceMapping, ApiError> {
    lambda.delete_event_source_mapping(scope, &request.uuid).await
}
