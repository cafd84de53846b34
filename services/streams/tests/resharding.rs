//! Splitting, merging and scaling: lineage, hash keys, sequence numbers, and what readers see.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::path::Path;
use std::time::Duration;

use common::{NOW_MS, Service};
use serde_json::{Value, json};

const HALF: &str = "170141183460469231731687303715884105728";

fn shard_id(index: u32) -> String {
    format!("shardId-{index:012}")
}

async fn clicks(service: &Service, shards: u32) {
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": shards })).await;
}

fn split(index: u32, key: &str) -> Value {
    json!({ "StreamName": "clicks", "ShardToSplit": shard_id(index), "NewStartingHashKey": key })
}

fn merge(index: u32, adjacent: u32) -> Value {
    json!({ "StreamName": "clicks", "ShardToMerge": shard_id(index), "AdjacentShardToMerge": shard_id(adjacent) })
}

#[tokio::test]
async fn a_split_shard_ends_and_its_children_go_on_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    clicks(&service, 1).await;
    let (shard, before) = service.put_at("a", "0").await;
    assert_eq!(shard, shard_id(0));
    let latest = service.iterator(0, "LATEST", json!({})).await;
    service.ok("SplitShard", split(0, HALF)).await;
    let (left, low) = service.put_at("b", "0").await;
    let (right, high) = service.put_at("c", HALF).await;
    assert_eq!((left, right), (shard_id(1), shard_id(2)));

    let service = service.reopen(directory.path()).await;
    let shards = service.shards().await;
    let range = |shard: &Value| shard["SequenceNumberRange"].clone();
    let ending = range(&shards[0])["EndingSequenceNumber"].as_str().unwrap().to_string();
    assert!(before < ending, "{before} {ending}");
    for (child, number) in [(&shards[1], &low), (&shards[2], &high)] {
        let start = range(child)["StartingSequenceNumber"].as_str().unwrap().to_string();
        assert!(ending < start && start < *number, "{ending} {start} {number}");
        assert_eq!((&child["ParentShardId"], &child["AdjacentParentShardId"]), (&json!(shard_id(0)), &Value::Null));
        assert_eq!(range(child)["EndingSequenceNumber"], Value::Null);
    }
    assert_eq!(shards[1]["HashKeyRange"]["EndingHashKey"], "170141183460469231731687303715884105727");
    assert_eq!(shards[2]["HashKeyRange"]["StartingHashKey"], HALF);
    let described = service.ok("DescribeStream", json!({ "StreamName": "clicks" })).await;
    assert_eq!(described["StreamDescription"]["Shards"], json!(shards));

    let end = service.ok("GetRecords", json!({ "ShardIterator": latest })).await;
    assert_eq!((&end["Records"], &end["NextShardIterator"]), (&json!([]), &Value::Null));
    assert_eq!(end["MillisBehindLatest"], 0);
    let child = |shard: &Value| json!({ "ShardId": shard["ShardId"], "ParentShards": [shard_id(0)], "HashKeyRange": shard["HashKeyRange"] });
    assert_eq!(end["ChildShards"], json!([child(&shards[1]), child(&shards[2])]));
    assert_eq!(service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await, ["a"]);
    assert_eq!(service.keys_from(service.iterator(1, "TRIM_HORIZON", json!({})).await).await, ["b"]);
    let at = json!({ "StartingSequenceNumber": high });
    assert_eq!(service.keys_from(service.iterator(2, "AT_SEQUENCE_NUMBER", at).await).await, ["c"]);
}

