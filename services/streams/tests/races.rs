//! Puts against resharding: no record lands in a shard that was closed, and none gets lost.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::Service;
use serde_json::{Value, json};

/// What a put was told: partition key, hash key, shard, sequence number.
type Put = (String, u128, String, String);

async fn put_until(service: Arc<Service>, writer: u32, stop: Arc<AtomicBool>) -> Vec<Put> {
    let mut puts = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let keys: Vec<(String, u128)> = (0..5)
            .map(|number| {
                (format!("{writer}-{}", puts.len() + number), uuid::Uuid::new_v4().as_u128().rotate_left(writer))
            })
            .collect();
        let record = |(key, hash): &(String, u128)| json!({ "Data": "", "PartitionKey": key, "ExplicitHashKey": hash.to_string() });
        let records: Vec<Value> = keys.iter().map(record).collect();
        let answer = service.ok("PutRecords", json!({ "StreamName": "clicks", "Records": records })).await;
        for ((key, hash), result) in keys.into_iter().zip(answer["Records"].as_array().unwrap()) {
            let text = |member: &str| result[member].as_str().unwrap().to_string();
            puts.push((key, hash, text("ShardId"), text("SequenceNumber")));
        }
    }
    puts
}

fn number(shard: &Value, group: &str, member: &str) -> u128 {
    shard[group][member].as_str().unwrap().parse().unwrap()
}

/// Splits and merges neighbours, round and round the hash keys; scales now and then.
async fn reshard(service: &Service, round: usize) {
    let open: Vec<Value> = service
        .ok("ListShards", json!({ "StreamName": "clicks", "ShardFilter": { "Type": "AT_LATEST" } }))
        .await["Shards"]
        .as_array()
        .unwrap()
        .clone();
    let mut open = open;
    open.sort_by_key(|shard| number(shard, "HashKeyRange", "StartingHashKey"));
    let shard = &open[round * 7 % open.len()];
    if open.len() > 5 {
        let at = round % (open.len() - 1);
        let merge = json!({ "StreamName": "clicks", "ShardToMerge": open[at]["ShardId"],
            "AdjacentShardToMerge": open[at + 1]["ShardId"] });
        service.ok("MergeShards", merge).await;
    } else {
        let (start, end) =
            (number(shard, "HashKeyRange", "StartingHashKey"), number(shard, "HashKeyRange", "EndingHashKey"));
        let split = json!({ "StreamName": "clicks", "ShardToSplit": shard["ShardId"],
            "NewStartingHashKey": (start + (end - start) / 3).to_string() });
        service.ok("SplitShard", split).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn puts_that_race_resharding_land_in_shards_that_are_open() {
    let directory = tempfile::tempdir().unwrap();
    let service = Arc::new(Service::open(directory.path()));
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 2 })).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3).map(|writer| tokio::spawn(put_until(service.clone(), writer, stop.clone()))).collect();
    for round in 0..60 {
        reshard(&service, round).await;
        if round == 30 {
            let scale = json!({ "StreamName": "clicks", "TargetShardCount": 7, "ScalingType": "UNIFORM_SCALING" });
            service.ok("UpdateShardCount", scale).await;
        }
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut puts = Vec::new();
    for writer in writers {
        puts.extend(writer.await.unwrap());
    }
    let service = Arc::into_inner(service).unwrap().reopen(directory.path()).await;
    let shards: HashMap<String, Value> = service
        .shards()
        .await
        .into_iter()
        .map(|shard| (shard["ShardId"].as_str().unwrap().to_string(), shard))
        .collect();
    for (key, hash, shard_id, sequence_number) in &puts {
        let shard = &shards[shard_id];
        let sequence = &shard["SequenceNumberRange"];
        assert!(sequence["StartingSequenceNumber"].as_str().unwrap() < sequence_number.as_str(), "{key} {shard}");
        if let Some(ending) = sequence["EndingSequenceNumber"].as_str() {
            assert!(sequence_number.as_str() <= ending, "{key} is behind the end of its shard: {shard}");
        }
        let (start, end) =
            (number(shard, "HashKeyRange", "StartingHashKey"), number(shard, "HashKeyRange", "EndingHashKey"));
        assert!((start..=end).contains(hash), "{key} {hash} {shard}");
    }
    let mut read = HashSet::new();
    for index in 0..shards.len() as u32 {
        let mut iterator = Some(service.iterator(index, "TRIM_HORIZON", json!({})).await);
        while let Some(from) = iterator {
            let answer = service.ok("GetRecords", json!({ "ShardIterator": from })).await;
            for record in answer["Records"].as_array().unwrap() {
                let text = |member: &str| record[member].as_str().unwrap().to_string();
                assert!(read.insert((text("PartitionKey"), text("SequenceNumber"))), "{record} came twice");
            }
            let at_tip = answer["Records"].as_array().unwrap().is_empty();
            iterator = answer["NextShardIterator"].as_str().filter(|_| !at_tip).map(str::to_string);
        }
    }
    let put: HashSet<(String, String)> = puts.into_iter().map(|(key, _, _, number)| (key, number)).collect();
    assert!(put.len() > 100, "only {} records raced", put.len());
    assert_eq!(read, put);
}
