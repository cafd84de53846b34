//! Where records go that a mapping gives up on: objects in the form of Lambda's S3
//! on-failure destination.

use anabranch_ports::NewObject;
use anabranch_protocol::Clipped;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Context;
use super::event::{self, EventRecord};
use crate::asynchronous::json_or_text;
use crate::function::LATEST_VERSION;
use crate::invoke::InvokeOutcome;
use crate::time::{iso_ms, key_time};

/// Why records are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
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
pub(crate) struct Discarded<'a> {
    pub(crate) records: &'a [EventRecord],
    pub(crate) condition: Condition,
    pub(crate) invocations: u32,
    /// The last invocation they were in, if there was one.
    pub(crate) outcome: Option<&'a InvokeOutcome>,
}

/// Writes `discarded` to the mapping's destination and returns once that is durable. A
/// destination that can't be written is tried again until the mapping is stopped, since
/// going on would lose the records: then this returns false.
pub(crate) async fn write(context: &Context, shard_id: &str, discarded: &Discarded<'_>) -> bool {
    let Some(bucket) = context.settings.failure_bucket() else {
        tracing::error!(mapping = %context.uuid, shard_id, batch = %info(context, shard_id, discarded.records),
            condition = discarded.condition.name(), error = %Clipped(error_of(discarded)),
            "records are given up; the mapping has no on-failure destination");
        return true;
    };
    let (key, body) = (key(context, shard_id, discarded), body(context, shard_id, discarded).to_string());
    let body = bytes::Bytes::from(body);
    let mut failures = 0;
    loop {
        match context.objects.put_object(bucket, &key, NewObject::new(body.clone(), "application/json")).await {
            Ok(()) => {
                context.stat.setbacks.succeeded(shard_id);
                tracing::warn!(mapping = %context.uuid, shard_id, records = discarded.records.len(),
                    error = %Clipped(error_of(discarded)), "records were given up: s3://{bucket}/{key}");
                return true;
            }
            Err(error) => {
                failures += 1;
                context.stuck(shard_id, format!("cannot write to the on-failure destination {bucket}: {error}"));
                tracing::error!(mapping = %context.uuid, bucket, %error, "cannot write to the on-failure destination");
                if context.stopped_during(context.backoff.after(failures)).await {
                    return false;
                }
            }
        }
    }
}

/// The last part of the name follows from the records, so that the same ones given up
/// again after a crash can be told.
fn key(context: &Context, shard_id: &str, discarded: &Discarded<'_>) -> String {
    let bound = |record: Option<&EventRecord>| record.map(|record| record.sequence_number.clone()).unwrap_or_default();
    let (first, last) = (bound(discarded.records.first()), bound(discarded.records.last()));
    let name = format!("{}/{shard_id}/{first}/{last}", context.uuid);
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    format!("aws/lambda/{}/{shard_id}/{}-{id}", context.uuid, key_time(context.clock.now_ms()))
}

fn body(context: &Context, shard_id: &str, discarded: &Discarded<'_>) -> Value {
    let request_id = discarded.outcome.map_or_else(|| Uuid::new_v4().to_string(), |outcome| outcome.request_id.clone());
    let mut body = json!({
        "requestContext": {
            "requestId": request_id,
            "functionArn": context.function_arn,
            "condition": discarded.condition.name(),
            "approximateInvokeCount": discarded.invocations,
        },
        "version": "1.0",
        "timestamp": iso_ms(context.clock.now_ms()),
        "KinesisBatchInfo": info(context, shard_id, discarded.records),
        "payload": String::from_utf8_lossy(&event::payload(discarded.records)),
    });
    if let Some(outcome) = discarded.outcome {
        body["responseContext"] = json!({
            "statusCode": 200,
            "executedVersion": LATEST_VERSION,
            "functionError": outcome.function_error,
        });
        // As in the records of asynchronous invocations: without it nobody sees the reason.
        body["responsePayload"] = json_or_text(&outcome.payload);
    }
    body
}

fn info(context: &Context, shard_id: &str, records: &[EventRecord]) -> Value {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Value::Null };
    json!({
        "shardId": shard_id,
        "startSequenceNumber": first.sequence_number,
        "endSequenceNumber": last.sequence_number,
        "approximateArrivalOfFirstRecord": iso_ms(first.arrival_ms),
        "approximateArrivalOfLastRecord": iso_ms(last.arrival_ms),
        "batchSize": records.len(),
        "streamArn": context.stream_arn,
    })
}

fn error_of(discarded: &Discarded<'_>) -> String {
    discarded.outcome.map_or_else(String::new, |outcome| String::from_utf8_lossy(&outcome.payload).into_owned())
}
