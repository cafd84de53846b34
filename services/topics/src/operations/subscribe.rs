//! Subscribe.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::catalog::{Contents, Edit, of_caller, of_topic};
use crate::confirmation::{Invitation, is_over, new_token};
use crate::error::{invalid, limit_exceeded, missing, not_offered};
use crate::limits::{
    FILTER_POLICIES_OF_TOPIC_MAX, PENDING_SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_FIFO_TOPIC_MAX,
    SUBSCRIPTIONS_OF_TOPIC_MAX,
};
use crate::names::topic_arn;
use crate::protocols::Protocol;
use crate::shared::Shared;
use crate::stored::StoredSubscription;
use crate::subscription::{Subscription, checked};
use crate::topic::Topic;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SubscribeRequest {
    topic_arn: Option<String>,
    protocol: Option<String>,
    endpoint: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    return_subscription_arn: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SubscribeAnswer {
    subscription_arn: String,
}

/// Subscribes an endpoint to a topic. HTTP endpoints are asked whether they want that; the question
/// is durable when this returns.
pub(super) async fn subscribe(
    shared: &Shared,
    context: &RequestContext,
    request: SubscribeRequest,
) -> Result<SubscribeAnswer, ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?.to_string();
    let protocol = Protocol::of(request.protocol.as_deref().ok_or_else(|| missing("Protocol"))?)?;
    let endpoint = request.endpoint.filter(|endpoint| !endpoint.is_empty()).ok_or_else(|| invalid("Endpoint"))?;
    let mut attributes = BTreeMap::new();
    for (name, value) in request.attributes {
        match (name.as_str(), checked(&name, &value)) {
            ("ReplayPolicy", _) => return Err(not_offered("replays")),
            (_, Err(error)) => return Err(error),
            (_, Ok(Some(value))) => drop(attributes.insert(name, value)),
            (_, Ok(None)) => {}
        }
    }
    let topic = shared.catalog.read(|contents| contents.topic(&arn).cloned())?;
    protocol.check(&endpoint, topic.fifo.is_some())?;
    let now_ms = shared.clock.now_ms();
    let asks = protocol.asks_for_confirmation();
    // Who is asked again is asked by the same token, as long as that is good.
    let asked = shared.catalog.read(|contents| {
        let is_asked = |one: &Subscription| {
            one.protocol == protocol && one.stored.endpoint == endpoint && !is_over(&one.stored, now_ms)
        };
        contents.find_subscription(&of_topic(&arn), is_asked).and_then(|one| one.stored.token.clone())
    });
    let token = asks.then(|| asked.unwrap_or_else(|| new_token(now_ms)));
    let invitation = match &token {
        Some(token) => Some(Invitation::new(shared, &topic, token.text.clone()).await?),
        None => None,
    };
    let candidate = Subscription::of(StoredSubscription {
        arn: format!("{arn}:{}", Uuid::new_v4()),
        owner: context.account.to_string(),
        protocol: protocol.as_str().into(),
        endpoint,
        attributes,
        is_confirmed: !asks,
        was_authenticated: !asks,
        token,
    })?;
    let caller = of_caller(context);
    let shows_arn = request.return_subscription_arn;
    let subscribed = shared.catalog.change(move |contents, draft| {
        let topic = contents.topic(&arn)?;
        let mut subscription = candidate;
        if let Some(known) = same(contents, &subscription) {
            if known.stored.attributes != subscription.stored.attributes {
                return Err(invalid("Attributes Reason: Subscription already exists with different attributes"));
            }
            if known.stored.is_confirmed {
                return Ok(known.arn().to_string());
            }
            // It is asked again.
            let stored = StoredSubscription { arn: known.arn().into(), ..subscription.stored };
            subscription = Subscription::of(stored)?;
        } else {
            check_limits(contents, &caller, topic, &subscription)?;
        }
        let prefix = of_topic(&arn);
        let over = contents
            .subscriptions(&prefix, "")
            .filter(|one| is_over(&one.stored, now_ms) && one.arn() != subscription.arn());
        draft.edits.extend(over.map(|one| Edit::RemoveSubscription(one.arn().into())));
        draft.deliveries.extend(invitation.map(|invitation| invitation.delivery(topic, &subscription)));
        let shown = match subscription.stored.is_confirmed || shows_arn {
            true => subscription.arn().to_string(),
            false => "pending confirmation".into(),
        };
        draft.edits.push(Edit::PutSubscription(Arc::new(subscription)));
        Ok(shown)
    });
    Ok(SubscribeAnswer { subscription_arn: subscribed.await? })
}

/// The topic's subscription of the same endpoint.
fn same<'a>(contents: &'a Contents, subscription: &Subscription) -> Option<&'a Subscription> {
    let prefix = of_topic(subscription.topic_arn());
    let found = contents.find_subscription(&prefix, |one| {
        one.protocol == subscription.protocol && one.stored.endpoint == subscription.stored.endpoint
    });
    found.map(|found| &**found)
}

fn check_limits(contents: &Contents, caller: &str, topic: &Topic, subscription: &Subscription) -> Result<(), ApiError> {
    let counts = contents.counts(topic.arn());
    let most = match topic.fifo {
        Some(_) => SUBSCRIPTIONS_OF_FIFO_TOPIC_MAX,
        None => SUBSCRIPTIONS_OF_TOPIC_MAX,
    };
    let exceeded = |message: String| limit_exceeded("SubscriptionLimitExceeded", message);
    if counts.confirmed + counts.pending >= most {
        return Err(exceeded(format!("A topic of this type has at most {most} subscriptions")));
    }
    let is_pending = |one: &&Arc<Subscription>| !one.stored.is_confirmed;
    if !subscription.stored.is_confirmed
        && contents.subscriptions(caller, "").filter(is_pending).count() >= PENDING_SUBSCRIPTIONS_MAX
    {
        return Err(exceeded(format!("At most {PENDING_SUBSCRIPTIONS_MAX} subscriptions wait to be confirmed")));
    }
    check_filters(contents, topic, subscription)
}

/// Refuses more filter policies than a topic may have.
pub(super) fn check_filters(contents: &Contents, topic: &Topic, subscription: &Subscription) -> Result<(), ApiError> {
    let prefix = of_topic(topic.arn());
    let others =
        contents.subscriptions(&prefix, "").filter(|one| one.filter.is_some() && one.arn() != subscription.arn());
    if subscription.filter.is_some() && others.count() >= FILTER_POLICIES_OF_TOPIC_MAX {
        let message = format!("A topic has at most {FILTER_POLICIES_OF_TOPIC_MAX} filter policies");
        return Err(limit_exceeded("FilterPolicyLimitExceeded", message));
    }
    Ok(())
}
