//! TestEventPattern.

use anabranch_protocol::{ApiError, Violations};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rule::read_pattern;
use crate::shapes::EVENT_PATTERN;

/// What an event must have to be tested.
const MANDATORY: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TestEventPatternRequest {
    event_pattern: Option<String>,
    event: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TestEventPatternResponse {
    result: bool,
}

pub(super) fn test_event_pattern(request: &TestEventPatternRequest) -> Result<TestEventPatternResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("eventPattern", request.event_pattern.as_deref(), &EVENT_PATTERN);
    violations.required("event", request.event.as_ref());
    violations.finish()?;
    let pattern = read_pattern(request.event_pattern.as_deref().unwrap_or_default())?;
    let event = request.event.as_deref().unwrap_or_default();
    let read: Value = serde_json::from_str(event)
        .map_err(|error| ApiError::validation(format!("Parameter Event is not valid. Reason: {error}")))?;
    if let Some(missing) = MANDATORY.into_iter().find(|member| read.get(member).is_none()) {
        let message = format!("Parameter Event is not valid. Reason: {missing} is a required field.");
        return Err(ApiError::validation(message));
    }
    Ok(TestEventPatternResponse { result: pattern.matches_json(event.as_bytes()).unwrap_or(false) })
}
