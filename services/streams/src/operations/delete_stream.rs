//! DeleteStream.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use crate::error::has_registered_consumers;
use crate::shapes::{STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::streams::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteStreamRequest {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
    enforce_consumer_deletion: Option<bool>,
}

/// Deletes a stream with all its records, and with its consumers if that is enforced. It is DELETING for the configured delay.
pub(super) fn delete_stream(
    streams: &Streams,
    context: &RequestContext,
    request: DeleteStreamRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.text("streamName", request.stream_name.as_deref(), &STREAM_NAME);
    violations.text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    violations.finish()?;
    let stream = streams.named(context, request.stream_name.as_deref(), request.stream_arn.as_deref())?;
    if stream.state().deleting {
        return Ok(());
    }
    let has_consumers = stream.state().registered(streams.clock.now_ms()).next().is_some();
    if has_consumers && request.enforce_consumer_deletion != Some(true) {
        return Err(has_registered_consumers(&stream.state().key));
    }
    let delay = streams.config.transition_delay;
    if delay.is_zero() {
        return streams.finish_deletion(&stream);
    }
    streams.begin_deletion(&stream)?;
    streams.finish_deletion_after(stream, delay);
    Ok(())
}
