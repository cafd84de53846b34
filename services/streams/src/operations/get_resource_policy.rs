//! GetResourcePolicy.

use anabranch_protocol::{RequestContext, Violations};
use serde::Serialize;

use super::resource::ResourceReference;
use crate::error::Error;
use crate::service::Streams;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetResourcePolicyAnswer {
    policy: String,
}

/// What AWS answers for a resource that no policy was put for.
const NO_POLICY: &str = "{}";

/// Gives back a stream's or consumer's policy as it was put.
pub(super) fn get_resource_policy(
    streams: &Streams,
    _: &RequestContext,
    resource: ResourceReference,
) -> Result<GetResourcePolicyAnswer, Error> {
    let mut violations = Violations::default();
    resource.check(&mut violations);
    violations.finish()?;
    let policy = resource.find(streams)?.policy(streams)?;
    Ok(GetResourcePolicyAnswer { policy: policy.unwrap_or_else(|| NO_POLICY.into()) })
}
