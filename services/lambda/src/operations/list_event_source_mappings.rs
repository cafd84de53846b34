//! ListEventSourceMappings.

use anabranch_protocol::ApiError;
use serde_json::{Value, json};

use crate::{Lambda, ListEventSourceMappings, Scope};

/// A page of the mappings.
pub(super) fn list_event_source_mappings(
    lambda: &Lambda,
    scope: &Scope,
    request: &ListEventSourceMappings,
) -> Result<Value, ApiError> {
    let (mappings, next_marker) = lambda.list_event_source_mappings(scope, request)?;
    let mut answer = json!({ "EventSourceMappings": mappings });
    if let Some(marker) = next_marker {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}
