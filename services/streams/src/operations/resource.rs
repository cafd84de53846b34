//! What tag and policy requests name by `ResourceARN`: a stream or a consumer.

use std::sync::Arc;

use anabranch_protocol::Violations;
use serde::Deserialize;

use crate::error::{ConsumerNotActive, Error, PolicyError, RequestError};
use crate::service::Streams;
use crate::shapes::{RESOURCE_ARN, STREAM_ID};
use crate::state::key::StreamKey;
use crate::state::status::ConsumerStatus;
use crate::stream::Stream;
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
    stream: Arc<Stream>,
    /// Its ARN, if it is a consumer of that stream.
    consumer_arn: Option<String>,
}

impl ResourceReference {
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.required_text("resourceARN", self.resource_arn.as_deref(), &RESOURCE_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
    }

    pub(super) fn no_policy(&self) -> PolicyError {
        PolicyError::NotFound { arn: self.resource_arn.clone().unwrap_or_default() }
    }

    pub(super) fn find(&self, streams: &Streams) -> Result<Resource, Error> {
        let arn = self.resource_arn.as_deref().unwrap_or_default();
        let key = StreamKey::of_arn(arn).ok_or_else(|| RequestError::ResourceArn(arn.to_string()))?;
        let stream = streams.registry.get(&key)?;
        let consumer_arn = arn.contains("/consumer/").then(|| arn.to_string());
        if let Some(arn) = &consumer_arn {
            stream.state().consumer_by_arn(arn, streams.clock.now_ms())?;
        }
        Ok(Resource { stream, consumer_arn })
    }
}

/// What tags and policy requests read and change of a resource.
pub(super) struct Attached<'a> {
    pub(super) tags: &'a mut Tags,
    pub(super) policy: &'a mut Option<String>,
}

impl Resource {
    pub(super) fn tags(&self, streams: &Streams) -> Result<Tags, Error> {
        let state = self.stream.state();
        Ok(match &self.consumer_arn {
            Some(arn) => state.consumer_by_arn(arn, streams.clock.now_ms())?.tags.clone(),
            None => state.tags.clone(),
        })
    }

    pub(super) fn policy(&self, streams: &Streams) -> Result<Option<String>, Error> {
        let state = self.stream.state();
        Ok(match &self.consumer_arn {
            Some(arn) => state.consumer_by_arn(arn, streams.clock.now_ms())?.policy.clone(),
            None => state.policy.clone(),
        })
    }

    /// Changes what is attached to the resource, which must be ACTIVE, by `apply`, which is told
    /// what the resource is called.
    pub(super) fn change<E: Into<Error>>(
        &self,
        streams: &Streams,
        apply: impl FnOnce(Attached<'_>, &str) -> Result<(), E>,
    ) -> Result<(), Error> {
        let Some(arn) = &self.consumer_arn else {
            return streams.registry.change(&self.stream, |state, _| {
                let owner = format!("stream {}", state.key.under_account());
                apply(Attached { tags: &mut state.tags, policy: &mut state.policy }, &owner).map_err(Into::into)
            });
        };
        streams.registry.change_in_any_status(&self.stream, |state, now_ms| {
            let consumer = state.consumer_by_arn_mut(arn, now_ms)?;
            let owner = format!("consumer {arn}");
            match consumer.status(now_ms) {
                ConsumerStatus::Active => {
                    apply(Attached { tags: &mut consumer.tags, policy: &mut consumer.policy }, &owner)
                        .map_err(Into::into)
                }
                status => Err(ConsumerNotActive { arn: arn.clone(), status }.into()),
            }
        })
    }
}
