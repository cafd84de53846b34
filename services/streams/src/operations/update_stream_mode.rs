//! UpdateStreamMode.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use crate::account::check_warm_throughput;
use crate::error::{DailyLimitExceeded, Error, RequestError};
use crate::limits::{DAY_MS, MODE_SWITCHES_A_DAY};
use crate::on_demand::warm_up;
use crate::service::Streams;
use crate::shapes::{STREAM_ARN, STREAM_ID, STREAM_MODE, WARM_THROUGHPUT};
use crate::state::stream::StreamMode;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateStreamModeRequest {
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
    stream_mode_details: Option<StreamModeDetails>,
    warm_throughput_mi_bps: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamModeDetails {
    stream_mode: Option<String>,
}

/// Switches a stream between provisioned and on-demand capacity, twice a day. Its shards stay as
/// they are; as an on-demand stream it refuses to have them changed by hand, and splits the busy ones.
pub(super) fn update_stream_mode(
    streams: &Streams,
    context: &RequestContext,
    request: UpdateStreamModeRequest,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    violations.required_text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    violations.required("streamModeDetails", request.stream_mode_details.as_ref());
    let mode = request.stream_mode_details.as_ref().and_then(|details| details.stream_mode.as_deref());
    if request.stream_mode_details.is_some() {
        violations.required_text("streamModeDetails.streamMode", mode, &STREAM_MODE);
    }
    violations.integer("warmThroughputMiBps", request.warm_throughput_mi_bps, &WARM_THROUGHPUT);
    violations.finish()?;
    let mode = if mode == Some("ON_DEMAND") { StreamMode::OnDemand } else { StreamMode::Provisioned };
    let stream = streams.registry.named(context, None, request.stream_arn.as_deref())?;
    let _claim = match mode == StreamMode::OnDemand && stream.state().mode != mode {
        true => Some(streams.registry.claim_on_demand(context)?),
        false => None,
    };
    let warm_mibps = check_warm_throughput(streams, &stream.state().key, mode, request.warm_throughput_mi_bps)?;
    streams.registry.reshard_in_any_mode(&stream, |resharding| {
        let (state, now_ms) = (&mut *resharding.state, resharding.now_ms);
        if state.mode == mode {
            return Err(RequestError::SameMode { stream: state.key.name.clone() }.into());
        }
        state.mode_switches_ms.retain(|switched_ms| *switched_ms > now_ms.saturating_sub(DAY_MS));
        if state.mode_switches_ms.len() >= MODE_SWITCHES_A_DAY {
            return Err(DailyLimitExceeded::ModeSwitches { stream: state.key.name.clone() }.into());
        }
        state.mode_switches_ms.push(now_ms);
        state.mode = mode;
        state.warm_throughput_mibps = warm_mibps;
        Ok(warm_up(resharding)?)
    })
}
