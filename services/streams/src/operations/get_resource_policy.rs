//! GetResourcePolicy.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::resource::ResourceReference;
use crate::streams::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetResourcePolicyRequest {
    #[serde(flatten)]
    resource: ResourceReference,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetResourcePolicyAnswer {
    policy: String,
}

/// Gives back a stream's or consumer's policy as it was put.
pub(super) fn get_resource_policy(
    streams: &Streams,
    _: &RequestContext,
    request: GetResourcePolicyRequest,
) -> Result<GetResourcePolicyAnswer, ApiError> {
    let mut violations = Violations::default();
    request.resource.check(&mut violations);
    violations.finish()?;
    let policy = request.resource.find(streams)?.policy(streams)?;
    policy.map(|policy| GetResourcePolicyAnswer { policy }).ok_or_else(|| request.resource.no_policy())
}
