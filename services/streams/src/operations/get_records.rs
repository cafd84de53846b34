//! GetRecords.

use anabranch_protocol::{ApiError, Encoding, Timestamp, Violations};
use anabranch_storage::Record;
use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

use super::view::HashKeyRange;
use crate::error::{invalid_argument, shard_not_found};
use crate::iterator::ShardIterator;
use crate::limits::{GET_RECORDS_BYTES_MAX, GET_RECORDS_MAX};
use crate::reading::{Found, read};
use crate::record::StoredRecord;
use crate::shapes::{PAGE_LIMIT, SHARD_ITERATOR, STREAM_ARN, STREAM_ID};
use crate::shard::{Shard, shard_id};
use crate::stream::{StreamKey, StreamState};
use crate::streams::Streams;

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

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RecordView<'a> {
    sequence_number: String,
    approximate_arrival_timestamp: Timestamp,
    #[serde(serialize_with = "blob")]
    data: &'a [u8],
    partition_key: &'a str,
    encryption_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChildShard {
    shard_id: String,
    parent_shards: Vec<String>,
    hash_key_range: HashKeyRange,
}

/// A blob that is not copied to be written.
fn blob<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&base64::display::Base64Display::new(bytes, &base64::engine::general_purpose::STANDARD))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

/// Reads records from an iterator on, as far as they are durable.
pub(super) fn get_records(streams: &Streams, encoding: Encoding, body: &[u8]) -> Result<Bytes, ApiError> {
    let request: GetRecordsRequest = encoding.decode(body)?;
    let mut violations = Violations::default();
    violations.required("shardIterator", request.shard_iterator.as_ref());
    violations.text("shardIterator", request.shard_iterator.as_deref(), &SHARD_ITERATOR);
    violations.integer("limit", request.limit, &PAGE_LIMIT);
    violations.text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    violations.finish()?;
    let now_ms = streams.clock.now_ms();
    let iterator = streams.iterator_key.verify(request.shard_iterator.as_deref().unwrap_or_default(), now_ms)?;
    let stream = streams.all().into_iter().find(|stream| stream.state().id == iterator.stream_id);
    let Some(stream) = stream else {
        return Err(ApiError::client("ResourceNotFoundException", "The iterator's stream does not exist any more."));
    };
    let state = stream.state();
    if let Some(key) = request.stream_arn.as_deref().and_then(StreamKey::of_arn)
        && key != state.key
    {
        return Err(invalid_argument("StreamARN does not name the iterator's stream."));
    }
    let shard = state.shards.iter().find(|shard| shard.index == iterator.shard_index);
    let shard = shard.ok_or_else(|| shard_not_found(&shard_id(iterator.shard_index), &state.key))?;
    let limit = request.limit.map_or(GET_RECORDS_MAX, |limit| limit as usize);
    let found = read(&stream, &state, shard, iterator.position, limit, GET_RECORDS_BYTES_MAX, now_ms)?;
    let records = found.records.iter().map(|record| view(&state, shard, &record)).collect::<Result<_, _>>()?;
    let next = ShardIterator { position: found.next, issued_ms: now_ms, ..iterator };
    let answer = GetRecordsAnswer {
        records,
        next_shard_iterator: (!found.is_drained).then(|| streams.iterator_key.sign(&next)),
        millis_behind_latest: found.millis_behind,
        child_shards: children(&state, shard, &found),
    };
    encoding.encode(&answer).map(Bytes::from)
}

fn view<'a>(state: &StreamState, shard: &Shard, record: &Record<'a>) -> Result<RecordView<'a>, ApiError> {
    let stored = StoredRecord::decode(record.data)
        .ok_or_else(|| ApiError::internal(format!("the record at {} is of an unknown version", record.position)))?;
    Ok(RecordView {
        sequence_number: shard.sequence_number(record.position, record.timestamp_ms).to_string(),
        approximate_arrival_timestamp: Timestamp(record.timestamp_ms),
        data: stored.data,
        partition_key: stored.partition_key,
        encryption_type: state.encryption_type_at(record.timestamp_ms),
    })
}

/// The shards that go on where a closed shard that was read to its end left off.
fn children(state: &StreamState, shard: &Shard, found: &Found) -> Vec<ChildShard> {
    let is_child = |child: &&Shard| child.parent == Some(shard.index) || child.adjacent_parent == Some(shard.index);
    state
        .shards
        .iter()
        .filter(|_| found.is_drained)
        .filter(is_child)
        .map(|child| ChildShard {
            shard_id: child.id(),
            parent_shards: child.parent.into_iter().chain(child.adjacent_parent).map(shard_id).collect(),
            hash_key_range: HashKeyRange::from(child),
        })
        .collect()
}
