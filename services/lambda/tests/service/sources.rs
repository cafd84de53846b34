//! Sources that the server brings along: a mapping of one is like those of the crate's own.

use std::sync::Arc;

use anabranch_lambda::sources::{
    Delivery, EventSource, Kinesis, Reader, Rules, SourceRecord, Sqs, StartingPosition, StreamRead, StreamReader,
};
use anabranch_lambda::{EventSourceMappingRequest, LambdaConfig, Scope};
use anabranch_pattern::{Body, SourceFilter};
use anabranch_ports::{
    PortError, PortErrorKind, QueueHandle, QueueMessage, QueueSource, ShardCursor, ShardInfo, Start,
};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;

use crate::fixture::{EmptyStream, eventually, function, open_with};

/// A queue, and the messages that were done.
#[derive(Default)]
struct Queue {
    visible: Mutex<Vec<String>>,
    deleted: Mutex<Vec<String>>,
    changed: Notify,
}

struct Text(String);

impl SourceRecord for Text {
    fn identifier(&self) -> &str {
        &self.0
    }

    fn arrival_ms(&self) -> u64 {
        0
    }

    fn ordering_key(&self) -> Option<&str> {
        None
    }

    fn passes(&self, filter: &SourceFilter) -> bool {
        filter.matches(self.0.as_bytes(), || json!({}))
    }

    fn write_event(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(json!({"messageId": self.0, "body": self.0}).to_string().as_bytes());
    }
}

struct Queues(Arc<Queue>);

#[async_trait]
impl QueueSource for Queues {
    async fn open_queue(&self, arn: &str) -> Result<Arc<dyn QueueHandle>, PortError> {
        match arn.ends_with(":orders") {
            true => Ok(self.0.clone()),
            false => Err(PortError::new(PortErrorKind::NotFound, "AWS.SimpleQueueService.NonExistentQueue", arn)),
        }
    }
}

#[async_trait]
impl QueueHandle for Queue {
    fn is_fifo(&self) -> bool {
        false
    }

    fn visibility_timeout_seconds(&self) -> u64 {
        30
    }

    async fn receive(&self, messages_max: usize) -> Result<Vec<QueueMessage>, PortError> {
        loop {
            let taken: Vec<String> = {
                let mut visible = self.visible.lock().unwrap();
                let count = messages_max.min(visible.len());
                visible.drain(..count).collect()
            };
            if !taken.is_empty() {
                let message = |text: String| QueueMessage {
                    message_id: text.clone(),
                    receipt_handle: text.clone(),
                    body: text,
                    md5_of_body: String::new(),
                    attributes: Vec::new(),
                    message_attributes: Vec::new(),
                };
                return Ok(taken.into_iter().map(message).collect());
            }
            self.changed.notified().await;
        }
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), PortError> {
        self.deleted.lock().unwrap().extend_from_slice(receipts);
        Ok(())
    }

    async fn change_visibility(&self, receipts: &[String], _: u64) -> Result<(), PortError> {
        self.visible.lock().unwrap().extend_from_slice(receipts);
        self.changed.notify_one();
        Ok(())
    }
}

/// A table's change stream of one closed shard with one change in it.
struct Changes;

#[async_trait]
impl EventSource for Changes {
    fn rules(&self) -> &'static Rules {
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
        &RULES
    }

    fn check(&self, arn: &Arn) -> Result<(), String> {
        match arn.resource.contains("/stream/") {
            true => Ok(()),
            false => Err("it is not the ARN of a table's stream.".into()),
        }
    }

    async fn open(&self, _: &Arn) -> Result<Reader, PortError> {
        Ok(Reader::Stream(Arc::new(Changes)))
    }
}

#[async_trait]
impl StreamReader for Changes {
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        let shard_id = "shardId-1".into();
        Ok(vec![ShardInfo { shard_id, parent_shard_id: None, adjacent_parent_shard_id: None, closed: true }])
    }

    async fn resolve_start(&self, _: &str, _: Start) -> Result<ShardCursor, PortError> {
        Ok(ShardCursor::from_text("0"))
    }

    async fn read(&self, _: &str, cursor: &ShardCursor, _: usize, _: usize) -> Result<StreamRead, PortError> {
        let records: Vec<Box<dyn SourceRecord>> = match cursor.as_str() {
            "0" => vec![Box::new(Text("1".into()))],
            _ => Vec::new(),
        };
        Ok(StreamRead { records, next: ShardCursor::from_text("1"), at_tip: true, closed_and_drained: true })
    }

    async fn wait(&self, _: &str, _: &ShardCursor) -> Result<(), PortError> {
        Ok(())
    }
}

