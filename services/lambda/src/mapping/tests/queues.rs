//! A queue as a source: it shares batching, filters and responses with streams, and nothing else.

use super::*;
use crate::mapping::queue;
use crate::mapping::sources::Sqs;
use crate::mapping::stat::Stat;
use anabranch_ports::{PortErrorKind, QueueHandle, QueueMessage, QueueSource};
use anabranch_protocol::{Arn, Clock as _, ServiceInstant};
use serde_json::json;

const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
const VISIBILITY: Duration = Duration::from_secs(30);

/// Messages are numbers, and receipts their text.
struct MemoryQueue {
    messages: Mutex<Vec<Stored>>,
    /// Made visible before their time.
    released: Mutex<Vec<u64>>,
    changed: Notify,
    clock: Arc<ManualClock>,
    is_fifo: bool,
}

struct Stored {
    number: u64,
    group: Option<String>,
    invisible_until: Option<ServiceInstant>,
    receives: u32,
}

impl MemoryQueue {
    fn new(clock: Arc<ManualClock>, is_fifo: bool) -> Self {
        Self { messages: Mutex::default(), released: Mutex::default(), changed: Notify::new(), clock, is_fifo }
    }

    fn send(&self, messages: impl Iterator<Item = u64>) {
        self.send_grouped(messages, |_| None);
    }

    fn send_grouped(&self, messages: impl Iterator<Item = u64>, group: impl Fn(u64) -> Option<String>) {
        let stored = |number| Stored { number, group: group(number), invisible_until: None, receives: 0 };
        self.messages.lock().extend(messages.map(stored));
        self.changed.notify_one();
    }

    fn is_empty(&self) -> bool {
        self.messages.lock().is_empty()
    }

    fn take(&self, messages_max: usize) -> Vec<QueueMessage> {
        let now = self.clock.instant();
        let mut messages = self.messages.lock();
        let is_visible = |stored: &Stored| stored.invisible_until.is_none_or(|until| until <= now);
        let busy: Vec<Option<String>> = messages
            .iter()
            .filter(|stored| self.is_fifo && !is_visible(stored))
            .map(|stored| stored.group.clone())
            .collect();
        let visible = messages.iter_mut().filter(|stored| is_visible(stored) && !busy.contains(&stored.group));
        let message = |stored: &mut Stored| {
            stored.invisible_until = Some(now + VISIBILITY);
            stored.receives += 1;
            let count = ("ApproximateReceiveCount".to_string(), stored.receives.to_string());
            let group = stored.group.clone().map(|group| ("MessageGroupId".to_string(), group));
            QueueMessage {
                message_id: stored.number.to_string(),
                receipt_handle: stored.number.to_string(),
                body: stored.number.to_string(),
                md5_of_body: String::new(),
                attributes: [Some(count), group].into_iter().flatten().collect(),
                message_attributes: Vec::new(),
            }
        };
        visible.take(messages_max).map(message).collect()
    }
}

struct Queues(Arc<MemoryQueue>);

#[async_trait]
impl QueueSource for Queues {
    async fn open_queue(&self, arn: &str) -> Result<Arc<dyn QueueHandle>, PortError> {
        match arn.starts_with(QUEUE_ARN) {
            true => Ok(self.0.clone()),
            false => Err(PortError::new(PortErrorKind::NotFound, "NonExistentQueue", arn)),
        }
    }
}

#[async_trait]
impl QueueHandle for MemoryQueue {
    fn is_fifo(&self) -> bool {
        self.is_fifo
    }

    fn visibility_timeout_seconds(&self) -> u64 {
        VISIBILITY.as_secs()
    }

    async fn receive(&self, messages_max: usize) -> Result<Vec<QueueMessage>, PortError> {
        loop {
            let taken = self.take(messages_max);
            if !taken.is_empty() {
                return Ok(taken);
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = self.clock.sleep(VISIBILITY / 2) => {}
            }
        }
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), PortError> {
        self.messages.lock().retain(|stored| !receipts.contains(&stored.number.to_string()));
        self.changed.notify_one();
        Ok(())
    }

    async fn change_visibility(&self, receipts: &[String], seconds: u64) -> Result<(), PortError> {
        for stored in self.messages.lock().iter_mut().filter(|stored| receipts.contains(&stored.number.to_string())) {
            stored.invisible_until = Some(self.clock.instant() + Duration::from_secs(seconds));
            self.released.lock().push(stored.number);
        }
        self.changed.notify_one();
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
        Self::of(invoker, settings, false)
    }

