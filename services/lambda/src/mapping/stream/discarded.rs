//! Records that a mapping of a stream gives up, as its destination is told of them.

use anabranch_protocol::Clipped;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::destinations::Message;
use crate::function_id::LATEST_VERSION;
use crate::invoke::InvokeOutcome;
use crate::mapping::context::Context;
use crate::mapping::payload::{self, EventRecord};
use crate::mapping::sources::Delivery;
use crate::time::{iso_instant, iso_ms, key_time};

/// Why records are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Self::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Self::RecordAgeExceeded => "RecordAgeExceeded",
        }
    }
}

/// Records that are given up.
pub(super) struct Discarded<'a> {
    pub(super) records: &'a [EventRecord],
    pub(super) condition: Condition,
    pub(super) invocations: u32,
    /// The last invocation they were in, if there was one.
    pub(super) outcome: Option<&'a InvokeOutcome>,
}

impl Discarded<'_> {
    /// Sends the records to the mapping's destination and returns once that is durable. What can't
    /// be sent is tried again until the mapping is stopped, since going on would lose the records:
    /// then this returns false.
    pub(super) async fn send(&self, context: &Context, shard_id: &str) -> bool {
        let error = self.error();
        let Some(destination) = &context.stream_settings().on_failure else {
            tracing::error!(mapping = %context.uuid, shard_id, batch = %self.batch_info(context, shard_id),
                condition = self.condition.name(), error = %Clipped(&error),
                "records are given up; the mapping has no on-failure destination");
            return true;
        };
        let message = self.message(context, shard_id);
        let mut failures = 0;
        loop {
            match destination.send(&message, &context.destinations).await {
                Ok(()) => {
                    context.stat.failing.succeeded(shard_id);
                    tracing::warn!(mapping = %context.uuid, shard_id, records = self.records.len(), key = message.key,
                        error = %Clipped(&error), "records were given up to {destination}");
                    return true;
                }
                Err(error) => {
                    failures += 1;
                    context
                        .stuck(shard_id, format!("cannot write to the on-failure destination {destination}: {error}"));
                    tracing::error!(mapping = %context.uuid, %destination, %error,
                        "cannot write to the on-failure destination");
                    if context.stopped_during(context.backoff.after(failures)).await {
                        return false;
                    }
                }
            }
        }
    }

    fn message(&self, context: &Context, shard_id: &str) -> Message {
        let payload = payload::payload(self.records.iter(), "");
        Message {
            key: self.key(context, shard_id),
            body: self.body(context, shard_id),
            payload: Some(String::from_utf8_lossy(&payload).into_owned()),
        }
    }

    /// The last part of the name follows from the records, so that the same ones given up again
    /// after a crash can be told.
    fn key(&self, context: &Context, shard_id: &str) -> String {
        let bound = |record: Option<&EventRecord>| record.map(|record| record.identifier.clone()).unwrap_or_default();
        let (first, last) = (bound(self.records.first()), bound(self.records.last()));
        let name = format!("{}/{shard_id}/{first}/{last}", context.uuid);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        format!("aws/lambda/{}/{shard_id}/{}-{id}", context.uuid, key_time(context.clock.now_ms()))
    }

    /// The record in AWS's form: what it says of an invocation only if its retries are used up, and of
    /// records too old always that they were in one.
    fn body(&self, context: &Context, shard_id: &str) -> Value {
        let new_id = || Uuid::new_v4().to_string();
        let invocations = match self.condition {
            Condition::RetryAttemptsExhausted => self.invocations,
            Condition::RecordAgeExceeded => 1,
        };
        let mut body = json!({
            "requestContext": {
                "requestId": self.outcome.map_or_else(new_id, |outcome| outcome.request_id.clone()),
                "functionArn": context.function.arn(),
                "condition": self.condition.name(),
                "approximateInvokeCount": invocations,
            },
            "version": "1.0",
            "timestamp": iso_ms(context.clock.now_ms()),
        });
        if let Delivery::Stream { batch_info, .. } = context.source.rules().delivery {
            body[batch_info] = self.batch_info(context, shard_id);
        }
        if let Some(outcome) = self.outcome {
            body["responseContext"] = json!({
                "statusCode": 200,
                "executedVersion": LATEST_VERSION,
                "functionError": outcome.function_error,
            });
        }
        body
    }

    fn batch_info(&self, context: &Context, shard_id: &str) -> Value {
        let (Some(first), Some(last)) = (self.records.first(), self.records.last()) else { return Value::Null };
        json!({
            "shardId": shard_id,
            "startSequenceNumber": &*first.identifier,
            "endSequenceNumber": &*last.identifier,
            "approximateArrivalOfFirstRecord": iso_instant(first.arrival_ms),
            "approximateArrivalOfLastRecord": iso_instant(last.arrival_ms),
            "batchSize": self.records.len(),
            "streamArn": context.source_arn.to_string(),
        })
    }

    fn error(&self) -> String {
        self.outcome.map_or_else(String::new, |outcome| String::from_utf8_lossy(&outcome.payload).into_owned())
    }
}
