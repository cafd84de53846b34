//! Mappings against an in-memory stream and a closure for a function.

use super::batch::{self, BatchEnd};
use super::checkpoint::Checkpoint;
use super::event::EventRecord;
use super::*;
use crate::LambdaConfig;
use anabranch_control::ControlStore;
use anabranch_ports::{NewObject, ShardCursor, ShardInfo, ShardRead, Start, StreamRecord};
use anabranch_protocol::{ManualClock, SystemClock, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::sync::Notify;

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

/// A stream whose cursors are `<shard id>@<index>`.
#[derive(Default)]
struct MemoryStream {
    shards: Mutex<BTreeMap<String, MemoryShard>>,
    changed: Notify,
}

#[derive(Default)]
struct MemoryShard {
    records: Vec<StreamRecord>,
    parent: Option<String>,
    closed: bool,
}

impl MemoryStream {
    fn put(&self, shard_id: &str, records: impl Iterator<Item = u64>) {
        let mut shards = self.shards.lock();
        let shard = shards.entry(shard_id.into()).or_default();
        shard.records.extend(records.map(|number| StreamRecord {
            sequence_number: (1_000_000 + number).to_string(),
            partition_key: "k".into(),
            data: number.to_string().into(),
            approximate_arrival_ms: 1_000 + number,
        }));
        drop(shards);
        self.changed.notify_waiters();
    }

    fn close(&self, shard_id: &str, child: &str) {
        let mut shards = self.shards.lock();
        shards.entry(shard_id.into()).or_default().closed = true;
        shards.entry(child.into()).or_default().parent = Some(shard_id.into());
        drop(shards);
        self.changed.notify_waiters();
    }
}

struct MemorySource(Arc<MemoryStream>);

#[async_trait]
impl StreamSource for MemorySource {
    async fn open_stream(&self, _: &str) -> Result<Arc<dyn StreamHandle>, PortError> {
        Ok(self.0.clone())
    }
}

#[async_trait]
impl StreamHandle for MemoryStream {
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        let view = |(shard_id, shard): (&String, &MemoryShard)| ShardInfo {
            shard_id: shard_id.clone(),
            parent_shard_id: shard.parent.clone(),
            adjacent_parent_shard_id: None,
            closed: shard.closed,
        };
        Ok(self.shards.lock().iter().map(view).collect())
    }

    async fn resolve_start(&self, shard_id: &str, start: Start) -> Result<ShardCursor, PortError> {
        let shards = self.shards.lock();
        let records = &shards[shard_id].records;
        let index = match start {
            Start::TrimHorizon => 0,
            Start::Latest => records.len(),
            Start::AtTimestamp(ms) => records.iter().take_while(|record| record.approximate_arrival_ms < ms).count(),
        };
        Ok(cursor(shard_id, index))
    }

    async fn read_shard(
        &self,
        shard_id: &str,
        cursor: &ShardCursor,
        max_records: usize,
        _: usize,
    ) -> Result<ShardRead, PortError> {
        let shards = self.shards.lock();
        let shard = &shards[shard_id];
        let from = index(cursor).1;
        let to = shard.records.len().min(from + max_records);
        let at_tip = to == shard.records.len();
        Ok(ShardRead {
            records: shard.records[from..to].to_vec(),
            next: crate::mapping::tests::cursor(shard_id, to),
            at_tip,
            closed_and_drained: at_tip && shard.closed,
            millis_behind: 0,
        })
    }

    async fn wait_for_records(&self, _: &str, cursor: &ShardCursor) -> Result<(), PortError> {
        let changed = self.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let (shard_id, from) = index(cursor);
        let nothing_new = {
            let shards = self.shards.lock();
            shards[shard_id].records.len() <= from && !shards[shard_id].closed
        };
        if nothing_new {
            changed.await;
        }
        Ok(())
    }
}

fn cursor(shard_id: &str, index: usize) -> ShardCursor {
    ShardCursor::from_text(format!("{shard_id}@{index}"))
}

fn index(cursor: &ShardCursor) -> (&str, usize) {
    let (shard_id, index) = cursor.as_str().split_once('@').unwrap();
    (shard_id, index.parse().unwrap())
}

