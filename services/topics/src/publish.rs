//! A message's way: from a publish to a durable delivery for each subscription that lets it through.

use std::collections::HashMap;
use std::sync::Arc;

use anabranch_control::Changes;
use anabranch_delivery::{DeadLetter, DeadLetterForm, NewDelivery};
use anabranch_ports::{AttributeValue, Delivery, MessageAttribute};
use anabranch_protocol::ApiError;
use sha2::{Digest, Sha256};

use crate::catalog::of_topic;
use crate::error::{accept_failure, control_failure, internal, invalid};
use crate::fifo::{Fifo, sequence_number};
use crate::limits::{COMMIT_BYTES_MAX, DEDUPLICATIONS_MAX};
use crate::message::Message;
use crate::notification::Notice;
use crate::protocols::Protocol;
use crate::shared::Shared;
use crate::stored::{DEDUPLICATIONS, StoredDeduplication};
use crate::subscription::Subscription;
use crate::time::iso_ms;
use crate::topic::Topic;

/// Bytes that a delivery is counted as beside its message.
const DELIVERY_BYTES: usize = 1_024;

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) message_id: String,
    /// Of a FIFO topic.
    pub(crate) sequence_number: Option<String>,
}

impl Shared {
    /// Publishes a message; all its deliveries are durable when this returns.
    pub(crate) async fn publish(self: &Arc<Self>, topic: &Arc<Topic>, message: Message) -> Result<Published, ApiError> {
        let Some(fifo) = topic.fifo.clone() else {
            if message.deduplication_id.is_some() {
                return Err(invalid(
                    "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not \
                     valid for this topic type",
                ));
            }
            return self.publish_to_all(topic, message).await;
        };
        let message = in_order(topic, message)?;
        let (this, topic) = (self.clone(), topic.clone());
        // What is durable must be remembered, whether or not somebody still waits here.
        let published = tokio::spawn(async move { this.publish_in_order(&topic, &fifo, message).await });
        published.await.unwrap_or_else(|error| Err(internal(error.to_string())))
    }

    async fn publish_to_all(&self, topic: &Topic, message: Message) -> Result<Published, ApiError> {
        let mut prepared = Prepared::new(self, topic, &message, None);
        let (mut deliveries, mut bytes) = (Vec::new(), 0);
        for subscription in self.subscriptions_of(topic, &message) {
            deliveries.push(prepared.delivery(&subscription).await?);
            bytes += message.bytes + DELIVERY_BYTES;
            if bytes >= COMMIT_BYTES_MAX {
                let accepted = self.outbox.accept(std::mem::take(&mut deliveries)).await;
                accepted.map_err(|error| accept_failure(&error))?;
                bytes = 0;
            }
        }
        if !deliveries.is_empty() {
            self.outbox.accept(deliveries).await.map_err(|error| accept_failure(&error))?;
        }
        Ok(Published { message_id: message.id, sequence_number: None })
    }

    /// Publishes a message of a FIFO topic behind those before, unless it was published already.
    async fn publish_in_order(&self, topic: &Topic, fifo: &Fifo, message: Message) -> Result<Published, ApiError> {
        let mut state = fifo.0.lock().await;
        let now_ms = self.clock.now_ms();
        let id = deduplicated_by(topic, &message);
        if let Some(published) = state.published(&id, now_ms) {
            let sequence_number = Some(sequence_number(published.number));
            return Ok(Published { message_id: published.message_id.clone(), sequence_number });
        }
        let over = state.over(now_ms);
        if state.len() - over.len() >= DEDUPLICATIONS_MAX {
            let message = format!("Rate exceeded: {DEDUPLICATIONS_MAX} messages within the deduplication interval");
            return Err(ApiError::throttled("Throttled", message));
        }
        let number = state.next(now_ms);
        let sequence = sequence_number(number);
        let mut prepared = Prepared::new(self, topic, &message, Some(&sequence));
        let mut deliveries = Vec::new();
        for subscription in self.subscriptions_of(topic, &message) {
            deliveries.push(prepared.delivery(&subscription).await?);
        }
        let row = StoredDeduplication { id, message_id: message.id.clone(), accepted_ms: now_ms };
        let key = |number: u64| format!("{}/{number:020}", topic.arn());
        let mut changes = Changes::default();
        over.iter().for_each(|number| changes.delete(DEDUPLICATIONS, &key(*number)));
        changes.put(DEDUPLICATIONS, &key(number), &row).map_err(|error| control_failure(&error))?;
        self.outbox.accept_with(deliveries, changes).await.map_err(|error| accept_failure(&error))?;
        state.forget(over.len());
        state.remember(number, row);
        Ok(Published { message_id: message.id, sequence_number: Some(sequence) })
    }

    /// The subscriptions that a message is for.
    fn subscriptions_of(&self, topic: &Topic, message: &Message) -> Vec<Arc<Subscription>> {
        let prefix = of_topic(topic.arn());
        let all: Vec<Arc<Subscription>> =
            self.catalog.read(|contents| contents.subscriptions(&prefix, "").cloned().collect());
        let is_for = |subscription: &Arc<Subscription>| {
            let body = message.text(subscription.protocol);
            subscription.stored.is_confirmed
                && subscription.filter.as_ref().is_none_or(|filter| filter.lets_through(body, &message.attributes))
        };
        all.into_iter().filter(is_for).collect()
    }
}

