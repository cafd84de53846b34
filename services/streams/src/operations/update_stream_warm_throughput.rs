//! UpdateStreamWarmThroughput.

use anabranch_protocol::{RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use super::view::WarmThroughput;
use crate::account::check_warm_throughput;
use crate::error::Error;
use crate::on_demand::warm_up;
use crate::service::Streams;
use crate::shapes::WARM_THROUGHPUT;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateStreamWarmThroughputRequest {
    warm_throughput_mi_bps: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateStreamWarmThroughputAnswer {
    #[serde(rename = "StreamARN")]
    stream_arn: String,
    stream_name: String,
    warm_throughput: Option<WarmThroughput>,
}

/// Sets what throughput an on-demand stream is to be warm for, and gives it the shards for that. It
/// keeps those that it has when it is to be warm for less.
pub(super) fn update_stream_warm_throughput(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, UpdateStreamWarmThroughputRequest>,
) -> Result<UpdateStreamWarmThroughputAnswer, Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_integer("warmThroughputMiBps", request.warm_throughput_mi_bps, &WARM_THROUGHPUT);
    violations.finish()?;
    let stream = stream.find(streams, context)?;
    streams.registry.reshard_in_any_mode(&stream, |resharding| {
        let state = &mut *resharding.state;
        let before = state.warm_throughput_mibps;
        state.warm_throughput_mibps =
            check_warm_throughput(streams, &state.key, state.mode, request.warm_throughput_mi_bps)?;
        warm_up(resharding)?;
        let state = &*resharding.state;
        let throughput =
            WarmThroughput::of(state).map(|now| WarmThroughput { current_mi_bps: before.unwrap_or(0), ..now });
        Ok(UpdateStreamWarmThroughputAnswer {
            stream_arn: state.key.arn(),
            stream_name: state.key.name.clone(),
            warm_throughput: throughput,
        })
    })
}
