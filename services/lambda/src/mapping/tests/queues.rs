//! A queue as a source: it shares batching, filters and responses with streams, and nothing else.

use super::*;
use crate::mapping::queue;
use crate::mapping::sources::{Delivery, Message, QueueReader, Reader, SourceRecord};
use crate::mapping::stat::Stat;
use anabranch_pattern::{Body, SourceFilter};
use anabranch_protocol::Arn;
use serde_json::json;
use std::collections::VecDeque;

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

/// Messages are numbers, and receipts their text.
#[derive(Default)]
struct MemoryQueue {
    visible: Mutex<VecDeque<u64>>,
    in_flight: Mutex<Vec<u64>>,
    released: Mutex<Vec<u64>>,
    changed: Notify,
}

impl MemoryQueue {
    fn send(&self, messages: impl Iterator<Item = u64>) {
        self.visible.lock().extend(messages);
        self.changed.notify_one();
    }

    fn is_empty(&self) -> bool {
        self.visible.lock().is_empty() && self.in_flight.lock().is_empty()
    }

    fn take(&self, receipts: &[String]) -> Vec<u64> {
        let taken: Vec<u64> = receipts.iter().map(|receipt| receipt.parse().unwrap()).collect();
        self.in_flight.lock().retain(|number| !taken.contains(number));
        taken
    }
}

struct Number(u64, String);

impl SourceRecord for Number {
    fn identifier(&self) -> &str {
        &self.1
    }

    fn arrival_ms(&self) -> u64 {
        1_000
    }

    fn passes(&self, filter: &SourceFilter) -> bool {
        filter.matches(self.1.as_bytes(), || json!({"messageId": self.1}))
    }

    fn event(&self) -> String {
        json!({"messageId": self.1, "body": self.0.to_string()}).to_string()
    }
}

struct Queue(Arc<MemoryQueue>);

#[async_trait]
impl EventSource for Queue {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn check(&self, _: &Arn) -> Result<(), String> {
        Ok(())
    }

    async fn open(&self, _: &Arn) -> Result<Reader, PortError> {
        Ok(Reader::Queue(self.0.clone()))
    }
}

#[async_trait]
impl QueueReader for MemoryQueue {
    async fn receive(&self, messages_max: usize) -> Result<Vec<Message>, PortError> {
        loop {
            {
                let mut visible = self.visible.lock();
                if !visible.is_empty() {
                    let count = messages_max.min(visible.len());
                    let taken: Vec<u64> = visible.drain(..count).collect();
                    self.in_flight.lock().extend(&taken);
                    let message = |number: u64| Message {
                        record: Box::new(Number(number, number.to_string())),
                        receipt: number.to_string(),
                    };
                    return Ok(taken.into_iter().map(message).collect());
                }
            }
            self.changed.notified().await;
        }
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), PortError> {
        self.take(receipts);
        Ok(())
    }

    async fn release(&self, receipts: &[String]) -> Result<(), PortError> {
        let numbers = self.take(receipts);
        self.released.lock().extend(&numbers);
        self.send(numbers.into_iter());
        Ok(())
    }
}

struct QueueFixture {
    queue: Arc<MemoryQueue>,
    invoker: Arc<ClosureInvoker>,
    stat: Arc<Stat>,
    stop: watch::Sender<bool>,
    context: Arc<Context>,
    streams: Fixture,
}

impl QueueFixture {
    fn new(invoker: Arc<ClosureInvoker>, settings: Value) -> Self {
        let settings = Settings::create(&serde_json::from_value(settings).unwrap(), &RULES).unwrap();
        let streams = Fixture::new(invoker.clone(), json!({}));
        let queue = Arc::new(MemoryQueue::default());
        let (stop, stopped) = watch::channel(false);
        let stat = Arc::new(Stat::default());
        let context = Arc::new(Context {
            uuid: streams.context.uuid.clone(),
            function: streams.context.function.clone(),
            source_arn: "arn:aws:sqs:us-east-1:000000000000:orders".parse().unwrap(),
            filter: settings.filter(&RULES).unwrap(),
            settings,
            source: Arc::new(Queue(queue.clone())),
            opened: Mutex::default(),
            invoker: invoker.clone(),
            destinations: streams.context.destinations.clone(),
            checkpoints: streams.checkpoints.clone(),
            clock: streams.clock.clone(),
            backoff: streams.context.backoff,
            stat: stat.clone(),
            stop: stopped,
        });
        Self { queue, invoker, stat, stop, context, streams }
    }

