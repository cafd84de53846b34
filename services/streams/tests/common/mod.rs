//! The service in a directory of its own, with a clock that the test moves.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anabranch_control::ControlStore;
use anabranch_protocol::{ApiError, Encoding, ManualClock, RequestContext, Service as _};
use anabranch_storage::Config;
use anabranch_streams::{Limits, Streams, StreamsConfig};
use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) const NOW_MS: u64 = 1_763_000_000_000;

pub(crate) struct Service {
    pub(crate) streams: Arc<Streams>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Service {
    pub(crate) fn open(directory: &Path) -> Self {
        Self::open_at(directory, NOW_MS, Duration::ZERO)
    }

    pub(crate) fn open_at(directory: &Path, now_ms: u64, transition_delay: Duration) -> Self {
        Self::open_with(directory, now_ms, transition_delay, Limits::Off)
    }

    pub(crate) fn open_with(directory: &Path, now_ms: u64, transition_delay: Duration, limits: Limits) -> Self {
        Self::open_as(now_ms, StreamsConfig { transition_delay, limits, ..Self::config(directory) })
    }

    /// Settings for a directory: small segments, no quotas.
    pub(crate) fn config(directory: &Path) -> StreamsConfig {
        let log = Config { segment_bytes_min: 64 << 10, ..Config::default() };
        StreamsConfig { log, limits: Limits::Off, ..StreamsConfig::new(directory.join("streams")) }
    }

    /// Opens the service with its control store beside the streams.
    pub(crate) fn open_as(now_ms: u64, config: StreamsConfig) -> Self {
        let clock = Arc::new(ManualClock::new(now_ms));
        let control = ControlStore::open(&config.directory.with_file_name("control.redb")).unwrap();
        Self { streams: Streams::open(config, control, clock.clone()).unwrap(), clock }
    }

    pub(crate) async fn call(&self, operation: &str, request: Value) -> Result<Value, ApiError> {
        let body = Bytes::from(request.to_string());
        let answer = self.streams.call(&RequestContext::default(), operation, Encoding::Json, body).await?;
        Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer).unwrap() })
    }

    pub(crate) async fn ok(&self, operation: &str, request: Value) -> Value {
        self.call(operation, request).await.unwrap()
    }

    pub(crate) async fn refused(&self, operation: &str, request: Value) -> (&'static str, String) {
        let error = self.call(operation, request).await.unwrap_err();
        (error.code, error.message)
    }

    pub(crate) async fn iterator(&self, shard: u32, kind: &str, more: Value) -> String {
        let mut request = json!({
            "StreamName": "clicks", "ShardId": format!("shardId-{shard:012}"), "ShardIteratorType": kind,
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ok("GetShardIterator", request).await["ShardIterator"].as_str().unwrap().to_string()
    }

    pub(crate) async fn keys_from(&self, iterator: String) -> Vec<String> {
        let answer = self.ok("GetRecords", json!({ "ShardIterator": iterator })).await;
        let records = answer["Records"].as_array().unwrap().clone();
        records.iter().map(|record| record["PartitionKey"].as_str().unwrap().to_string()).collect()
    }

    /// Ends the service and opens it again a minute later.
    pub(crate) async fn reopen(self, directory: &Path) -> Self {
        use anabranch_protocol::Clock;
        let now_ms = self.clock.now_ms() + 60_000;
        self.streams.shutdown().await;
        drop(self);
        Self::open_at(directory, now_ms, Duration::ZERO)
    }

    /// All shards of the stream `clicks`, by index.
    pub(crate) async fn shards(&self) -> Vec<Value> {
        self.ok("ListShards", json!({ "StreamName": "clicks" })).await["Shards"].as_array().unwrap().clone()
    }

    /// The ids of the shards of `clicks` that pass a filter, as bare numbers.
    pub(crate) async fn filtered(&self, filter: Value) -> Vec<u32> {
        let listed = self.ok("ListShards", json!({ "StreamName": "clicks", "ShardFilter": filter })).await;
        let id = |shard: &Value| shard["ShardId"].as_str().unwrap()["shardId-".len()..].parse().unwrap();
        listed["Shards"].as_array().unwrap().iter().map(id).collect()
    }

    /// Puts a record with an explicit hash key; returns its shard's id and its sequence number.
    pub(crate) async fn put_at(&self, key: &str, hash_key: &str) -> (String, String) {
        let record = json!({ "StreamName": "clicks", "Data": "", "PartitionKey": key, "ExplicitHashKey": hash_key });
        let put = self.ok("PutRecord", record).await;
        let text = |member: &str| put[member].as_str().unwrap().to_string();
        (text("ShardId"), text("SequenceNumber"))
    }
}
