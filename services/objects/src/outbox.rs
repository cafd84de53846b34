//! Notifications on their way: which deliveries an event makes, and how they are tried.

use std::time::Duration;

use anabranch_control::{Changes, ControlError, ControlStore};
use anabranch_delivery::{AcceptError, Backoff, NewDelivery, Outbox, OutboxLimits, RetryPolicy};
use anabranch_ports::Delivery;
use anabranch_protocol::{Account, Arn, Region};
use s3s::{S3Error, s3_error};
use serde_json::Value;

use crate::error::index_failure;
use crate::index::{Entry, OUTBOX};
use crate::notification::{Happened, Notifications, bus_event, message, test_event};

/// Limits of the notifications that wait.
pub(crate) const LIMITS: OutboxLimits =
    OutboxLimits { pending_max: 1_000_000, under_way_max: 256, under_way_of_target_max: 16 };
/// Wait after the first failed delivery of a notification; it doubles with each.
const RETRY_MIN: Duration = Duration::from_millis(200);
/// Longest wait between two attempts to deliver a notification.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Notifications of earlier versions that are taken over in one commit.
const TAKEN_OVER_MAX: usize = 64;

/// A notification is tried until its target takes it, or says that it never will.
const POLICY: RetryPolicy = RetryPolicy {
    attempts_max: u32::MAX,
    age_max: Duration::MAX,
    backoff: Backoff::Doubling { min: RETRY_MIN, max: RETRY_MAX },
};
/// The subject of what topics get.
const SUBJECT: &str = "Amazon S3 Notification";

/// The deliveries that tell of what happened. Those of one object are in order.
pub(crate) fn deliveries(notifications: &Notifications, happened: &Happened<'_>) -> Vec<NewDelivery> {
    let ordering = format!("{}/{}", happened.bucket, happened.key);
    let rules = notifications.matching(happened.event, happened.key);
    let mut all: Vec<NewDelivery> =
        rules.map(|rule| delivery(&rule.target_arn, &message(rule, happened), happened.bucket, &ordering)).collect();
    if notifications.event_bridge {
        let region: Region = happened.region.parse().unwrap_or_default();
        // Buckets belong to no account here.
        let bus = Arn::new("events", &region, Account::DEFAULT, "event-bus/default").to_string();
        all.push(delivery(&bus, &bus_event(happened, Account::DEFAULT), happened.bucket, &ordering));
    }
    all
}

/// What queues and topics get when they are configured.
pub(crate) fn test_deliveries(
    notifications: &Notifications,
    bucket: &str,
    at_ms: u64,
    sequence: u64,
) -> Vec<NewDelivery> {
    let are_told = |arn: &&str| service_of(arn).is_some_and(|service| service == "sqs" || service == "sns");
    let targets = notifications.rules.iter().map(|rule| rule.target_arn.as_str()).filter(are_told);
    targets.map(|arn| delivery(arn, &test_event(bucket, at_ms, sequence), bucket, bucket)).collect()
}

/// The service in an ARN.
pub(crate) fn service_of(arn: &str) -> Option<String> {
    arn.parse::<Arn>().ok().map(|arn| arn.service.into())
}

fn delivery(target_arn: &str, event: &Value, bucket: &str, ordering: &str) -> NewDelivery {
    NewDelivery {
        target: target_arn.into(),
        delivery: Delivery {
            payload: event.to_string().into(),
            subject: service_of(target_arn).filter(|service| service == "sns").map(|_| SUBJECT.into()),
            source_arn: Some(Arn::bucket(bucket).to_string()),
            ..Delivery::default()
        },
        policy: POLICY,
        dead_letter: None,
        ordering: Some(ordering.into()),
    }
}

/// Why a change can't be told of, and so is not made.
pub(crate) fn not_told(error: AcceptError) -> S3Error {
    match error {
        AcceptError::Full { .. } => s3_error!(SlowDown, "Please reduce your request rate: {error}"),
        AcceptError::Store(error) => index_failure(error),
    }
}

/// Takes over the notifications that earlier versions left.
pub(crate) fn take_over(index: &ControlStore, outbox: &Outbox) -> Result<(), ControlError> {
    loop {
        let entries = index.scan_from::<Entry>(OUTBOX, "", "", TAKEN_OVER_MAX)?;
        if entries.is_empty() {
            return Ok(());
        }
        let mut changes = Changes::default();
        entries.iter().for_each(|(key, _)| changes.delete(OUTBOX, key));
        let taken = entries.iter().map(|(_, entry)| {
            let bucket = entry.event.pointer("/Records/0/s3/bucket/name").and_then(Value::as_str).unwrap_or_default();
            delivery(&entry.target_arn, &entry.event, bucket, bucket)
        });
        match outbox.prepare(taken.collect(), &mut changes) {
            Ok(prepared) => {
                index.commit(changes)?;
                prepared.accept();
            }
            Err(AcceptError::Store(error)) => return Err(error),
            Err(error @ AcceptError::Full { .. }) => {
                tracing::warn!(%error, "notifications of an earlier version wait for the next start");
                return Ok(());
            }
        }
    }
}
