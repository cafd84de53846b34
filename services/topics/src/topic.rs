//! A topic: its attributes, read, checked and shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::ApiError;

use crate::access_policy;
use crate::delivery_policy::DeliveryPolicy;
use crate::error::{invalid, not_offered};
use crate::fifo::Fifo;
use crate::limits::{ATTRIBUTE_BYTES_MAX, DISPLAY_NAME_CHARACTERS_MAX};
use crate::names::account_of;
use crate::stored::StoredTopic;

/// A topic as it is in memory.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) stored: StoredTopic,
    pub(crate) delivery_policy: DeliveryPolicy,
    /// What its messages are put in order and told apart by, if it is FIFO.
    pub(crate) fifo: Option<Arc<Fifo>>,
}

/// Subscriptions of a topic, as its attributes tell them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SubscriptionCounts {
    pub(crate) confirmed: usize,
    pub(crate) pending: usize,
}

impl Topic {
    /// The topic of a row, with the `fifo` that goes on from before it was changed.
    pub(crate) fn of(stored: StoredTopic, fifo: Option<Arc<Fifo>>) -> Result<Self, ApiError> {
        let delivery_policy = DeliveryPolicy::of_topic(stored.attributes.get("DeliveryPolicy").map(String::as_str))?;
        let is_fifo = is_true(&stored.attributes, "FifoTopic");
        let fifo = is_fifo.then(|| fifo.unwrap_or_default());
        Ok(Self { stored, delivery_policy, fifo })
    }

    pub(crate) fn arn(&self) -> &str {
        &self.stored.arn
    }

    /// Whether the hash of a message's body is its deduplication id where it has none.
    pub(crate) fn deduplicates_by_content(&self) -> bool {
        is_true(&self.stored.attributes, "ContentBasedDeduplication")
    }

    /// Whether deduplication ids mean something within their group only.
    pub(crate) fn deduplicates_by_group(&self) -> bool {
        self.stored.attributes.get("FifoThroughputScope").is_some_and(|scope| scope == "MessageGroup")
    }

    /// Its policy, or that which every topic begins with.
    pub(crate) fn policy(&self) -> serde_json::Value {
        let own = self.stored.attributes.get("Policy").and_then(|policy| serde_json::from_str(policy).ok());
        own.unwrap_or_else(|| access_policy::default_policy(self.arn()))
    }

    /// What GetTopicAttributes tells.
    pub(crate) fn attributes(&self, counts: SubscriptionCounts) -> BTreeMap<String, String> {
        let mut all = self.stored.attributes.clone();
        let mut tell = |name: &str, value: String| {
            all.entry(name.into()).or_insert(value);
        };
        tell("TopicArn", self.arn().into());
        tell("Owner", account_of(self.arn()).into());
        tell("Policy", access_policy::default_policy(self.arn()).to_string());
        tell("DisplayName", String::new());
        tell("EffectiveDeliveryPolicy", self.delivery_policy.effective_of_topic());
        tell("SubscriptionsConfirmed", counts.confirmed.to_string());
        tell("SubscriptionsPending", counts.pending.to_string());
        tell("SubscriptionsDeleted", self.stored.subscriptions_deleted.to_string());
        if self.fifo.is_some() {
            tell("ContentBasedDeduplication", "false".into());
            tell("FifoThroughputScope", "Topic".into());
        }
        all
    }
}

/// Whether an attribute is set to true.
pub(crate) fn is_true(attributes: &BTreeMap<String, String>, name: &str) -> bool {
    attributes.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Checks an attribute that a topic is given, in the form in which it is kept; `None` where it is as
/// good as not given.
pub(crate) fn checked(name: &str, value: &str, is_fifo: bool) -> Result<Option<String>, ApiError> {
    let wrong = |reason: &str| invalid(format_args!("{name} Reason: {reason}"));
    let boolean = || match value.to_ascii_lowercase().as_str() {
        text @ ("true" | "false") => Ok(text.to_string()),
        _ => Err(invalid(format_args!("Attributes Reason: {name} must be true or false"))),
    };
    if value.len() > ATTRIBUTE_BYTES_MAX {
        return Err(wrong("it is too long"));
    }
    let kept = match name {
        "Policy" => access_policy::check(value).map(|()| value.to_string())?,
        "DeliveryPolicy" => {
            DeliveryPolicy::of_topic(Some(value))?;
            value.to_string()
        }
        "DisplayName" if value.chars().count() > DISPLAY_NAME_CHARACTERS_MAX => {
            return Err(wrong("it has more than 100 characters"));
        }
        "DisplayName" | "KmsMasterKeyId" => value.to_string(),
        "SignatureVersion" => match value {
            "2" => value.to_string(),
            "1" => return Err(not_offered("SignatureVersion 1: messages are signed with SHA256")),
            _ => return Err(wrong("Invalid value")),
        },
        "TracingConfig" => match value {
            "PassThrough" => value.to_string(),
            "Active" => return Err(not_offered("TracingConfig Active")),
            _ => return Err(wrong("Invalid value")),
        },
        "FifoTopic" => boolean()?,
        "ContentBasedDeduplication" if is_fifo => boolean()?,
        "FifoThroughputScope" if is_fifo => match value {
            "Topic" | "MessageGroup" => value.to_string(),
            _ => return Err(wrong("Invalid value")),
        },
        "ContentBasedDeduplication" | "FifoThroughputScope" => {
            return Err(wrong("this attribute is not valid for the topic type"));
        }
        "ArchivePolicy" | "BeginningArchiveTime" | "DataProtectionPolicy" => {
            return Err(not_offered(&format!("the attribute {name}")));
        }
        name if name.ends_with("FeedbackRoleArn") || name.ends_with("FeedbackSampleRate") => {
            return Err(not_offered(&format!("the attribute {name}: the status of deliveries is not logged")));
        }
        _ => return Err(invalid("AttributeName")),
    };
    let is_nothing = kept.is_empty() || (name == "FifoTopic" && kept == "false");
    Ok((!is_nothing).then_some(kept))
}
