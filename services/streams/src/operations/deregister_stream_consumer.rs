//! DeregisterStreamConsumer.

use anabranch_protocol::{RequestContext, Violations};

use super::consumer_reference::ConsumerReference;
use crate::error::Error;
use crate::service::Streams;

/// Deregisters a consumer. It is DELETING for the configured delay.
pub(super) fn deregister_stream_consumer(
    streams: &Streams,
    _: &RequestContext,
    consumer: ConsumerReference,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    consumer.check(&mut violations);
    violations.finish()?;
    let (stream, arn) = consumer.find(streams)?;
    streams.registry.change_in_any_status(&stream, |state, now_ms| {
        let consumer = state.consumer_by_arn_mut(&arn, now_ms)?;
        consumer.deleted_from_ms.get_or_insert(streams.registry.after_transition(now_ms));
        state.consumers.retain(|consumer| !consumer.is_gone(now_ms));
        Ok(())
    })
}
