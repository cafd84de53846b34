//! Streams that are made and deleted at the same time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use common::Service;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const STREAMS: usize = 24;
const RIVALS: usize = 12;

/// Makes each call at the same time; their outcomes, an error as its code.
async fn at_once(
    service: &Arc<Service>,
    calls: impl Iterator<Item = (&'static str, Value)>,
) -> Vec<Result<(), &'static str>> {
    let mut running = JoinSet::new();
    for (operation, request) in calls {
        let service = service.clone();
        running.spawn(async move { service.call(operation, request).await.map(drop).map_err(|error| error.code) });
    }
    running.join_all().await
}

fn create(name: &str) -> (&'static str, Value) {
    ("CreateStream", json!({ "StreamName": name, "ShardCount": 1 }))
}

fn name(number: usize) -> String {
    format!("s{number}")
}

async fn names(service: &Service) -> BTreeSet<String> {
    let listed = service.ok("ListStreams", json!({ "Limit": 1_000 })).await;
    listed["StreamNames"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string()).collect()
}

fn logs(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory.join("streams")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_made_and_deleted_at_once_and_a_name_is_given_once() {
    let directory = tempfile::tempdir().unwrap();
    let service = Arc::new(Service::open(directory.path()));
    let rivals = (0..RIVALS).map(|_| create("contended"));
    let outcomes = at_once(&service, (0..STREAMS).map(|number| create(&name(number))).chain(rivals)).await;
    let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(made, STREAMS + 1, "{outcomes:?}");
    assert!(outcomes.iter().flat_map(|outcome| outcome.err()).all(|code| code == "ResourceInUseException"));

    let mut expected: BTreeSet<String> = (0..STREAMS).map(name).chain(["contended".into()]).collect();
    assert_eq!(names(&service).await, expected);
    assert_eq!(logs(directory.path()), expected.len(), "who was refused made no log");

    // Every second one goes while as many others come.
    let deleted = (0..STREAMS).step_by(2).map(|number| ("DeleteStream", json!({ "StreamName": name(number) })));
    let others = (0..STREAMS / 2).map(|number| create(&format!("later-{number}")));
    let outcomes = at_once(&service, deleted.chain(others)).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    expected.retain(|name| !(0..STREAMS).step_by(2).any(|number| *name == format!("s{number}")));
    expected.extend((0..STREAMS / 2).map(|number| format!("later-{number}")));
    assert_eq!(names(&service).await, expected);
    let again = at_once(&service, [create("s0"), create("s0")].into_iter()).await;
    assert_eq!(again.iter().filter(|outcome| outcome.is_ok()).count(), 1, "a name is free once its stream is gone");
    expected.insert("s0".into());

    service.streams.shutdown().await;
    drop(service);
    let service = Service::open(directory.path());
    assert_eq!(names(&service).await, expected);
    assert_eq!(logs(directory.path()), expected.len());
    assert_eq!(service.streams.problems(), []);
    for name in &expected {
        service.ok("PutRecord", json!({ "StreamName": name, "Data": "", "PartitionKey": "k" })).await;
    }
}
