//! How requests name a consumer: by its ARN, or by its name and its stream's ARN.

use std::sync::Arc;

use anabranch_protocol::Violations;
use serde::Deserialize;

use crate::error::{Error, RequestError};
use crate::service::Streams;
use crate::shapes::{CONSUMER_ARN, CONSUMER_NAME, STREAM_ARN, STREAM_ID};
use crate::state::key::StreamKey;
use crate::stream::Stream;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConsumerReference {
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    consumer_name: Option<String>,
    #[serde(rename = "ConsumerARN")]
    consumer_arn: Option<String>,
    stream_id: Option<String>,
}

impl ConsumerReference {
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.text("streamARN", self.stream_arn.as_deref(), &STREAM_ARN);
        violations.text("consumerName", self.consumer_name.as_deref(), &CONSUMER_NAME);
        violations.text("consumerARN", self.consumer_arn.as_deref(), &CONSUMER_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
    }

    /// The consumer's stream, and its ARN. All members that are given must agree.
    pub(super) fn find(&self, streams: &Streams) -> Result<(Arc<Stream>, String), Error> {
        let now_ms = streams.clock.now_ms();
        let Some(arn) = &self.consumer_arn else {
            let (Some(stream_arn), Some(name)) = (&self.stream_arn, &self.consumer_name) else {
                return Err(RequestError::NoConsumer.into());
            };
            let stream = streams.registry.get(&StreamKey::of_arn(stream_arn).ok_or(RequestError::NoConsumer)?)?;
            let state = stream.state();
            let consumer = state.registered(now_ms).find(|consumer| consumer.name == *name);
            let consumer = consumer.ok_or_else(|| state.key.consumer_not_found(name))?;
            return Ok((stream, consumer.arn(&state.key.arn())));
        };
        let stream = streams.registry.get(&StreamKey::of_arn(arn).ok_or(RequestError::NoConsumer)?)?;
        let state = stream.state();
        let consumer = state.consumer_by_arn(arn, now_ms)?;
        let is_other_stream = self.stream_arn.as_ref().is_some_and(|stream_arn| *stream_arn != state.key.arn());
        if is_other_stream || self.consumer_name.as_ref().is_some_and(|name| *name != consumer.name) {
            return Err(RequestError::AmbiguousConsumer.into());
        }
        Ok((stream, arn.clone()))
    }
}