type Function = dyn Fn(&[u64]) -> Result<String, String> + Send + Sync;

/// A function as a closure over the numbers in its batch, and what it was given.
struct ClosureInvoker {
    function: Box<Function>,
    /// Numbers of batches that succeeded, in order.
    done: Mutex<Vec<u64>>,
    invocations: Mutex<Vec<Vec<u64>>>,
    throttles_left: Mutex<u32>,
}

impl ClosureInvoker {
    fn new(function: impl Fn(&[u64]) -> Result<String, String> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            function: Box::new(function),
            done: Mutex::default(),
            invocations: Mutex::default(),
            throttles_left: Mutex::new(0),
        })
    }
}

fn numbers(payload: &[u8]) -> Vec<u64> {
    let event: Value = serde_json::from_slice(payload).unwrap();
    let number = |record: &Value| {
        let data = record["kinesis"]["data"].as_str().unwrap();
        let data = base64_simd::STANDARD.decode_to_vec(data).unwrap();
        String::from_utf8(data).unwrap().parse().unwrap()
    };
    event["Records"].as_array().unwrap().iter().map(number).collect()
}

#[async_trait]
impl BatchInvoker for ClosureInvoker {
    async fn invoke(&self, _: &str, payload: Bytes) -> Result<InvokeOutcome, ApiError> {
        {
            let mut throttles_left = self.throttles_left.lock();
            if *throttles_left > 0 {
                *throttles_left -= 1;
                return Err(crate::error::too_many_requests("Rate Exceeded."));
            }
        }
        let batch = numbers(&payload);
        self.invocations.lock().push(batch.clone());
        let (payload, function_error) = match (self.function)(&batch) {
            Ok(response) => {
                self.done.lock().extend(batch);
                (response, None)
            }
            Err(message) => (serde_json::json!({"errorMessage": message}).to_string(), Some("Unhandled".to_string())),
        };
        Ok(InvokeOutcome { request_id: "id".into(), payload: payload.into(), function_error, log_tail: None })
    }
}

#[derive(Default)]
struct MemoryObjects(Mutex<Vec<(String, Value)>>);

#[async_trait]
impl ObjectWriter for MemoryObjects {
    async fn put_object(&self, bucket: &str, key: &str, object: NewObject) -> Result<(), PortError> {
        self.0.lock().push((format!("{bucket}/{key}"), serde_json::from_slice(&object.body).unwrap()));
        Ok(())
    }
}

struct Fixture {
    stream: Arc<MemoryStream>,
    invoker: Arc<ClosureInvoker>,
    objects: Arc<MemoryObjects>,
    clock: Arc<ManualClock>,
    checkpoints: Arc<Checkpoints>,
    stop: watch::Sender<bool>,
    context: Arc<Context>,
    _directory: tempfile::TempDir,
}

impl Fixture {
    fn new(invoker: Arc<ClosureInvoker>, settings: Value) -> Self {
        let mut request = serde_json::json!({
            "StartingPosition": "TRIM_HORIZON",
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
        });
        request.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let settings = Settings::create(&serde_json::from_value(request).unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let checkpoints = Checkpoints::open(control, Arc::new(SystemClock), &LambdaConfig::default()).unwrap();
        let (stream, objects) = (Arc::new(MemoryStream::default()), Arc::new(MemoryObjects::default()));
        let clock = Arc::new(ManualClock::new(10_000));
        let (stop, stopped) = watch::channel(false);
        let context = Arc::new(Context {
            uuid: "11111111-2222-3333-4444-555555555555".into(),
            function: "consumer".into(),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:consumer".into(),
            stream_arn: ARN.into(),
            filter: settings.filter().unwrap(),
            settings,
            source: Arc::new(MemorySource(stream.clone())),
            opened: Mutex::default(),
            invoker: invoker.clone(),
            objects: objects.clone(),
            checkpoints: checkpoints.clone(),
            clock: clock.clone(),
            backoff: Backoff { first: Duration::from_millis(1), max: Duration::from_millis(5) },
            stat: Arc::default(),
            stop: stopped,
        });
        Self { stream, invoker, objects, clock, checkpoints, stop, context, _directory: directory }
    }

    /// Runs the mapping until `condition` holds, then stops it.
    async fn run_until(&self, condition: impl Fn() -> bool) {
        self.stop.send_replace(false);
        let task = tokio::spawn(supervisor::run(self.context.clone()));
        let holds = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), holds).await.expect("the condition never held");
        self.stop.send_replace(true);
        task.await.unwrap();
    }

    fn checkpoint(&self, shard_id: &str) -> Option<Checkpoint> {
        self.checkpoints.get(&self.context.uuid, shard_id)
    }

    fn given_up(&self) -> usize {
        let size = |(_, body): &(String, Value)| body["KinesisBatchInfo"]["batchSize"].as_u64().unwrap() as usize;
        self.objects.0.lock().iter().map(size).sum()
    }

    fn done(&self) -> Vec<u64> {
        self.invoker.done.lock().clone()
    }

    fn batch(&self, records: std::ops::Range<u64>) -> Vec<EventRecord> {
        self.stream.put("s0", records);
        self.stream.shards.lock()["s0"].records.iter().map(|record| EventRecord::new(ARN, "s0", record)).collect()
    }
}

