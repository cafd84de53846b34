//! Members that several answers share.

use serde::Serialize;

use crate::shard::{Shard, shard_id};
use crate::stream::StreamMode;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HashKeyRange {
    pub(super) starting_hash_key: String,
    pub(super) ending_hash_key: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SequenceNumberRange {
    pub(super) starting_sequence_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ending_sequence_number: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShardView {
    pub(super) shard_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent_shard_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) adjacent_parent_shard_id: Option<String>,
    pub(super) hash_key_range: HashKeyRange,
    pub(super) sequence_number_range: SequenceNumberRange,
}

impl From<&Shard> for ShardView {
    fn from(shard: &Shard) -> Self {
        Self {
            shard_id: shard.id(),
            parent_shard_id: shard.parent.map(shard_id),
            adjacent_parent_shard_id: shard.adjacent_parent.map(shard_id),
            hash_key_range: HashKeyRange::from(shard),
            sequence_number_range: SequenceNumberRange {
                starting_sequence_number: shard.starting_sequence_number().to_string(),
                ending_sequence_number: shard.ending_sequence_number().map(|number| number.to_string()),
            },
        }
    }
}

impl From<&Shard> for HashKeyRange {
    fn from(shard: &Shard) -> Self {
        Self { starting_hash_key: shard.start_hash_key.clone(), ending_hash_key: shard.end_hash_key.clone() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagView {
    key: String,
    value: String,
}

impl From<(&String, &String)> for TagView {
    fn from((key, value): (&String, &String)) -> Self {
        Self { key: key.clone(), value: value.clone() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StreamModeDetails {
    pub(super) stream_mode: StreamMode,
}

/// Enhanced monitoring is off: one entry without metrics, as AWS answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnhancedMetrics {
    pub(super) shard_level_metrics: [&'static str; 0],
}

pub(super) const NO_ENHANCED_METRICS: [EnhancedMetrics; 1] = [EnhancedMetrics { shard_level_metrics: [] }];
