//! DescribeStreamConsumer.

use anabranch_protocol::{RequestContext, Violations};
use serde::Serialize;

use super::consumer_reference::ConsumerReference;
use super::view::ConsumerView;
use crate::error::Error;
use crate::service::Streams;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeStreamConsumerAnswer {
    consumer_description: ConsumerDescription,
}

#[derive(Debug, Serialize)]
struct ConsumerDescription {
    #[serde(flatten)]
    consumer: ConsumerView,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
}

/// Describes a registered consumer.
pub(super) fn describe_stream_consumer(
    streams: &Streams,
    _: &RequestContext,
    consumer: ConsumerReference,
) -> Result<DescribeStreamConsumerAnswer, Error> {
    let mut violations = Violations::default();
    consumer.check(&mut violations);
    violations.finish()?;
    let (stream, arn) = consumer.find(streams)?;
    let (state, now_ms) = (stream.state(), streams.clock.now_ms());
    let stream_arn = state.key.arn();
    let consumer = ConsumerView::new(state.consumer_by_arn(&arn, now_ms)?, &stream_arn, now_ms);
    Ok(DescribeStreamConsumerAnswer { consumer_description: ConsumerDescription { consumer, stream_arn } })
}
