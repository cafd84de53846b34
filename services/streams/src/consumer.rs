//! Registered consumers of a stream. They live in its state, so they go when it goes.

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::error::consumer_not_found;
use crate::stream::StreamState;
use crate::tags::Tags;

/// A consumer as control state keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Consumer {
    pub(crate) name: String,
    pub(crate) created_ms: u64,
    /// Until then it is CREATING.
    pub(crate) active_from_ms: u64,
    /// Set once it is being deregistered: until then it is DELETING, then it is gone.
    pub(crate) deleted_from_ms: Option<u64>,
    pub(crate) tags: Tags,
    /// Its resource policy, as it was put.
    pub(crate) policy: Option<String>,
}

impl Consumer {
    pub(crate) fn status(&self, now_ms: u64) -> &'static str {
        if self.deleted_from_ms.is_some() {
            "DELETING"
        } else if now_ms < self.active_from_ms {
            "CREATING"
        } else {
            "ACTIVE"
        }
    }

    pub(crate) fn is_gone(&self, now_ms: u64) -> bool {
        self.deleted_from_ms.is_some_and(|deleted_ms| deleted_ms <= now_ms)
    }

    /// Its ARN as a consumer of the stream with the ARN `stream_arn`.
    pub(crate) fn arn(&self, stream_arn: &str) -> String {
        format!("{stream_arn}/consumer/{}:{}", self.name, self.created_ms / 1000)
    }
}

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