fn request(members: Value) -> EventSourceMappingRequest {
    serde_json::from_value(members).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_and_a_change_stream_are_read_beside_kinesis() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Arc::new(Queue::default());
    let sources: Vec<Arc<dyn EventSource>> =
        vec![Kinesis::new(Arc::new(EmptyStream)), Sqs::new(Arc::new(Queues(queue.clone()))), Arc::new(Changes)];
    let service = open_with(directory.path(), LambdaConfig::default(), sources);
    let (lambda, scope) = (&service.lambda, Scope::default());
    lambda.put_function(function("f")).await.unwrap();
    lambda.start().unwrap();

    let orders = "arn:aws:sqs:us-east-1:000000000000:orders";
    queue.visible.lock().unwrap().extend(["a".to_string(), "b".to_string()]);
    let of_queue = request(json!({"FunctionName": "f", "EventSourceArn": orders}));
    let of_queue = lambda.create_event_source_mapping(&scope, of_queue).await.unwrap();
    let shown = serde_json::to_value(&of_queue).unwrap();
    assert_eq!((&shown["BatchSize"], shown.get("StartingPosition")), (&json!(10), None), "{shown}");
    assert_eq!((&shown["StateTransitionReason"], shown.get("LastProcessingResult")), (&json!("USER_INITIATED"), None));
    eventually("the messages are done", || queue.deleted.lock().unwrap().len() == 2).await;

    let changes = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026";
    let create =
        |position: &str| request(json!({"FunctionName": "f", "EventSourceArn": changes, "StartingPosition": position}));
    let error = lambda.create_event_source_mapping(&scope, create("AT_TIMESTAMP")).await.unwrap_err();
    assert_eq!(error.message, format!("Unsupported starting position for arn type: {changes}"));
    let of_changes = lambda.create_event_source_mapping(&scope, create("TRIM_HORIZON")).await.unwrap();
    let done = |uuid: &str| {
        let stat = lambda.stat();
        stat.mappings.iter().find(|mapping| mapping.uuid == uuid).map_or(0, |mapping| mapping.records)
    };
    eventually("the change is done", || done(&of_changes.uuid) == 1).await;
    assert_eq!(done(&of_queue.uuid), 2);

    let none = request(json!({"FunctionName": "f", "EventSourceArn": "arn:aws:mq:us-east-1:000000000000:broker:b"}));
    let error = lambda.create_event_source_mapping(&scope, none).await.unwrap_err();
    assert!(error.message.contains("only Kinesis streams, SQS queues, DynamoDB streams are"), "{error}");

    // What the queue and the function have to fit in.
    let again = request(json!({"FunctionName": "f", "EventSourceArn": orders}));
    let error = lambda.create_event_source_mapping(&scope, again).await.unwrap_err();
    let uuid = &of_queue.uuid;
    assert_eq!(
        error.message,
        format!(
            "An event source mapping with SQS arn (\" {orders} \") and function (\" f \") already exists. Please \
             update or delete the existing mapping with UUID {uuid}"
        )
    );
    let mut slow = function("slow");
    slow.timeout = Duration::from_secs(60);
    lambda.put_function(slow).await.unwrap();
    for (members, message) in [
        (
            json!({"FunctionName": "slow", "EventSourceArn": orders}),
            "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
        ),
        (
            json!({"FunctionName": "slow", "EventSourceArn": orders, "BatchSize": 11}),
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        (
            json!({"FunctionName": "f", "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:none"}),
            "Queue not found: arn:aws:sqs:us-east-1:000000000000:none",
        ),
        (
            json!({"FunctionName": "f", "SelfManagedEventSource": {"Endpoints": {"K": ["b:1"]}}}),
            "SelfManagedEventSource",
        ),
    ] {
        let error = lambda.create_event_source_mapping(&scope, request(members)).await.unwrap_err();
        assert!(error.message.contains(message), "{error}");
    }
    let later = lambda.update_event_source_mapping(&scope, uuid, request(json!({"FunctionName": "slow"}))).await;
    assert!(later.unwrap_err().message.contains("Queue visibility timeout"));
    lambda.shutdown().await;
}
