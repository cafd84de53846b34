//! Lines of other services.

use std::sync::Arc;

use anabranch_ports::LogStreamName;
use anabranch_protocol::Service;
use serde_json::json;

use crate::harness::{Harness, NOW_MS};

fn stream(name: &str) -> Arc<LogStreamName> {
    let (account, region) = ("000000000000".to_string(), "us-east-1".to_string());
    Arc::new(LogStreamName { account, region, group: "/aws/lambda/f".into(), stream: name.into() })
}

#[tokio::test]
async fn lines_make_their_streams_and_stay_in_order() {
    let harness = Harness::new();
    let sink = harness.logs.sink();
    let expected: Vec<String> = (0..500).map(|number| format!("line {number}\n")).collect();
    for line in &expected {
        sink.append(&stream("a"), NOW_MS, line.clone());
        sink.append(&stream("b"), NOW_MS, "other\n".into());
    }
    // Closing stores what waits.
    harness.logs.close().await;
    sink.append(&stream("a"), NOW_MS, "too late\n".into());
    let harness = harness.restart().await;
    let of = |name: &str| json!({ "logGroupName": "/aws/lambda/f", "logStreamNames": [name] });
    assert_eq!(harness.filter(of("a")).await, expected);
    assert_eq!(harness.filter(of("b")).await.len(), 500);
}

#[tokio::test(flavor = "current_thread")]
async fn what_finds_no_room_is_told_and_nobody_waits() {
    let harness = Harness::new();
    let sink = harness.logs.sink();
    // The task that stores lines has no turn before this one waits for something.
    let line = "x".repeat(1 << 20);
    (0..20).for_each(|_| sink.append(&stream("a"), NOW_MS, line.clone()));
    harness.logs.close().await;
    let harness = harness.restart().await;
    let found = harness.filter(json!({ "logGroupName": "/aws/lambda/f" })).await;
    let (told, lines) = found.split_last().unwrap();
    assert!(lines.len() < 20 && lines.iter().all(|line| line.len() > 1_000_000));
    assert_eq!(*told, format!("[{} lines were lost: they came faster than they could be stored]\n", 20 - lines.len()));
}
