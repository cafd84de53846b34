//! UntagResource.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::resource::ResourceReference;
use crate::error::Error;
use crate::service::Streams;
use crate::shapes::TagKeys;
use crate::tags::{check_tag_keys, remove_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResourceRequest {
    tag_keys: Option<TagKeys>,
}

/// Removes tags from a stream or consumer; keys that it does not have are passed over.
pub(super) fn untag_resource(
    streams: &Streams,
    _: &RequestContext,
    Addressed(resource, request): Addressed<ResourceReference, UntagResourceRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    resource.check(&mut violations);
    check_tag_keys(request.tag_keys.as_ref(), &mut violations);
    violations.finish()?;
    let keys = request.tag_keys.unwrap_or_default();
    resource.find(streams)?.change(streams, |attached, owner| remove_tags(attached.tags, &keys, owner))
}
