//! Who waits for messages, and leaves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Harness, bodies};

#[tokio::test(flavor = "multi_thread")]
async fn many_wait_and_each_gets_one() {
    let harness = Arc::new(Harness::new());
    let url = harness.make("jobs", json!({})).await;
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (harness, url) = (harness.clone(), url.clone());
            tokio::spawn(async move {
                harness.receive(&url, json!({ "WaitTimeSeconds": 20, "MaxNumberOfMessages": 1 })).await
            })
        })
        .collect();
    for number in 0..50 {
        harness.send(&url, &number.to_string()).await;
    }
    let mut found = Vec::new();
    for one in waiting {
        let messages = one.await.unwrap();
        found.push(messages[0]["Body"].as_str().unwrap().parse::<u32>().unwrap());
    }
    found.sort_unstable();
    assert_eq!(found, (0..50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_the_time_is_over_or_a_message_is_due() {
    let harness = Arc::new(Harness::new());
    let url = harness.make("jobs", json!({})).await;
    let wait = |harness: Arc<Harness>, url: String| {
        tokio::spawn(async move { harness.receive(&url, json!({ "WaitTimeSeconds": 10 })).await })
    };
    let waiting = wait(harness.clone(), url.clone());
    let moved = harness.clock.fast_forward(Duration::from_secs(1), waiting).await.unwrap();
    assert!(moved.is_empty());
    let delayed = json!({ "QueueUrl": url, "MessageBody": "late", "DelaySeconds": 5 });
    harness.call("SendMessage", delayed).await.unwrap();
    let waiting = wait(harness.clone(), url.clone());
    let found = harness.clock.fast_forward(Duration::from_secs(1), waiting).await.unwrap();
    assert_eq!(bodies(&found), ["late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_takes_nothing() {
    let harness = Arc::new(Harness::new());
    let url = harness.make("jobs", json!({})).await;
    for round in 0..30 {
        let (waiting, its_url) = (harness.clone(), url.clone());
        let leaving = tokio::spawn(async move { waiting.receive(&its_url, json!({ "WaitTimeSeconds": 20 })).await });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        harness.send(&url, &round.to_string()).await;
        leaving.abort();
        let received = leaving.await.is_ok_and(|messages| !messages.is_empty());
        // Whoever was too late to leave has it; else the next one gets it.
        if !received {
            let found = harness.receive(&url, json!({ "WaitTimeSeconds": 20 })).await;
            assert_eq!(bodies(&found), [round.to_string()]);
            assert_eq!(found[0]["Attributes"]["ApproximateReceiveCount"], "1");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_take_as_many_as_they_ask_for() {
    let harness = Harness::new();
    let url = harness.make("jobs", json!({ "VisibilityTimeout": "43200" })).await;
    let handle = {
        use anabranch_ports::{QueueSource, Target};
        for chunk in 0..100 {
            let entries: Vec<_> =
                (0..10).map(|n| json!({ "Id": n.to_string(), "MessageBody": format!("{chunk}-{n}") })).collect();
            harness.call("SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await.unwrap();
        }
        let arn = "arn:aws:sqs:us-east-1:000000000000:jobs";
        harness.queues.check(arn).await.unwrap();
        harness.queues.open_queue(arn).await.unwrap()
    };
    let mut received = 0;
    while received < 1_000 {
        received += handle.receive(400).await.unwrap().len();
    }
    assert_eq!(harness.counts(&url).await, [0, 1_000, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_answered_when_the_server_stops() {
    let harness = Arc::new(Harness::new());
    let url = harness.make("jobs", json!({})).await;
    let waiting = harness.clone();
    let waiting = tokio::spawn(async move { waiting.receive(&url, json!({ "WaitTimeSeconds": 20 })).await });
    anabranch_protocol::Service::pause(&*harness.queues).await;
    assert!(waiting.await.unwrap().is_empty());
}
