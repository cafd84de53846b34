//! AddTagsToStream.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::stream_reference::StreamReference;
use crate::streams::Streams;
use crate::tags::{Tags, add_tags, check_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddTagsToStreamRequest {
    #[serde(flatten)]
    stream: StreamReference,
    tags: Option<Tags>,
}

/// Adds tags to a stream, replacing those with the same keys.
pub(super) fn add_tags_to_stream(
    streams: &Streams,
    context: &RequestContext,
    request: AddTagsToStreamRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    request.stream.check(&mut violations);
    violations.required("tags", request.tags.as_ref());
    if let Some(tags) = &request.tags {
        check_tags(tags, &mut violations);
    }
    violations.finish()?;
    let tags = request.tags.unwrap_or_default();
    let stream = request.stream.find(streams, context)?;
    streams.change(&stream, |state, _| {
        let owner = format!("stream {}", state.key.under_account());
        add_tags(&mut state.tags, tags, &owner)
    })
}