#[tokio::test]
async fn merged_shards_have_one_child_with_both_as_parents() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    clicks(&service, 3).await;
    service.put_at("a", "0").await;
    service.ok("MergeShards", merge(0, 1)).await;
    let shards = service.shards().await;
    assert_eq!(shards[3]["ParentShardId"], shard_id(0));
    assert_eq!(shards[3]["AdjacentParentShardId"], shard_id(1));
    assert_eq!(shards[3]["HashKeyRange"]["StartingHashKey"], "0");
    assert_eq!(shards[3]["HashKeyRange"]["EndingHashKey"], shards[1]["HashKeyRange"]["EndingHashKey"]);
    assert_eq!(service.put_at("b", "0").await.0, shard_id(3));
    let iterator = service.iterator(1, "TRIM_HORIZON", json!({})).await;
    let end = service.ok("GetRecords", json!({ "ShardIterator": iterator })).await;
    assert_eq!(end["ChildShards"][0]["ParentShards"], json!([shard_id(0), shard_id(1)]));
    // The adjacent shard must be the upper one.
    let (code, message) = service.refused("MergeShards", merge(2, 3)).await;
    assert_eq!(code, "InvalidArgumentException");
    assert!(message.ends_with("are not an adjacent pair of shards eligible for merging"), "{message}");
    service.ok("MergeShards", merge(3, 2)).await;
    let merged = &service.shards().await[4];
    assert_eq!(merged["HashKeyRange"]["StartingHashKey"], "0");
    assert_eq!(
        (&merged["ParentShardId"], &merged["AdjacentParentShardId"]),
        (&json!(shard_id(3)), &json!(shard_id(2)))
    );
    let summary = service.ok("DescribeStreamSummary", json!({ "StreamName": "clicks" })).await;
    assert_eq!(summary["StreamDescriptionSummary"]["OpenShardCount"], 1);
}

#[tokio::test]
async fn resharding_is_refused_as_aws_refuses_it() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_millis(50));
    clicks(&service, 3).await;
    let scale =
        |count: i64| json!({ "StreamName": "clicks", "TargetShardCount": count, "ScalingType": "UNIFORM_SCALING" });
    assert_eq!(service.refused("SplitShard", split(0, "9")).await.0, "ResourceInUseException");
    service.clock.advance_ms(50);
    let far = "226854911280625642308916404954512140969";
    let odd = json!({ "StreamName": "clicks", "TargetShardCount": 4, "ScalingType": "ODD" });
    for (operation, request, code, text) in [
        (
            "SplitShard",
            split(0, "1"),
            "InvalidArgumentException",
            "greater than one plus the shard's StartingHashKey 0",
        ),
        ("SplitShard", split(1, far), "InvalidArgumentException", "less than the shard's EndingHashKey"),
        ("SplitShard", split(9, "9"), "ResourceNotFoundException", "Could not find shard shardId-000000000009"),
        ("SplitShard", split(0, "-1"), "ValidationException", "'newStartingHashKey'"),
        ("SplitShard", json!({ "StreamName": "clicks" }), "ValidationException", "2 validation errors"),
        ("SplitShard", json!({ "ShardToSplit": "0", "NewStartingHashKey": "9" }), "ValidationException", "StreamName"),
        (
            "SplitShard",
            json!({ "StreamName": 7, "ShardToSplit": "0" }),
            "SerializationException",
            "TruncatingBigNumber",
        ),
        (
            "SplitShard",
            split(0, &"9".repeat(39)),
            "InvalidArgumentException",
            "NewStartingHashKey 999999999999999999999999999999999999999 used in SplitShard() on shard",
        ),
        ("MergeShards", merge(0, 2), "InvalidArgumentException", "not an adjacent pair of shards eligible for merging"),
        ("MergeShards", merge(0, 0), "InvalidArgumentException", "not an adjacent pair"),
        ("MergeShards", merge(0, 8), "ResourceNotFoundException", "shardId-000000000008"),
        ("UpdateShardCount", scale(7), "LimitExceededException", "over double your current open shard count"),
        ("UpdateShardCount", scale(1), "LimitExceededException", "below half your current open shard count"),
        ("UpdateShardCount", scale(0), "ValidationException", "'targetShardCount'"),
        ("UpdateShardCount", scale(10_001), "LimitExceededException", "greater than 10000"),
        ("UpdateShardCount", odd, "ValidationException", "[UNIFORM_SCALING]"),
    ] {
        let (found, message) = service.refused(operation, request).await;
        assert!(found == code && message.contains(text), "{operation}: {found}: {message}");
    }
    service.ok("SplitShard", split(0, "9")).await;
    let (code, message) = service.refused("MergeShards", merge(1, 2)).await;
    assert!(code == "ResourceInUseException" && message.contains("not ACTIVE, instead in state UPDATING"), "{message}");
    assert_eq!(service.put_at("a", "9").await.0, shard_id(4), "puts go on while the stream is UPDATING");
    service.clock.advance_ms(50);
    let (code, message) = service.refused("SplitShard", split(0, "5")).await;
    assert!(code == "InvalidArgumentException" && message.contains("already been merged or split"), "{message}");
    let on_demand = json!({ "StreamName": "free", "StreamModeDetails": { "StreamMode": "ON_DEMAND" } });
    service.ok("CreateStream", on_demand).await;
    service.clock.advance_ms(50);
    let request = json!({ "StreamName": "free", "TargetShardCount": 8, "ScalingType": "UNIFORM_SCALING" });
    assert_eq!(service.refused("UpdateShardCount", request).await.0, "ValidationException");
}

