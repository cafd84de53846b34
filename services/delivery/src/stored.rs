//! A delivery as it is stored.

use anabranch_control::{Stored, View};
use serde::{Deserialize, Serialize};

use crate::dead_letter::StoredForm;
use crate::failure::GaveUp;
use crate::message::StoredMessage;
use crate::{NewDelivery, RetryPolicy};

/// A delivery that was accepted and is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDelivery {
    pub(crate) target: String,
    pub(crate) ordering: Option<String>,
    pub(crate) message: StoredMessage,
    pub(crate) policy: RetryPolicy,
    pub(crate) dead_letter: Option<StoredDeadLetter>,
    pub(crate) accepted_ms: u64,
    /// Attempts that failed.
    pub(crate) attempts: u32,
    /// Not before this time, in ms since the Unix epoch.
    pub(crate) due_ms: u64,
    /// Why its target is not tried again, once that is so: it waits for the dead-letter queue.
    pub(crate) gave_up: Option<GaveUp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDeadLetter {
    pub(crate) queue_arn: String,
    pub(crate) form: StoredForm,
}

impl StoredDelivery {
    pub(crate) fn new(new: NewDelivery, now_ms: u64) -> Self {
        let stored = |dead_letter: crate::DeadLetter| StoredDeadLetter {
            queue_arn: dead_letter.queue_arn,
            form: dead_letter.describe.into(),
        };
        Self {
            target: new.target,
            ordering: new.ordering,
            message: new.delivery.into(),
            policy: new.policy,
            dead_letter: new.dead_letter.map(stored),
            accepted_ms: now_ms,
            attempts: 0,
            due_ms: now_ms,
            gave_up: None,
        }
    }
}

impl Stored for StoredDelivery {
    const KIND: &'static str = "delivery";
    const VERSION: u32 = 1;
}

/// Of a delivery, what says whose turn it is.
#[derive(Debug, Deserialize)]
pub(crate) struct Head {
    pub(crate) target: String,
    pub(crate) ordering: Option<String>,
}

impl View for Head {
    type Row = StoredDelivery;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anabranch_ports::{AttributeValue, MessageAttribute};
    use anabranch_protocol::Blob;
    use bytes::Bytes;

    use super::*;
    use crate::failure::{Exhausted, FailureKind};
    use crate::{Backoff, Curve, Phases};

    #[test]
    fn deliveries_have_fixtures() {
        let (min, max) = (Duration::from_secs(1), Duration::from_millis(60_500));
        let attribute = |data_type: &str, value| MessageAttribute { data_type: data_type.into(), value };
        let message = StoredMessage {
            payload: Blob(Bytes::from_static(br#"{"n":1}"#)),
            attributes: vec![
                ("kind".into(), attribute("String", AttributeValue::Text("click".into()))),
                ("raw".into(), attribute("Binary", AttributeValue::Binary(vec![0, 255]))),
            ],
            subject: Some("Clicks".into()),
            message_group_id: Some("g".into()),
            message_deduplication_id: Some("d".into()),
            partition_key: Some("p".into()),
            source_arn: Some("arn:aws:sns:us-east-1:000000000000:clicks".into()),
        };
        let plain = StoredMessage {
            payload: Blob::default(),
            attributes: Vec::new(),
            subject: None,
            message_group_id: None,
            message_deduplication_id: None,
            partition_key: None,
            source_arn: None,
        };
        let dead_letter = |form| {
            let queue_arn = "arn:aws:sqs:us-east-1:000000000000:failed".into();
            Some(StoredDeadLetter { queue_arn, form })
        };
        let phases = Phases { immediate: 3, at_min: 2, growing: 10, curve: Curve::Exponential, min, max };
        let waiting = StoredDelivery {
            target: "arn:aws:lambda:us-east-1:000000000000:function:consumer".into(),
            ordering: None,
            message: plain.clone(),
            policy: RetryPolicy { attempts_max: 185, age_max: max, backoff: Backoff::Doubling { min, max } },
            dead_letter: None,
            accepted_ms: 1_700_000_000_000,
            attempts: 0,
            due_ms: 1_700_000_000_000,
            gave_up: None,
        };
        let gave_up = GaveUp {
            kind: FailureKind::NotFound,
            message: "no such function".into(),
            exhausted: None,
            attempts: 1,
            at_ms: 1_700_000_001_000,
            dead_letter_attempts: 2,
        };
        let given_up = StoredDelivery {
            target: "arn:aws:sqs:us-east-1:000000000000:q.fifo".into(),
            ordering: Some("g".into()),
            message,
            policy: RetryPolicy { attempts_max: 4, age_max: max, backoff: Backoff::Phased(phases) },
            dead_letter: dead_letter(StoredForm::Described(vec![("RULE_ARN".into(), "arn".into())])),
            attempts: 1,
            gave_up: Some(gave_up.clone()),
            ..waiting.clone()
        };
        let exhausted =
            GaveUp { kind: FailureKind::Unavailable, exhausted: Some(Exhausted::MaximumRetryAttempts), ..gave_up };
        let other = StoredDelivery {
            dead_letter: dead_letter(StoredForm::Other(Box::new(plain))),
            gave_up: Some(exhausted),
            ..waiting.clone()
        };
        let as_is = StoredDelivery { dead_letter: dead_letter(StoredForm::AsIs), ..waiting.clone() };
        let samples = [waiting, given_up, other, as_is];
        anabranch_control::check_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored"), &samples);
    }
}
