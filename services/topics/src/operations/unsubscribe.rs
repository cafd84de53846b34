//! Unsubscribe.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use serde::Deserialize;

use crate::catalog::Edit;
use crate::names::{subscription_arn, topic_of};
use crate::shared::Shared;
use crate::topic::Topic;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UnsubscribeRequest {
    subscription_arn: Option<String>,
}

/// Deletes a subscription; it is no error if there is none.
pub(super) async fn unsubscribe(shared: &Shared, request: UnsubscribeRequest) -> Result<(), ApiError> {
    let arn = subscription_arn(request.subscription_arn.as_deref())?.to_string();
    let deleted = shared.catalog.change(move |contents, draft| {
        if contents.subscription(&arn).is_ok() {
            let topic = contents.topic(topic_of(&arn))?;
            let mut stored = topic.stored.clone();
            stored.subscriptions_deleted += 1;
            draft.edits.push(Edit::PutTopic(Arc::new(Topic::of(stored, topic.fifo.clone())?)));
            draft.edits.push(Edit::RemoveSubscription(arn));
        }
        Ok(())
    });
    deleted.await
}
