//! Targets of schedules, and what each gets.

use std::time::Duration;

use anabranch_delivery::{Backoff, DeadLetter, DeadLetterForm, NewDelivery, RetryPolicy};
use anabranch_ports::Delivery;
use anabranch_protocol::{Account, Region};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::limits::{EVENT_AGE_SECONDS_DEFAULT, RETRY_ATTEMPTS_DEFAULT, RETRY_WAIT_MAX, RETRY_WAIT_MIN};

/// The target of a schedule, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScheduleTarget {
    pub(crate) arn: String,
    pub(crate) role_arn: String,
    pub(crate) input: Option<String>,
    /// Of streams.
    pub(crate) partition_key: Option<String>,
    /// Of FIFO queues.
    pub(crate) message_group_id: Option<String>,
    /// Of event buses.
    pub(crate) event: Option<EventMembers>,
    /// Retries after the first attempt, if told.
    pub(crate) retry_attempts: Option<u32>,
    /// How long an invocation is tried, if told.
    pub(crate) event_age_seconds: Option<u32>,
    pub(crate) dead_letter_arn: Option<String>,
}

/// What an event on a bus says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventMembers {
    pub(crate) detail_type: String,
    pub(crate) source: String,
}

/// An invocation of a schedule's target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation<'a> {
    pub(crate) schedule_arn: &'a str,
    pub(crate) account: Account,
    pub(crate) region: &'a Region,
    /// When it was scheduled for, in milliseconds since the Unix epoch.
    pub(crate) due_ms: u64,
}

impl ScheduleTarget {
    /// Whether it is an event bus.
    pub(crate) fn is_bus(&self) -> bool {
        self.arn.contains(":event-bus/")
    }

    /// The delivery of an invocation.
    pub(crate) fn delivery(&self, invocation: &Invocation<'_>) -> NewDelivery {
        let execution_id = format!("{:016x}", fastrand::u64(..));
        let scheduled_time = to_seconds(invocation.due_ms);
        let input = match &self.input {
            Some(input) => filled(input, invocation.schedule_arn, &scheduled_time, &execution_id),
            None => default_input(invocation, &scheduled_time),
        };
        let payload = match &self.event {
            Some(event) if self.is_bus() => event_of(event, &input, invocation, &scheduled_time),
            _ => input,
        };
        let message = Delivery {
            partition_key: self.partition_key.clone(),
            message_group_id: self.message_group_id.clone(),
            source_arn: Some(invocation.schedule_arn.into()),
            ..Delivery::new(payload)
        };
        let dead_letter = self.dead_letter_arn.as_ref().map(|queue_arn| DeadLetter {
            queue_arn: queue_arn.clone(),
            describe: DeadLetterForm::Described(vec![
                ("SCHEDULE_ARN".into(), invocation.schedule_arn.into()),
                ("TARGET_ARN".into(), self.arn.clone()),
                ("EXECUTION_ID".into(), execution_id.clone()),
                ("SCHEDULED_TIME".into(), scheduled_time.clone()),
                ("IS_PAYLOAD_TRUNCATED".into(), "false".into()),
            ]),
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
}

/// An input with its context attributes filled in ("Adding context attributes"). What is sent is made
/// once, so the attempt's number is that of the first.
fn filled(input: &str, schedule_arn: &str, scheduled_time: &str, execution_id: &str) -> String {
    input
        .replace("<aws.scheduler.schedule-arn>", schedule_arn)
        .replace("<aws.scheduler.scheduled-time>", scheduled_time)
        .replace("<aws.scheduler.execution-id>", execution_id)
        .replace("<aws.scheduler.attempt-number>", "1")
}

/// What a target gets that has no input.
fn default_input(invocation: &Invocation<'_>, scheduled_time: &str) -> String {
    json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": invocation.account,
        "time": scheduled_time,
        "region": invocation.region,
        "resources": [invocation.schedule_arn],
        "detail": "{}",
    })
    .to_string()
}

/// The event that a bus gets: the input is its detail.
fn event_of(event: &EventMembers, input: &str, invocation: &Invocation<'_>, scheduled_time: &str) -> String {
    format!(
        r#"{{"detail-type":{},"source":{},"account":"{}","time":"{scheduled_time}","region":"{}","resources":[{}],"detail":{input}}}"#,
        Value::from(event.detail_type.as_str()),
        Value::from(event.source.as_str()),
        invocation.account,
        invocation.region,
        Value::from(invocation.schedule_arn),
    )
}

/// A moment in whole seconds: `2026-03-05T08:00:00Z`.
fn to_seconds(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}
