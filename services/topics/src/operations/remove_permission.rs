//! RemovePermission.

use anabranch_protocol::ApiError;
use serde::Deserialize;

use crate::access_policy;
use crate::error::missing;
use crate::names::topic_arn;
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemovePermissionRequest {
    topic_arn: Option<String>,
    label: Option<String>,
}

/// Removes a statement from a topic's policy.
pub(super) async fn remove_permission(shared: &Shared, request: RemovePermissionRequest) -> Result<(), ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?.to_string();
    let label = request.label.filter(|label| !label.is_empty()).ok_or_else(|| missing("Label"))?;
    let changed = shared.catalog.change_topic(arn, move |topic| {
        let mut stored = topic.stored.clone();
        stored.attributes.insert("Policy".into(), access_policy::remove(topic.policy(), &label).to_string());
        Ok(stored)
    });
    changed.await
}
