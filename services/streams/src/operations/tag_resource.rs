//! TagResource.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::resource::ResourceReference;
use crate::streams::Streams;
use crate::tags::{Tags, add_tags, check_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResourceRequest {
    #[serde(flatten)]
    resource: ResourceReference,
    tags: Option<Tags>,
}

/// Adds tags to a stream or consumer, replacing those with the same keys.
pub(super) fn tag_resource(streams: &Streams, _: &RequestContext, request: TagResourceRequest) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    request.resource.check(&mut violations);
    violations.required("tags", request.tags.as_ref());
    if let Some(tags) = &request.tags {
        check_tags(tags, &mut violations);
    }
    violations.finish()?;
    let tags = request.tags.unwrap_or_default();
    request.resource.find(streams)?.change(streams, |attached, owner| add_tags(attached.tags, tags, owner))
}