#[tokio::test]
async fn scaling_makes_even_shards_ten_times_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let mut service = Service::open(directory.path());
    clicks(&service, 4).await;
    let scale =
        |count: i64| json!({ "StreamName": "clicks", "TargetShardCount": count, "ScalingType": "UNIFORM_SCALING" });
    let answer = service.ok("UpdateShardCount", scale(5)).await;
    assert_eq!(
        answer,
        json!({ "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
            "CurrentShardCount": 4, "TargetShardCount": 5 })
    );
    assert_eq!(service.shards().await.len(), 15, "four, split at four places, three pairs merged");
    let open = service.filtered(json!({ "Type": "AT_LATEST" })).await;
    assert_eq!(open.len(), 5);
    let ranges: Vec<u128> = service
        .shards()
        .await
        .iter()
        .enumerate()
        .filter(|(index, _)| open.contains(&(*index as u32)))
        .map(|(_, shard)| {
            let key = |name: &str| shard["HashKeyRange"][name].as_str().unwrap().parse::<u128>().unwrap();
            key("EndingHashKey") - key("StartingHashKey")
        })
        .collect();
    assert!(ranges.iter().all(|width| width.abs_diff(ranges[0]) <= 5), "{ranges:?}");
    for count in [10, 5, 3, 6, 3, 2, 1, 2] {
        service.ok("UpdateShardCount", scale(count)).await;
    }
    service = service.reopen(directory.path()).await;
    service.ok("UpdateShardCount", scale(3)).await;
    assert_eq!(service.refused("UpdateShardCount", scale(4)).await.0, "LimitExceededException");
    service.clock.advance_ms(24 * 3_600_000);
    service.ok("UpdateShardCount", scale(4)).await;
}

