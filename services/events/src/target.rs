//! Targets of rules, and what each gets of an event.

use std::collections::BTreeMap;
use std::time::Duration;

use anabranch_delivery::{Backoff, DeadLetter, DeadLetterForm, NewDelivery, RetryPolicy};
use anabranch_ports::Delivery;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::{Event, to_seconds};
use crate::json::text_of;
use crate::limits::{EVENT_AGE_SECONDS_DEFAULT, RETRY_ATTEMPTS_DEFAULT, RETRY_WAIT_MAX, RETRY_WAIT_MIN};
use crate::path::JsonPath;
use crate::template::{Surroundings, fill};

/// A target of a rule, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleTarget {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) role_arn: Option<String>,
    pub(crate) input: TargetInput,
    /// Where in the event the partition key of a stream's record is.
    pub(crate) partition_key_path: Option<String>,
    /// Of FIFO queues.
    pub(crate) message_group_id: Option<String>,
    /// Retries after the first attempt, if told.
    pub(crate) retry_attempts: Option<u32>,
    /// How long an event is tried, if told.
    pub(crate) event_age_seconds: Option<u32>,
    pub(crate) dead_letter_arn: Option<String>,
}

/// What a target gets of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TargetInput {
    /// All of it.
    Event,
    /// The same text each time.
    Constant(String),
    /// A part of it.
    Path(String),
    /// A text made of parts of it.
    Template { paths: BTreeMap<String, String>, template: String },
}

/// The rule that sends an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) rule_arn: &'a str,
    pub(crate) rule_name: &'a str,
}

impl RuleTarget {
    /// The delivery of `event`, which `sender` matched.
    pub(crate) fn delivery(&self, event: &Event, sender: Sender<'_>) -> NewDelivery {
        let message = Delivery {
            partition_key: self.partition_key(event),
            message_group_id: self.message_group_id.clone(),
            source_arn: Some(sender.rule_arn.into()),
            ..Delivery::new(self.payload(event, sender))
        };
        let attributes = || vec![("RULE_ARN".into(), sender.rule_arn.into()), ("TARGET_ARN".into(), self.arn.clone())];
        let dead_letter = self.dead_letter_arn.as_ref().map(|queue_arn| DeadLetter {
            queue_arn: queue_arn.clone(),
            describe: DeadLetterForm::Described(attributes()),
        });
        let age_seconds = self.event_age_seconds.unwrap_or(EVENT_AGE_SECONDS_DEFAULT);
        NewDelivery {
            target: self.arn.clone(),
            delivery: message,
            policy: RetryPolicy {
                attempts_max: self.retry_attempts.unwrap_or(RETRY_ATTEMPTS_DEFAULT).saturating_add(1),
                age_max: Duration::from_secs(age_seconds.into()),
                backoff: Backoff::Doubling { min: RETRY_WAIT_MIN, max: RETRY_WAIT_MAX },
            },
            dead_letter,
            ordering: self.message_group_id.clone(),
        }
    }

    /// What the target gets.
    pub(crate) fn payload(&self, event: &Event, sender: Sender<'_>) -> String {
        match &self.input {
            TargetInput::Event => event.document.clone(),
            TargetInput::Constant(text) => text.clone(),
            TargetInput::Path(path) => {
                let found = JsonPath::parse(path).and_then(|path| path.find(&event.document));
                found.unwrap_or_else(|| "null".into())
            }
            TargetInput::Template { paths, template } => {
                let surroundings = Surroundings {
                    event: &event.document,
                    rule_arn: sender.rule_arn,
                    rule_name: sender.rule_name,
                    ingestion_time: &to_seconds(event.ingested_ms),
                };
                fill(template, paths, &surroundings)
            }
        }
    }

    /// Of streams: what is at the path, or the event's id ("KinesisParameters").
    fn partition_key(&self, event: &Event) -> Option<String> {
        if !self.arn.contains(":kinesis:") {
            return None;
        }
        let path = self.partition_key_path.as_deref().and_then(JsonPath::parse);
        let found = path.and_then(|path| path.find(&event.document)).map(|value| plain(&value));
        Some(found.filter(|key| !key.is_empty()).unwrap_or_else(|| event.id.clone()))
    }
}

/// A string's text, and of other values their JSON.
fn plain(value: &str) -> String {
    let text = serde_json::from_str::<&RawValue>(value).ok().and_then(text_of).map(|text| text.into_owned());
    text.unwrap_or_else(|| value.to_string())
}
