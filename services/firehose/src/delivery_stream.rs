//! A delivery stream: what CreateDeliveryStream said.

use uuid::Uuid;

use crate::destinations::{Destination, StreamName};
use crate::sources::Source;

/// What CreateDeliveryStream made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryStream {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// Names the directory of its log.
    pub(crate) id: Uuid,
    pub(crate) created_ms: u64,
    /// `VersionId`, which UpdateDestination counts up.
    pub(crate) version: u64,
    pub(crate) source: Source,
    pub(crate) destination: Destination,
}

impl DeliveryStream {
    /// What names of objects are made from.
    pub(crate) fn stream_name(&self) -> StreamName<'_> {
        StreamName { name: &self.name, version: self.version }
    }
}

/// `DeliveryStreamStatus`: a delivery stream is active from the moment it exists until it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Active,
}
