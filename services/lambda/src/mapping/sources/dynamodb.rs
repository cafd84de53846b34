//! Streams of DynamoDB tables as event sources.

use std::sync::Arc;

use anabranch_pattern::{Body, SourceFilter};
use anabranch_ports::{PortError, StreamRecord, StreamSource};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use serde_json::Value;

use super::port_stream::PortStream;
use super::source::{Delivery, EventSource, Reader, Rules, SourceRecord, StartingPosition};
use super::write::json_string;

static RULES: Rules = Rules {
    service: "dynamodb",
    title: "DynamoDB stream",
    short_title: "DynamoDB",
    not_found: "Stream not found",
    batch_size_default: 100,
    batch_size_max: 10_000,
    filter_body: "dynamodb",
    filter_body_form: Body::Json,
    delivery: Delivery::Stream {
        starting_positions: &[StartingPosition::Latest, StartingPosition::TrimHorizon],
        batch_info: "DDBStreamBatchInfo",
    },
};

/// The streams of DynamoDB's tables.
pub struct DynamoDb {
    streams: Arc<dyn StreamSource>,
}

impl DynamoDb {
    /// Reads `streams`, whose records are JSON as GetRecords of DynamoDB Streams has it.
    pub fn new(streams: Arc<dyn StreamSource>) -> Arc<Self> {
        Arc::new(Self { streams })
    }
}

#[async_trait]
impl EventSource for DynamoDb {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn check(&self, arn: &Arn) -> Result<(), String> {
        match arn.resource_after("table/").and_then(|rest| rest.split_once("/stream/")) {
            Some((table, label)) if !table.is_empty() && !label.is_empty() => Ok(()),
            _ => Err("it is not the ARN of a table's stream.".into()),
        }
    }

    async fn open(&self, arn: &Arn) -> Result<Reader, PortError> {
        let arn: Arc<str> = arn.to_string().into();
        let stream = self.streams.open_stream(&arn).await?;
        let record =
            move |_: &Arc<str>, record| -> Box<dyn SourceRecord> { Box::new(Record { record, arn: arn.clone() }) };
        Ok(Reader::Stream(Arc::new(PortStream { stream, record })))
    }
}

struct Record {
    record: StreamRecord,
    arn: Arc<str>,
}

impl SourceRecord for Record {
    fn identifier(&self) -> &str {
        &self.record.sequence_number
    }

    fn arrival_ms(&self) -> u64 {
        self.record.approximate_arrival_ms
    }

    fn ordering_key(&self) -> Option<&str> {
        Some(&self.record.partition_key)
    }

    /// Filters see what changed under `dynamodb`, and the rest beside it.
    fn passes(&self, filter: &SourceFilter) -> bool {
        let Ok(Value::Object(mut record)) = serde_json::from_slice(&self.record.data) else { return false };
        let body = record.remove(RULES.filter_body).unwrap_or_default().to_string();
        filter.matches(body.as_bytes(), || {
            record.insert("eventSourceARN".into(), (*self.arn).into());
            Value::Object(record)
        })
    }

    fn write_event(&self, buffer: &mut Vec<u8>) {
        let object = self.record.data.trim_ascii_end();
        buffer.extend_from_slice(object.strip_suffix(b"}").unwrap_or(object));
        buffer.extend_from_slice(br#","eventSourceARN":"#);
        json_string(buffer, &self.arn);
        buffer.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ARN: &str = "arn:aws:dynamodb:us-east-2:123456789012:table/my-table/stream/2024-06-10T19:26:16.525";

    fn record() -> Record {
        let data = json!({
            "eventID": "1",
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-2",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_428_537_600.0,
                "Keys": { "Id": { "N": "101" } },
                "NewImage": { "Message": { "S": "New item!" }, "Id": { "N": "101" } },
                "SequenceNumber": "111",
                "SizeBytes": 26,
                "StreamViewType": "NEW_AND_OLD_IMAGES"
            }
        });
        let record = StreamRecord {
            sequence_number: "111".into(),
            partition_key: r#"{"Id":{"N":"101"}}"#.into(),
            data: data.to_string().into(),
            approximate_arrival_ms: 1_428_537_600_000,
        };
        Record { record, arn: ARN.into() }
    }

    #[test]
    fn the_event_is_the_record_and_where_it_comes_from() {
        let mut event = Vec::new();
        record().write_event(&mut event);
        let mut expected: Value = serde_json::from_slice(&record().record.data).unwrap();
        expected["eventSourceARN"] = ARN.into();
        assert_eq!(serde_json::from_slice::<Value>(&event).unwrap(), expected);
    }

    #[test]
    fn filters_see_the_change_and_what_is_beside_it() {
        let passes = |pattern: &str| {
            record().passes(&SourceFilter::compile([pattern], RULES.filter_body, RULES.filter_body_form).unwrap())
        };
        assert!(passes(r#"{"eventName": ["INSERT"]}"#));
        assert!(!passes(r#"{"eventName": ["REMOVE"]}"#));
        assert!(passes(
            r#"{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"Message": {"S": [{"prefix": "New"}]}}}}"#
        ));
        assert!(!passes(r#"{"dynamodb": {"Keys": {"Id": {"N": ["102"]}}}}"#));
        assert!(passes(r#"{"dynamodb": {"OldImage": {"Message": {"S": [{"exists": false}]}}}}"#));
    }
}
