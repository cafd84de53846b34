//! GetLogEvents.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext, Violations};
use anabranch_storage::Failure;
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, finish, invalid_parameter};
use crate::event_key::{EventKey, PageToken};
use crate::group_log::GroupLog;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_EVENTS_MAX, EVENT_OVERHEAD_BYTES};
use crate::put::kept_from_ms;
use crate::read::{Found, Merge, Source, Window, newest};
use crate::shapes::{EVENTS_LIMIT, LOG_GROUP_IDENTIFIER, LOG_GROUP_NAME, LOG_STREAM_NAME, NOT_EMPTY, TIMESTAMP};
use crate::shared::Shared;

/// Nothing is masked here, so `unmask` changes nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetLogEventsRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<i64>,
    start_from_head: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetLogEventsResponse {
    events: Vec<OutputLogEvent>,
    next_forward_token: String,
    next_backward_token: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputLogEvent {
    timestamp: u64,
    message: String,
    ingestion_time: u64,
}

/// Reads a stream, the oldest events of a page first. Pages go on from either end; at the end of the
/// stream the token is the one that was given.
pub(super) async fn get_log_events(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: GetLogEventsRequest,
) -> Result<GetLogEventsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.text("logGroupIdentifier", request.log_group_identifier.as_deref(), &LOG_GROUP_IDENTIFIER);
    violations.required_text("logStreamName", request.log_stream_name.as_deref(), &LOG_STREAM_NAME);
    violations.integer("startTime", request.start_time, &TIMESTAMP);
    violations.integer("endTime", request.end_time, &TIMESTAMP);
    violations.text("nextToken", request.next_token.as_deref(), &NOT_EMPTY);
    violations.integer("limit", request.limit, &EVENTS_LIMIT);
    finish(violations)?;
    let group = shared.named(context, request.log_group_name.as_deref(), request.log_group_identifier.as_deref())?;
    let token = request
        .next_token
        .as_deref()
        .map(|token| PageToken::parse(token).ok_or_else(|| invalid_parameter("The specified nextToken is invalid.")));
    let token = token.transpose()?;
    let time = |ms: Option<i64>, other: u64| ms.map_or(other, |ms| ms as u64);
    let window = Window {
        start_ms: time(request.start_time, 0).max(kept_from_ms(&group.row(), shared.store.clock.now_ms())),
        end_ms: time(request.end_time, u64::MAX),
    };
    let limit = request.limit.map_or(ANSWER_EVENTS_MAX, |limit| limit as usize);
    let from_head = request.start_from_head.unwrap_or(false);
    let name = request.log_stream_name.unwrap_or_default();
    let found = shared
        .blocking(move |shared| {
            let log = group.log(&shared.store)?;
            let stream = log.stream(&name)?.ok_or(StoreError::NoStream)?;
            let source = Source { name, stream };
            let found = match token {
                Some(PageToken::Forward(after)) => oldest(&log, source, window, Some(after), limit),
                Some(PageToken::Backward(before)) => {
                    newest(&log, &source, window, Some(before), limit, ANSWER_BYTES_MAX)
                }
                None if from_head => oldest(&log, source, window, None, limit),
                None => newest(&log, &source, window, None, limit, ANSWER_BYTES_MAX),
            };
            Ok(found.map_err(StoreError::from)?)
        })
        .await?;
    // Of an empty page both tokens stay where they were.
    let here = match token {
        Some(PageToken::Forward(key) | PageToken::Backward(key)) => key,
        None => EventKey::at(window.start_ms),
    };
    let first = found.first().map_or(here, |event| event.key);
    let last = found.last().map_or(here, |event| event.key);
    let event = |event: Found| OutputLogEvent {
        timestamp: event.key.timestamp_ms,
        message: event.message,
        ingestion_time: event.ingestion_ms,
    };
    Ok(GetLogEventsResponse {
        events: found.into_iter().map(event).collect(),
        next_forward_token: PageToken::Forward(last).to_string(),
        next_backward_token: PageToken::Backward(first).to_string(),
    })
}

/// The oldest events behind `after`, as many as an answer takes.
fn oldest(
    log: &Arc<GroupLog>,
    source: Source,
    window: Window,
    after: Option<EventKey>,
    limit: usize,
) -> Result<Vec<Found>, Failure> {
    let mut merge = Merge::new(log.clone(), &[source], window, after);
    let (mut found, mut bytes) = (Vec::new(), 0);
    while found.len() < limit
        && let Some(event) = merge.next()?
    {
        bytes += event.message.len() + EVENT_OVERHEAD_BYTES;
        if bytes > ANSWER_BYTES_MAX && !found.is_empty() {
            break;
        }
        found.push(event);
    }
    Ok(found)
}
