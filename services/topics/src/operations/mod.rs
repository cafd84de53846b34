//! The operations, in the order of the API reference.

mod add_permission;
mod confirm_subscription;
mod create_topic;
mod delete_topic;
mod get_subscription_attributes;
mod get_topic_attributes;
mod list_subscriptions;
mod list_topics;
mod publish;
mod publish_batch;
mod remove_permission;
mod set_subscription_attributes;
mod set_topic_attributes;
mod subscribe;
mod tags;
mod unsubscribe;

use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call};
use serde::Serialize;

use crate::shared::Shared;

/// The output of operations whose result has no members.
#[derive(Serialize)]
struct Nothing {}

/// Performs an operation of the service's model.
pub(crate) async fn perform(shared: &Arc<Shared>, call: &Call) -> Result<Answer, ApiError> {
    let context = &call.context;
    match call.operation.name {
        "AddPermission" => {
            add_permission::add_permission(shared, call.input()?).await?;
            call.done()
        }
        "ConfirmSubscription" => call.answer(&confirm_subscription::confirm_subscription(shared, call.input()?).await?),
        "CreateTopic" => call.answer(&create_topic::create_topic(shared, context, call.input()?).await?),
        "DeleteTopic" => {
            delete_topic::delete_topic(shared, call.input()?).await?;
            call.done()
        }
        "GetSubscriptionAttributes" => {
            call.perform(|_, input| get_subscription_attributes::get_subscription_attributes(shared, &input))
        }
        "GetTopicAttributes" => call.perform(|_, input| get_topic_attributes::get_topic_attributes(shared, &input)),
        "ListSubscriptions" => {
            call.perform(|context, input| list_subscriptions::list_subscriptions(shared, context, &input))
        }
        "ListSubscriptionsByTopic" => {
            call.perform(|_, input| list_subscriptions::list_subscriptions_by_topic(shared, &input))
        }
        "ListTagsForResource" => call.perform(|_, input| tags::list_tags_for_resource(shared, &input)),
        "ListTopics" => call.perform(|context, input| list_topics::list_topics(shared, context, &input)),
        "Publish" => call.answer(&publish::publish(shared, call.input()?).await?),
        "PublishBatch" => call.answer(&publish_batch::publish_batch(shared, call.input()?).await?),
        "RemovePermission" => {
            remove_permission::remove_permission(shared, call.input()?).await?;
            call.done()
        }
        "SetSubscriptionAttributes" => {
            set_subscription_attributes::set_subscription_attributes(shared, call.input()?).await?;
            call.done()
        }
        "SetTopicAttributes" => {
            set_topic_attributes::set_topic_attributes(shared, call.input()?).await?;
            call.done()
        }
        "Subscribe" => call.answer(&subscribe::subscribe(shared, context, call.input()?).await?),
        "TagResource" => {
            tags::tag_resource(shared, call.input()?).await?;
            call.answer(&Nothing {})
        }
        "Unsubscribe" => {
            unsubscribe::unsubscribe(shared, call.input()?).await?;
            call.done()
        }
        "UntagResource" => {
            tags::untag_resource(shared, call.input()?).await?;
            call.answer(&Nothing {})
        }
        other => Err(ApiError::unknown_operation(other)),
    }
}
