//! RemoveTagsFromStream.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::Error;
use crate::service::Streams;
use crate::shapes::TagKeys;
use crate::tags::{check_tag_keys, remove_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveTagsFromStreamRequest {
    tag_keys: Option<TagKeys>,
}

/// Removes tags from a stream; keys that it does not have are passed over.
pub(super) fn remove_tags_from_stream(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, RemoveTagsFromStreamRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    check_tag_keys(request.tag_keys.as_ref(), &mut violations);
    violations.finish()?;
    let stream = stream.find(streams, context)?;
    let keys = request.tag_keys.unwrap_or_default();
    streams.registry.change(&stream, |state, _| {
        let owner = format!("stream {}", state.key.under_account());
        Ok(remove_tags(&mut state.tags, &keys, &owner)?)
    })
}
