//! GetRecords.

use std::time::Instant;

use anabranch_protocol::{Encoding, Violations};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::record_view::{ChildShard, RecordView, children, records};
use crate::error::{Error, IteratorError, ShardRateExceeded};
use crate::iterator::ShardIterator;
use crate::limits::{GET_RECORDS_BYTES_MAX, GET_RECORDS_MAX};
use crate::meters::{Metric, ShardMetric};
use crate::quota::Limits;
use crate::reading::Reading;
use crate::service::Streams;
use crate::shapes::{PAGE_LIMIT, SHARD_ITERATOR, STREAM_ARN, STREAM_ID};
use crate::shard::ShardId;
use crate::state::key::StreamKey;

/// About what a record takes in an answer beside its data.
const RECORD_MEMBERS_BYTES: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRecordsRequest {
    shard_iterator: Option<String>,
    limit: Option<i64>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetRecordsAnswer<'a> {
    records: Vec<RecordView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_shard_iterator: Option<String>,
    millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<ChildShard>,
}

/// What a call gave, for its answer and for the metrics.
struct Given {
    body: Bytes,
    records: u64,
    bytes: u64,
    millis_behind: u64,
}

/// Reads records from an iterator on, as far as they are durable.
pub(super) async fn get_records(streams: &Streams, encoding: Encoding, body: &[u8]) -> Result<Bytes, Error> {
    let request: GetRecordsRequest = encoding.decode(body)?;
    let mut violations = Violations::default();
    violations.required_text("shardIterator", request.shard_iterator.as_deref(), &SHARD_ITERATOR);
    violations.integer("limit", request.limit, &PAGE_LIMIT);
    violations.text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    violations.finish()?;
    let (now_ms, began) = (streams.clock.now_ms(), Instant::now());
    let iterator = streams.iterator_key.verify(request.shard_iterator.as_deref().unwrap_or_default(), now_ms)?;
    let stream = streams.registry.by_id(iterator.stream_id).ok_or(IteratorError::StreamGone)?;
    let state = stream.state();
    if let Some(key) = request.stream_arn.as_deref().and_then(StreamKey::of_arn)
        && key != state.key
    {
        return Err(IteratorError::OtherStream.into());
    }
    state.check_not_deleting()?;
    let shard = state.shard_of_index(iterator.shard_index, now_ms)?;
    let reading = Reading {
        stream: &stream,
        state: &state,
        shard,
        from: iterator.position,
        records_max: request.limit.map_or(GET_RECORDS_MAX, |limit| limit as usize),
        bytes_max: GET_RECORDS_BYTES_MAX,
        now_ms,
    };
    let given = give(streams, encoding, &iterator, reading).await;
    match &given {
        Ok(given) => {
            let measured = [
                (Metric::GetRecordsBytes, given.bytes),
                (Metric::GetRecordsIteratorAge, given.millis_behind),
                (Metric::GetRecordsRecords, given.records),
                (Metric::GetRecordsSuccess, 1),
            ];
            stream.meters.called(Metric::GetRecordsLatency, began, &measured);
            let of_shard = [
                (ShardMetric::OutgoingBytes, given.bytes),
                (ShardMetric::OutgoingRecords, given.records),
                (ShardMetric::IteratorAge, given.millis_behind),
            ];
            stream.meters.add_to_shard(&state, shard.index, &of_shard);
        }
        Err(_) => stream.meters.called(Metric::GetRecordsLatency, began, &[(Metric::GetRecordsSuccess, 0)]),
    }
    Ok(given?.body)
}

/// Reads as far as the shard's quota allows, and makes the answer of what was found.
async fn give(
    streams: &Streams,
    encoding: Encoding,
    iterator: &ShardIterator,
    reading: Reading<'_>,
) -> Result<Given, Error> {
    let Reading { stream, state, shard, now_ms, .. } = reading;
    let has_quota = streams.registry.config.limits == Limits::Aws;
    if has_quota && !stream.quota.begin_read(shard.index, now_ms) {
        stream.meters.add(Metric::ReadThroughputExceeded, 1);
        stream.meters.add_to_shard(state, shard.index, &[(ShardMetric::ReadThroughputExceeded, 1)]);
        return Err(ShardRateExceeded { shard: ShardId(shard.index), key: state.key.clone() }.into());
    }
    let found = reading.read().await?;
    let (count, bytes) = (found.count() as u64, found.bytes());
    if has_quota {
        stream.quota.end_read(shard.index, bytes, now_ms);
    }
    let next = ShardIterator { position: found.next, issued_ms: now_ms, ..*iterator };
    let answer = GetRecordsAnswer {
        records: records(state, shard, &found)?,
        next_shard_iterator: (!found.is_drained).then(|| streams.iterator_key.sign(&next)),
        millis_behind_latest: found.millis_behind,
        child_shards: children(state, shard, &found),
    };
    let long = bytes as usize * 4 / 3 + count as usize * RECORD_MEMBERS_BYTES;
    let body = Bytes::from(encoding.encode_long(&answer, long + 512)?);
    Ok(Given { body, records: count, bytes, millis_behind: found.millis_behind })
}