    /// Runs the mapping until `condition` holds, then stops it.
    async fn run_until(&self, condition: impl Fn() -> bool) {
        let task = tokio::spawn(queue::run(self.context.clone()));
        let holds = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let holds = self.streams.clock.fast_forward(Duration::from_millis(1), holds);
        tokio::time::timeout(Duration::from_secs(30), holds).await.expect("the condition never held");
        self.stop.send_replace(true);
        task.await.unwrap();
    }

    fn done(&self) -> Vec<u64> {
        let mut done = self.invoker.done.lock().clone();
        done.sort_unstable();
        done
    }
}

#[tokio::test]
async fn messages_are_deleted_once_they_are_done() {
    let fixture = QueueFixture::new(ClosureInvoker::new(|_| Ok(String::new())), json!({"BatchSize": 7}));
    fixture.queue.send(0..50);
    fixture.run_until(|| fixture.queue.is_empty()).await;
    assert_eq!(fixture.done(), (0..50).collect::<Vec<u64>>());
    assert!(fixture.invoker.invocations.lock().iter().all(|batch| batch.len() <= 7));
    assert_eq!(fixture.stat.last_result().to_string(), "OK");
}

#[tokio::test]
async fn a_failed_batch_goes_back_to_the_queue_until_it_succeeds() {
    let attempts = Arc::new(Mutex::new(0));
    let counted = attempts.clone();
    let invoker = ClosureInvoker::new(move |batch| {
        *counted.lock() += 1;
        if *counted.lock() <= 2 { Err(format!("not yet {}", batch.len())) } else { Ok(String::new()) }
    });
    let fixture = QueueFixture::new(invoker, json!({}));
    *fixture.invoker.throttles_left.lock() = 1;
    fixture.queue.send(0..5);
    fixture.run_until(|| fixture.queue.is_empty()).await;
    assert_eq!(fixture.done(), [0, 1, 2, 3, 4]);
    assert_eq!((fixture.queue.released.lock().len(), *attempts.lock()), (15, 3), "once throttled, twice failed");
}

#[tokio::test]
async fn only_what_is_reported_comes_again() {
    let seen = Arc::new(Mutex::new(false));
    let invoker = ClosureInvoker::new(move |batch| {
        let failed = ["3", "1"].map(|number| json!({"itemIdentifier": number}));
        let first = !std::mem::replace(&mut *seen.lock(), true);
        assert!(!first || batch.len() == 5);
        Ok(if first { json!({"batchItemFailures": failed}).to_string() } else { String::new() })
    });
    let fixture = QueueFixture::new(invoker, json!({"FunctionResponseTypes": ["ReportBatchItemFailures"]}));
    fixture.queue.send(0..5);
    fixture.run_until(|| fixture.queue.is_empty()).await;
    let mut again = fixture.queue.released.lock().clone();
    again.sort_unstable();
    assert_eq!(again, [1, 3]);
    assert_eq!(fixture.invoker.invocations.lock().iter().flatten().filter(|number| **number == 2).count(), 1);
}

#[tokio::test]
async fn what_no_filter_lets_through_is_deleted_unseen() {
    let by_id = json!({"FilterCriteria": {"Filters": [{"Pattern": r#"{"messageId": ["8", "9"]}"#}]}});
    let fixture = QueueFixture::new(ClosureInvoker::new(|_| Ok(String::new())), by_id);
    fixture.queue.send(0..10);
    fixture.run_until(|| fixture.queue.is_empty()).await;
    assert_eq!(fixture.done(), [8, 9]);
}

#[tokio::test]
async fn a_window_collects_messages_until_the_batch_is_full() {
    let settings = json!({"BatchSize": 20, "MaximumBatchingWindowInSeconds": 300});
    let fixture = QueueFixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    let queue = fixture.queue.clone();
    let sends = tokio::spawn(async move {
        for start in [0, 5, 10, 15] {
            queue.send(start..start + 5);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    fixture.run_until(|| fixture.queue.is_empty() && fixture.done().len() == 20).await;
    sends.await.unwrap();
    assert_eq!(fixture.invoker.invocations.lock().len(), 1);
}

#[test]
fn settings_of_streams_are_refused() {
    let create = |settings: Value| Settings::create(&serde_json::from_value(settings).unwrap(), &RULES);
    assert_eq!(create(json!({})).unwrap().batch_size, 10);
    for (settings, name) in [
        (json!({"StartingPosition": "LATEST"}), "StartingPosition"),
        (json!({"BisectBatchOnFunctionError": true}), "BisectBatchOnFunctionError"),
        (json!({"MaximumRetryAttempts": 3}), "MaximumRetryAttempts"),
        (json!({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::b"}}}), "DestinationConfig"),
        (json!({"BatchSize": 10_001}), "batchSize"),
    ] {
        let error = create(settings).unwrap_err();
        assert!(error.message.contains(name), "{error}");
    }
}
