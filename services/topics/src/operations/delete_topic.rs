//! DeleteTopic.

use anabranch_protocol::ApiError;
use serde::Deserialize;

use crate::catalog::Edit;
use crate::names::topic_arn;
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteTopicRequest {
    topic_arn: Option<String>,
}

/// Deletes a topic with its subscriptions; it is no error if there is none.
pub(super) async fn delete_topic(shared: &Shared, request: DeleteTopicRequest) -> Result<(), ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?.to_string();
    let deleted = shared.catalog.change(move |contents, draft| {
        draft.edits.extend(contents.find_topic(&arn).map(|_| Edit::RemoveTopic(arn.clone())));
        Ok(())
    });
    deleted.await
}
