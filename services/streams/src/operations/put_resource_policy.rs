//! PutResourcePolicy.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::resource::ResourceReference;
use crate::policy::check_policy;
use crate::streams::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutResourcePolicyRequest {
    #[serde(flatten)]
    resource: ResourceReference,
    policy: Option<String>,
}

/// Keeps a policy with a stream or consumer, in place of the one before. It is checked for its
/// form and given back, and not enforced: any credentials may do anything here.
pub(super) fn put_resource_policy(
    streams: &Streams,
    _: &RequestContext,
    request: PutResourcePolicyRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    request.resource.check(&mut violations);
    violations.required("policy", request.policy.as_ref());
    violations.finish()?;
    let resource = request.resource.find(streams)?;
    check_policy(request.policy.as_deref().unwrap_or_default())?;
    resource.change(streams, |attached, _| {
        *attached.policy = request.policy;
        Ok(())
    })
}
