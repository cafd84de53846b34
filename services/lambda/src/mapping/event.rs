//! The event a function gets from a Kinesis mapping.

use base64_simd::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::invoke::PAYLOAD_BYTES_MAX;
use anabranch_ports::StreamRecord;

const PREFIX: &str = r#"{"Records":["#;
const SUFFIX: &str = "]}";

/// A record in the form in which the function gets it.
#[derive(Debug, Clone)]
pub(crate) struct EventRecord {
    pub(crate) sequence_number: String,
    pub(crate) arrival_ms: u64,
    json: String,
}

impl EventRecord {
    pub(crate) fn new(stream_arn: &str, shard_id: &str, record: &StreamRecord) -> Self {
        let mut event = source_fields(stream_arn, shard_id, record);
        let mut kinesis = kinesis_fields(record);
        kinesis["data"] = STANDARD.encode_to_string(&record.data).into();
        event["kinesis"] = kinesis;
        let (sequence_number, arrival_ms) = (record.sequence_number.clone(), record.approximate_arrival_ms);
        Self { sequence_number, arrival_ms, json: event.to_string() }
    }

    /// Bytes it takes in a payload, its comma included.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.json.len() + 1
    }

    /// Whether it can't be given to a function even alone.
    pub(crate) fn is_too_large(&self) -> bool {
        PREFIX.len() + self.payload_bytes() + SUFFIX.len() > PAYLOAD_BYTES_MAX
    }
}

/// What filters see of a record beside its data: its fields and those of its source, side by side.
pub(crate) fn metadata(stream_arn: &str, shard_id: &str, record: &StreamRecord) -> Value {
    let mut metadata = source_fields(stream_arn, shard_id, record);
    if let (Value::Object(metadata), Value::Object(kinesis)) = (&mut metadata, kinesis_fields(record)) {
        metadata.extend(kinesis);
    }
    metadata
}

fn source_fields(stream_arn: &str, shard_id: &str, record: &StreamRecord) -> Value {
    let mut arn = stream_arn.split(':').skip(3);
    let region = arn.next().unwrap_or_default();
    let account_id = arn.next().unwrap_or_default();
    json!({
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("{shard_id}:{}", record.sequence_number),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": format!("arn:aws:iam::{account_id}:role/lambda-role"),
        "awsRegion": region,
        "eventSourceARN": stream_arn,
    })
}

/// All but the data.
fn kinesis_fields(record: &StreamRecord) -> Value {
    json!({
        "kinesisSchemaVersion": "1.0",
        "partitionKey": record.partition_key,
        "sequenceNumber": record.sequence_number,
        "approximateArrivalTimestamp": record.approximate_arrival_ms as f64 / 1000.0,
    })
}

/// The payload of an invocation with `records`.
pub(crate) fn payload(records: &[EventRecord]) -> Bytes {
    let bytes: usize = records.iter().map(EventRecord::payload_bytes).sum();
    let mut text = String::with_capacity(PREFIX.len() + bytes + SUFFIX.len());
    text += PREFIX;
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text += &record.json;
    }
    text += SUFFIX;
    text.into()
}

/// How many of `records` fit one payload; at least one.
pub(crate) fn fitting<'a>(records: impl Iterator<Item = &'a EventRecord>) -> usize {
    let mut bytes = PREFIX.len() + SUFFIX.len();
    let fits = |record: &&EventRecord| {
        bytes += record.payload_bytes();
        bytes <= PAYLOAD_BYTES_MAX
    };
    records.take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> EventRecord {
        let record = StreamRecord {
            sequence_number: "49590338271490256608559692538361571095921575989136588898".into(),
            partition_key: "1".into(),
            data: vec![b'x'; bytes].into(),
            approximate_arrival_ms: 1_545_084_650_987,
        };
        EventRecord::new("arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream", "shardId-000000000006", &record)
    }

    #[test]
    fn the_event_is_what_aws_documents() {
        let event: Value = serde_json::from_slice(&payload(&[record(5)])).unwrap();
        let expected = json!({"Records": [{
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "1",
                "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
                "data": "eHh4eHg=",
                "approximateArrivalTimestamp": 1545084650.987
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
            "awsRegion": "us-east-2",
            "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"
        }]});
        assert_eq!(event, expected);
    }

    #[test]
    fn payloads_stay_within_six_megabytes() {
        let records = vec![record(1 << 20); 6];
        let count = fitting(records.iter());
        assert_eq!(count, 4);
        assert!(payload(&records[..count]).len() <= PAYLOAD_BYTES_MAX);
        assert!(payload(&records[..count + 1]).len() > PAYLOAD_BYTES_MAX);
        assert!(!record(4 << 20).is_too_large());
        assert!(record(5 << 20).is_too_large());
    }
}
