//! Mappings against sources in memory and a closure for a function.

mod queues;
mod streams;
mod windows;

use super::context::{BatchInvoker, Context};
use super::payload::EventRecord;
use super::settings::Settings;
use super::sources::{EventSource, Kinesis, Rules};
use super::stream::batch::{self, BatchEnd};
use super::stream::checkpoint::{Checkpoint, Checkpoints};
use super::stream::supervisor;
use crate::LambdaConfig;
use crate::config::Backoff;
use crate::destinations;
use crate::function_id::FunctionId;
use crate::invoke::InvokeOutcome;
use anabranch_control::ControlStore;
use anabranch_ports::{
    NewObject, ObjectWriter, PortError, ShardCursor, ShardInfo, ShardRead, Start, StreamHandle, StreamRecord,
    StreamSource, Target,
};
use anabranch_protocol::{ApiError, ManualClock, ProblemKind, SystemClock, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

pub(super) const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

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
    adjacent_parent: Option<String>,
    closed: bool,
}

impl MemoryStream {
    fn put(&self, shard_id: &str, records: impl Iterator<Item = u64>) {
        self.put_keyed(shard_id, records, |_| "k".into());
    }

    fn put_keyed(&self, shard_id: &str, records: impl Iterator<Item = u64>, key: impl Fn(u64) -> String) {
        let mut shards = self.shards.lock();
        let shard = shards.entry(shard_id.into()).or_default();
        shard.records.extend(records.map(|number| StreamRecord {
            sequence_number: (1_000_000 + number).to_string(),
            partition_key: key(number),
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

impl MemoryStream {
    fn merge(&self, parents: [&str; 2], child: &str) {
        let [parent, adjacent_parent] = parents.map(|shard_id| {
            self.close(shard_id, child);
            Some(shard_id.to_string())
        });
        let mut shards = self.shards.lock();
        let child = shards.entry(child.into()).or_default();
        (child.parent, child.adjacent_parent) = (parent, adjacent_parent);
    }
}

struct MemoryStreams(Arc<MemoryStream>);

#[async_trait]
impl StreamSource for MemoryStreams {
    async fn open_stream(&self, _: &str) -> Result<Arc<dyn StreamHandle>, PortError> {
        Ok(self.0.clone())
    }
}

/// The rules of Kinesis, for tests of settings.
pub(super) fn rules() -> &'static Rules {
    Kinesis::new(Arc::new(MemoryStreams(Arc::default()))).rules()
}

#[async_trait]
impl StreamHandle for MemoryStream {
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        let view = |(shard_id, shard): (&String, &MemoryShard)| ShardInfo {
            shard_id: shard_id.clone(),
            parent_shard_id: shard.parent.clone(),
            adjacent_parent_shard_id: shard.adjacent_parent.clone(),
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
        Ok(place(shard_id, index))
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
            next: place(shard_id, to),
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

fn place(shard_id: &str, index: usize) -> ShardCursor {
    ShardCursor::from_text(format!("{shard_id}@{index}"))
}

fn index(cursor: &ShardCursor) -> (&str, usize) {
    let (shard_id, index) = cursor.as_str().split_once('@').unwrap();
    (shard_id, index.parse().unwrap())
}

type Function = dyn Fn(&Value, &[u64]) -> Result<String, String> + Send + Sync;

/// A function as a closure over the numbers in its batch, and what it was given.
struct ClosureInvoker {
    function: Box<Function>,
    /// Numbers of batches that succeeded, in order.
    done: Mutex<Vec<u64>>,
    invocations: Mutex<Vec<Vec<u64>>>,
    throttles_left: Mutex<u32>,
    /// Invocations that run, and the most that ever did.
    running: Mutex<(usize, usize)>,
}

/// How often an invocation lets others run before it ends.
const YIELDS: usize = 5;

impl ClosureInvoker {
    fn new(function: impl Fn(&[u64]) -> Result<String, String> + Send + Sync + 'static) -> Arc<Self> {
        Self::of_events(move |_, batch| function(batch))
    }

    fn of_events(function: impl Fn(&Value, &[u64]) -> Result<String, String> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            function: Box::new(function),
            done: Mutex::default(),
            invocations: Mutex::default(),
            throttles_left: Mutex::new(0),
            running: Mutex::default(),
        })
    }
}

fn numbers(payload: &[u8]) -> Vec<u64> {
    numbers_of(&serde_json::from_slice(payload).unwrap())
}

fn numbers_of(event: &Value) -> Vec<u64> {
    let number = |record: &Value| {
        let Some(data) = record["kinesis"]["data"].as_str() else {
            return record["body"].as_str().unwrap().parse().unwrap();
        };
        let data = base64_simd::STANDARD.decode_to_vec(data).unwrap();
        String::from_utf8(data).unwrap().parse().unwrap()
    };
    event["Records"].as_array().unwrap().iter().map(number).collect()
}

#[async_trait]
impl BatchInvoker for ClosureInvoker {
    async fn invoke(&self, _: &FunctionId, payload: Bytes) -> Result<InvokeOutcome, ApiError> {
        {
            let mut throttles_left = self.throttles_left.lock();
            if *throttles_left > 0 {
                *throttles_left -= 1;
                return Err(crate::error::too_many_requests("Rate Exceeded."));
            }
        }
        let event: Value = serde_json::from_slice(&payload).unwrap();
        let batch = numbers_of(&event);
        self.invocations.lock().push(batch.clone());
        {
            let mut running = self.running.lock();
            running.0 += 1;
            running.1 = running.1.max(running.0);
        }
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
        self.running.lock().0 -= 1;
        let (payload, function_error) = match (self.function)(&event, &batch) {
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

/// What was delivered to which ARN.
#[derive(Default)]
struct MemoryTargets(Mutex<Vec<(String, Value)>>);

#[async_trait]
impl Target for MemoryTargets {
    async fn check(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn deliver(&self, arn: &str, delivery: anabranch_ports::Delivery) -> Result<(), PortError> {
        self.0.lock().push((arn.into(), serde_json::from_slice(&delivery.payload).unwrap()));
        Ok(())
    }
}

struct Fixture {
    stream: Arc<MemoryStream>,
    invoker: Arc<ClosureInvoker>,
    objects: Arc<MemoryObjects>,
    targets: Arc<MemoryTargets>,
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
        let settings = Settings::create(&serde_json::from_value(request).unwrap(), rules(), &ARN.parse().unwrap());
        let (settings, targets) = (settings.unwrap(), Arc::new(MemoryTargets::default()));
        let directory = tempfile::tempdir().unwrap();
        let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let checkpoints = Checkpoints::open(control, Arc::new(SystemClock), &LambdaConfig::default()).unwrap();
        let (stream, objects) = (Arc::new(MemoryStream::default()), Arc::new(MemoryObjects::default()));
        let clock = Arc::new(ManualClock::new(10_000));
        let (stop, stopped) = watch::channel(false);
        let context = Arc::new(Context {
            uuid: "11111111-2222-3333-4444-555555555555".into(),
            function: "consumer".parse().unwrap(),
            source_arn: ARN.parse().unwrap(),
            filter: settings.filter(rules()).unwrap(),
            settings,
            source: Kinesis::new(Arc::new(MemoryStreams(stream.clone()))),
            opened: Mutex::default(),
            invoker: invoker.clone(),
            destinations: destinations::Services { objects: objects.clone(), targets: targets.clone() },
            checkpoints: checkpoints.clone(),
            clock: clock.clone(),
            backoff: Backoff { first: Duration::from_millis(1), max: Duration::from_millis(5) },
            stat: Arc::default(),
            stop: stopped,
        });
        Self { stream, invoker, objects, targets, clock, checkpoints, stop, context, _directory: directory }
    }

    /// Runs the mapping until `condition` holds, then stops it.
    async fn run_until(&self, condition: impl Fn() -> bool) {
        self.run_until_in_steps(Duration::from_millis(1), condition).await;
    }

    /// The same, while the clock moves by up to `step` each millisecond.
    async fn run_until_in_steps(&self, step: Duration, condition: impl Fn() -> bool) {
        self.stop.send_replace(false);
        let task = tokio::spawn(supervisor::run(self.context.clone()));
        let holds = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let holds = self.clock.fast_forward(step, holds);
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

    async fn batch(&self, records: std::ops::Range<u64>) -> Vec<EventRecord> {
        let count = (records.end - records.start) as usize;
        self.stream.put("s0", records);
        let stream = self.context.stream().await.unwrap();
        let read = stream.read("s0", &place("s0", 0), count, usize::MAX).await.unwrap();
        EventRecord::of_all(read.records.iter().map(|record| &**record))
    }
}