/// A message of a FIFO topic has a group, and an id that tells it from others.
fn in_order(topic: &Topic, mut message: Message) -> Result<Message, ApiError> {
    if message.group_id.is_none() {
        return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
    }
    if message.deduplication_id.is_none() {
        if !topic.deduplicates_by_content() {
            return Err(invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                 explicitly",
            ));
        }
        let hash = Sha256::digest(message.content().as_bytes());
        message.deduplication_id = Some(hash.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    Ok(message)
}

fn deduplicated_by(topic: &Topic, message: &Message) -> String {
    let id = message.deduplication_id.as_deref().unwrap_or_default();
    match topic.deduplicates_by_group() {
        true => format!("{}\0{id}", message.group_id.as_deref().unwrap_or_default()),
        false => id.to_string(),
    }
}

/// A message on its way to its subscribers.
struct Prepared<'a> {
    shared: &'a Shared,
    topic: &'a Topic,
    message: &'a Message,
    sequence_number: Option<&'a str>,
    timestamp: String,
    /// Signatures by text: protocols may have their own.
    signatures: HashMap<&'a str, String>,
}

impl<'a> Prepared<'a> {
    fn new(shared: &'a Shared, topic: &'a Topic, message: &'a Message, sequence_number: Option<&'a str>) -> Self {
        let timestamp = iso_ms(shared.clock.now_ms());
        Self { shared, topic, message, sequence_number, timestamp, signatures: HashMap::new() }
    }

    /// The delivery to a subscriber.
    async fn delivery(&mut self, subscription: &Subscription) -> Result<NewDelivery, ApiError> {
        let (text, protocol) = (self.message.text(subscription.protocol), subscription.protocol);
        if !subscription.is_raw && self.sequence_number.is_none() && !self.signatures.contains_key(text) {
            let signature = self.shared.signer.sign(self.notice(text).signed_text()).await?;
            self.signatures.insert(text, signature);
        }
        let notice = self.notice(text);
        let base_url = &self.shared.base_url;
        let (payload, is_own_form) = match (protocol, subscription.is_raw) {
            (Protocol::Lambda, _) => (notice.lambda_event(base_url, subscription.arn()), true),
            (Protocol::Firehose, false) => (notice.notification(base_url, subscription.arn()) + "\n", false),
            (Protocol::Http | Protocol::Https, false) => (notice.notification(base_url, subscription.arn()), true),
            (Protocol::Http | Protocol::Https, true) => (text.to_string(), true),
            (_, false) => (notice.notification(base_url, subscription.arn()), false),
            (_, true) => (text.to_string(), false),
        };
        let raw_attributes = || if subscription.is_raw { self.message.attributes.clone() } else { Vec::new() };
        let delivery = Delivery {
            payload: payload.into(),
            attributes: match protocol {
                Protocol::Http | Protocol::Https => self.header_fields(subscription),
                _ => raw_attributes(),
            },
            message_group_id: self.message.group_id.clone(),
            message_deduplication_id: self.message.deduplication_id.clone(),
            source_arn: Some(self.topic.arn().to_string()),
            ..Delivery::default()
        };
        let describe = || match is_own_form {
            false => DeadLetterForm::AsIs,
            true => {
                let payload = match subscription.is_raw {
                    true => text.to_string(),
                    false => notice.notification(base_url, subscription.arn()),
                };
                let attributes = raw_attributes();
                let source_arn = Some(self.topic.arn().to_string());
                let letter = Delivery { payload: payload.into(), attributes, source_arn, ..Delivery::default() };
                DeadLetterForm::Other(Box::new(letter))
            }
        };
        let queue = subscription.dead_letter_queue.clone();
        Ok(NewDelivery {
            target: subscription.stored.endpoint.clone(),
            dead_letter: queue.map(|queue_arn| DeadLetter { queue_arn, describe: describe() }),
            policy: subscription.delivery_policy.retry_policy(&self.topic.delivery_policy, protocol),
            ordering: self.topic.fifo.as_ref().and(self.message.group_id.clone()),
            delivery,
        })
    }

    fn notice<'s>(&'s self, text: &'s str) -> Notice<'s> {
        let signature = self.signatures.get(text).map(String::as_str);
        Notice {
            message_id: &self.message.id,
            sequence_number: self.sequence_number,
            topic_arn: self.topic.arn(),
            subject: self.message.subject.as_deref(),
            message: text,
            timestamp: &self.timestamp,
            attributes: &self.message.attributes,
            signature: signature.map(|signature| (signature, self.shared.signer.certificate_url())),
        }
    }

    fn header_fields(&self, subscription: &Subscription) -> Vec<(String, MessageAttribute)> {
        let content_type = subscription.delivery_policy.content_type(&self.topic.delivery_policy);
        let mut fields = message_fields("Notification", &self.message.id, self.topic.arn(), &content_type);
        fields.push(field("x-amz-sns-subscription-arn", subscription.arn()));
        if subscription.is_raw {
            fields.push(field("x-amz-sns-rawdelivery", "true"));
        }
        fields
    }
}

/// The header fields that every message to an endpoint has.
pub(crate) fn message_fields(
    kind: &str,
    message_id: &str,
    topic_arn: &str,
    content_type: &str,
) -> Vec<(String, MessageAttribute)> {
    vec![
        field("content-type", content_type),
        field("x-amz-sns-message-type", kind),
        field("x-amz-sns-message-id", message_id),
        field("x-amz-sns-topic-arn", topic_arn),
    ]
}

fn field(name: &str, value: &str) -> (String, MessageAttribute) {
    (name.into(), MessageAttribute { data_type: "String".into(), value: AttributeValue::Text(value.into()) })
}
