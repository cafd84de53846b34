//! What has expired is gone for everyone, at once and for good.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use anabranch_ports::{PortErrorKind, Start, StreamSource};
use anabranch_protocol::{Clock, Encoding, RequestContext, Service as _};
use common::{NOW_MS, Service};
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;
const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

fn hours(hours: i64) -> Value {
    json!({ "StreamName": "clicks", "RetentionPeriodHours": hours })
}

async fn keys(service: &Service) -> Vec<String> {
    service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await
}

#[tokio::test]
async fn what_expired_does_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    service.put_at("old", "0").await;
    service.clock.advance_ms(2 * HOUR_MS);
    service.put_at("new", "0").await;
    service.clock.advance_ms(23 * HOUR_MS);
    assert_eq!(keys(&service).await, ["new"], "25 hours, of which 24 are kept");
    service.ok("IncreaseStreamRetentionPeriod", hours(48)).await;
    assert_eq!(keys(&service).await, ["new"], "after raising it");
    let service = service.reopen(directory.path()).await;
    assert_eq!(keys(&service).await, ["new"], "after a restart");
    service.clock.advance_ms(20 * HOUR_MS);
    assert_eq!(keys(&service).await, ["new"], "the new period holds");
    service.ok("DecreaseStreamRetentionPeriod", hours(24)).await;
    service.ok("IncreaseStreamRetentionPeriod", hours(72)).await;
    assert!(keys(&service).await.is_empty(), "a shorter period expires records for good");
    let service = service.reopen(directory.path()).await;
    assert!(keys(&service).await.is_empty());
}

#[tokio::test]
async fn a_day_later_the_disk_is_free_again() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let record = json!({ "StreamName": "clicks", "Data": "A".repeat(40 << 10), "PartitionKey": "old" });
    for _ in 0..20 {
        service.ok("PutRecord", record.clone()).await;
    }
    service.clock.advance(Duration::from_millis(23 * HOUR_MS)).await;
    service.put_at("new", "0").await;
    let held = || service.streams.stat()[0].records.unwrap();
    assert_eq!(held(), 21);
    let freed = async {
        while held() == 21 {
            tokio::task::yield_now().await;
        }
    };
    service.clock.fast_forward(Duration::from_secs(60), freed).await;
    // How much later depends on how far the clock is moved while the files are being removed.
    assert!(service.clock.now_ms() - NOW_MS >= 24 * HOUR_MS, "not before");
    assert_eq!(keys(&service).await, ["new"]);
}

#[tokio::test]
async fn a_closed_shard_is_gone_the_moment_it_expires() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let consumer = service.ok("RegisterStreamConsumer", json!({ "StreamARN": ARN, "ConsumerName": "c" })).await;
    let consumer = consumer["Consumer"]["ConsumerARN"].clone();
    service.put_at("a", "0").await;
    let split = json!({ "StreamName": "clicks", "ShardToSplit": "0", "NewStartingHashKey": "1000" });
    service.ok("SplitShard", split.clone()).await;
    service.clock.advance_ms(24 * HOUR_MS);
    let iterator = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    let stream = service.streams.open_stream(ARN).await.unwrap();
    let cursor = stream.resolve_start("shardId-000000000000", Start::TrimHorizon).await.unwrap();
    assert_eq!(service.shards().await.len(), 3);
    service.clock.advance_ms(1);
    // Whether or not a round of retention ran meanwhile.
    assert_eq!(service.shards().await.len(), 2);
    let described = service.ok("DescribeStream", json!({ "StreamName": "clicks" })).await;
    assert_eq!(described["StreamDescription"]["Shards"].as_array().unwrap().len(), 2);
    assert_eq!(stream.list_shards().await.unwrap().len(), 2);
    let start = json!({ "Type": "TRIM_HORIZON" });
    let get = json!({ "StreamName": "clicks", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON" });
    let merge = json!({ "StreamName": "clicks", "ShardToMerge": "0", "AdjacentShardToMerge": "1" });
    for (operation, request) in [
        ("GetShardIterator", get),
        ("GetRecords", json!({ "ShardIterator": iterator })),
        ("SplitShard", split),
        ("MergeShards", merge),
    ] {
        let (code, message) = service.refused(operation, request).await;
        assert!(
            code == "ResourceNotFoundException" && message.contains("shardId-000000000000"),
            "{operation}: {message}"
        );
    }
    let subscribe = json!({ "ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": start });
    let context = RequestContext::default();
    let body = subscribe.to_string().into();
    let refused = service.streams.subscribe(&context, "SubscribeToShard", Encoding::Json, body).await;
    assert_eq!(refused.err().unwrap().code, "ResourceNotFoundException");
    let shard = "shardId-000000000000";
    assert!(stream.resolve_start(shard, Start::Latest).await.is_err());
    assert!(stream.read_shard(shard, &cursor, 1, 1).await.is_err());
    assert!(stream.wait_for_records(shard, &cursor).await.is_err());
}

#[tokio::test]
async fn a_stream_that_is_being_deleted_is_gone_for_its_users() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_secs(600));
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    service.clock.advance_ms(600_000);
    service.put_at("a", "0").await;
    let iterator = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    service.ok("DeleteStream", json!({ "StreamName": "clicks" })).await;
    let summary = service.ok("DescribeStreamSummary", json!({ "StreamName": "clicks" })).await;
    assert_eq!(summary["StreamDescriptionSummary"]["StreamStatus"], "DELETING");
    let record = json!({ "Data": "", "PartitionKey": "k" });
    let put = json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "k" });
    let get = json!({ "StreamName": "clicks", "ShardId": "0", "ShardIteratorType": "LATEST" });
    for (operation, request, code) in [
        ("PutRecord", put, "ResourceNotFoundException"),
        ("PutRecords", json!({ "StreamName": "clicks", "Records": [record] }), "ResourceNotFoundException"),
        ("GetShardIterator", get, "ResourceNotFoundException"),
        ("GetRecords", json!({ "ShardIterator": iterator }), "ResourceNotFoundException"),
        // What changes the stream is told what state it is in.
        ("IncreaseStreamRetentionPeriod", hours(48), "ResourceInUseException"),
        ("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 }), "ResourceInUseException"),
    ] {
        let (found, message) = service.refused(operation, request).await;
        assert_eq!(found, code, "{operation}: {message}");
    }
    let gone = service.streams.open_stream(ARN).await;
    assert_eq!(gone.err().map(|error| error.kind), Some(PortErrorKind::NotFound));
}
