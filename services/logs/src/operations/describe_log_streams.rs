//! DescribeLogStreams.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::paging::{place, token};
use crate::error::{finish, invalid_parameter};
use crate::limits::DESCRIBE_MAX;
use crate::shapes::{DESCRIBE_LIMIT, LOG_GROUP_IDENTIFIER, LOG_GROUP_NAME, LOG_STREAM_NAME, NOT_EMPTY, ORDER_BY};
use crate::shared::Shared;
use crate::stored::StoredStream;

/// The order in which streams come unless another is asked for.
const ORDER_DEFAULT: &str = "LogStreamName";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeLogStreamsRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    #[serde(default)]
    descending: Option<bool>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeLogStreamsResponse {
    log_streams: Vec<LogStream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogStream {
    log_stream_name: String,
    creation_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_event_timestamp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_timestamp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_ingestion_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_sequence_token: Option<String>,
    arn: String,
    /// Always zero: AWS no longer tells it of streams.
    stored_bytes: u64,
}

/// Where a stream comes in the order asked for: by time, or 0, and by name.
type Place = (u64, String);

/// Lists the streams of a group by name or by the time of their last event.
pub(super) async fn describe_log_streams(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: DescribeLogStreamsRequest,
) -> Result<DescribeLogStreamsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.text("logGroupIdentifier", request.log_group_identifier.as_deref(), &LOG_GROUP_IDENTIFIER);
    violations.text("logStreamNamePrefix", request.log_stream_name_prefix.as_deref(), &LOG_STREAM_NAME);
    violations.text("orderBy", request.order_by.as_deref(), &ORDER_BY);
    violations.text("nextToken", request.next_token.as_deref(), &NOT_EMPTY);
    violations.integer("limit", request.limit, &DESCRIBE_LIMIT);
    finish(violations)?;
    let group = shared.named(context, request.log_group_name.as_deref(), request.log_group_identifier.as_deref())?;
    let by_time = request.order_by.as_deref().unwrap_or(ORDER_DEFAULT) != ORDER_DEFAULT;
    let prefix = request.log_stream_name_prefix.unwrap_or_default();
    if by_time && !prefix.is_empty() {
        return Err(invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let descending = request.descending.unwrap_or(false);
    let limit = request.limit.map_or(DESCRIBE_MAX, |limit| limit as usize);
    let after: Option<Place> = place(request.next_token.as_deref())?;
    let arn = group.arn().to_string();
    let streams = shared
        .blocking(move |shared| {
            let log = group.log(&shared.store)?;
            // No more than are asked for, and one, are in memory at once.
            let mut first: BTreeMap<Place, StoredStream> = BTreeMap::new();
            let from = after.as_ref().filter(|_| !by_time && !descending).map_or("", |(_, name)| name).to_string();
            log.visit_streams(&prefix, &from, |name, stream| {
                let place = (if by_time { stream.last_event_ms.unwrap_or(0) } else { 0 }, name.to_string());
                let is_behind =
                    after.as_ref().is_none_or(|after| if descending { place < *after } else { place > *after });
                if is_behind {
                    first.insert(place, stream.clone());
                }
                if first.len() > limit + 1 {
                    if descending {
                        first.pop_first()
                    } else {
                        first.pop_last()
                    };
                }
                let is_done = !by_time && !descending && first.len() > limit;
                if is_done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            Ok(first)
        })
        .await?;
    let mut found: Vec<_> = streams.into_iter().collect();
    if descending {
        found.reverse();
    }
    let more = found.len() > limit;
    let next_token = found.get(limit - 1).filter(|_| more).map(|(place, _)| token(place));
    found.truncate(limit);
    let log_streams = found.into_iter().map(|((_, name), stream)| LogStream {
        arn: format!("{arn}:log-stream:{name}"),
        log_stream_name: name,
        creation_time: stream.created_ms,
        first_event_timestamp: stream.first_event_ms,
        last_event_timestamp: stream.last_event_ms,
        last_ingestion_time: stream.last_ingestion_ms,
        upload_sequence_token: stream.last_ingestion_ms.map(|_| super::put_log_events::sequence_token(stream.end)),
        stored_bytes: 0,
    });
    Ok(DescribeLogStreamsResponse { log_streams: log_streams.collect(), next_token })
}
