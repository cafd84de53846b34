//! AddPermission.

use anabranch_protocol::ApiError;
use serde::Deserialize;

use crate::access_policy;
use crate::error::missing;
use crate::names::topic_arn;
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddPermissionRequest {
    topic_arn: Option<String>,
    label: Option<String>,
    #[serde(rename = "AWSAccountId", default)]
    aws_account_id: Vec<String>,
    #[serde(default)]
    action_name: Vec<String>,
}

/// Adds a statement to a topic's policy.
pub(super) async fn add_permission(shared: &Shared, request: AddPermissionRequest) -> Result<(), ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?.to_string();
    let label = request.label.filter(|label| !label.is_empty()).ok_or_else(|| missing("Label"))?;
    if request.aws_account_id.is_empty() {
        return Err(missing("AWSAccountId"));
    }
    if request.action_name.is_empty() {
        return Err(missing("ActionName"));
    }
    let changed = shared.catalog.change_topic(arn, move |topic| {
        let (accounts, actions) = (&request.aws_account_id, &request.action_name);
        let policy = access_policy::add(topic.policy(), topic.arn(), &label, accounts, actions)?;
        let mut stored = topic.stored.clone();
        stored.attributes.insert("Policy".into(), policy.to_string());
        Ok(stored)
    });
    changed.await
}
