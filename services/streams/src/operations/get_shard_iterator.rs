//! GetShardIterator.

use anabranch_protocol::{RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::starting_position::StartingPosition;
use crate::error::{Error, ShardNotFound, ShardRateExceeded};
use crate::iterator::ShardIterator;
use crate::quota::Limits;
use crate::service::Streams;
use crate::shapes::{ITERATOR_TYPE, SEQUENCE_NUMBER, SHARD_ID, STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::shard::ShardId;
use crate::state::key::StreamKey;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetShardIteratorRequest {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
    shard_id: Option<String>,
    shard_iterator_type: Option<String>,
    starting_sequence_number: Option<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetShardIteratorAnswer {
    shard_iterator: String,
}

impl GetShardIteratorRequest {
    fn validate(&self) -> Result<(), Error> {
        let mut violations = Violations::default();
        violations.text("streamName", self.stream_name.as_deref(), &STREAM_NAME);
        violations.text("streamARN", self.stream_arn.as_deref(), &STREAM_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
        violations.required_text("shardId", self.shard_id.as_deref(), &SHARD_ID);
        violations.required_text("shardIteratorType", self.shard_iterator_type.as_deref(), &ITERATOR_TYPE);
        violations.text("startingSequenceNumber", self.starting_sequence_number.as_deref(), &SEQUENCE_NUMBER);
        Ok(violations.finish()?)
    }
}

/// Gives an iterator to a place in a shard.
pub(super) fn get_shard_iterator(
    streams: &Streams,
    context: &RequestContext,
    request: GetShardIteratorRequest,
) -> Result<GetShardIteratorAnswer, Error> {
    request.validate()?;
    let (name, arn) = (request.stream_name.as_deref(), request.stream_arn.as_deref());
    let key = StreamKey::of_request(context, name, arn)?;
    let shard_id = request.shard_id.as_deref().unwrap_or_default();
    let index = key.shard_index(shard_id)?;
    // AWS names the shard also where it is its stream that is missing.
    let stream = streams
        .registry
        .readable(context, name, arn)
        .map_err(|_| ShardNotFound::Unreadable { shard: ShardId(index), key })?;
    let state = stream.state();
    let now_ms = streams.clock.now_ms();
    let shard = state.shard(shard_id, now_ms)?;
    if streams.registry.config.limits == Limits::Aws && !stream.quota.iterator(shard.index, now_ms) {
        return Err(ShardRateExceeded { shard: ShardId(shard.index), key: state.key.clone() }.into());
    }
    let start = StartingPosition {
        operation: "GetShardIterator",
        kind: request.shard_iterator_type.as_deref().unwrap_or_default(),
        sequence_number: request.starting_sequence_number.as_deref(),
        timestamp: request.timestamp,
    };
    let position = start.resolve(&stream, &state, shard, now_ms)?;
    let iterator = ShardIterator { stream_id: state.id, shard_index: shard.index, position, issued_ms: now_ms };
    Ok(GetShardIteratorAnswer { shard_iterator: streams.iterator_key.sign(&iterator) })
}
