//! CreateTopic.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use crate::catalog::{Edit, of_caller};
use crate::error::{invalid, limit_exceeded, missing, not_offered};
use crate::limits::TOPICS_MAX;
use crate::names::check_topic_name;
use crate::shared::Shared;
use crate::stored::StoredTopic;
use crate::tags::{self, Tag};
use crate::topic::{Topic, checked, is_true};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateTopicRequest {
    name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    tags: Vec<Tag>,
    data_protection_policy: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateTopicAnswer {
    topic_arn: String,
}

/// Creates a topic, or tells the ARN of the one that is there and is the same.
pub(super) async fn create_topic(
    shared: &Shared,
    context: &RequestContext,
    request: CreateTopicRequest,
) -> Result<CreateTopicAnswer, ApiError> {
    let name = request.name.ok_or_else(|| missing("Name"))?;
    if request.data_protection_policy.is_some_and(|policy| !policy.is_empty()) {
        return Err(not_offered("data protection policies"));
    }
    let is_fifo = is_true(&request.attributes, "FifoTopic");
    check_topic_name(&name, is_fifo)?;
    let mut attributes = BTreeMap::new();
    for (name, value) in request.attributes {
        if let Some(value) = checked(&name, &value, is_fifo)? {
            attributes.insert(name, value);
        }
    }
    let tags = tags::checked(request.tags)?;
    tags::check_count(&tags)?;
    let (arn, prefix) = (context.arn("sns", &name).to_string(), of_caller(context));
    let created = shared.catalog.change(move |contents, draft| {
        if let Some(topic) = contents.find_topic(&arn) {
            // Attributes that the request does not name may be what they are.
            let own = &topic.stored.attributes;
            if attributes.iter().any(|(name, value)| own.get(name) != Some(value)) {
                return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
            }
            if !tags.is_empty() && tags != topic.stored.tags {
                return Err(invalid("Tags Reason: Topic already exists with different tags"));
            }
            return Ok(arn);
        }
        if contents.topics(&prefix, "").count() >= TOPICS_MAX {
            return Err(limit_exceeded("TopicLimitExceeded", format!("An account has at most {TOPICS_MAX} topics")));
        }
        let stored = StoredTopic { arn: arn.clone(), attributes, tags, subscriptions_deleted: 0 };
        draft.edits.push(Edit::PutTopic(Arc::new(Topic::of(stored, None)?)));
        Ok(arn)
    });
    Ok(CreateTopicAnswer { topic_arn: created.await? })
}
