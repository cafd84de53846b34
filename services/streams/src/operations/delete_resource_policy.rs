//! DeleteResourcePolicy.

use anabranch_protocol::{RequestContext, Violations};

use super::resource::ResourceReference;
use crate::error::Error;
use crate::service::Streams;

/// Removes a stream's or consumer's policy.
pub(super) fn delete_resource_policy(
    streams: &Streams,
    _: &RequestContext,
    resource: ResourceReference,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    resource.check(&mut violations);
    violations.finish()?;
    resource
        .find(streams)?
        .change(streams, |attached, _| attached.policy.take().map(|_| ()).ok_or_else(|| resource.no_policy()))
}
