//! Registered consumers live in their stream's state, so they go when it goes.

use crate::error::ConsumerNotFound;
use crate::state::consumer::Consumer;
use crate::state::key::StreamKey;
use crate::state::stream::StreamState;

impl StreamState {
    /// The consumers that are registered, by name.
    pub(crate) fn registered(&self, now_ms: u64) -> impl Iterator<Item = &Consumer> {
        self.consumers.iter().filter(move |consumer| !consumer.is_gone(now_ms))
    }

    /// The consumer that `arn` names, which must be one of this stream.
    pub(crate) fn consumer_by_arn(&self, arn: &str, now_ms: u64) -> Result<&Consumer, ConsumerNotFound> {
        let stream_arn = self.key.arn();
        let found = self.registered(now_ms).find(|consumer| consumer.arn(&stream_arn) == arn);
        found.ok_or_else(|| self.key.consumer_not_found(arn))
    }

    /// The same, to change it.
    pub(crate) fn consumer_by_arn_mut(&mut self, arn: &str, now_ms: u64) -> Result<&mut Consumer, ConsumerNotFound> {
        let key = &self.key;
        let stream_arn = key.arn();
        let is_meant = |consumer: &&mut Consumer| !consumer.is_gone(now_ms) && consumer.arn(&stream_arn) == arn;
        self.consumers.iter_mut().find(is_meant).ok_or_else(|| key.consumer_not_found(arn))
    }
}

impl StreamKey {
    /// That the stream has no such consumer, which is given by its ARN or its name.
    pub(crate) fn consumer_not_found(&self, consumer: &str) -> ConsumerNotFound {
        ConsumerNotFound { consumer: consumer.to_string(), account: self.account_id }
    }
}
