//! TagResource.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::resource::ResourceReference;
use crate::error::Error;
use crate::service::Streams;
use crate::shapes::TagMap;
use crate::tags::{add_tags, check_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResourceRequest {
    tags: Option<TagMap>,
}

/// Adds tags to a stream or consumer, replacing those with the same keys.
pub(super) fn tag_resource(
    streams: &Streams,
    _: &RequestContext,
    Addressed(resource, request): Addressed<ResourceReference, TagResourceRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    resource.check(&mut violations);
    violations.required("tags", request.tags.as_ref());
    if let Some(tags) = &request.tags {
        check_tags(tags, &mut violations);
    }
    violations.finish()?;
    let tags = request.tags.unwrap_or_default();
    resource.find(streams)?.change(streams, |attached, owner| add_tags(attached.tags, tags, owner))
}
