//! A Firehose in a temporary directory, and objects in memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_control::ControlStore;
use anabranch_firehose::{DeliveryStreamStat, Firehose};
use anabranch_ports::{NewObject, ObjectWriter, PortError, PortErrorKind};
use anabranch_protocol::{ApiError, Encoding, ManualClock, RequestContext, Service};
use async_trait::async_trait;
use base64_simd::STANDARD;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// 2026-03-05T17:04:09Z.
pub(crate) const NOW_MS: u64 = 1_772_730_249_000;

/// An object as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) body: Bytes,
    pub(crate) encoding: Option<String>,
}

impl Object {
    /// The body as it was before compression.
    pub(crate) fn content(&self) -> Vec<u8> {
        if self.encoding.is_none() {
            return self.body.to_vec();
        }
        let mut content = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut content).unwrap();
        content
    }
}

/// Keeps objects in memory in the order of their writing.
#[derive(Default)]
pub(crate) struct MemoryWriter {
    /// Every attempt, failed ones too.
    attempts: Mutex<Vec<Object>>,
    attempted: Notify,
    /// Attempts that are still to fail.
    pub(crate) failures: AtomicUsize,
    /// Whether attempts never return, as when the process dies meanwhile.
    hangs: bool,
}

impl MemoryWriter {
    /// One whose attempts never return.
    pub(crate) fn hanging() -> Self {
        Self { hangs: true, ..Self::default() }
    }

    pub(crate) fn attempts(&self) -> Vec<Object> {
        self.attempts.lock().clone()
    }

    /// The objects by key.
    pub(crate) fn objects(&self) -> BTreeMap<String, Object> {
        self.attempts().into_iter().map(|object| (object.key.clone(), object)).collect()
    }

    /// Waits for `count` attempts and returns them.
    pub(crate) async fn attempted(&self, count: usize) -> Vec<Object> {
        loop {
            let again = self.attempted.notified();
            let attempts = self.attempts();
            if attempts.len() >= count {
                return attempts;
            }
            again.await;
        }
    }
}

#[async_trait]
impl ObjectWriter for MemoryWriter {
    async fn put_object(&self, bucket: &str, key: &str, object: NewObject) -> Result<(), PortError> {
        assert_eq!(object.content_type.as_deref(), Some("application/octet-stream"));
        let (body, encoding) = (object.body, object.content_encoding);
        self.attempts.lock().push(Object { bucket: bucket.into(), key: key.into(), body, encoding });
        self.attempted.notify_one();
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => Err(PortError::new(PortErrorKind::NotFound, "NoSuchBucket", "it is not there")),
            Err(_) => Ok(()),
        }
    }
}

/// A Firehose over `directory`.
pub(crate) struct House {
    pub(crate) firehose: Arc<Firehose>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) writer: Arc<MemoryWriter>,
}

impl House {
    pub(crate) fn open(directory: &Path, writer: MemoryWriter) -> Self {
        let control = ControlStore::open(&directory.join("control.redb")).unwrap();
        Self::open_at(&directory.join("firehose"), control, writer)
    }

    pub(crate) fn open_at(directory: &Path, control: ControlStore, writer: MemoryWriter) -> Self {
        let (clock, writer) = (Arc::new(ManualClock::new(NOW_MS)), Arc::new(writer));
        let config = anabranch_storage::Config::default();
        let firehose = Firehose::open(directory, control, clock.clone(), writer.clone(), config).unwrap();
        Self { firehose, clock, writer }
    }

    /// Calls `operation` with `body`.
    pub(crate) async fn call(&self, operation: &str, body: Value) -> Result<Value, ApiError> {
        let context = RequestContext::default();
        let answer = self.firehose.call(&context, operation, Encoding::Json, Bytes::from(body.to_string())).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    /// Makes the delivery stream `clicks-raw` with members added to its S3 configuration.
    pub(crate) async fn create(&self, members: Value) {
        self.call("CreateDeliveryStream", clicks_raw(members)).await.unwrap();
    }

    /// Puts records to `clicks-raw`.
    pub(crate) async fn put(&self, records: &[Vec<u8>]) -> Result<Value, ApiError> {
        let records: Vec<Value> =
            records.iter().map(|record| json!({ "Data": STANDARD.encode_to_string(record) })).collect();
        self.call("PutRecordBatch", json!({ "DeliveryStreamName": "clicks-raw", "Records": records })).await
    }

    /// Moves time on.
    pub(crate) fn advance_s(&self, seconds: u64) {
        self.clock.advance_ms(seconds * 1_000);
    }

    pub(crate) fn stat(&self) -> DeliveryStreamStat {
        self.firehose.stat().remove(0)
    }

    /// Waits until everything put is delivered.
    pub(crate) async fn drained(&self) {
        let drained = async {
            while self.stat().backlog_records > 0 {
                tokio::task::yield_now().await;
            }
        };
        self.clock.fast_forward(Duration::from_millis(100), drained).await;
    }
}

/// A request for `clicks-raw` with members added to its S3 configuration.
pub(crate) fn clicks_raw(members: Value) -> Value {
    let mut configuration = json!({
        "RoleARN": "arn:aws:iam::000000000000:role/firehose",
        "BucketARN": "arn:aws:s3:::clickstream-raw",
    });
    configuration.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({ "DeliveryStreamName": "clicks-raw", "ExtendedS3DestinationConfiguration": configuration })
}

/// Copies a data directory in use: what a killed process leaves.
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), target) {
            // The log may remove a segment that it needs no more.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
    }
}
