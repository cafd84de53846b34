//! Registered consumers live in their stream's state, so they go when it goes.

use anabranch_protocol::ApiError;

use crate::error::consumer_not_found;
use crate::state::consumer::Consumer;
use crate::state::stream::StreamState;

impl StreamState {
    /// The consumers that are registered, by name.
    pub(crate) fn registered(&self, now_ms: u64) -> impl Iterator<Item = &Consumer> {
        self.consumers.iter().filter(move |consumer| !consumer.is_gone(now_ms))
    }

    /// The consumer that `arn` names, which must be one of this stream.
    pub(crate) fn consumer_by_arn(&self, arn: &str, now_ms: u64) -> Result<&Consumer, ApiError> {
        let stream_arn = self.key.arn();
        let found = self.registered(now_ms).find(|consumer| consumer.arn(&stream_arn) == arn);
        found.ok_or_else(|| consumer_not_found(arn, &self.key))
    }

    /// The same, to change it.
    pub(crate) fn consumer_by_arn_mut(&mut self, arn: &str, now_ms: u64) -> Result<&mut Consumer, ApiError> {
        let key = &self.key;
        let stream_arn = key.arn();
        let is_meant = |consumer: &&mut Consumer| !consumer.is_gone(now_ms) && consumer.arn(&stream_arn) == arn;
        self.consumers.iter_mut().find(is_meant).ok_or_else(|| consumer_not_found(arn, key))
    }
}
