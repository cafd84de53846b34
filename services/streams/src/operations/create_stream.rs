//! CreateStream.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use crate::account::check_warm_throughput;
use crate::error::{Error, RequestError};
use crate::limits::{ON_DEMAND_SHARDS, RECORD_KIB_DEFAULT, SHARDS_MAX};
use crate::service::Streams;
use crate::shapes::TagMap;
use crate::shapes::{MAX_RECORD_SIZE_KIB, POSITIVE, STREAM_MODE, STREAM_NAME, WARM_THROUGHPUT};
use crate::state::key::StreamKey;
use crate::state::stream::{StreamMode, StreamState};
use crate::tags::{add_tags, check_tags};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateStreamRequest {
    stream_name: Option<String>,
    shard_count: Option<i64>,
    stream_mode_details: Option<StreamModeDetails>,
    tags: Option<TagMap>,
    warm_throughput_mi_bps: Option<i64>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_size_in_kib: Option<i64>,
    record_distribution_strategy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamModeDetails {
    stream_mode: Option<String>,
}

impl CreateStreamRequest {
    fn validate(&self) -> Result<(), Error> {
        let mut violations = Violations::default();
        violations.required_text("streamName", self.stream_name.as_deref(), &STREAM_NAME);
        violations.integer("shardCount", self.shard_count, &POSITIVE);
        violations.integer("maxRecordSizeInKiB", self.max_record_size_in_kib, &MAX_RECORD_SIZE_KIB);
        violations.integer("warmThroughputMiBps", self.warm_throughput_mi_bps, &WARM_THROUGHPUT);
        if let Some(details) = &self.stream_mode_details {
            violations.required_text("streamModeDetails.streamMode", details.stream_mode.as_deref(), &STREAM_MODE);
        }
        if let Some(tags) = &self.tags {
            check_tags(tags, &mut violations);
        }
        violations.finish()?;
        match self.record_distribution_strategy.as_deref() {
            None | Some("USER_PARTITION_KEY") => Ok(()),
            Some(other) => Err(RequestError::DistributionStrategy(other.to_string()).into()),
        }
    }

    /// The mode that is named; if none is, a number of shards means provisioned capacity.
    fn mode(&self) -> StreamMode {
        match self.stream_mode_details.as_ref().and_then(|details| details.stream_mode.as_deref()) {
            Some("ON_DEMAND") => StreamMode::OnDemand,
            None if self.shard_count.is_none() => StreamMode::OnDemand,
            _ => StreamMode::Provisioned,
        }
    }

    fn shard_count(&self) -> Result<u32, RequestError> {
        match (self.mode(), self.shard_count) {
            (StreamMode::OnDemand, None) => {
                let warm = self.warm_throughput_mi_bps.unwrap_or(0).clamp(0, SHARDS_MAX) as u32;
                Ok(warm.max(ON_DEMAND_SHARDS))
            }
            (StreamMode::OnDemand, Some(_)) => Err(RequestError::ShardCountOnDemand),
            (StreamMode::Provisioned, None) => Err(RequestError::NoShardCount),
            (StreamMode::Provisioned, Some(count)) if count > SHARDS_MAX => Err(RequestError::TooManyShards(count)),
            (StreamMode::Provisioned, Some(count)) => Ok(count as u32),
        }
    }
}

/// Creates a stream. It becomes ACTIVE after the configured delay.
pub(super) fn create_stream(
    streams: &Streams,
    context: &RequestContext,
    request: CreateStreamRequest,
) -> Result<(), Error> {
    request.validate()?;
    let now_ms = streams.clock.now_ms();
    let claim = match request.mode() {
        StreamMode::Provisioned => streams.registry.claim_shards(context, request.shard_count()?)?,
        StreamMode::OnDemand => streams.registry.claim_on_demand(context)?,
    };
    let key = StreamKey::of_name(context, request.stream_name.as_deref().unwrap_or_default());
    let mut state = StreamState::new(key, request.shard_count()?, now_ms);
    state.active_from_ms = streams.registry.after_transition(now_ms);
    state.mode = request.mode();
    state.warm_throughput_mibps =
        check_warm_throughput(streams, &state.key, state.mode, request.warm_throughput_mi_bps)?;
    state.record_kib_max = request.max_record_size_in_kib.map_or(RECORD_KIB_DEFAULT, |kib| kib as u32);
    let owner = format!("stream {}", state.key.under_account());
    add_tags(&mut state.tags, request.tags.unwrap_or_default(), &owner)?;
    Ok(streams.registry.create(state, claim)?)
}
