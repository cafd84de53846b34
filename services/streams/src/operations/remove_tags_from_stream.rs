//! RemoveTagsFromStream.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::stream_reference::StreamReference;
use crate::streams::Streams;
use crate::tags::{check_tag_keys, remove_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveTagsFromStreamRequest {
    #[serde(flatten)]
    stream: StreamReference,
    tag_keys: Option<Vec<String>>,
}

/// Removes tags from a stream; keys that it does not have are passed over.
pub(super) fn remove_tags_from_stream(
    streams: &Streams,
    context: &RequestContext,
    request: RemoveTagsFromStreamRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    request.stream.check(&mut violations);
    check_tag_keys(request.tag_keys.as_ref(), &mut violations);
    violations.finish()?;
    let stream = request.stream.find(streams, context)?;
    let keys = request.tag_keys.unwrap_or_default();
    streams.change(&stream, |state, _| {
        let owner = format!("stream {}", state.key.under_account());
        remove_tags(&mut state.tags, &keys, &owner)
    })
}
