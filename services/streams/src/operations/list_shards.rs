//! ListShards.

use anabranch_protocol::{RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::page_token::{PageToken, read_token, write_token};
use super::view::ShardView;
use crate::error::{Error, RequestError};
use crate::limits::LIST_SHARDS_MAX;
use crate::service::Streams;
use crate::shapes::{NEXT_TOKEN, PAGE_LIMIT, SHARD_FILTER_TYPE, SHARD_ID, STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::shard::{Shard, shard_index};
use crate::state::key::StreamKey;
use crate::state::stream::StreamState;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListShardsRequest {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
    next_token: Option<String>,
    exclusive_start_shard_id: Option<String>,
    max_results: Option<i64>,
    stream_creation_timestamp: Option<Timestamp>,
    shard_filter: Option<ShardFilter>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ShardFilter {
    r#type: Option<String>,
    shard_id: Option<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListShardsAnswer {
    shards: Vec<ShardView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What a token remembers: the list it goes on with.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    stream: StreamKey,
    created_ms: u64,
    after: u32,
    filter: Option<ShardFilter>,
    issued_ms: u64,
}

impl PageToken for Token {
    fn issued_ms(&self) -> u64 {
        self.issued_ms
    }
}

impl ListShardsRequest {
    fn validate(&self) -> Result<(), Error> {
        let mut violations = Violations::default();
        violations.text("streamName", self.stream_name.as_deref(), &STREAM_NAME);
        violations.text("streamARN", self.stream_arn.as_deref(), &STREAM_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
        violations.text("nextToken", self.next_token.as_deref(), &NEXT_TOKEN);
        violations.text("exclusiveStartShardId", self.exclusive_start_shard_id.as_deref(), &SHARD_ID);
        violations.integer("maxResults", self.max_results, &PAGE_LIMIT);
        if let Some(filter) = &self.shard_filter {
            violations.required_text("shardFilter.type", filter.r#type.as_deref(), &SHARD_FILTER_TYPE);
            violations.text("shardFilter.shardId", filter.shard_id.as_deref(), &SHARD_ID);
        }
        violations.finish()?;
        let Some(filter) = &self.shard_filter else { return Ok(()) };
        match filter.r#type.as_deref() {
            Some(kind) if filter.shard_id.is_some() && kind != "AFTER_SHARD_ID" => {
                Err(RequestError::FilterWith { member: "ShardId", filter: kind.to_string() }.into())
            }
            Some(kind) if filter.timestamp.is_some() && !matches!(kind, "AT_TIMESTAMP" | "FROM_TIMESTAMP") => {
                Err(RequestError::FilterWith { member: "Timestamp", filter: kind.to_string() }.into())
            }
            Some(kind @ "AFTER_SHARD_ID") if filter.shard_id.is_none() => {
                Err(RequestError::FilterWithout { member: "ShardId", filter: kind.to_string() }.into())
            }
            Some(kind @ ("AT_TIMESTAMP" | "FROM_TIMESTAMP")) if filter.timestamp.is_none() => {
                Err(RequestError::FilterWithout { member: "Timestamp", filter: kind.to_string() }.into())
            }
            _ => Ok(()),
        }
    }

    /// A token knows its stream and its filter; `StreamARN` may come with it and must agree.
    fn check_beside_token(&self) -> Result<(), RequestError> {
        let others = [
            ("StreamName", self.stream_name.is_some()),
            ("ShardFilter", self.shard_filter.is_some()),
            ("ExclusiveStartShardId", self.exclusive_start_shard_id.is_some()),
            ("StreamCreationTimestamp", self.stream_creation_timestamp.is_some()),
        ];
        match others.into_iter().find(|(_, is_there)| *is_there) {
            Some((member, _)) => Err(RequestError::TokenBeside { member }),
            None => Ok(()),
        }
    }
}

/// Lists a stream's shards by their index, a page at a time.
pub(super) fn list_shards(
    streams: &Streams,
    context: &RequestContext,
    request: ListShardsRequest,
) -> Result<ListShardsAnswer, Error> {
    request.validate()?;
    let now_ms = streams.clock.now_ms();
    let (state, after, filter) = match &request.next_token {
        Some(text) => {
            request.check_beside_token()?;
            let token: Token = read_token(text, now_ms)?;
            let state = streams.registry.get(&token.stream)?.state();
            if request.stream_arn.as_ref().is_some_and(|arn| *arn != state.key.arn()) {
                return Err(RequestError::TokenBesideOtherStream.into());
            }
            if state.created_ms != token.created_ms {
                return Err(RequestError::TokenOfDeletedStream.into());
            }
            (state, Some(token.after), token.filter)
        }
        None => {
            let stream =
                streams.registry.named(context, request.stream_name.as_deref(), request.stream_arn.as_deref())?;
            let after = request.exclusive_start_shard_id.as_deref().and_then(shard_index);
            (stream.state(), after, request.shard_filter.clone())
        }
    };
    state.check_created(request.stream_creation_timestamp)?;
    let limit = request.max_results.map_or(LIST_SHARDS_MAX, |limit| LIST_SHARDS_MAX.min(limit as usize));
    let mut shards = state
        .held_shards(now_ms)
        .filter(|shard| after.is_none_or(|after| shard.index > after))
        .filter(|shard| filter.as_ref().is_none_or(|filter| passes(filter, shard, &state, now_ms)));
    let page: Vec<&Shard> = shards.by_ref().take(limit).collect();
    let last = page.last().filter(|_| shards.next().is_some()).map(|shard| shard.index);
    let next_token = last.map(|after| {
        write_token(&Token {
            stream: state.key.clone(),
            created_ms: state.created_ms,
            after,
            filter: filter.clone(),
            issued_ms: now_ms,
        })
    });
    Ok(ListShardsAnswer { shards: page.into_iter().map(ShardView::from).collect(), next_token })
}

fn passes(filter: &ShardFilter, shard: &Shard, state: &StreamState, now_ms: u64) -> bool {
    let was_open = |moment_ms: u64| shard.opened_ms <= moment_ms && !shard.is_closed_before(moment_ms);
    let horizon_ms = state.horizon_ms(now_ms);
    let moment_ms = filter.timestamp.map_or(0, |timestamp| timestamp.0).max(horizon_ms).max(state.created_ms);
    match filter.r#type.as_deref() {
        Some("AFTER_SHARD_ID") => filter.shard_id.as_deref().and_then(shard_index).is_none_or(|id| shard.index > id),
        Some("AT_TRIM_HORIZON") => was_open(horizon_ms.max(state.created_ms)),
        Some("AT_LATEST") => shard.closed.is_none(),
        Some("AT_TIMESTAMP") => was_open(moment_ms),
        Some("FROM_TIMESTAMP") => !shard.is_closed_before(moment_ms),
        _ => true,
    }
}
