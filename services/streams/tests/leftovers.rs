//! What the start finds among the logs: nothing that is not explained is deleted, or made anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anabranch_protocol::ProblemKind;
use common::{NOW_MS, Service};
use serde_json::json;

fn directories(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn segments(log: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "segment")).collect();
    found.sort();
    found
}

/// A stream with two records; returns the directory of its log.
async fn one_stream(directory: &Path) -> PathBuf {
    let service = Service::open(directory);
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    service.put_at("a", "0").await;
    service.put_at("b", "0").await;
    service.streams.shutdown().await;
    directories(&directory.join("streams")).remove(0)
}

fn problems(service: &Service) -> Vec<(ProblemKind, String)> {
    service.streams.problems().into_iter().map(|problem| (problem.kind, problem.resource)).collect()
}

#[tokio::test]
async fn what_control_state_does_not_name_is_moved_aside() {
    let directory = tempfile::tempdir().unwrap();
    let log = one_stream(directory.path()).await;
    let held = segments(&log).iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    fs::remove_file(directory.path().join("control.redb")).unwrap();
    fs::create_dir(directory.path().join("streams/other")).unwrap();
    let service = Service::open(directory.path());
    assert_eq!(problems(&service), [(ProblemKind::Strays, "streams".to_string())]);
    let message = service.streams.problems()[0].message.clone();
    assert!(message.starts_with("2 directories") && message.contains("strays/streams"), "{message}");
    assert!(directories(&directory.path().join("streams")).is_empty());
    let strays = directory.path().join("strays/streams");
    assert_eq!(directories(&strays).len(), 2);
    let moved = segments(&strays.join(log.file_name().unwrap()));
    assert_eq!(moved.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(), held);
}

#[tokio::test]
async fn what_is_left_of_a_deleted_stream_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let log = one_stream(directory.path()).await;
    {
        // Ends while the stream is DELETING.
        let service = Service::open_at(directory.path(), NOW_MS + 1_000, Duration::from_secs(600));
        service.ok("DeleteStream", json!({ "StreamName": "clicks" })).await;
        service.streams.shutdown().await;
    }
    assert!(log.exists());
    let service = Service::open(directory.path());
    assert!(!log.exists() && problems(&service).is_empty());
    assert_eq!(service.ok("ListStreams", json!({})).await["StreamNames"], json!([]));
    assert!(!directory.path().join("strays").exists());
}

#[tokio::test]
async fn a_log_that_is_gone_is_told_and_not_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let log = one_stream(directory.path()).await;
    let aside = directory.path().join("aside");
    for emptied in [false, true] {
        fs::rename(&log, &aside).unwrap();
        if emptied {
            fs::create_dir(&log).unwrap();
        }
        let service = Service::open(directory.path());
        assert_eq!(problems(&service), [(ProblemKind::Missing, "clicks".to_string())], "before it is used");
        service.ok("CreateStream", json!({ "StreamName": "other", "ShardCount": 1 })).await;
        let put = json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "k" });
        let (code, message) = service.refused("PutRecord", put).await;
        assert!(code == "InternalFailure" && message.contains("no log is here"), "{code}: {message}");
        assert_eq!(problems(&service).len(), 1);
        assert!(!log.exists() || segments(&log).is_empty());
        // It is there again as soon as it is put back.
        if emptied {
            fs::remove_dir_all(&log).unwrap();
        }
        fs::rename(&aside, &log).unwrap();
        let keys = service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await;
        assert_eq!((keys, problems(&service)), (vec!["a".to_string(), "b".to_string()], Vec::new()));
        service.ok("DeleteStream", json!({ "StreamName": "other" })).await;
        service.streams.shutdown().await;
    }
}

#[tokio::test]
async fn a_first_segment_that_is_missing_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let log = one_stream(directory.path()).await;
    let service = Service::open(directory.path());
    let big = "A".repeat(400 << 10);
    while segments(&log).len() < 3 {
        let put = json!({ "StreamName": "clicks", "Data": big, "PartitionKey": "big" });
        service.ok("PutRecord", put).await;
    }
    service.streams.shutdown().await;
    drop(service);
    fs::remove_file(&segments(&log)[0]).unwrap();
    let service = Service::open(directory.path());
    let keys = service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await;
    assert!(!keys.is_empty() && keys.iter().all(|key| key == "big"), "the rest is served: {keys:?}");
    assert_eq!(problems(&service), [(ProblemKind::Damaged, "clicks".to_string())]);
    assert!(service.streams.problems()[0].message.contains("positions 0 to"), "{:?}", service.streams.problems());
}
