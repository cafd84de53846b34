//! Kinesis streams as event sources.

use std::sync::Arc;

use anabranch_pattern::{Body, SourceFilter};
use anabranch_ports::{PortError, StreamRecord, StreamSource};
use anabranch_protocol::{Account, Arn};
use async_trait::async_trait;
use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::port_stream::PortStream;
use super::source::{Delivery, EventSource, Reader, Rules, SourceRecord, StartingPosition};
use super::write::json_string;

static RULES: Rules = Rules {
    service: "kinesis",
    title: "Kinesis stream",
    short_title: "Kinesis",
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

    /// A stream, or a consumer of one (`…/consumer/<name>:<time of creation>`). Reading from inside is
    /// not counted, so both are read in the same way.
    fn check(&self, arn: &Arn) -> Result<(), String> {
        let refused = || "it is not the ARN of a stream or of a consumer of one.".to_string();
        let named = arn.resource_after("stream/").ok_or_else(refused)?;
        match named.split_once("/consumer/") {
            None if !named.contains('/') => Ok(()),
            Some((_, consumer)) => match consumer.split_once(':') {
                Some((name, created)) if !name.is_empty() && created.parse::<u64>().is_ok() => Ok(()),
                _ => Err(refused()),
            },
            None => Err(refused()),
        }
    }

    async fn open(&self, arn: &Arn) -> Result<Reader, PortError> {
        let stream = self.streams.open_stream(&arn.to_string()).await?;
        let origin = Arc::new(Origin::new(arn));
        let record = move |shard_id: &Arc<str>, record| -> Box<dyn SourceRecord> {
            Box::new(Record { record, shard_id: shard_id.clone(), origin: origin.clone() })
        };
        Ok(Reader::Stream(Arc::new(PortStream { stream, record })))
    }
}

/// What is the same in all records of a mapping, as it stands in events.
#[derive(Debug)]
struct Origin {
    invoke_identity_arn: String,
    region: String,
    /// As the mapping names it: the stream, or its consumer.
    arn: String,
    /// What follows the sequence number in an event, its id being last.
    tail: String,
}

impl Origin {
    fn new(arn: &Arn) -> Self {
        let account = arn.account.unwrap_or(Account::DEFAULT);
        let region = arn.region.as_ref().map(ToString::to_string).unwrap_or_default();
        let invoke_identity_arn = Arn::global("iam", account, "role/lambda-role").to_string();
        let arn = arn.to_string();
        let tail = format!(
            r#"","eventName":"aws:kinesis:record","invokeIdentityArn":"{invoke_identity_arn}","awsRegion":"{region}","eventSourceARN":"{arn}"}}"#
        );
        Self { invoke_identity_arn, region, arn, tail }
    }
}

struct Record {
    record: StreamRecord,
    shard_id: Arc<str>,
    origin: Arc<Origin>,
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

    /// Filters see the record's fields and those of its source, side by side.
    fn passes(&self, filter: &SourceFilter) -> bool {
        filter.matches(&self.record.data, || self.metadata())
    }

    /// Written piece by piece: a tree of values for each record would take most of a busy mapping's time.
    fn write_event(&self, buffer: &mut Vec<u8>) {
        let StreamRecord { sequence_number, partition_key, data, approximate_arrival_ms } = &self.record;
        buffer.reserve(EVENT_BYTES_USUAL + data.len() / 3 * 4);
        buffer.extend_from_slice(br#"{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"#);
        json_string(buffer, partition_key);
        buffer.extend_from_slice(br#","sequenceNumber":""#);
        buffer.extend_from_slice(sequence_number.as_bytes());
        buffer.extend_from_slice(br#"","data":""#);
        STANDARD.encode_append(data, buffer);
        let (seconds, ms) = (approximate_arrival_ms / 1000, approximate_arrival_ms % 1000);
        buffer.extend_from_slice(format!(r#"","approximateArrivalTimestamp":{seconds}.{ms:03}}}"#).as_bytes());
        buffer.extend_from_slice(br#","eventSource":"aws:kinesis","eventVersion":"1.0","eventID":""#);
        buffer.extend_from_slice(self.shard_id.as_bytes());
        buffer.push(b':');
        buffer.extend_from_slice(sequence_number.as_bytes());
        buffer.extend_from_slice(self.origin.tail.as_bytes());
    }
}

/// Bytes of an event without its data, usually.
const EVENT_BYTES_USUAL: usize = 640;

impl Record {
    /// All but the data.
    fn metadata(&self) -> Value {
        json!({
            "kinesisSchemaVersion": "1.0",
            "partitionKey": self.record.partition_key,
            "sequenceNumber": self.record.sequence_number,
            "approximateArrivalTimestamp": self.record.approximate_arrival_ms as f64 / 1000.0,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{}:{}", self.shard_id, self.record.sequence_number),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self.origin.invoke_identity_arn,
            "awsRegion": self.origin.region,
            "eventSourceARN": self.origin.arn,
        })
    }
}

#[cfg(test)]
mod tests {
    use anabranch_ports::StreamHandle;

    use super::*;

    const ARN: &str = "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream";

    #[test]
    fn the_event_is_what_aws_documents() {
        let record = Record {
            record: StreamRecord {
                sequence_number: "49590338271490256608559692538361571095921575989136588898".into(),
                partition_key: "a \"key\"\n".into(),
                data: "xxxxx".into(),
                approximate_arrival_ms: 1_545_084_650_087,
            },
            shard_id: "shardId-000000000006".into(),
            origin: Arc::new(Origin::new(&ARN.parse().unwrap())),
        };
        let expected = json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "a \"key\"\n",
                "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
                "data": "eHh4eHg=",
                "approximateArrivalTimestamp": 1545084650.087
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
            "awsRegion": "us-east-2",
            "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"
        });
        let mut event = b"before".to_vec();
        record.write_event(&mut event);
        assert_eq!(serde_json::from_slice::<Value>(&event[b"before".len()..]).unwrap(), expected);
        // The same fields, but for the data, are what filters see.
        let mut seen = expected["kinesis"].clone();
        seen.as_object_mut().unwrap().remove("data");
        for (name, value) in expected.as_object().unwrap().iter().filter(|(name, _)| *name != "kinesis") {
            seen[name] = value.clone();
        }
        assert_eq!(record.metadata(), seen);
    }

    #[test]
    fn streams_and_their_consumers_are_read_and_nothing_else() {
        struct None;
        #[async_trait]
        impl StreamSource for None {
            async fn open_stream(&self, arn: &str) -> Result<Arc<dyn StreamHandle>, PortError> {
                Err(PortError::new(anabranch_ports::PortErrorKind::NotFound, "", arn))
            }
        }
        let kinesis = Kinesis::new(Arc::new(None));
        let check = |resource: &str| {
            kinesis.check(&format!("arn:aws:kinesis:us-east-1:000000000000:{resource}").parse().unwrap())
        };
        check("stream/clicks").unwrap();
        check("stream/clicks/consumer/reader:1700000000").unwrap();
        for other in ["stream", "stream/clicks/consumer/reader", "stream/clicks/consumer/:1", "stream/a/b", "channel/c"]
        {
            check(other).unwrap_err();
        }
    }
}