#[tokio::test]
async fn shards_are_listed_as_of_a_time_and_expire() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    clicks(&service, 2).await;
    let created_ms = NOW_MS;
    service.clock.advance_ms(10_000);
    service.ok("SplitShard", split(0, "100")).await;
    service.clock.advance_ms(10_000);
    service.ok("MergeShards", merge(3, 1)).await;
    service.clock.advance_ms(10_000);
    let at = |kind: &str, after_ms: u64| json!({ "Type": kind, "Timestamp": (created_ms + after_ms) as f64 / 1000.0 });
    for (filter, expected) in [
        (json!({ "Type": "AT_LATEST" }), vec![2, 4]),
        (json!({ "Type": "FROM_TRIM_HORIZON" }), vec![0, 1, 2, 3, 4]),
        (json!({ "Type": "AT_TRIM_HORIZON" }), vec![0, 1]),
        (json!({ "Type": "AFTER_SHARD_ID", "ShardId": shard_id(2) }), vec![3, 4]),
        (at("AT_TIMESTAMP", 5_000), vec![0, 1]),
        (at("AT_TIMESTAMP", 15_000), vec![1, 2, 3]),
        (at("AT_TIMESTAMP", 25_000), vec![2, 4]),
        (at("FROM_TIMESTAMP", 5_000), vec![0, 1, 2, 3, 4]),
        (at("FROM_TIMESTAMP", 15_000), vec![1, 2, 3, 4]),
        (at("FROM_TIMESTAMP", 25_000), vec![2, 4]),
    ] {
        assert_eq!(service.filtered(filter.clone()).await, expected, "{filter}");
    }
    let filter = json!({ "Type": "FROM_TRIM_HORIZON" });
    let first = json!({ "StreamName": "clicks", "MaxResults": 3, "ShardFilter": filter });
    let page = service.ok("ListShards", first).await;
    let rest = service.ok("ListShards", json!({ "NextToken": page["NextToken"], "MaxResults": 3 })).await;
    assert_eq!((rest["Shards"].as_array().unwrap().len(), &rest["NextToken"]), (2, &Value::Null));
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
    service.ok("ListShards", json!({ "StreamARN": arn, "NextToken": page["NextToken"] })).await;
    for more in [
        json!({ "StreamName": "clicks" }),
        json!({ "ExclusiveStartShardId": "0" }),
        json!({ "StreamCreationTimestamp": 1.0 }),
        json!({ "StreamARN": arn.replace("clicks", "x") }),
    ] {
        let mut request = json!({ "NextToken": page["NextToken"] });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(service.refused("ListShards", request).await.0, "InvalidArgumentException", "{more}");
    }
    for filter in [
        json!({ "Type": "AFTER_SHARD_ID" }),
        json!({ "Type": "AT_TIMESTAMP" }),
        json!({ "Type": "AT_LATEST", "ShardId": "0" }),
        json!({ "Type": "AT_TRIM_HORIZON", "Timestamp": 1.0 }),
    ] {
        let request = json!({ "StreamName": "clicks", "ShardFilter": filter });
        assert_eq!(service.refused("ListShards", request).await.0, "InvalidArgumentException", "{filter}");
    }
    service.clock.advance_ms(24 * 3_600_000 - 15_000);
    assert_eq!(service.filtered(json!({ "Type": "FROM_TRIM_HORIZON" })).await, [1, 2, 3, 4]);
    assert_eq!(service.filtered(json!({ "Type": "AT_TRIM_HORIZON" })).await, [1, 2, 3]);
    service.clock.advance_ms(24 * 3_600_000);
    assert_eq!(service.filtered(json!({ "Type": "AT_TRIM_HORIZON" })).await, [2, 4]);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn what_a_killed_server_leaves_has_all_shards_and_records() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    clicks(&service, 1).await;
    let mut numbers = vec![service.put_at("a", "0").await.1];
    for step in 0..4u32 {
        service.ok("SplitShard", split(if step == 0 { 0 } else { step * 2 - 1 }, &(1000 >> step).to_string())).await;
        numbers.push(service.put_at("b", "0").await.1);
        // Nothing is closed: the files are as a kill would leave them.
        let left = tempfile::tempdir().unwrap();
        copy(directory.path(), left.path());
        let after = Service::open(left.path());
        let shards = after.shards().await;
        assert_eq!(shards, service.shards().await);
        let next = after.put_at("c", "0").await;
        let (lowest, number) = (shards.len() as u32 - 2, numbers.last().unwrap());
        assert_eq!(next.0, shard_id(lowest));
        assert!(next.1 > *number, "{} {number}", next.1);
        assert_eq!(after.keys_from(after.iterator(lowest, "TRIM_HORIZON", json!({})).await).await, ["b", "c"]);
        assert_eq!(after.keys_from(after.iterator(0, "TRIM_HORIZON", json!({})).await).await, ["a"]);
        after.streams.shutdown().await;
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
}
