//! A subscription: its attributes, read, checked and shown.

use std::collections::BTreeMap;

use anabranch_protocol::{ApiError, Arn};
use serde_json::Value;

use crate::delivery_policy::DeliveryPolicy;
use crate::error::{invalid, not_offered};
use crate::filter::{Filter, FilterScope};
use crate::limits::ATTRIBUTE_BYTES_MAX;
use crate::names::{FIFO_SUFFIX, topic_of};
use crate::protocols::Protocol;
use crate::stored::StoredSubscription;
use crate::topic::{Topic, is_true};

/// A subscription as it is in memory.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) stored: StoredSubscription,
    pub(crate) protocol: Protocol,
    /// Whether it gets messages as they were published, and nothing about them.
    pub(crate) is_raw: bool,
    pub(crate) filter: Option<Filter>,
    pub(crate) delivery_policy: DeliveryPolicy,
    /// The ARN of the queue for what can't be delivered.
    pub(crate) dead_letter_queue: Option<String>,
}

impl Subscription {
    /// The subscription of a row.
    ///
    /// # Errors
    /// When its attributes can't be.
    pub(crate) fn of(stored: StoredSubscription) -> Result<Self, ApiError> {
        let protocol = Protocol::of(&stored.protocol)?;
        let attribute = |name: &str| stored.attributes.get(name).map(String::as_str);
        let scope = FilterScope::of(attribute("FilterPolicyScope"))?;
        let filter = Filter::of(attribute("FilterPolicy"), scope)?;
        let delivery_policy = DeliveryPolicy::of_subscription(attribute("DeliveryPolicy"))?;
        let dead_letter_queue = attribute("RedrivePolicy").map(dead_letter_queue).transpose()?.flatten();
        let is_raw = is_true(&stored.attributes, "RawMessageDelivery");
        if is_raw && protocol == Protocol::Lambda {
            return Err(invalid("Delivery protocol [lambda] does not support raw message delivery."));
        }
        let is_fifo = topic_of(&stored.arn).ends_with(FIFO_SUFFIX);
        if let Some(queue) = &dead_letter_queue
            && queue.ends_with(FIFO_SUFFIX) != is_fifo
        {
            return Err(invalid("RedrivePolicy: the dead-letter queue must be of the topic's type, FIFO or standard"));
        }
        if protocol == Protocol::Firehose && attribute("SubscriptionRoleArn").is_none() {
            return Err(invalid("An invalid or missing SubscriptionRoleArn attribute"));
        }
        Ok(Self { protocol, is_raw, filter, delivery_policy, dead_letter_queue, stored })
    }

    pub(crate) fn arn(&self) -> &str {
        &self.stored.arn
    }

    pub(crate) fn topic_arn(&self) -> &str {
        topic_of(&self.stored.arn)
    }

    /// Its ARN, or what stands for it where it is not confirmed.
    pub(crate) fn shown_arn(&self) -> &str {
        if self.stored.is_confirmed { self.arn() } else { "PendingConfirmation" }
    }

    /// What GetSubscriptionAttributes tells.
    pub(crate) fn attributes(&self, topic: &Topic) -> BTreeMap<String, String> {
        let mut all = self.stored.attributes.clone();
        let mut tell = |name: &str, value: String| {
            all.entry(name.into()).or_insert(value);
        };
        let (owner, text) = (&self.stored.owner, |flag: bool| flag.to_string());
        tell("SubscriptionArn", self.arn().into());
        tell("TopicArn", self.topic_arn().into());
        tell("Owner", owner.clone());
        tell("SubscriptionPrincipal", format!("arn:aws:iam::{owner}:root"));
        tell("Protocol", self.protocol.as_str().into());
        tell("Endpoint", self.stored.endpoint.clone());
        tell("RawMessageDelivery", "false".into());
        tell("PendingConfirmation", text(!self.stored.is_confirmed));
        tell("ConfirmationWasAuthenticated", text(self.stored.was_authenticated));
        if self.filter.is_some() {
            tell("FilterPolicyScope", "MessageAttributes".into());
        }
        if self.protocol.asks_for_confirmation() {
            tell("EffectiveDeliveryPolicy", self.delivery_policy.effective(&topic.delivery_policy));
        }
        all
    }
}

/// Checks an attribute that a subscription is given, in the form in which it is kept; `None` where
/// that takes it away.
pub(crate) fn checked(name: &str, value: &str) -> Result<Option<String>, ApiError> {
    let kept = match name {
        "RawMessageDelivery" => match value.to_ascii_lowercase().as_str() {
            text @ ("true" | "false") => text.to_string(),
            _ => return Err(invalid("Attributes Reason: RawMessageDelivery: Invalid value. Must be true or false.")),
        },
        // How long a filter policy may be is up to its own limits.
        "FilterPolicy" if value.trim() == "{}" => String::new(),
        "FilterPolicy" | "FilterPolicyScope" => value.to_string(),
        "DeliveryPolicy" | "RedrivePolicy" | "SubscriptionRoleArn" if value.len() <= ATTRIBUTE_BYTES_MAX => {
            value.to_string()
        }
        "ReplayPolicy" | "ReplayStatus" => return Err(not_offered(&format!("the attribute {name}"))),
        _ => return Err(invalid("AttributeName")),
    };
    Ok((!kept.is_empty()).then_some(kept))
}

/// The queue that a redrive policy names, if it names one.
fn dead_letter_queue(policy: &str) -> Result<Option<String>, ApiError> {
    let read: Value = serde_json::from_str(policy).map_err(|_| invalid("RedrivePolicy: failed to parse JSON."))?;
    let Some(target) = read.get("deadLetterTargetArn") else { return Ok(None) };
    let arn: Option<Arn> = target.as_str().and_then(|target| target.parse().ok());
    match arn.filter(|arn| &*arn.service == "sqs") {
        Some(arn) => Ok(Some(arn.to_string())),
        None => Err(invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")),
    }
}
