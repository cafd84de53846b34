//! Many streams where few files may be open. A program of its own, since the limit is the process's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use anabranch_protocol::ProblemKind;
use anabranch_streams::{ShardCursor, Start, StreamsConfig};
use common::{NOW_MS, Service};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

const STREAMS: usize = 120;
const DESCRIPTORS: u64 = 96;

fn arn(number: usize) -> String {
    format!("arn:aws:kinesis:us-east-1:000000000000:stream/s{number}")
}

async fn put(service: &Service, number: usize, key: &str) -> Result<(), String> {
    let record = json!({ "StreamName": format!("s{number}"), "Data": "", "PartitionKey": key });
    service.call("PutRecord", record).await.map(drop).map_err(|error| format!("{} {}", error.code, error.message))
}

/// The keys of the records of each stream.
fn keys(service: &Service) -> BTreeMap<usize, Vec<String>> {
    let of_stream = |number: usize| {
        let arn = arn(number);
        let shards = service.streams.list_shards(&arn).unwrap();
        let of_shard = |shard: anabranch_streams::ShardInfo| {
            let start = service.streams.resolve_start(&arn, &shard.shard_id, Start::TrimHorizon).unwrap();
            let read = service.streams.read_shard(&arn, &shard.shard_id, &start, 100, 1 << 20).unwrap();
            read.records.into_iter().map(|record| record.partition_key).collect::<Vec<_>>()
        };
        let mut keys: Vec<String> = shards.into_iter().flat_map(of_shard).collect();
        keys.sort();
        (number, keys)
    };
    (0..STREAMS).map(of_stream).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_share_the_logs_that_may_be_open() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), maximum }).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = || StreamsConfig { open_logs_max: 20, ..Service::config(directory.path()) };
    let service = Arc::new(Service::open_as(NOW_MS, config()));
    for number in 0..STREAMS {
        service.ok("CreateStream", json!({ "StreamName": format!("s{number}"), "ShardCount": 4 })).await;
    }
    assert!(service.streams.open_logs() <= 20);

    // As many wait for records, none of whom keeps a log open.
    let starts: Vec<_> = (0..STREAMS)
        .map(|number| {
            let shard = service.streams.list_shards(&arn(number)).unwrap()[0].shard_id.clone();
            let start = service.streams.resolve_start(&arn(number), &shard, Start::Latest).unwrap();
            (arn(number), shard, start)
        })
        .collect();
    let wait = |(arn, shard, start): (String, String, ShardCursor)| {
        let service = service.clone();
        tokio::spawn(async move { service.streams.wait_for_records(&arn, &shard, &start).await })
    };
    let waiting: Vec<_> = starts.into_iter().map(wait).collect();

    // One after the other, and all at once.
    for number in 0..STREAMS {
        put(&service, number, "first").await.unwrap();
    }
    for waiter in waiting {
        waiter.await.unwrap().unwrap();
    }
    let puts = (0..STREAMS).map(|number| {
        let service = service.clone();
        tokio::spawn(async move { put(&service, number, "second").await })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap().unwrap();
    }
    assert!(service.streams.open_logs() <= 20, "{} logs are open", service.streams.open_logs());
    assert_eq!(service.streams.problems(), []);

    // Whoever takes all descriptors makes calls fail, and nothing else.
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    let mut refused = Vec::new();
    for number in 0..STREAMS {
        refused.extend(put(&service, number, "third").await.err().map(|why| (number, why)));
    }
    let kinds: Vec<ProblemKind> = service.streams.problems().iter().map(|problem| problem.kind).collect();
    drop(taken);
    assert!(refused.iter().all(|(_, why)| why.starts_with("InternalFailure")), "{refused:?}");
    assert!(kinds.iter().all(|kind| *kind == ProblemKind::Descriptors) && kinds.len() == refused.len(), "{kinds:?}");
    for number in 0..STREAMS {
        put(&service, number, "fourth").await.unwrap();
    }
    assert_eq!(service.streams.problems(), [], "it passes");

    let before = keys(&service);
    for (number, keys) in &before {
        let is_refused = refused.iter().any(|(refused, _)| refused == number);
        let expected: &[&str] =
            if is_refused { &["first", "fourth", "second"] } else { &["first", "fourth", "second", "third"] };
        assert_eq!(keys, expected, "s{number}");
    }
    service.streams.shutdown().await;
    drop(service);
    let service = Service::open_as(NOW_MS + 60_000, config());
    assert_eq!(service.streams.open_logs(), 0, "opening the service opens no log");
    assert_eq!(keys(&service), before);
}