    fn of(invoker: Arc<ClosureInvoker>, settings: Value, is_fifo: bool) -> Self {
        let streams = Fixture::new(invoker.clone(), json!({}));
        let queue = Arc::new(MemoryQueue::new(streams.clock.clone(), is_fifo));
        let source = Sqs::new(Arc::new(Queues(queue.clone())));
        let rules = source.rules();
        let arn: Arn = QUEUE_ARN.parse().unwrap();
        let settings = Settings::create(&serde_json::from_value(settings).unwrap(), rules, &arn).unwrap();
        let (stop, stopped) = watch::channel(false);
        let stat = Arc::new(Stat::default());
        let context = Arc::new(Context {
            uuid: streams.context.uuid.clone(),
            function: streams.context.function.clone(),
            source_arn: arn,
            filter: settings.filter(rules).unwrap(),
            settings,
            source,
            opened: Mutex::default(),
            invoker: invoker.clone(),
            destinations: streams.context.destinations.clone(),
            checkpoints: streams.checkpoints.clone(),
            clock: streams.clock.clone(),
            backoff: Backoff { first: Duration::from_millis(1), max: Duration::from_secs(5) },
            stat: stat.clone(),
            stop: stopped,
        });
        Self { queue, invoker, stat, stop, context, streams }
    }

    /// Runs the mapping until `condition` holds, then stops it. The clock moves fast.
    async fn run_until(&self, condition: impl Fn() -> bool) {
        self.run_until_in_steps(Duration::from_secs(1), condition).await;
    }

    async fn run_until_in_steps(&self, step: Duration, condition: impl Fn() -> bool) {
        self.stop.send_replace(false);
        let task = tokio::spawn(queue::run(self.context.clone()));
        let holds = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let holds = self.streams.clock.fast_forward(step, holds);
        tokio::time::timeout(Duration::from_secs(30), holds).await.expect("the condition never held");
        self.stop.send_replace(true);
        task.await.unwrap();
    }

    fn done(&self) -> Vec<u64> {
        let mut done = self.invoker.done.lock().clone();
        done.sort_unstable();
        done
    }

    fn attempts(&self, number: u64) -> usize {
        self.invoker.invocations.lock().iter().filter(|batch| batch.contains(&number)).count()
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
async fn a_failed_batch_comes_again_after_its_visibility_timeout() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let fixture = {
        let times = times.clone();
        let clock: Arc<Mutex<Option<Arc<ManualClock>>>> = Arc::default();
        let seen = clock.clone();
        let invoker = ClosureInvoker::new(move |_| {
            let mut times = times.lock();
            times.push(seen.lock().as_ref().unwrap().now_ms());
            if times.len() <= 2 { Err("not yet".into()) } else { Ok(String::new()) }
        });
        let fixture = QueueFixture::new(invoker, json!({}));
        *clock.lock() = Some(fixture.streams.clock.clone());
        fixture
    };
    fixture.queue.send(0..5);
    fixture.run_until(|| fixture.queue.is_empty()).await;
    assert_eq!(fixture.done(), [0, 1, 2, 3, 4]);
    let times = times.lock();
    assert_eq!(times.len(), 3);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= VISIBILITY.as_millis() as u64), "{times:?}");
    assert!(fixture.queue.released.lock().is_empty());
}

#[tokio::test]
async fn a_throttled_function_is_tried_again_while_its_messages_are_invisible() {
    let fixture = QueueFixture::new(ClosureInvoker::new(|_| Ok(String::new())), json!({}));
    *fixture.invoker.throttles_left.lock() = 5;
    fixture.queue.send(0..5);
    fixture.run_until_in_steps(Duration::from_millis(1), || fixture.queue.is_empty()).await;
    assert_eq!(fixture.invoker.invocations.lock().len(), 1, "the same batch, received once");

    *fixture.invoker.throttles_left.lock() = u32::MAX;
    fixture.queue.send(5..6);
    let was_throttled = || *fixture.invoker.throttles_left.lock() < u32::MAX;
    fixture.run_until_in_steps(Duration::from_millis(1), was_throttled).await;
    assert_eq!(*fixture.queue.released.lock(), [5], "what was not tried is given back when the mapping stops");

    // Once nobody waits for it any more, the queue gives it again.
    let received_again = || fixture.queue.messages.lock().first().is_some_and(|stored| stored.receives >= 3);
    fixture.run_until(received_again).await;
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
    let attempts: Vec<usize> = (0..5).map(|number| fixture.attempts(number)).collect();
    assert_eq!(attempts, [1, 2, 1, 2, 1]);
}

#[tokio::test]
async fn in_a_group_what_follows_a_failure_comes_again_in_order() {
    let seen = Arc::new(Mutex::new(false));
    let invoker = ClosureInvoker::new(move |batch| {
        let first = !std::mem::replace(&mut *seen.lock(), true);
        assert!(!first || batch.len() == 6);
        Ok(if first { json!({"batchItemFailures": [{"itemIdentifier": "2"}]}).to_string() } else { String::new() })
    });
    let settings = json!({"FunctionResponseTypes": ["ReportBatchItemFailures"]});
    let fixture = QueueFixture::of(invoker, settings, true);
    // Even numbers are of one group, odd ones of another.
    fixture.queue.send_grouped(0..6, |number| Some((number % 2).to_string()));
    fixture.run_until(|| fixture.queue.is_empty()).await;
    assert_eq!(*fixture.invoker.invocations.lock(), [vec![0, 1, 2, 3, 4, 5], vec![2, 4]]);
}