const POISON: [u64; 7] = [3, 141, 142, 500, 777, 998, 999];

fn refuses_poison() -> Arc<ClosureInvoker> {
    ClosureInvoker::new(|batch| match batch.iter().find(|number| POISON.contains(number)) {
        Some(number) => Err(format!("poison {number}")),
        None => Ok("null".into()),
    })
}

#[tokio::test]
async fn seven_poison_records_in_a_thousand() {
    let settings =
        serde_json::json!({"BatchSize": 1000, "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 1});
    let fixture = Fixture::new(refuses_poison(), settings);
    fixture.stream.put("shardId-000000000000", 0..1000);
    fixture.run_until(|| fixture.done().len() + fixture.given_up() == 1000).await;

    let expected: Vec<u64> = (0..1000).filter(|number| !POISON.contains(number)).collect();
    assert_eq!(fixture.done(), expected, "each good record once and in order");
    let objects = fixture.objects.0.lock();
    let failed: Vec<u64> =
        objects.iter().flat_map(|(_, body)| numbers(body["payload"].as_str().unwrap().as_bytes())).collect();
    assert_eq!(failed, POISON);
    let (key, body) = &objects[0];
    assert!(key.starts_with("failures/aws/lambda/11111111-2222-3333-4444-555555555555/shardId-000000000000/1970/01/01/1970-01-01T00.00.10-"), "{key}");
    assert_eq!(body["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(body["responsePayload"]["errorMessage"], "poison 3");
    assert_eq!(body["KinesisBatchInfo"]["startSequenceNumber"], "1000003");
    assert_eq!(body["responseContext"]["functionError"], "Unhandled");

    // Every split makes two of one, every part is invoked once, each poison once more.
    let invocations = fixture.invoker.invocations.lock().len();
    let stat = fixture.context.stat.snapshot("", "", "", "", 0);
    assert_eq!((stat.invocations as usize, stat.records, stat.failed_records), (invocations, 993, 7));
    println!("1,000 records with 7 poison records: {invocations} invocations");
    assert!(invocations < 150, "{invocations}");
}

#[tokio::test]
async fn the_age_is_that_of_the_oldest_record_not_done_and_zero_at_the_tip() {
    let blocked = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let invoker = ClosureInvoker::new({
        let blocked = blocked.clone();
        move |batch| match batch.contains(&2) && blocked.load(std::sync::atomic::Ordering::Relaxed) {
            true => Err("not yet".into()),
            false => Ok("null".into()),
        }
    });
    let fixture = Fixture::new(invoker, serde_json::json!({"BatchSize": 1}));
    // Arrived at 1,000 ms + number; the clock shows 10,000.
    fixture.stream.put("s0", 0..4);
    fixture.stream.put("s1", 1..2);
    let age_ms = || fixture.context.stat.snapshot("", "", "", "", fixture.clock.now_ms()).iterator_age_ms;
    fixture.run_until(|| fixture.done().len() == 3 && age_ms() == 8_998).await;
    fixture.clock.advance_ms(1_000);
    fixture.run_until(|| age_ms() == 9_998).await;
    blocked.store(false, std::sync::atomic::Ordering::Relaxed);
    fixture.run_until(|| fixture.done().len() == 5 && age_ms() == 0).await;
}

#[tokio::test]
async fn reported_failures_cost_no_good_record() {
    let invoker = ClosureInvoker::new(|batch| {
        let failed: Vec<Value> = batch
            .iter()
            .filter(|number| POISON.contains(number))
            .map(|number| serde_json::json!({"itemIdentifier": (1_000_000 + number).to_string()}))
            .collect();
        Ok(serde_json::json!({"batchItemFailures": failed}).to_string())
    });
    let settings = serde_json::json!({
        "BatchSize": 1000, "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    let fixture = Fixture::new(invoker, settings);
    let records = fixture.batch(0..1000);
    let mut done = Vec::new();
    let end = batch::run(&fixture.context, "s0", &records, &mut |count| done.push(count)).await;
    assert_eq!(end, BatchEnd::Complete);
    assert_eq!(done.last(), Some(&1000));
    assert!(done.is_sorted());
    assert_eq!(fixture.given_up(), 7);
    assert_eq!(fixture.context.stat.snapshot("", "", "", "", 0).records, 993);
}

#[tokio::test]
async fn throttles_use_up_no_retries() {
    let settings = serde_json::json!({"MaximumRetryAttempts": 0});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    *fixture.invoker.throttles_left.lock() = 5;
    fixture.stream.put("s0", 0..10);
    fixture.run_until(|| fixture.done().len() == 10).await;
    assert_eq!(fixture.given_up(), 0);
}

#[tokio::test]
async fn a_shard_that_makes_no_progress_is_told_until_it_does() {
    let fixture = Fixture::new(refuses_poison(), serde_json::json!({"MaximumRetryAttempts": 0}));
    let problems = || fixture.context.stat.setbacks.problems(str::to_string);
    *fixture.invoker.throttles_left.lock() = u32::MAX;
    fixture.stream.put("s0", 0..3);
    fixture.run_until(|| !problems().is_empty()).await;
    assert_eq!((problems()[0].kind, problems()[0].resource.as_str()), (ProblemKind::StuckDelivery, "s0"));
    assert!(problems()[0].message.contains("Rate Exceeded."), "{}", problems()[0]);
    *fixture.invoker.throttles_left.lock() = 0;
    fixture.run_until(|| fixture.done().len() == 3).await;
    assert_eq!(problems(), []);
}

#[tokio::test]
async fn old_records_are_given_up_without_an_invocation() {
    let settings = serde_json::json!({"MaximumRecordAgeInSeconds": 60});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    // Arrived at 1,000 ms + number; the clock shows 61,004: 0–3 are older than a minute.
    fixture.clock.advance_ms(51_004);
    fixture.stream.put("s0", 0..10);
    fixture.run_until(|| fixture.done().len() == 6).await;
    assert_eq!(fixture.done(), [4, 5, 6, 7, 8, 9]);
    let objects = fixture.objects.0.lock();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].1["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(objects[0].1["KinesisBatchInfo"]["batchSize"], 4);
}

#[tokio::test]
async fn a_mapping_goes_on_where_it_stopped_even_within_a_batch() {
    // Fails at 150 until told otherwise, having reported 100..150 as done.
    let broken = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = broken.clone();
    let invoker = ClosureInvoker::new(move |batch| {
        if switch.load(std::sync::atomic::Ordering::SeqCst) && batch.contains(&150) {
            return Ok(r#"{"batchItemFailures":[{"itemIdentifier":"1000150"}]}"#.into());
        }
        Ok(String::new())
    });
    let settings = serde_json::json!({"FunctionResponseTypes": ["ReportBatchItemFailures"]});
    let fixture = Fixture::new(invoker, settings);
    fixture.stream.put("s0", 0..300);
    let attempts = || fixture.invoker.invocations.lock().iter().filter(|batch| batch.contains(&150)).count();
    fixture.run_until(|| attempts() >= 3).await;
    let expected = Checkpoint::At { cursor: cursor("s0", 100), done_through: Some("1000149".into()) };
    assert_eq!(fixture.checkpoints.get(&fixture.context.uuid, "s0"), Some(expected));

    broken.store(false, std::sync::atomic::Ordering::SeqCst);
    fixture.invoker.invocations.lock().clear();
    fixture.invoker.done.lock().clear();
    fixture.run_until(|| fixture.done().last() == Some(&299)).await;
    assert_eq!(fixture.done(), (150..300).collect::<Vec<u64>>(), "nothing twice, nothing skipped");
    let expected = Checkpoint::At { cursor: cursor("s0", 300), done_through: None };
    assert_eq!(fixture.checkpoints.get(&fixture.context.uuid, "s0"), Some(expected));
}

#[tokio::test]
async fn children_start_after_their_parent() {
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), serde_json::json!({"BatchSize": 7}));
    fixture.stream.put("a-parent", 0..50);
    fixture.stream.close("a-parent", "b-child");
    fixture.stream.put("b-child", 50..100);
    fixture.run_until(|| fixture.done().len() == 100).await;
    assert_eq!(fixture.done(), (0..100).collect::<Vec<u64>>());
    assert_eq!(fixture.checkpoints.get(&fixture.context.uuid, "a-parent"), Some(Checkpoint::ShardEnd));
}

#[tokio::test]
async fn shards_start_where_the_mapping_says() {
    for (settings, first) in [
        (serde_json::json!({"StartingPosition": "LATEST"}), 10),
        (serde_json::json!({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": Timestamp(1_004)}), 4),
    ] {
        let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
        fixture.stream.put("s0", 0..10);
        supervisor::shards(&fixture.context).await.unwrap();
        fixture.stream.put("s0", 10..20);
        fixture.run_until(|| fixture.done().last() == Some(&19)).await;
        assert_eq!(fixture.done(), (first..20).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn a_window_collects_records_until_the_batch_is_full() {
    let settings = serde_json::json!({"BatchSize": 20, "MaximumBatchingWindowInSeconds": 300});
    let fixture = Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings);
    fixture.stream.put("s0", 0..5);
    let stream = fixture.stream.clone();
    let puts = tokio::spawn(async move {
        for start in [5, 10, 15] {
            tokio::time::sleep(Duration::from_millis(5)).await;
            stream.put("s0", start..start + 5);
        }
    });
    fixture.run_until(|| fixture.done().len() == 20).await;
    puts.await.unwrap();
    assert_eq!(fixture.invoker.invocations.lock().len(), 1);
}

fn filtering(pattern: &str) -> Fixture {
    let criteria = serde_json::json!({"Filters": [{"Pattern": pattern}]});
    let settings = serde_json::json!({"BatchSize": 10, "FilterCriteria": criteria});
    Fixture::new(ClosureInvoker::new(|_| Ok(String::new())), settings)
}

#[tokio::test]
async fn only_records_that_match_a_filter_are_batched() {
    let fixture = filtering(r#"{"partitionKey": ["k"], "sequenceNumber": [{"suffix": "7"}]}"#);
    fixture.stream.put("s0", 0..100);
    let at_end = || fixture.checkpoint("s0") == Some(Checkpoint::At { cursor: cursor("s0", 100), done_through: None });
    fixture.run_until(|| fixture.done().len() == 10 && at_end()).await;
    assert_eq!(fixture.done(), (0..100).filter(|number| number % 10 == 7).collect::<Vec<_>>());
    assert_eq!(fixture.context.stat.snapshot("", "", "", "", 0).records, 100);
}

#[tokio::test]
async fn what_is_all_filtered_out_is_passed_over_for_good() {
    let fixture = filtering(r#"{"data": {"kind": ["order"]}}"#);
    // Numbers are JSON without such a member, and the last is no JSON.
    fixture.stream.put("s0", 0..25);
    let broken = fixture.stream.shards.lock()["s0"].records[24].clone();
    fixture.stream.shards.lock().get_mut("s0").unwrap().records.push(StreamRecord { data: "{order".into(), ..broken });
    let passed = Some(Checkpoint::At { cursor: cursor("s0", 26), done_through: None });
    fixture.run_until(|| fixture.checkpoint("s0") == passed).await;
    assert!(fixture.invoker.invocations.lock().is_empty());
    fixture.stream.close("s0", "s1");
    fixture.run_until(|| fixture.checkpoint("s0") == Some(Checkpoint::ShardEnd)).await;
}
