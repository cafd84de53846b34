//! DeleteStream.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::{Error, HasConsumers};
use crate::service::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteStreamRequest {
    enforce_consumer_deletion: Option<bool>,
}

/// Deletes a stream with all its records, and with its consumers if that is enforced. It is DELETING for the configured delay.
pub(super) fn delete_stream(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, DeleteStreamRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.finish()?;
    let stream = stream.find(streams, context)?;
    if stream.state().deleting {
        return Ok(());
    }
    let has_consumers = stream.state().registered(streams.clock.now_ms()).next().is_some();
    if has_consumers && request.enforce_consumer_deletion != Some(true) {
        return Err(HasConsumers(stream.state().key.clone()).into());
    }
    let delay = streams.registry.config.transition_delay;
    if delay.is_zero() {
        return Ok(streams.registry.finish_deletion(&stream)?);
    }
    streams.registry.begin_deletion(&stream)?;
    streams.finish_deletion_after(stream, delay);
    Ok(())
}
