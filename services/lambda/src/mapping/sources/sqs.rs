//! SQS queues as event sources.

use std::sync::Arc;
use std::time::Duration;

use anabranch_pattern::{Body, SourceFilter};
use anabranch_ports::{AttributeValue, MessageAttribute, PortError, QueueHandle, QueueMessage, QueueSource};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use base64_simd::STANDARD;
use serde_json::{Map, Value, json};

use super::source::{Delivery, EventSource, Message, QueueReader, Reader, Rules, SourceRecord};

/// Messages of a batch, and without a window of any queue.
const BATCH_SIZE_WITHOUT_WINDOW_MAX: u32 = 10;
/// How the names of FIFO queues end.
const FIFO: &str = ".fifo";

static RULES: Rules = Rules {
    service: "sqs",
    title: "SQS queue",
    short_title: "SQS",
    not_found: "Queue not found",
    batch_size_default: 10,
    batch_size_max: 10_000,
    filter_body: "body",
    filter_body_form: Body::JsonOrText,
    delivery: Delivery::Queue,
};

/// The queues of SQS.
pub struct Sqs {
    queues: Arc<dyn QueueSource>,
}

impl Sqs {
    /// Reads `queues`.
    pub fn new(queues: Arc<dyn QueueSource>) -> Arc<Self> {
        Arc::new(Self { queues })
    }
}

#[async_trait]
impl EventSource for Sqs {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn check(&self, arn: &Arn) -> Result<(), String> {
        match arn.resource.is_empty() || arn.resource.contains([':', '/']) {
            true => Err("it is not the ARN of a queue.".into()),
            false => Ok(()),
        }
    }

    fn check_batch(&self, arn: &Arn, batch_size: u32, window_seconds: u32) -> Result<(), String> {
        if arn.resource.ends_with(FIFO) {
            if window_seconds > 0 {
                return Err("Batching window is not supported for FIFO queues".into());
            }
            if batch_size > BATCH_SIZE_WITHOUT_WINDOW_MAX {
                return Err(format!(
                    "BatchSize {batch_size} is not supported for FIFO queues, of which a batch has at most \
                     {BATCH_SIZE_WITHOUT_WINDOW_MAX} messages"
                ));
            }
        }
        if batch_size > BATCH_SIZE_WITHOUT_WINDOW_MAX && window_seconds == 0 {
            return Err(format!(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than \
                 {BATCH_SIZE_WITHOUT_WINDOW_MAX}"
            ));
        }
        Ok(())
    }

    async fn open(&self, arn: &Arn) -> Result<Reader, PortError> {
        let text = arn.to_string();
        let queue = self.queues.open_queue(&text).await?;
        let region = arn.region.as_ref().map(ToString::to_string).unwrap_or_default();
        Ok(Reader::Queue(Arc::new(Queue { queue, origin: Arc::new(Origin { arn: text, region }) })))
    }
}

struct Queue {
    queue: Arc<dyn QueueHandle>,
    origin: Arc<Origin>,
}

struct Origin {
    arn: String,
    region: String,
}

#[async_trait]
impl QueueReader for Queue {
    async fn receive(&self, messages_max: usize) -> Result<Vec<Message>, PortError> {
        let received = self.queue.receive(messages_max).await?;
        let message = |message: QueueMessage| Message {
            receipt: message.receipt_handle.clone(),
            record: Box::new(Record { message, origin: self.origin.clone() }),
        };
        Ok(received.into_iter().map(message).collect())
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), PortError> {
        self.queue.delete(receipts).await
    }

    async fn release(&self, receipts: &[String]) -> Result<(), PortError> {
        self.queue.change_visibility(receipts, 0).await
    }

    fn visibility_timeout(&self) -> Duration {
        Duration::from_secs(self.queue.visibility_timeout_seconds())
    }

    fn is_fifo(&self) -> bool {
        self.queue.is_fifo()
    }
}

struct Record {
    message: QueueMessage,
    origin: Arc<Origin>,
}

impl SourceRecord for Record {
    fn identifier(&self) -> &str {
        &self.message.message_id
    }

    fn arrival_ms(&self) -> u64 {
        self.attribute("SentTimestamp").and_then(|ms| ms.parse().ok()).unwrap_or_default()
    }

    fn ordering_key(&self) -> Option<&str> {
        self.attribute("MessageGroupId")
    }

    fn passes(&self, filter: &SourceFilter) -> bool {
        filter.matches(self.message.body.as_bytes(), || self.fields())
    }

    fn write_event(&self, buffer: &mut Vec<u8>) {
        let mut event = self.fields();
        event["body"] = self.message.body.as_str().into();
        buffer.extend_from_slice(event.to_string().as_bytes());
    }
}

