//! ListStreams.

use anabranch_protocol::{RequestContext, Timestamp, Violations};
use base64_simd::STANDARD;
use serde::{Deserialize, Serialize};

use super::view::StreamModeDetails;
use crate::error::{Error, RequestError};
use crate::limits::LIST_STREAMS_DEFAULT;
use crate::service::Streams;
use crate::shapes::{NEXT_TOKEN, PAGE_LIMIT, STREAM_NAME};
use crate::state::status::StreamStatus;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreamsRequest {
    limit: Option<i64>,
    exclusive_start_stream_name: Option<String>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreamsAnswer {
    stream_names: Vec<String>,
    has_more_streams: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    stream_summaries: Vec<StreamSummary>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSummary {
    stream_name: String,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
    stream_status: StreamStatus,
    stream_mode_details: StreamModeDetails,
    stream_creation_timestamp: Timestamp,
}

/// Lists the caller's streams by name. The token of the next page is the last name.
pub(super) fn list_streams(
    streams: &Streams,
    context: &RequestContext,
    request: ListStreamsRequest,
) -> Result<ListStreamsAnswer, Error> {
    let mut violations = Violations::default();
    violations.integer("limit", request.limit, &PAGE_LIMIT);
    violations.text("exclusiveStartStreamName", request.exclusive_start_stream_name.as_deref(), &STREAM_NAME);
    violations.text("nextToken", request.next_token.as_deref(), &NEXT_TOKEN);
    violations.finish()?;
    let after = match &request.next_token {
        Some(token) => Some(last_name(token).ok_or(RequestError::Token)?),
        None => request.exclusive_start_stream_name,
    };
    let limit = request.limit.map_or(LIST_STREAMS_DEFAULT, |limit| limit as usize);
    let now_ms = streams.clock.now_ms();
    let mut states = streams
        .registry
        .of(context)
        .into_iter()
        .map(|stream| stream.state())
        .filter(|state| after.as_ref().is_none_or(|after| state.key.name > *after));
    let summaries: Vec<StreamSummary> = states
        .by_ref()
        .take(limit)
        .map(|state| StreamSummary {
            stream_name: state.key.name.clone(),
            stream_arn: state.key.arn(),
            stream_status: state.status(now_ms),
            stream_mode_details: StreamModeDetails { stream_mode: state.mode },
            stream_creation_timestamp: Timestamp(state.created_ms),
        })
        .collect();
    let has_more_streams = states.next().is_some();
    let last = summaries.last().filter(|_| has_more_streams);
    Ok(ListStreamsAnswer {
        stream_names: summaries.iter().map(|summary| summary.stream_name.clone()).collect(),
        has_more_streams,
        next_token: last.map(|summary| STANDARD.encode_to_string(&summary.stream_name)),
        stream_summaries: summaries,
    })
}

fn last_name(token: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode_to_vec(token).ok()?).ok()
}
