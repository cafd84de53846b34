//! ListSubscriptions and ListSubscriptionsByTopic.

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use crate::catalog::{Contents, of_caller, of_topic};
use crate::names::topic_arn;
use crate::paging::{after, page};
use crate::shared::Shared;
use crate::subscription::Subscription;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSubscriptionsRequest {
    /// Of ListSubscriptionsByTopic.
    topic_arn: Option<String>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSubscriptionsAnswer {
    subscriptions: Vec<ListedSubscription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedSubscription {
    subscription_arn: String,
    owner: String,
    protocol: &'static str,
    endpoint: String,
    topic_arn: String,
}

/// Lists the caller's subscriptions.
pub(super) fn list_subscriptions(
    shared: &Shared,
    context: &RequestContext,
    request: &ListSubscriptionsRequest,
) -> Result<ListSubscriptionsAnswer, ApiError> {
    let after = after(request.next_token.as_deref())?;
    Ok(shared.catalog.read(|contents| listed(contents, &of_caller(context), &after)))
}

/// Lists the subscriptions of a topic.
pub(super) fn list_subscriptions_by_topic(
    shared: &Shared,
    request: &ListSubscriptionsRequest,
) -> Result<ListSubscriptionsAnswer, ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?;
    let after = after(request.next_token.as_deref())?;
    shared.catalog.read(|contents| {
        contents.topic(arn)?;
        Ok(listed(contents, &of_topic(arn), &after))
    })
}

fn listed(contents: &Contents, prefix: &str, after: &str) -> ListSubscriptionsAnswer {
    let (subscriptions, next_token) = page(contents.subscriptions(prefix, after), |subscription| subscription.arn());
    let subscriptions = subscriptions.into_iter().map(|subscription| shown(subscription)).collect();
    ListSubscriptionsAnswer { subscriptions, next_token }
}

fn shown(subscription: &Subscription) -> ListedSubscription {
    ListedSubscription {
        subscription_arn: subscription.shown_arn().into(),
        owner: subscription.stored.owner.clone(),
        protocol: subscription.protocol.as_str(),
        endpoint: subscription.stored.endpoint.clone(),
        topic_arn: subscription.topic_arn().into(),
    }
}
