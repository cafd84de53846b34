//! Members that several answers share.

use anabranch_protocol::Timestamp;
use serde::Serialize;

use crate::shard::{Shard, shard_id};
use crate::state::consumer::Consumer;
use crate::state::status::ConsumerStatus;
use crate::state::stream::{StreamMode, StreamState};

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
        Self { starting_hash_key: shard.start_key.0.to_string(), ending_hash_key: shard.end_key.0.to_string() }
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

/// The metrics that a stream reports by shard: one entry, if there are none too, as AWS answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnhancedMetrics {
    shard_level_metrics: Vec<String>,
}

impl EnhancedMetrics {
    pub(super) fn of(state: &StreamState) -> [Self; 1] {
        [Self { shard_level_metrics: state.shard_level_metrics.clone() }]
    }
}

/// What an on-demand stream is warm for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WarmThroughput {
    pub(super) target_mi_bps: u32,
    pub(super) current_mi_bps: u32,
}

impl WarmThroughput {
    /// `None` for a stream that was never given one.
    pub(super) fn of(state: &StreamState) -> Option<Self> {
        state.warm_throughput_mibps.map(|mibps| Self { target_mi_bps: mibps, current_mi_bps: mibps })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConsumerView {
    consumer_name: String,
    #[serde(rename = "ConsumerARN")]
    consumer_arn: String,
    consumer_status: ConsumerStatus,
    consumer_creation_timestamp: Timestamp,
}

impl ConsumerView {
    pub(super) fn new(consumer: &Consumer, stream_arn: &str, now_ms: u64) -> Self {
        Self {
            consumer_name: consumer.name.clone(),
            consumer_arn: consumer.arn(stream_arn),
            consumer_status: consumer.status(now_ms),
            consumer_creation_timestamp: Timestamp(consumer.created_ms),
        }
    }
}
