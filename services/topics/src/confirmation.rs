//! Asking endpoints whether they want messages.

use anabranch_delivery::NewDelivery;
use anabranch_ports::Delivery;
use anabranch_protocol::ApiError;
use uuid::Uuid;

use crate::limits::TOKEN_AGE;
use crate::notification::Confirmation;
use crate::publish::message_fields;
use crate::shared::Shared;
use crate::stored::{StoredSubscription, StoredToken};
use crate::subscription::Subscription;
use crate::time::iso_ms;
use crate::topic::Topic;

/// A token that nobody can guess.
pub(crate) fn new_token(now_ms: u64) -> StoredToken {
    let text = (0..4).map(|_| Uuid::new_v4().simple().to_string()).collect();
    StoredToken { text, made_ms: now_ms }
}

/// Whether a subscription was not confirmed in time.
pub(crate) fn is_over(subscription: &StoredSubscription, now_ms: u64) -> bool {
    let made_ms = subscription.token.as_ref().map(|token| token.made_ms);
    let is_old = |made_ms: u64| u128::from(now_ms.saturating_sub(made_ms)) >= TOKEN_AGE.as_millis();
    !subscription.is_confirmed && made_ms.is_some_and(is_old)
}

/// What an endpoint is asked.
pub(crate) struct Invitation {
    message_id: String,
    payload: String,
}

impl Invitation {
    pub(crate) async fn new(shared: &Shared, topic: &Topic, token: String) -> Result<Self, ApiError> {
        let (message_id, timestamp) = (Uuid::new_v4().to_string(), iso_ms(shared.clock.now_ms()));
        let certificate = shared.signer.certificate_url();
        let mut question =
            Confirmation::new(&shared.base_url, topic.arn(), &token, &message_id, &timestamp, certificate);
        question.signature = shared.signer.sign(question.signed_text()).await?;
        let payload = question.json();
        Ok(Self { message_id, payload })
    }

    /// The delivery that asks.
    pub(crate) fn delivery(self, topic: &Topic, subscription: &Subscription) -> NewDelivery {
        let content_type = subscription.delivery_policy.content_type(&topic.delivery_policy);
        let kind = "SubscriptionConfirmation";
        NewDelivery {
            target: subscription.stored.endpoint.clone(),
            delivery: Delivery {
                payload: self.payload.into(),
                attributes: message_fields(kind, &self.message_id, topic.arn(), &content_type),
                source_arn: Some(topic.arn().to_string()),
                ..Delivery::default()
            },
            policy: subscription.delivery_policy.retry_policy(&topic.delivery_policy, subscription.protocol),
            dead_letter: None,
            ordering: None,
        }
    }
}
