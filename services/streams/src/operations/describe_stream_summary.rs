//! DescribeStreamSummary.

use anabranch_protocol::{RequestContext, Timestamp, Violations};
use serde::Serialize;

use super::stream_reference::StreamReference;
use super::view::{EnhancedMetrics, StreamModeDetails, WarmThroughput};
use crate::error::Error;
use crate::service::Streams;
use crate::state::status::{EncryptionType, StreamStatus};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeStreamSummaryAnswer {
    stream_description_summary: StreamDescriptionSummary,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StreamDescriptionSummary {
    stream_name: String,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
    stream_status: StreamStatus,
    stream_mode_details: StreamModeDetails,
    retention_period_hours: u32,
    stream_creation_timestamp: Timestamp,
    enhanced_monitoring: [EnhancedMetrics; 1],
    encryption_type: EncryptionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    open_shard_count: usize,
    consumer_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_throughput: Option<WarmThroughput>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_size_in_kib: u32,
}

/// Describes a stream without its shards.
pub(super) fn describe_stream_summary(
    streams: &Streams,
    context: &RequestContext,
    stream: StreamReference,
) -> Result<DescribeStreamSummaryAnswer, Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.finish()?;
    let state = stream.find(streams, context)?.state();
    let now_ms = streams.clock.now_ms();
    Ok(DescribeStreamSummaryAnswer {
        stream_description_summary: StreamDescriptionSummary {
            stream_name: state.key.name.clone(),
            stream_arn: state.key.arn(),
            stream_status: state.status(now_ms),
            stream_mode_details: StreamModeDetails { stream_mode: state.mode },
            retention_period_hours: state.retention_hours,
            stream_creation_timestamp: Timestamp(state.created_ms),
            enhanced_monitoring: EnhancedMetrics::of(&state),
            encryption_type: state.encryption_type_at(now_ms),
            key_id: state.key_id_at(now_ms).map(str::to_string),
            open_shard_count: state.open_shards().count(),
            consumer_count: state.registered(now_ms).count(),
            warm_throughput: WarmThroughput::of(&state),
            max_record_size_in_kib: state.record_kib_max,
        },
    })
}
