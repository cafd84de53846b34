//! What is measured of streams and shards, under CloudWatch's names.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use anabranch_streams::Limits;
use common::{NOW_MS, Service};
use serde_json::json;

/// Samples and sum of a metric of `clicks`, or of one of its shards.
fn measured(service: &Service, shard: Option<u32>, metric: &str) -> Option<(u64, f64)> {
    let shard = shard.map(|index| format!("shardId-{index:012}"));
    let all = service.streams.measured();
    let mut found = all.iter().filter(|one| one.metric == metric && one.shard == shard && one.stream == "clicks");
    found.next().map(|one| (one.sample_count, one.sum))
}

#[tokio::test]
async fn puts_and_gets_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_with(directory.path(), NOW_MS, Duration::ZERO, Limits::Aws);
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 2 })).await;
    service.put_at("abc", "0").await;
    assert_eq!(measured(&service, Some(0), "IncomingBytes"), None, "shards only where it is enabled");
    let metrics = json!(["IncomingBytes", "OutgoingRecords", "WriteProvisionedThroughputExceeded"]);
    service.ok("EnableEnhancedMonitoring", json!({ "StreamName": "clicks", "ShardLevelMetrics": metrics })).await;
    let data = "A".repeat(800 << 10);
    let record = json!({ "Data": data, "PartitionKey": "k", "ExplicitHashKey": "0" });
    let puts = json!({ "StreamName": "clicks", "Records": [record, record] });
    assert_eq!(service.ok("PutRecords", puts).await["FailedRecordCount"], 1);
    let bytes = f64::from((600 << 10) + 1);
    for (metric, expected) in [
        ("PutRecord.Success", (1, 1.0)),
        ("PutRecord.Bytes", (1, 3.0)),
        ("PutRecords.TotalRecords", (1, 2.0)),
        ("PutRecords.SuccessfulRecords", (1, 1.0)),
        ("PutRecords.ThrottledRecords", (1, 1.0)),
        ("PutRecords.FailedRecords", (1, 0.0)),
        ("PutRecords.Bytes", (1, 2.0 * bytes)),
        ("IncomingRecords", (2, 2.0)),
        ("IncomingBytes", (2, bytes + 3.0)),
        ("WriteProvisionedThroughputExceeded", (1, 1.0)),
    ] {
        assert_eq!(measured(&service, None, metric), Some(expected), "{metric}");
    }
    assert_eq!(measured(&service, Some(0), "IncomingBytes"), Some((1, bytes)));
    assert_eq!(measured(&service, Some(0), "WriteProvisionedThroughputExceeded"), Some((1, 1.0)));
    assert_eq!(measured(&service, Some(0), "IncomingRecords"), None, "only what is enabled");
    assert!(measured(&service, None, "PutRecords.Latency").unwrap().1 > 0.0);

    let horizon = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    let first = service.ok("GetRecords", json!({ "ShardIterator": horizon, "Limit": 1 })).await;
    assert_eq!(first["Records"].as_array().unwrap().len(), 1);
    for (metric, expected) in [
        ("GetRecords.Records", (1, 1.0)),
        ("GetRecords.Bytes", (1, 3.0)),
        ("GetRecords.Success", (1, 1.0)),
        ("GetRecords.IteratorAgeMilliseconds", (1, 0.0)),
    ] {
        assert_eq!(measured(&service, None, metric), Some(expected), "{metric}");
    }
    assert_eq!(measured(&service, Some(0), "OutgoingRecords"), Some((1, 1.0)));
}
