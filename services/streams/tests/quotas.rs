//! AWS's quotas: what shards take and give in a second, how often operations may be called, and
//! on-demand streams that grow.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use anabranch_protocol::{Clock, Encoding, RequestContext, Service as _};
use anabranch_streams::Limits;
use common::{NOW_MS, Service};
use futures::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;

async fn service(size: Value) -> (TempDir, Service) {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_with(directory.path(), NOW_MS, Duration::ZERO, Limits::Aws);
    let mut request = json!({ "StreamName": "clicks" });
    request.as_object_mut().unwrap().extend(size.as_object().unwrap().clone());
    service.ok("CreateStream", request).await;
    (directory, service)
}

/// Base64 of so many bytes, a multiple of three.
fn data(bytes: usize) -> String {
    "A".repeat(bytes / 3 * 4)
}

fn record(key: &str, hash_key: &str, bytes: usize) -> Value {
    json!({ "Data": data(bytes), "PartitionKey": key, "ExplicitHashKey": hash_key })
}

async fn put(service: &Service, records: Vec<Value>) -> Value {
    service.ok("PutRecords", json!({ "StreamName": "clicks", "Records": records })).await
}

#[tokio::test]
async fn records_fail_one_by_one_once_their_shard_has_had_enough() {
    let (_directory, service) = service(json!({ "ShardCount": 2 })).await;
    let upper = (u128::MAX / 2 + 1).to_string();
    let size = 300 << 10;
    let records = (0..5).map(|number| record(&number.to_string(), "0", size)).collect::<Vec<_>>();
    let other = record("other", &upper, size);
    let answer = put(&service, [records, vec![other]].concat()).await;
    assert_eq!(answer["FailedRecordCount"], 2);
    let results = answer["Records"].as_array().unwrap();
    let failed: Vec<bool> = results.iter().map(|result| result.get("ErrorCode").is_some()).collect();
    assert_eq!(failed, [false, false, false, true, true, false], "results are in the order of the records");
    assert_eq!(
        results[3],
        json!({ "ErrorCode": "ProvisionedThroughputExceededException",
            "ErrorMessage": "Rate exceeded for shard shardId-000000000000 in stream clicks under account 000000000000." })
    );
    let horizon = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    assert_eq!(service.keys_from(horizon).await, ["0", "1", "2"]);

    let single = json!({ "StreamName": "clicks", "Data": data(size), "PartitionKey": "s", "ExplicitHashKey": "0" });
    let (code, message) = service.refused("PutRecord", single.clone()).await;
    assert_eq!(code, "ProvisionedThroughputExceededException");
    assert!(message.starts_with("Rate exceeded for shard shardId-000000000000 in stream clicks"), "{message}");
    service.clock.advance_ms(1_000);
    service.ok("PutRecord", single).await;
}

#[tokio::test]
async fn a_shard_takes_a_thousand_records_in_a_second() {
    let (_directory, service) = service(json!({ "ShardCount": 1 })).await;
    let mut failed = Vec::new();
    for _ in 0..3 {
        let records = (0..500).map(|number| record(&number.to_string(), "0", 3)).collect();
        failed.push(put(&service, records).await["FailedRecordCount"].as_u64().unwrap());
    }
    assert_eq!(failed, [0, 0, 500]);
    service.clock.advance_ms(500);
    let records = (0..500).map(|number| record(&number.to_string(), "0", 3)).collect();
    assert_eq!(put(&service, records).await["FailedRecordCount"], 0);
}

#[tokio::test]
async fn a_shard_is_read_five_times_a_second_and_two_mebibytes() {
    let (_directory, service) = service(json!({ "ShardCount": 1 })).await;
    for _ in 0..5 {
        let records = (0..3).map(|number| record(&number.to_string(), "0", 300 << 10)).collect();
        put(&service, records).await;
        service.clock.advance_ms(1_000);
    }
    let horizon = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    let read = || service.call("GetRecords", json!({ "ShardIterator": horizon, "Limit": 1 }));
    for _ in 0..5 {
        read().await.unwrap();
    }
    let refused = read().await.unwrap_err();
    assert_eq!(refused.code, "ProvisionedThroughputExceededException");
    service.clock.advance_ms(1_000);
    let all = service.ok("GetRecords", json!({ "ShardIterator": horizon })).await;
    assert_eq!(all["Records"].as_array().unwrap().len(), 15);
    service.clock.advance_ms(2_000);
    assert_eq!(read().await.unwrap_err().code, "ProvisionedThroughputExceededException", "4.4 MiB are paid off");
    service.clock.advance_ms(300);
    read().await.unwrap();
}

#[tokio::test]
async fn operations_are_called_only_so_often() {
    let (_directory, service) = service(json!({ "ShardCount": 1 })).await;
    service.ok("DescribeLimits", json!({})).await;
    let refused = service.refused("DescribeLimits", json!({})).await;
    assert_eq!(refused, ("LimitExceededException", "Rate exceeded for account 000000000000.".to_string()));
    for _ in 0..5 {
        service.ok("ListTagsForStream", json!({ "StreamName": "clicks" })).await;
    }
    let (code, message) = service.refused("ListTagsForStream", json!({ "StreamName": "clicks" })).await;
    assert_eq!(
        (code, &*message),
        ("LimitExceededException", "Rate exceeded for stream clicks under account 000000000000.")
    );
    service.clock.advance_ms(1_000);
    service.ok("DescribeLimits", json!({})).await;
    service.ok("ListTagsForStream", json!({ "StreamName": "clicks" })).await;
}

