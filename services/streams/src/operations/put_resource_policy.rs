//! PutResourcePolicy.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::resource::ResourceReference;
use crate::error::Error;
use crate::policy::check_policy;
use crate::service::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutResourcePolicyRequest {
    policy: Option<String>,
}

/// Keeps a policy with a stream or consumer, in place of the one before. It is checked for its
/// form and given back, and not enforced: any credentials may do anything here.
pub(super) fn put_resource_policy(
    streams: &Streams,
    _: &RequestContext,
    Addressed(resource, request): Addressed<ResourceReference, PutResourcePolicyRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    resource.check(&mut violations);
    violations.required("policy", request.policy.as_ref());
    violations.finish()?;
    let resource = resource.find(streams)?;
    check_policy(request.policy.as_deref().unwrap_or_default())?;
    resource.change(streams, |attached, _| {
        *attached.policy = request.policy;
        Ok::<_, Error>(())
    })
}
