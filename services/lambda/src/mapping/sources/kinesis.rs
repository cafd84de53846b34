//! Kinesis streams as event sources.

use std::sync::Arc;

use anabranch_pattern::{Body, SourceFilter};
use anabranch_ports::{PortError, ShardCursor, ShardInfo, Start, StreamHandle, StreamRecord, StreamSource};
use anabranch_protocol::{Account, Arn};
use async_trait::async_trait;
use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::source::{Delivery, EventSource, Reader, Rules, SourceRecord, StartingPosition, StreamRead, StreamReader};

static RULES: Rules = Rules {
    service: "kinesis",
    title: "Kinesis stream",
    not_found: "Stream not found",
    batch_size_default: 100,
    batch_size_max: 10_000,
    filter_body: "data",
    filter_body_form: Body::Json,
    delivery: Delivery::Stream {
        starting_positions: &[StartingPosition::Latest, StartingPosition::AtTimestamp, StartingPosition::TrimHorizon],
        batch_info: "KinesisBatchInfo",
    },
};

/// The streams of Kinesis Data Streams.
pub struct Kinesis {
    streams: Arc<dyn StreamSource>,
}

impl Kinesis {
    /// Reads `streams`.
    pub fn new(streams: Arc<dyn StreamSource>) -> Arc<Self> {
        Arc::new(Self { streams })
    }
}

#[async_trait]
impl EventSource for Kinesis {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn check(&self, arn: &Arn) -> Result<(), String> {
        match arn.resource_after("stream/") {
            Some(stream) if stream.contains("/consumer/") => {
                Err("stream consumers are not supported; give the stream's ARN.".into())
            }
            Some(_) => Ok(()),
            None => Err("it is not the ARN of a stream.".into()),
        }
    }

    async fn open(&self, arn: &Arn) -> Result<Reader, PortError> {
        let stream = self.streams.open_stream(&arn.to_string()).await?;
        Ok(Reader::Stream(Arc::new(Stream { stream, origin: Arc::new(arn.clone()) })))
    }
}

struct Stream {
    stream: Arc<dyn StreamHandle>,
    /// The stream's ARN.
    origin: Arc<Arn>,
}

#[async_trait]
impl StreamReader for Stream {
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        self.stream.list_shards().await
    }

    async fn resolve_start(&self, shard_id: &str, start: Start) -> Result<ShardCursor, PortError> {
        self.stream.resolve_start(shard_id, start).await
    }

    async fn read(
        &self,
        shard_id: &str,
        cursor: &ShardCursor,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<StreamRead, PortError> {
        let read = self.stream.read_shard(shard_id, cursor, records_max, bytes_max).await?;
        let shard_id: Arc<str> = shard_id.into();
        let record = |record| -> Box<dyn SourceRecord> {
            Box::new(Record { record, shard_id: shard_id.clone(), origin: self.origin.clone() })
        };
        Ok(StreamRead {
            records: read.records.into_iter().map(record).collect(),
            next: read.next,
            at_tip: read.at_tip,
            closed_and_drained: read.closed_and_drained,
        })
    }

    async fn wait(&self, shard_id: &str, cursor: &ShardCursor) -> Result<(), PortError> {
        self.stream.wait_for_records(shard_id, cursor).await
    }
}

struct Record {
    record: StreamRecord,
    shard_id: Arc<str>,
    origin: Arc<Arn>,
}

impl SourceRecord for Record {
    fn identifier(&self) -> &str {
        &self.record.sequence_number
    }

    fn arrival_ms(&self) -> u64 {
        self.record.approximate_arrival_ms
    }

    /// Filters see the record's fields and those of its source, side by side.
    fn passes(&self, filter: &SourceFilter) -> bool {
        let metadata = || {
            let mut metadata = self.source_fields();
            if let (Value::Object(metadata), Value::Object(kinesis)) = (&mut metadata, self.kinesis_fields()) {
                metadata.extend(kinesis);
            }
            metadata
        };
        filter.matches(&self.record.data, metadata)
    }

    fn event(&self) -> String {
        let mut event = self.source_fields();
        let mut kinesis = self.kinesis_fields();
        kinesis["data"] = STANDARD.encode_to_string(&self.record.data).into();
        event["kinesis"] = kinesis;
        event.to_string()
    }
}

impl Record {
    fn source_fields(&self) -> Value {
        let region = self.origin.region.as_ref().map(|region| region.as_str());
        let account = self.origin.account.unwrap_or(Account::DEFAULT);
        json!({
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{}:{}", self.shard_id, self.record.sequence_number),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": Arn::global("iam", account, "role/lambda-role").to_string(),
            "awsRegion": region,
            "eventSourceARN": self.origin.to_string(),
        })
    }

    /// All but the data.
    fn kinesis_fields(&self) -> Value {
        json!({
            "kinesisSchemaVersion": "1.0",
            "partitionKey": self.record.partition_key,
            "sequenceNumber": self.record.sequence_number,
            "approximateArrivalTimestamp": self.record.approximate_arrival_ms as f64 / 1000.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_is_what_aws_documents() {
        let record = Record {
            record: StreamRecord {
                sequence_number: "49590338271490256608559692538361571095921575989136588898".into(),
                partition_key: "1".into(),
                data: "xxxxx".into(),
                approximate_arrival_ms: 1_545_084_650_987,
            },
            shard_id: "shardId-000000000006".into(),
            origin: Arc::new("arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream".parse().unwrap()),
        };
        let expected = json!({
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
        });
        assert_eq!(serde_json::from_str::<Value>(&record.event()).unwrap(), expected);
    }
}
