//! FilterLogEvents.

use std::ops::ControlFlow;
use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedList, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, finish, invalid_parameter};
use crate::event_key::EventKey;
use crate::group_log::GroupLog;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_EVENTS_MAX, EVENT_OVERHEAD_BYTES, SCAN_BYTES_MAX, STREAM_NAMES_MAX};
use crate::pattern::FilterPattern;
use crate::put::kept_from_ms;
use crate::read::{Found, Merge, Source, Window};
use crate::shapes::{
    EVENTS_LIMIT, FILTER_PATTERN, LOG_GROUP_IDENTIFIER, LOG_GROUP_NAME, LOG_STREAM_NAME, LOG_STREAM_NAMES, NOT_EMPTY,
    TIMESTAMP,
};
use crate::shared::Shared;

/// Events of all streams are always interleaved, so `interleaved` changes nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilterLogEventsRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<BoundedList<String, STREAM_NAMES_MAX>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilterLogEventsResponse {
    events: Vec<FilteredLogEvent>,
    /// Always empty: AWS no longer tells it.
    searched_log_streams: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FilteredLogEvent {
    log_stream_name: String,
    timestamp: u64,
    message: String,
    ingestion_time: u64,
    event_id: String,
}

/// Which streams are searched.
enum Streams {
    Named(Vec<String>),
    Prefixed(String),
}

/// Searches streams of a group, the oldest events first. A page may be short, or empty, and still
/// have a token: a call looks at no more than [`SCAN_BYTES_MAX`].
pub(super) async fn filter_log_events(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: FilterLogEventsRequest,
) -> Result<FilterLogEventsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.text("logGroupIdentifier", request.log_group_identifier.as_deref(), &LOG_GROUP_IDENTIFIER);
    if let Some(names) = &request.log_stream_names {
        violations.texts("logStreamNames", names, &LOG_STREAM_NAMES, &LOG_STREAM_NAME);
    }
    violations.text("logStreamNamePrefix", request.log_stream_name_prefix.as_deref(), &LOG_STREAM_NAME);
    violations.integer("startTime", request.start_time, &TIMESTAMP);
    violations.integer("endTime", request.end_time, &TIMESTAMP);
    violations.text("filterPattern", request.filter_pattern.as_deref(), &FILTER_PATTERN);
    violations.text("nextToken", request.next_token.as_deref(), &NOT_EMPTY);
    violations.integer("limit", request.limit, &EVENTS_LIMIT);
    finish(violations)?;
    let group = shared.named(context, request.log_group_name.as_deref(), request.log_group_identifier.as_deref())?;
    let streams = match (request.log_stream_names, request.log_stream_name_prefix) {
        (Some(_), Some(_)) => {
            let message = "LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.";
            return Err(invalid_parameter(message));
        }
        (Some(names), None) => Streams::Named(names.into_vec()),
        (None, prefix) => Streams::Prefixed(prefix.unwrap_or_default()),
    };
    let pattern = FilterPattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
    let after = request
        .next_token
        .as_deref()
        .map(|token| EventKey::of_id(token).ok_or_else(|| invalid_parameter("The specified nextToken is invalid.")));
    let after = after.transpose()?;
    let time = |ms: Option<i64>, other: u64| ms.map_or(other, |ms| ms as u64);
    let window = Window {
        start_ms: time(request.start_time, 0).max(kept_from_ms(&group.row(), shared.store.clock.now_ms())),
        end_ms: time(request.end_time, u64::MAX).saturating_add(1),
    };
    let limit = request.limit.map_or(ANSWER_EVENTS_MAX, |limit| limit as usize);
    shared
        .blocking(move |shared| {
            let log = group.log(&shared.store)?;
            let sources = sources(&log, &streams, window)?;
            let merge = Merge::new(log, &sources, window, after);
            let (found, next_token) = search(merge, &pattern, limit)?;
            let event = |event: Found| FilteredLogEvent {
                log_stream_name: sources.get(event.source).map(|source| source.name.clone()).unwrap_or_default(),
                timestamp: event.key.timestamp_ms,
                message: event.message,
                ingestion_time: event.ingestion_ms,
                event_id: event.key.to_string(),
            };
            let events = found.into_iter().map(event).collect();
            Ok(FilterLogEventsResponse { events, searched_log_streams: [], next_token })
        })
        .await
}

/// The streams that may hold events of `window`.
fn sources(log: &GroupLog, streams: &Streams, window: Window) -> Result<Vec<Source>, StoreError> {
    let mut sources = Vec::new();
    match streams {
        Streams::Named(names) => {
            for name in names {
                let stream = log.stream(name)?.ok_or(StoreError::NoStream)?;
                sources.push(Source { name: name.clone(), stream });
            }
            sources.sort_by(|one, other| one.name.cmp(&other.name));
            sources.dedup_by(|one, other| one.name == other.name);
        }
        Streams::Prefixed(prefix) => log.visit_streams(prefix, "", |name, stream| {
            if stream.last_event_ms.is_some_and(|last| last >= window.start_ms) {
                sources.push(Source { name: name.to_string(), stream: stream.clone() });
            }
            ControlFlow::Continue(())
        })?,
    }
    Ok(sources)
}

/// Takes what matches, and says where to go on if there may be more.
fn search(mut merge: Merge, pattern: &FilterPattern, limit: usize) -> Result<(Vec<Found>, Option<String>), StoreError> {
    let (mut found, mut bytes, mut last) = (Vec::new(), 0, None);
    while let Some(event) = merge.next()? {
        let matches = pattern.matches(&event.message);
        let size = event.message.len() + EVENT_OVERHEAD_BYTES;
        let is_full = found.len() == limit || (bytes + size > ANSWER_BYTES_MAX && !found.is_empty());
        if matches && is_full {
            return Ok((found, last.map(|key: EventKey| key.to_string())));
        }
        last = Some(event.key);
        if matches {
            bytes += size;
            found.push(event);
        }
        if merge.scanned() > SCAN_BYTES_MAX {
            return Ok((found, last.map(|key| key.to_string())));
        }
    }
    Ok((found, None))
}
