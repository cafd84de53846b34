//! UpdateShardCount.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::limit_exceeded;
use crate::limits::{DAY_MS, SCALINGS_A_DAY, SHARDS_MAX};
use crate::service::Streams;
use crate::shapes::{POSITIVE, SCALING_TYPE};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateShardCountRequest {
    target_shard_count: Option<i64>,
    scaling_type: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateShardCountAnswer {
    stream_name: String,
    current_shard_count: i64,
    target_shard_count: i64,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
}

/// Splits and merges shards until so many divide the hash keys evenly, at most doubling and at
/// most halving their number, ten times a day. The stream is UPDATING for the configured delay.
pub(super) fn update_shard_count(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, UpdateShardCountRequest>,
) -> Result<UpdateShardCountAnswer, ApiError> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_integer("targetShardCount", request.target_shard_count, &POSITIVE);
    violations.required_text("scalingType", request.scaling_type.as_deref(), &SCALING_TYPE);
    violations.finish()?;
    let stream = stream.find(streams, context)?;
    let target = request.target_shard_count.unwrap_or_default();
    let open = stream.state().open_shards().count() as i64;
    streams.check_shard_quota(context, (target - open).clamp(0, SHARDS_MAX) as u32)?;
    streams.registry.reshard(&stream, |resharding| {
        let current = resharding.state.open_shards().count() as i64;
        let counts = format!("Current open shard count: {current}, Target shard count: {target}");
        if target > SHARDS_MAX {
            return Err(limit_exceeded(format!(
                "Target shard count or number of open shards cannot be greater than {SHARDS_MAX}. {counts}"
            )));
        }
        if target > current * 2 {
            return Err(limit_exceeded(format!(
                "UpdateShardCount cannot scale up over double your current open shard count. {counts}"
            )));
        }
        if target * 2 < current {
            return Err(limit_exceeded(format!(
                "UpdateShardCount cannot scale down below half your current open shard count. {counts}"
            )));
        }
        let day_ago_ms = resharding.now_ms.saturating_sub(DAY_MS);
        let (name, arn) = (resharding.state.key.name.clone(), resharding.state.key.arn());
        let scalings_ms = &mut resharding.state.scalings_ms;
        scalings_ms.retain(|scaled_ms| *scaled_ms > day_ago_ms);
        if scalings_ms.len() >= SCALINGS_A_DAY {
            return Err(limit_exceeded(format!(
                "Stream {name} can be scaled at most {SCALINGS_A_DAY} times within 24 hours."
            )));
        }
        scalings_ms.push(resharding.now_ms);
        resharding.scale(target as u32)?;
        Ok(UpdateShardCountAnswer {
            stream_name: name,
            current_shard_count: current,
            target_shard_count: target,
            stream_arn: arn,
        })
    })
}
