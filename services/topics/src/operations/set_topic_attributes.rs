//! SetTopicAttributes.

use anabranch_protocol::ApiError;
use serde::Deserialize;

use crate::error::{invalid, missing};
use crate::names::topic_arn;
use crate::shared::Shared;
use crate::topic::checked;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetTopicAttributesRequest {
    topic_arn: Option<String>,
    attribute_name: Option<String>,
    attribute_value: Option<String>,
}

/// Sets an attribute of a topic, or takes it away where the value is empty.
pub(super) async fn set_topic_attributes(shared: &Shared, request: SetTopicAttributesRequest) -> Result<(), ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?.to_string();
    let name = request.attribute_name.filter(|name| !name.is_empty()).ok_or_else(|| missing("AttributeName"))?;
    let value = request.attribute_value.unwrap_or_default();
    let changed = shared.catalog.change_topic(arn, move |topic| {
        if name == "FifoTopic" {
            return Err(invalid("AttributeName"));
        }
        let mut stored = topic.stored.clone();
        let kept = if value.is_empty() { None } else { checked(&name, &value, topic.fifo.is_some())? };
        match kept {
            Some(value) => drop(stored.attributes.insert(name, value)),
            None => drop(stored.attributes.remove(&name)),
        }
        Ok(stored)
    });
    changed.await
}
