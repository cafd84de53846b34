//! What becomes of deliveries that their targets do not take.

use anabranch_ports::{AttributeValue, Delivery, MessageAttribute};
use serde::{Deserialize, Serialize};

use crate::failure::{FailureKind, GaveUp};
use crate::message::StoredMessage;

/// Where a delivery goes that its target does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's ARN.
    pub queue_arn: String,
    /// What the queue gets.
    pub describe: DeadLetterForm,
}

/// What a dead-letter queue gets of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterForm {
    /// The message as it was for the target.
    AsIs,
    /// The same with these attributes, such as `RULE_ARN` and `TARGET_ARN`, and those that tell why:
    /// `ERROR_CODE`, `ERROR_MESSAGE`, `RETRY_ATTEMPTS` and, where retries were used up,
    /// `EXHAUSTED_RETRY_CONDITION` ("Using dead-letter queues to process undelivered events").
    Described(Vec<(String, String)>),
    /// Another message, where the target's own form would mean nothing to whoever reads the queue.
    Other(Box<Delivery>),
}

/// A [`DeadLetterForm`] as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredForm {
    AsIs,
    Described(Vec<(String, String)>),
    Other(Box<StoredMessage>),
}

impl From<DeadLetterForm> for StoredForm {
    fn from(form: DeadLetterForm) -> Self {
        match form {
            DeadLetterForm::AsIs => Self::AsIs,
            DeadLetterForm::Described(attributes) => Self::Described(attributes),
            DeadLetterForm::Other(delivery) => Self::Other(Box::new((*delivery).into())),
        }
    }
}

impl StoredForm {
    /// The message for the queue.
    pub(crate) fn message(&self, message: &StoredMessage, why: &GaveUp) -> Delivery {
        match self {
            Self::AsIs => message.delivery(),
            Self::Other(other) => other.delivery(),
            Self::Described(attributes) => {
                let mut delivery = message.delivery();
                let text = |name: &str, value: &str| (name.to_string(), attribute("String", value));
                delivery.attributes.extend(attributes.iter().map(|(name, value)| text(name, value)));
                delivery.attributes.push(text("ERROR_CODE", error_code(why.kind)));
                delivery.attributes.push(text("ERROR_MESSAGE", &why.message));
                let retries = why.attempts.saturating_sub(1).to_string();
                delivery.attributes.push(("RETRY_ATTEMPTS".into(), attribute("Number", &retries)));
                if let Some(exhausted) = why.exhausted {
                    delivery.attributes.push(text("EXHAUSTED_RETRY_CONDITION", exhausted.as_str()));
                }
                delivery
            }
        }
    }
}

fn attribute(data_type: &str, value: &str) -> MessageAttribute {
    MessageAttribute { data_type: data_type.into(), value: AttributeValue::Text(value.into()) }
}

/// EventBridge's code for what went wrong.
fn error_code(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NotFound => "NO_RESOURCE",
        FailureKind::Throttled => "THROTTLING",
        FailureKind::Refused => "SDK_CLIENT_ERROR",
        FailureKind::Unavailable | FailureKind::Failed => "INTERNAL_ERROR",
    }
}
