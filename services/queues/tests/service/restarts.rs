//! What is there after a restart, and what the log keeps for it.

use serde_json::json;

use crate::harness::{Harness, bodies};

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_as_it_was() {
    let mut harness = Harness::new();
    let url = harness.make("jobs", json!({ "DelaySeconds": "0" })).await;
    for body in ["deleted", "in flight", "given back", "waiting"] {
        harness.send(&url, body).await;
    }
    let delayed = json!({ "QueueUrl": url, "MessageBody": "delayed", "DelaySeconds": 60 });
    harness.call("SendMessage", delayed).await.unwrap();
    let messages = harness.receive(&url, json!({ "MaxNumberOfMessages": 3 })).await;
    assert_eq!(bodies(&messages), ["deleted", "in flight", "given back"]);
    harness.delete(&url, &messages[0]).await;
    let back = json!({ "QueueUrl": url, "ReceiptHandle": messages[2]["ReceiptHandle"], "VisibilityTimeout": 0 });
    harness.call("ChangeMessageVisibility", back).await.unwrap();
    harness.restart().await;
    assert_eq!(harness.counts(&url).await, [2, 1, 1]);
    let found = harness.receive(&url, json!({})).await;
    assert_eq!(bodies(&found), ["waiting", "given back"]);
    assert_eq!(found[1]["Attributes"]["ApproximateReceiveCount"], "2");
    // Handles of before still hold.
    harness.delete(&url, &messages[1]).await;
    harness.clock.advance_ms(60_000);
    assert_eq!(harness.receive(&url, json!({})).await.len(), 3);
    harness.restart().await;
    assert_eq!(harness.counts(&url).await, [0, 3, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_stays_gone() {
    let mut harness = Harness::new();
    let url = harness.make("jobs", json!({ "MessageRetentionPeriod": "60" })).await;
    harness.send(&url, "expires").await;
    harness.clock.advance_ms(60_000);
    assert_eq!(harness.counts(&url).await, [0, 0, 0]);
    let longer = json!({ "QueueUrl": url, "Attributes": { "MessageRetentionPeriod": "1209600" } });
    harness.call("SetQueueAttributes", longer).await.unwrap();
    harness.send(&url, "purged").await;
    harness.call("PurgeQueue", json!({ "QueueUrl": url })).await.unwrap();
    harness.send(&url, "stays").await;
    harness.restart().await;
    assert_eq!(bodies(&harness.receive(&url, json!({})).await), ["stays"]);
    // A queue that is deleted and made again is empty.
    harness.call("DeleteQueue", json!({ "QueueUrl": url })).await.unwrap();
    harness.clock.advance_ms(60_000);
    harness.make("jobs", json!({})).await;
    assert_eq!(harness.counts(&url).await, [0, 0, 0]);
    harness.restart().await;
    assert_eq!(harness.counts(&url).await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifo_queues_remember_over_a_restart() {
    let mut harness = Harness::new();
    let url = harness.make("jobs.fifo", json!({ "FifoQueue": "true" })).await;
    let message = |body: &str, id: &str| json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": "a", "MessageDeduplicationId": id });
    let first = harness.call("SendMessage", message("one", "1")).await.unwrap();
    harness.call("SendMessage", message("two", "2")).await.unwrap();
    let received = harness.receive(&url, json!({ "MaxNumberOfMessages": 1 })).await;
    harness.restart().await;
    let again = harness.call("SendMessage", message("one", "1")).await.unwrap();
    assert_eq!(again["SequenceNumber"], first["SequenceNumber"]);
    assert!(harness.receive(&url, json!({})).await.is_empty(), "the group is held up");
    harness.delete(&url, &received[0]).await;
    // The message is gone from the log, and its id is still known.
    harness.queues.reclaim().await.unwrap();
    harness.restart().await;
    let again = harness.call("SendMessage", message("one", "1")).await.unwrap();
    assert_eq!(again["MessageId"], first["MessageId"]);
    assert_eq!(bodies(&harness.receive(&url, json!({})).await), ["two"]);
    harness.clock.advance_ms(300_000);
    let new = harness.call("SendMessage", message("one", "1")).await.unwrap();
    assert!(new["SequenceNumber"].as_str() > first["SequenceNumber"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_gives_back_what_is_not_needed() {
    let mut harness = Harness::new();
    let (busy, idle) = (harness.make("busy", json!({})).await, harness.make("idle", json!({})).await);
    harness.send(&idle, "waits for long").await;
    let held = harness.receive(&idle, json!({ "VisibilityTimeout": 600 })).await;
    let body = "x".repeat(100_000);
    for _ in 0..60 {
        harness.send(&busy, &body).await;
        let messages = harness.receive(&busy, json!({})).await;
        harness.delete(&busy, &messages[0]).await;
    }
    let before = harness.queues.used_bytes();
    harness.queues.reclaim().await.unwrap();
    let after = harness.queues.used_bytes();
    // What lies in the segment that is written to stays until that is full.
    assert!(before > 6_000_000 && after < 1_500_000, "{before} {after}");
    harness.restart().await;
    assert_eq!((harness.counts(&busy).await, harness.counts(&idle).await), ([0, 0, 0], [0, 1, 0]));
    harness.delete(&idle, &held[0]).await;
    assert_eq!(harness.counts(&idle).await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_in_one_queue_after_a_restart() {
    let mut harness = Harness::new();
    let dead = harness.make("dead", json!({})).await;
    let policy = json!({ "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1 });
    let url = harness.make("jobs", json!({ "RedrivePolicy": policy.to_string(), "VisibilityTimeout": "1" })).await;
    let sent = harness.send(&url, "poison").await;
    assert_eq!(harness.receive(&url, json!({})).await.len(), 1);
    harness.clock.advance_ms(1_000);
    assert!(harness.receive(&url, json!({})).await.is_empty());
    harness.restart().await;
    assert_eq!((harness.counts(&url).await, harness.counts(&dead).await), ([0, 0, 0], [1, 0, 0]));
    let found = harness.receive(&dead, json!({})).await;
    assert_eq!(found[0]["MessageId"], sent["MessageId"]);
    // It is as old as it was, so that its retention goes on.
    assert_eq!(found[0]["Attributes"]["SentTimestamp"], crate::harness::BEGIN_MS.to_string());
}
