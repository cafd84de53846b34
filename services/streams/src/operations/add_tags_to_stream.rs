//! AddTagsToStream.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::Error;
use crate::service::Streams;
use crate::shapes::TagMap;
use crate::tags::{add_tags, check_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddTagsToStreamRequest {
    tags: Option<TagMap>,
}

/// Adds tags to a stream, replacing those with the same keys.
pub(super) fn add_tags_to_stream(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, AddTagsToStreamRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required("tags", request.tags.as_ref());
    if let Some(tags) = &request.tags {
        check_tags(tags, &mut violations);
    }
    violations.finish()?;
    let tags = request.tags.unwrap_or_default();
    let stream = stream.find(streams, context)?;
    streams.registry.change(&stream, |state, _| {
        let owner = format!("stream {}", state.key.under_account());
        Ok(add_tags(&mut state.tags, tags, &owner)?)
    })
}
