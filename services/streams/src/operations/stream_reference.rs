//! How requests name a stream: the members that most of them share.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use crate::naming::StreamNames;
use crate::shapes::{STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::stream::{Stream, StreamKey};
use crate::streams::Streams;

/// A stream by name, ARN or `StreamId`.
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

    fn names(&self) -> StreamNames<'_> {
        StreamNames {
            name: self.stream_name.as_deref(),
            arn: self.stream_arn.as_deref(),
            id: self.stream_id.as_deref(),
        }
    }

    /// The key of the stream, be it there or not.
    pub(super) fn key(&self, streams: &Streams, context: &RequestContext) -> Result<StreamKey, ApiError> {
        streams.key_of(context, self.names())
    }

    pub(super) fn find(&self, streams: &Streams, context: &RequestContext) -> Result<Arc<Stream>, ApiError> {
        streams.named(context, self.names())
    }
}
