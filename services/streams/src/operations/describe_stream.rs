//! DescribeStream.

use anabranch_protocol::{RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use super::view::{EnhancedMetrics, ShardView, StreamModeDetails};
use crate::error::Error;
use crate::limits::DESCRIBE_SHARDS_DEFAULT;
use crate::service::Streams;
use crate::shapes::{PAGE_LIMIT, SHARD_ID};
use crate::shard::shard_index;
use crate::state::status::{EncryptionType, StreamStatus};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeStreamRequest {
    limit: Option<i64>,
    exclusive_start_shard_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeStreamAnswer {
    stream_description: StreamDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StreamDescription {
    stream_name: String,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
    stream_status: StreamStatus,
    stream_mode_details: StreamModeDetails,
    shards: Vec<ShardView>,
    has_more_shards: bool,
    retention_period_hours: u32,
    stream_creation_timestamp: Timestamp,
    enhanced_monitoring: [EnhancedMetrics; 1],
    encryption_type: EncryptionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

/// Describes a stream and a page of its shards.
pub(super) fn describe_stream(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, DescribeStreamRequest>,
) -> Result<DescribeStreamAnswer, Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.integer("limit", request.limit, &PAGE_LIMIT);
    violations.text("exclusiveStartShardId", request.exclusive_start_shard_id.as_deref(), &SHARD_ID);
    violations.finish()?;
    let state = stream.find(streams, context)?.state();
    let after = request.exclusive_start_shard_id.as_deref().and_then(shard_index);
    let limit = request.limit.map_or(DESCRIBE_SHARDS_DEFAULT, |limit| limit as usize);
    let now_ms = streams.clock.now_ms();
    let status = state.status(now_ms);
    let mut shards = state
        .held_shards(now_ms)
        .filter(|shard| status != StreamStatus::Creating && after.is_none_or(|a| shard.index > a));
    let page: Vec<ShardView> = shards.by_ref().take(limit).map(ShardView::from).collect();
    Ok(DescribeStreamAnswer {
        stream_description: StreamDescription {
            stream_name: state.key.name.clone(),
            stream_arn: state.key.arn(),
            stream_status: status,
            stream_mode_details: StreamModeDetails { stream_mode: state.mode },
            shards: page,
            has_more_shards: shards.next().is_some(),
            retention_period_hours: state.retention_hours,
            stream_creation_timestamp: Timestamp(state.created_ms),
            enhanced_monitoring: EnhancedMetrics::of(&state),
            encryption_type: state.encryption_type_at(now_ms),
            key_id: state.key_id_at(now_ms).map(str::to_string),
        },
    })
}
