//! A registered consumer of a stream.

use crate::state::status::ConsumerStatus;
use crate::tags::Tags;

/// A registered consumer.
#[derive(Debug, Clone)]
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
    pub(crate) fn status(&self, now_ms: u64) -> ConsumerStatus {
        if self.deleted_from_ms.is_some() {
            ConsumerStatus::Deleting
        } else if now_ms < self.active_from_ms {
            ConsumerStatus::Creating
        } else {
            ConsumerStatus::Active
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
