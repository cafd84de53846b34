//! A log whose write failed. The limit on the size of files holds for the whole process, so the test
//! is alone in its program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use anabranch_ports::{Start, StreamSource};
use anabranch_protocol::ProblemKind;
use common::Service;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
const SHARD: &str = "shardId-000000000000";

/// Lets files grow to so many bytes.
fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

async fn put(service: &Service, key: &str) -> Result<(), &'static str> {
    let record = json!({ "StreamName": "clicks", "Data": "A".repeat(100 << 10), "PartitionKey": key });
    service.call("PutRecord", record).await.map(drop).map_err(|error| error.code)
}

async fn keys(service: &Service) -> Vec<String> {
    service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await
}

#[tokio::test]
async fn a_poisoned_log_is_read_anew_and_takes_records_again() {
    // A write beyond the limit brings a signal that ends a process which does not handle it.
    let _handled = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    put(&service, "before").await.unwrap();
    let stream = service.streams.open_stream(ARN).await.unwrap();
    let tip = stream.resolve_start(SHARD, Start::Latest).await.unwrap();
    let waiting = tokio::spawn(async move { stream.wait_for_records(SHARD, &tip).await });

    limit_files(Some(4096));
    let refused = put(&service, "refused").await;
    limit_files(None);
    assert_eq!(refused, Err("InternalFailure"));
    let kinds: Vec<ProblemKind> = service.streams.problems().iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::Poisoned]);
    assert_eq!(keys(&service).await, ["before"], "what was acknowledged is readable meanwhile");

    // It is left alone for a while; then the next put has it opened again.
    let accepted = async {
        while put(&service, "after").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), accepted).await.expect("it never took a record again");
    assert_eq!(service.streams.problems(), []);
    assert_eq!(keys(&service).await, ["before", "after"]);
    let woken = tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("a reader was left waiting");
    woken.unwrap().unwrap();

    service.streams.shutdown().await;
    drop(service);
    let service = Service::open(directory.path());
    assert_eq!(keys(&service).await, ["before", "after"]);
}
