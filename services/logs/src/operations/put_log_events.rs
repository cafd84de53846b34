//! PutLogEvents.

use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedList, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use crate::batch::LogEvent;
use crate::error::{finish, invalid_parameter};
use crate::limits::{BATCH_BYTES_MAX, BATCH_SPAN_MS_MAX, EVENT_BYTES_MAX, EVENT_OVERHEAD_BYTES, EVENTS_MAX};
use crate::put::Rejected;
use crate::shapes::{LOG_EVENTS, LOG_GROUP_NAME, LOG_STREAM_NAME, NOT_EMPTY, TIMESTAMP};
use crate::shared::Shared;

/// `sequenceToken` is taken and counts for nothing, as on AWS; entities are not kept.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutLogEventsRequest {
    log_group_name: Option<String>,
    log_stream_name: Option<String>,
    log_events: Option<BoundedList<InputLogEvent, EVENTS_MAX>>,
    sequence_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct InputLogEvent {
    timestamp: Option<i64>,
    message: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutLogEventsResponse {
    next_sequence_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_log_events_info: Option<Rejected>,
}

/// A token of AWS's form; nobody reads it.
pub(super) fn sequence_token(end: u64) -> String {
    format!("49{end:054}")
}

/// Stores events, and returns once they are on the disk.
pub(super) async fn put_log_events(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: PutLogEventsRequest,
) -> Result<PutLogEventsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.required_text("logStreamName", request.log_stream_name.as_deref(), &LOG_STREAM_NAME);
    violations.required("logEvents", request.log_events.as_ref());
    if let Some(events) = &request.log_events {
        violations.list("logEvents", events.count(), &LOG_EVENTS);
        for (index, event) in events.iter().enumerate() {
            let path = |member: &str| format!("logEvents.{}.member.{member}", index + 1);
            if event.timestamp.is_none_or(|timestamp| timestamp < 0) {
                violations.required_integer(path("timestamp"), event.timestamp, &TIMESTAMP);
            }
            if event.message.as_ref().is_none_or(String::is_empty) {
                violations.required_text(path("message"), event.message.as_deref(), &NOT_EMPTY);
            }
        }
    }
    violations.text("sequenceToken", request.sequence_token.as_deref(), &NOT_EMPTY);
    finish(violations)?;
    let events = request.log_events.unwrap_or_default().into_vec().into_iter();
    let event = |event: InputLogEvent| LogEvent {
        timestamp_ms: event.timestamp.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default(),
        message: event.message.unwrap_or_default(),
    };
    let events: Vec<LogEvent> = events.map(event).collect();
    check_batch(&events)?;
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    let put = shared.put(group, request.log_stream_name.unwrap_or_default(), events).await?;
    Ok(PutLogEventsResponse { next_sequence_token: sequence_token(put.end), rejected_log_events_info: put.rejected })
}

/// The rules that events of one request keep together.
fn check_batch(events: &[LogEvent]) -> Result<(), ApiError> {
    let bytes = |event: &LogEvent| event.message.len() + EVENT_OVERHEAD_BYTES;
    if let Some(long) = events.iter().map(bytes).find(|bytes| *bytes > EVENT_BYTES_MAX) {
        return Err(invalid_parameter(format!("Log event too large: {long} bytes exceeds limit of {EVENT_BYTES_MAX}")));
    }
    let total: usize = events.iter().map(bytes).sum();
    if total > BATCH_BYTES_MAX {
        return Err(invalid_parameter(format!("Upload too large: {total} bytes exceeds limit of {BATCH_BYTES_MAX}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp_ms) {
        return Err(invalid_parameter("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let span = events.last().zip(events.first()).map_or(0, |(last, first)| last.timestamp_ms - first.timestamp_ms);
    if span > BATCH_SPAN_MS_MAX {
        return Err(invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}