#[tokio::test]
async fn so_many_batches_of_a_queue_are_out_at_once() {
    for (settings, most) in [
        (json!({"BatchSize": 1, "ScalingConfig": {"MaximumConcurrency": 2}}), 2..=2),
        // Five to begin with, and more with time.
        (json!({"BatchSize": 1}), 5..=100),
    ] {
        let fixture = QueueFixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
        fixture.queue.send(0..100);
        fixture.run_until_in_steps(Duration::from_millis(1), || fixture.queue.is_empty()).await;
        assert!(most.contains(&fixture.invoker.running.lock().1), "{:?}", fixture.invoker.running.lock());
    }
}

#[tokio::test]
async fn messages_of_a_group_are_invoked_in_order_whatever_fails() {
    let attempts = Arc::new(Mutex::new(0));
    let invoker = ClosureInvoker::new(move |batch| {
        *attempts.lock() += 1;
        match u32::is_multiple_of(*attempts.lock(), 3) {
            true => Err(format!("no {}", batch.len())),
            false => Ok(String::new()),
        }
    });
    let fixture = QueueFixture::of(invoker, json!({"BatchSize": 4}), true);
    fixture.queue.send_grouped(0..60, |number| Some((number % 4).to_string()));
    fixture.run_until(|| fixture.queue.is_empty()).await;
    for group in 0..4 {
        let done: Vec<u64> = fixture.invoker.done.lock().iter().copied().filter(|number| number % 4 == group).collect();
        assert!(done.is_sorted() && done.len() == 15, "{done:?}");
    }
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
    let is_done = || fixture.queue.is_empty() && fixture.done().len() == 20;
    fixture.run_until_in_steps(Duration::from_millis(1), is_done).await;
    sends.await.unwrap();
    assert_eq!(fixture.invoker.invocations.lock().len(), 1);
}

#[tokio::test]
async fn a_window_ends_after_its_time() {
    let settings = json!({"BatchSize": 20, "MaximumBatchingWindowInSeconds": 10});
    let fixture = QueueFixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    fixture.queue.send(0..5);
    fixture.run_until(|| fixture.done().len() == 5).await;
    assert_eq!(fixture.invoker.invocations.lock().len(), 1);
    assert!(fixture.streams.clock.now_ms() >= 20_000);
}

#[tokio::test]
async fn what_was_collected_is_given_back_when_the_mapping_stops() {
    let settings = json!({"BatchSize": 20, "MaximumBatchingWindowInSeconds": 300});
    let fixture = QueueFixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    fixture.queue.send(0..5);
    let received = || fixture.queue.messages.lock().iter().all(|stored| stored.receives == 1);
    fixture.run_until_in_steps(Duration::from_millis(1), received).await;
    assert_eq!(*fixture.queue.released.lock(), [0, 1, 2, 3, 4]);
    assert!(fixture.invoker.invocations.lock().is_empty());
}

#[test]
fn settings_of_streams_are_refused_and_those_of_queues_bounded() {
    let clock = Arc::new(ManualClock::new(0));
    let source = Sqs::new(Arc::new(Queues(Arc::new(MemoryQueue::new(clock, false)))));
    let arn: Arn = QUEUE_ARN.parse().unwrap();
    let create = |settings: Value| Settings::create(&serde_json::from_value(settings).unwrap(), source.rules(), &arn);
    assert_eq!(create(json!({})).unwrap().batch_size, 10);
    for (settings, message) in [
        (json!({"StartingPosition": "LATEST"}), "StartingPosition is not valid for SQS event sources."),
        (json!({"BisectBatchOnFunctionError": true}), "BisectBatchOnFunctionError is not valid for SQS"),
        (json!({"MaximumRetryAttempts": 3}), "MaximumRetryAttempts"),
        (json!({"TumblingWindowInSeconds": 3}), "TumblingWindowInSeconds"),
        (json!({"ParallelizationFactor": 3}), "ParallelizationFactor"),
        (json!({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::b"}}}), "DestinationConfig"),
        (json!({"BatchSize": 10_001}), "batchSize"),
        (json!({"ScalingConfig": {"MaximumConcurrency": 1}}), "scalingConfig.maximumConcurrency"),
        (json!({"ScalingConfig": {"MaximumConcurrency": 1001}}), "scalingConfig.maximumConcurrency"),
        (json!({"ProvisionedPollerConfig": {"MinimumPollers": 201}}), "provisionedPollerConfig.minimumPollers"),
        (json!({"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 2}}), "MinimumPollers"),
        (
            json!({"ScalingConfig": {"MaximumConcurrency": 2}, "ProvisionedPollerConfig": {"MaximumPollers": 2}}),
            "together",
        ),
    ] {
        let error = create(settings).unwrap_err();
        assert!(error.message.contains(message), "{error}");
    }
    let mut scaled = create(json!({"ScalingConfig": {"MaximumConcurrency": 2}})).unwrap();
    assert_eq!(scaled.queue.as_ref().unwrap().concurrency_max, Some(2));
    scaled.apply(&serde_json::from_value(json!({"ScalingConfig": {}})).unwrap(), source.rules()).unwrap();
    assert_eq!(scaled.queue.unwrap().concurrency_max, None);
}
