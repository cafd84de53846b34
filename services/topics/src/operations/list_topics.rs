//! ListTopics.

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use crate::catalog::of_caller;
use crate::paging::{after, page};
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTopicsRequest {
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTopicsAnswer {
    topics: Vec<ListedTopic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedTopic {
    topic_arn: String,
}

/// Lists the caller's topics.
pub(super) fn list_topics(
    shared: &Shared,
    context: &RequestContext,
    request: &ListTopicsRequest,
) -> Result<ListTopicsAnswer, ApiError> {
    let (prefix, after) = (of_caller(context), after(request.next_token.as_deref())?);
    Ok(shared.catalog.read(|contents| {
        let (topics, next_token) = page(contents.topics(&prefix, &after), |topic| topic.arn());
        let topics = topics.into_iter().map(|topic| ListedTopic { topic_arn: topic.arn().into() }).collect();
        ListTopicsAnswer { topics, next_token }
    }))
}
