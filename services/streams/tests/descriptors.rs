//! Many streams where few files may be open. A program of its own, since the limit is the process's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use anabranch_ports::{Start, StreamSource};
use anabranch_protocol::ProblemKind;
use anabranch_streams::StreamsConfig;
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
async fn keys(service: &Service) -> BTreeMap<usize, Vec<String>> {
    let mut of_streams = BTreeMap::new();
    for number in 0..STREAMS {
        let stream = service.streams.open_stream(&arn(number)).await.unwrap();
        let mut keys = Vec::new();
        for shard in stream.list_shards().await.unwrap() {
            let start = stream.resolve_start(&shard.shard_id, Start::TrimHorizon).await.unwrap();
            let read = stream.read_shard(&shard.shard_id, &start, 100, 1 << 20).await.unwrap();
            keys.extend(read.records.into_iter().map(|record| record.partition_key));
        }
        keys.sort();
        of_streams.insert(number, keys);
    }
    of_streams
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
    let mut waiting = Vec::new();
    for number in 0..STREAMS {
        let stream = service.streams.open_stream(&arn(number)).await.unwrap();
        let shard = stream.list_shards().await.unwrap()[0].shard_id.clone();
        let start = stream.resolve_start(&shard, Start::Latest).await.unwrap();
        waiting.push(tokio::spawn(async move { stream.wait_for_records(&shard, &start).await }));
    }

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

    let before = keys(&service).await;
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
    assert_eq!(keys(&service).await, before);
}
