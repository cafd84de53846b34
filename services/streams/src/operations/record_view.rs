//! Records and child shards as `GetRecords` and `SubscribeToShard` answer them.

use anabranch_protocol::Timestamp;
use anabranch_storage::Record;
use serde::{Serialize, Serializer};

use super::view::HashKeyRange;
use crate::error::LogFailure;
use crate::reading::Found;
use crate::record::StoredRecord;
use crate::shard::{Shard, shard_id};
use crate::state::status::EncryptionType;
use crate::state::stream::StreamState;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecordView<'a> {
    pub(super) sequence_number: String,
    approximate_arrival_timestamp: Timestamp,
    #[serde(serialize_with = "blob")]
    data: &'a [u8],
    partition_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_type: Option<EncryptionType>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChildShard {
    shard_id: String,
    parent_shards: Vec<String>,
    hash_key_range: HashKeyRange,
}

/// A blob that is not copied to be written; `Encoding::encode` makes base64 of it in JSON.
fn blob<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// The records that were found, none of them copied.
pub(super) fn records<'a>(
    state: &StreamState,
    shard: &Shard,
    found: &'a Found,
) -> Result<Vec<RecordView<'a>>, LogFailure> {
    found.records().map(|record| view(state, shard, &record)).collect()
}

fn view<'a>(state: &StreamState, shard: &Shard, record: &Record<'a>) -> Result<RecordView<'a>, LogFailure> {
    let stored = StoredRecord::of(record)?;
    Ok(RecordView {
        sequence_number: shard.sequence_number(record.position, record.timestamp_ms).to_string(),
        approximate_arrival_timestamp: Timestamp(record.timestamp_ms),
        data: stored.data,
        partition_key: stored.partition_key,
        encryption_type: state.encrypted_at(record.timestamp_ms),
    })
}

/// The shards that go on where a closed shard that was read to its end left off.
pub(super) fn children(state: &StreamState, shard: &Shard, found: &Found) -> Vec<ChildShard> {
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
