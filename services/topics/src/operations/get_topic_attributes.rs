//! GetTopicAttributes.

use std::collections::BTreeMap;

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::names::topic_arn;
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetTopicAttributesRequest {
    topic_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetTopicAttributesAnswer {
    attributes: BTreeMap<String, String>,
}

/// Tells a topic's attributes.
pub(super) fn get_topic_attributes(
    shared: &Shared,
    request: &GetTopicAttributesRequest,
) -> Result<GetTopicAttributesAnswer, ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?;
    let attributes = shared.catalog.read(|contents| Ok(contents.topic(arn)?.attributes(contents.counts(arn))))?;
    Ok(GetTopicAttributesAnswer { attributes })
}
