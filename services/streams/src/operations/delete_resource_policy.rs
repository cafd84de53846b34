//! DeleteResourcePolicy.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::resource::ResourceReference;
use crate::streams::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteResourcePolicyRequest {
    #[serde(flatten)]
    resource: ResourceReference,
}

/// Removes a stream's or consumer's policy.
pub(super) fn delete_resource_policy(
    streams: &Streams,
    _: &RequestContext,
    request: DeleteResourcePolicyRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    request.resource.check(&mut violations);
    violations.finish()?;
    request
        .resource
        .find(streams)?
        .change(streams, |attached, _| attached.policy.take().map(|_| ()).ok_or_else(|| request.resource.no_policy()))
}
