//! ListTagsForResource.

use anabranch_protocol::{RequestContext, Violations};
use serde::Serialize;

use super::resource::ResourceReference;
use super::view::TagView;
use crate::error::Error;
use crate::service::Streams;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForResourceAnswer {
    tags: Vec<TagView>,
}

/// Lists the tags of a stream or consumer by key.
pub(super) fn list_tags_for_resource(
    streams: &Streams,
    _: &RequestContext,
    resource: ResourceReference,
) -> Result<ListTagsForResourceAnswer, Error> {
    let mut violations = Violations::default();
    resource.check(&mut violations);
    violations.finish()?;
    let tags = resource.find(streams)?.tags(streams)?;
    Ok(ListTagsForResourceAnswer { tags: tags.iter().map(TagView::from).collect() })
}
