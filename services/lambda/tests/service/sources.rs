//! Sources that the server brings along: a mapping of one is like those of the crate's own.

use std::sync::Arc;

use anabranch_lambda::sources::{
    Delivery, EventSource, Kinesis, Message, QueueReader, Reader, Rules, SourceRecord, StartingPosition, StreamRead,
    StreamReader,
};
use anabranch_lambda::{EventSourceMappingRequest, LambdaConfig, Scope};
use anabranch_pattern::{Body, SourceFilter};
use anabranch_ports::{PortError, ShardCursor, ShardInfo, Start};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Mutex;
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

    fn passes(&self, filter: &SourceFilter) -> bool {
        filter.matches(self.0.as_bytes(), || json!({}))
    }

    fn event(&self) -> String {
        json!({"messageId": self.0, "body": self.0}).to_string()
    }
}

#[async_trait]
impl QueueReader for Queue {
    async fn receive(&self, messages_max: usize) -> Result<Vec<Message>, PortError> {
        loop {
            let taken: Vec<String> = {
                let mut visible = self.visible.lock().unwrap();
                let count = messages_max.min(visible.len());
                visible.drain(..count).collect()
            };
            if !taken.is_empty() {
                let message = |text: String| Message { receipt: text.clone(), record: Box::new(Text(text)) };
                return Ok(taken.into_iter().map(message).collect());
            }
            self.changed.notified().await;
        }
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), PortError> {
        self.deleted.lock().unwrap().extend_from_slice(receipts);
        Ok(())
    }

    async fn release(&self, receipts: &[String]) -> Result<(), PortError> {
        self.visible.lock().unwrap().extend_from_slice(receipts);
        self.changed.notify_one();
        Ok(())
    }
}

struct Queues(Arc<Queue>);

#[async_trait]
impl EventSource for Queues {
    fn rules(&self) -> &'static Rules {
        static RULES: Rules = Rules {
            service: "sqs",
            title: "queue",
            not_found: "Queue not found",
            batch_size_default: 10,
            batch_size_max: 10_000,
            filter_body: "body",
            filter_body_form: Body::JsonOrText,
            delivery: Delivery::Queue,
        };
        &RULES
    }

    fn check(&self, _: &Arn) -> Result<(), String> {
        Ok(())
    }

    async fn open(&self, _: &Arn) -> Result<Reader, PortError> {
        Ok(Reader::Queue(self.0.clone()))
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
        vec![Kinesis::new(Arc::new(EmptyStream)), Arc::new(Queues(queue.clone())), Arc::new(Changes)];
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
    eventually("the messages are done", || queue.deleted.lock().unwrap().len() == 2).await;

    let changes = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026";
    let create =
        |position: &str| request(json!({"FunctionName": "f", "EventSourceArn": changes, "StartingPosition": position}));
    let error = lambda.create_event_source_mapping(&scope, create("AT_TIMESTAMP")).await.unwrap_err();
    assert!(error.message.contains("[LATEST, TRIM_HORIZON]"), "{error}");
    let of_changes = lambda.create_event_source_mapping(&scope, create("TRIM_HORIZON")).await.unwrap();
    let done = |uuid: &str| {
        let stat = lambda.stat();
        stat.mappings.iter().find(|mapping| mapping.uuid == uuid).map_or(0, |mapping| mapping.records)
    };
    eventually("the change is done", || done(&of_changes.uuid) == 1).await;
    assert_eq!(done(&of_queue.uuid), 2);

    let none = request(json!({"FunctionName": "f", "EventSourceArn": "arn:aws:mq:us-east-1:000000000000:broker:b"}));
    let error = lambda.create_event_source_mapping(&scope, none).await.unwrap_err();
    assert!(error.message.contains("only Kinesis streams, queues, DynamoDB streams are"), "{error}");
    lambda.shutdown().await;
}