impl Record {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.message.attributes.iter().find(|(named, _)| named == name).map(|(_, value)| value.as_str())
    }

    /// All but the body.
    fn fields(&self) -> Value {
        let QueueMessage { message_id, receipt_handle, md5_of_body, attributes, message_attributes, .. } =
            &self.message;
        let attributes: Map<String, Value> =
            attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let message_attributes: Map<String, Value> =
            message_attributes.iter().map(|(name, attribute)| (name.clone(), attribute_value(attribute))).collect();
        json!({
            "messageId": message_id,
            "receiptHandle": receipt_handle,
            "attributes": attributes,
            "messageAttributes": message_attributes,
            "md5OfBody": md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": self.origin.arn,
            "awsRegion": self.origin.region,
        })
    }
}

/// The lists are reserved by SQS and always empty.
fn attribute_value(attribute: &MessageAttribute) -> Value {
    let (member, value) = match &attribute.value {
        AttributeValue::Text(text) => ("stringValue", text.clone()),
        AttributeValue::Binary(bytes) => ("binaryValue", STANDARD.encode_to_string(bytes)),
    };
    json!({ member: value, "stringListValues": [], "binaryListValues": [], "dataType": attribute.data_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-2:123456789012:my-queue";

    fn record(body: &str) -> Record {
        let attribute = |data_type: &str, value| MessageAttribute { data_type: data_type.into(), value };
        Record {
            message: QueueMessage {
                message_id: "059f36b4-87a3-44ab-83d2-661975830a7d".into(),
                receipt_handle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a".into(),
                body: body.into(),
                md5_of_body: "098f6bcd4621d373cade4e832627b4f6".into(),
                attributes: [
                    ("ApproximateReceiveCount", "1"),
                    ("SentTimestamp", "1545082649183"),
                    ("SenderId", "AIDA"),
                ]
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .into(),
                message_attributes: vec![
                    ("count".into(), attribute("Number.int", AttributeValue::Text("7".into()))),
                    ("raw".into(), attribute("Binary", AttributeValue::Binary(b"\0\xff".to_vec()))),
                ],
            },
            origin: Arc::new(Origin { arn: ARN.into(), region: "us-east-2".into() }),
        }
    }

    #[test]
    fn the_event_is_what_aws_documents() {
        let mut event = Vec::new();
        record("Test message.").write_event(&mut event);
        let expected = json!({
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": "Test message.",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDA"
            },
            "messageAttributes": {
                "count": {
                    "stringValue": "7", "stringListValues": [], "binaryListValues": [], "dataType": "Number.int"
                },
                "raw": {
                    "binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"
                }
            },
            "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN,
            "awsRegion": "us-east-2"
        });
        assert_eq!(serde_json::from_slice::<Value>(&event).unwrap(), expected);
        assert_eq!(record("").arrival_ms(), 1_545_082_649_183);
    }

    #[test]
    fn filters_see_the_body_as_text_or_as_json() {
        let passes = |pattern: &str, body: &str| {
            let filter = SourceFilter::compile([pattern], RULES.filter_body, RULES.filter_body_form).unwrap();
            record(body).passes(&filter)
        };
        assert!(passes(r#"{"body": {"kind": ["order"]}}"#, r#"{"kind": "order"}"#));
        assert!(!passes(r#"{"body": {"kind": ["order"]}}"#, "order"));
        assert!(passes(r#"{"body": ["order"]}"#, "order"));
        assert!(passes(r#"{"messageAttributes": {"count": {"stringValue": ["7"]}}}"#, "order"));
    }

    #[test]
    fn batches_are_as_large_as_the_window_and_the_queue_allow() {
        struct None;
        #[async_trait]
        impl QueueSource for None {
            async fn open_queue(&self, arn: &str) -> Result<Arc<dyn QueueHandle>, PortError> {
                Err(PortError::new(anabranch_ports::PortErrorKind::NotFound, "", arn))
            }
        }
        let sqs = Sqs::new(Arc::new(None));
        let (standard, fifo): (Arn, Arn) = (ARN.parse().unwrap(), format!("{ARN}.fifo").parse().unwrap());
        let check = |arn: &Arn, size, window| sqs.check_batch(arn, size, window);
        check(&standard, 10, 0).unwrap();
        check(&standard, 10_000, 1).unwrap();
        assert_eq!(
            check(&standard, 11, 0).unwrap_err(),
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        );
        check(&fifo, 10, 0).unwrap();
        assert_eq!(check(&fifo, 10, 1).unwrap_err(), "Batching window is not supported for FIFO queues");
        check(&fifo, 11, 0).unwrap_err();
        sqs.check(&standard).unwrap();
        sqs.check(&"arn:aws:sqs:us-east-1:123456789012:a/b".parse().unwrap()).unwrap_err();
    }
}
