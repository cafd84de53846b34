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

    pub(super) fn find(&self, streams: &Streams) -> Result<Resource, ApiError> {
        let arn = self.resource_arn.as_deref().unwrap_or_default();
        let key = StreamKey::of_arn(arn).ok_or_else(|| invalid_argument(format!("Invalid ResourceARN: {arn}.")))?;
        if arn.contains("/consumer/") {
            return Err(consumer_not_found(arn));
        }
        Ok(Resource { stream: streams.get(&key)? })
    }
}

impl Resource {
    /// The resource's tags.
    pub(super) fn tags(&self) -> Result<Tags, ApiError> {
        Ok(self.stream.state().tags.clone())
    }

    /// Changes the resource's tags by `apply`, which is told what they belong to.
    pub(super) fn change_tags(
        &self,
        streams: &Streams,
        apply: impl FnOnce(&mut Tags, &str) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        streams.change(&self.stream, |state, _| {
            let owner = format!("stream {} under account {}", state.key.name, state.key.account_id);
            apply(&mut state.tags, &owner)
        })
    }
}
