//! What tag and policy requests name by `ResourceARN`: a stream.

use std::sync::Arc;

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;

use crate::error::{consumer_not_found, invalid_argument};
use crate::shapes::{RESOURCE_ARN, STREAM_ID};
use crate::stream::{Stream, StreamKey};
use crate::streams::Streams;
use crate::tags::Tags;

/// The members that name the resource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceReference {
    #[serde(rename = "ResourceARN")]
    resource_arn: Option<String>,
    stream_id: Option<String>,
}

/// A resource that exists.
pub(super) struct Resource {
    pub(super) stream: Arc<Stream>,
}

impl ResourceReference {
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.required("resourceARN", self.resource_arn.as_ref());
        violations.text("resourceARN", self.resource_arn.as_deref(), &RESOURCE_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
    }

    pub(super) fn no_policy(&self) -> ApiError {
        let arn = self.resource_arn.as_deref().unwrap_or_default();
        ApiError::client("ResourceNotFoundException", format!("No resource policy found for resource ARN {arn}"))
    }

    pub(super) fn find(&self, streams: &Streams) -> Result<Resource, ApiError> {
        let arn = self.resource_arn.as_deref().unwrap_or_default();
        let key = StreamKey::of_arn(arn).ok_or_else(|| invalid_argument(format!("Invalid ResourceARN: {arn}.")))?;
        if arn.contains("/consumer/") {
            return Err(consumer_not_found(arn));
        }
        Ok(Resource { stream: streams.get(&key)? })
    }
}

/// What tags and policy requests read and change of a resource.
pub(super) struct Attached<'a> {
    pub(super) tags: &'a mut Tags,
    pub(super) policy: &'a mut Option<String>,
}

impl Resource {
    pub(super) fn tags(&self) -> Result<Tags, ApiError> {
        Ok(self.stream.state().tags.clone())
    }

    pub(super) fn policy(&self) -> Result<Option<String>, ApiError> {
        Ok(self.stream.state().policy.clone())
    }

    /// Changes what is attached to the resource by `apply`, which is told what the resource is
    /// called.
    pub(super) fn change(
        &self,
        streams: &Streams,
        apply: impl FnOnce(Attached<'_>, &str) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        streams.change(&self.stream, |state, _| {
            let owner = format!("stream {} under account {}", state.key.name, state.key.account_id);
            apply(Attached { tags: &mut state.tags, policy: &mut state.policy }, &owner)
        })
    }
}
