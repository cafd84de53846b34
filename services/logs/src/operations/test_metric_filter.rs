//! TestMetricFilter.

use std::collections::BTreeMap;

use anabranch_protocol::{ApiError, BoundedList, Violations};
use serde::{Deserialize, Serialize};

use crate::error::finish;
use crate::limits::TEST_MESSAGES_MAX;
use crate::pattern::FilterPattern;
use crate::shapes::{FILTER_PATTERN, NOT_EMPTY, TEST_MESSAGES};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestMetricFilterRequest {
    filter_pattern: Option<String>,
    log_event_messages: Option<BoundedList<String, TEST_MESSAGES_MAX>>,
}

#[derive(Debug, Serialize)]
pub(super) struct TestMetricFilterResponse {
    matches: Vec<MetricFilterMatchRecord>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MetricFilterMatchRecord {
    /// From 1 on.
    event_number: usize,
    event_message: String,
    extracted_values: BTreeMap<String, String>,
}

/// Tells which messages a pattern matches.
pub(super) fn test_metric_filter(request: &TestMetricFilterRequest) -> Result<TestMetricFilterResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required("filterPattern", request.filter_pattern.as_ref());
    violations.text("filterPattern", request.filter_pattern.as_deref(), &FILTER_PATTERN);
    violations.required("logEventMessages", request.log_event_messages.as_ref());
    if let Some(messages) = &request.log_event_messages {
        violations.texts("logEventMessages", messages, &TEST_MESSAGES, &NOT_EMPTY);
    }
    finish(violations)?;
    let pattern = FilterPattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
    let messages = request.log_event_messages.as_deref().unwrap_or_default();
    let found = messages.iter().enumerate().filter(|(_, message)| pattern.matches(message));
    let matches = found.map(|(index, message)| MetricFilterMatchRecord {
        event_number: index + 1,
        event_message: message.clone(),
        extracted_values: pattern.extract(message),
    });
    Ok(TestMetricFilterResponse { matches: matches.collect() })
}
