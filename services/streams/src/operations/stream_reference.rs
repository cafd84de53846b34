//! How requests name a stream: the members that most of them share.

use std::sync::Arc;

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use crate::error::AddressError;
use crate::service::Streams;
use crate::shapes::{STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::state::key::StreamKey;
use crate::stream::Stream;

/// A stream by name, ARN or both. `StreamId` is reserved in the service model: it is checked for
/// its shape, and names no stream.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StreamReference {
    pub(super) stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub(super) stream_arn: Option<String>,
    pub(super) stream_id: Option<String>,
}

impl StreamReference {
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.text("streamName", self.stream_name.as_deref(), &STREAM_NAME);
        violations.text("streamARN", self.stream_arn.as_deref(), &STREAM_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
    }

    /// What names the stream, be it there or not.
    pub(super) fn key(&self, context: &RequestContext) -> Result<StreamKey, AddressError> {
        StreamKey::of_request(context, self.stream_name.as_deref(), self.stream_arn.as_deref())
    }

    pub(super) fn find(&self, streams: &Streams, context: &RequestContext) -> Result<Arc<Stream>, AddressError> {
        streams.registry.named(context, self.stream_name.as_deref(), self.stream_arn.as_deref())
    }
}
