//! UpdateShardCount.

use anabranch_protocol::{RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::{DailyLimitExceeded, Error, ScaleError, ScaleRefusal};
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
) -> Result<UpdateShardCountAnswer, Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_integer("targetShardCount", request.target_shard_count, &POSITIVE);
    violations.required_text("scalingType", request.scaling_type.as_deref(), &SCALING_TYPE);
    violations.finish()?;
    let stream = stream.find(streams, context)?;
    let target = request.target_shard_count.unwrap_or_default();
    let open = stream.state().open_shards().count() as i64;
    let _claim = streams.registry.claim_shards(context, (target - open).clamp(0, SHARDS_MAX) as u32)?;
    streams.registry.reshard(&stream, |resharding| {
        let current = resharding.state.open_shards().count() as i64;
        let refusal = if target > SHARDS_MAX {
            Some(ScaleRefusal::TooMany { limit: SHARDS_MAX })
        } else if target > current * 2 {
            Some(ScaleRefusal::OverDouble)
        } else if target * 2 < current {
            Some(ScaleRefusal::BelowHalf)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Err(ScaleError { refusal, current, target }.into());
        }
        let day_ago_ms = resharding.now_ms.saturating_sub(DAY_MS);
        let (name, arn) = (resharding.state.key.name.clone(), resharding.state.key.arn());
        let scalings_ms = &mut resharding.state.scalings_ms;
        scalings_ms.retain(|scaled_ms| *scaled_ms > day_ago_ms);
        if scalings_ms.len() >= SCALINGS_A_DAY {
            return Err(DailyLimitExceeded::Scalings { stream: name }.into());
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