#[tokio::test]
async fn a_subscription_gets_two_mebibytes_a_second() {
    let (_directory, service) = service(json!({ "ShardCount": 1 })).await;
    for _ in 0..8 {
        put(&service, vec![record("key", "0", 1023 << 10)]).await;
        service.clock.advance_ms(1_000);
    }
    let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
    let made = service.ok("RegisterStreamConsumer", json!({ "StreamARN": stream, "ConsumerName": "reader" })).await;
    let request = json!({ "ConsumerARN": made["Consumer"]["ConsumerARN"], "ShardId": "shardId-000000000000",
        "StartingPosition": { "Type": "TRIM_HORIZON" } });
    let began = service.clock.instant();
    let body = request.to_string().into();
    let context = RequestContext::default();
    let mut events = service.streams.subscribe(&context, "SubscribeToShard", Encoding::Json, body).await.unwrap();
    let all_come = async {
        let mut records = 0;
        while records < 8 {
            let event: Value = serde_json::from_slice(&events.next().await.unwrap().unwrap().payload).unwrap();
            records += event["Records"].as_array().unwrap().len();
        }
    };
    service.clock.fast_forward(Duration::from_millis(10), all_come).await;
    let took = (service.clock.instant() - began).as_secs_f64();
    assert!(took >= 2.0, "a second's worth at once, then 2 MiB a second: {took}");
}

#[tokio::test]
async fn a_shard_of_an_on_demand_stream_that_is_busy_for_a_minute_is_split() {
    let (_directory, service) = service(json!({ "StreamModeDetails": { "StreamMode": "ON_DEMAND" } })).await;
    for _ in 0..61 {
        put(&service, vec![record("key", "0", 750 << 10)]).await;
        service.clock.advance(Duration::from_secs(1)).await;
    }
    let split = async {
        while service.streams.stat()[0].open_shards == 4 {
            tokio::task::yield_now().await;
        }
    };
    service.clock.fast_forward(Duration::from_secs(1), split).await;
    let parents: Vec<Value> = service.shards().await.iter().map(|shard| shard["ParentShardId"].clone()).collect();
    assert_eq!(parents[4..], [json!("shardId-000000000000"), json!("shardId-000000000000")]);
}

#[tokio::test]
async fn an_account_has_so_many_shards_and_on_demand_streams() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_with(directory.path(), NOW_MS, Duration::ZERO, Limits::Aws);
    // Streams are made at most five a second.
    let wait = || service.clock.advance_ms(1_000);
    let refused = async |operation: &str, request: Value, text: &str| {
        let (code, message) = service.refused(operation, request).await;
        assert!(code == "LimitExceededException" && message.contains(text), "{code}: {message}");
    };
    for name in ["one", "two"] {
        wait();
        service.ok("CreateStream", json!({ "StreamName": name, "ShardCount": 10_000 })).await;
    }
    let text = "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for \
                the account: 20000. Limit: 20000. Number of additional shards that would have resulted from this request: 1.";
    let one_more = json!({ "StreamName": "three", "ShardCount": 1 });
    refused("CreateStream", one_more, text).await;
    let split = json!({ "StreamName": "one", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000" });
    refused("SplitShard", split, text).await;
    let on_demand = |name: String| json!({ "StreamName": name, "StreamModeDetails": { "StreamMode": "ON_DEMAND" } });
    for number in 0..50 {
        wait();
        service.ok("CreateStream", on_demand(format!("elastic-{number}"))).await;
    }
    let text = "Current on-demand stream count for the account: 50. Limit: 50.";
    wait();
    refused("CreateStream", on_demand("elastic".into()), text).await;
}

#[tokio::test]
async fn calls_beside_one_another_keep_within_what_an_account_may_have() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_with(directory.path(), NOW_MS, Duration::ZERO, Limits::Aws);
    // How many of these calls succeed, begun at the same moment; at most five a second may be.
    let succeed = async |calls: Vec<(&str, Value)>| {
        service.clock.advance_ms(1_000);
        let made = calls.into_iter().map(|(operation, request)| service.call(operation, request));
        let outcomes = futures::future::join_all(made).await;
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(error.message.starts_with("This request would exceed the"), "{error}");
        }
        outcomes.iter().filter(|outcome| outcome.is_ok()).count()
    };
    let fixed = |name: &str, shards| ("CreateStream", json!({ "StreamName": name, "ShardCount": shards }));
    let on_demand = |name: String| ("CreateStream", json!({ "StreamName": name }));
    let inside = (u128::MAX / 9_999 * 9 + (1 << 64)).to_string();
    let split = |name: &str| {
        let shard = "shardId-000000000009";
        ("SplitShard", json!({ "StreamName": name, "ShardToSplit": shard, "NewStartingHashKey": inside }))
    };
    let mode = |name: &str| {
        let arn = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{name}");
        ("UpdateStreamMode", json!({ "StreamARN": arn, "StreamModeDetails": { "StreamMode": "ON_DEMAND" } }))
    };
    assert_eq!(succeed(vec![fixed("one", 9_999), fixed("two", 9_999)]).await, 2);
    let names = ["a", "b", "c", "d", "e"];
    assert_eq!(succeed(names.map(|name| fixed(name, 1)).into()).await, 2);
    let merge = json!({ "StreamName": "one", "ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001" });
    service.ok("MergeShards", merge).await;
    assert_eq!(succeed(vec![split("one"), split("two")]).await, 1);

    for ten in 0..10 {
        let made = succeed((0..5).map(|number| on_demand(format!("elastic-{ten}-{number}"))).collect()).await;
        assert_eq!(made, 5);
    }
    service.ok("DeleteStream", json!({ "StreamName": "elastic-0-0" })).await;
    assert_eq!(succeed(names.map(|name| on_demand(format!("more-{name}"))).into()).await, 1);
    service.ok("DeleteStream", json!({ "StreamName": "elastic-0-1" })).await;
    assert_eq!(succeed(vec![mode("one"), mode("two")]).await, 1);
}
