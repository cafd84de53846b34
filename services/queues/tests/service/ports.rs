//! Queues as other services use them.

use anabranch_ports::{AttributeValue, Delivery, MessageAttribute, PortErrorKind, QueueSource, Target};
use serde_json::json;

use crate::harness::{Harness, bodies};

const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:jobs";

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_delivered_read_and_deleted() {
    let harness = Harness::new();
    let url = harness.make("jobs", json!({})).await;
    let value = MessageAttribute { data_type: "String".into(), value: AttributeValue::Text("x".into()) };
    let delivery = Delivery { attributes: vec![("kind".into(), value.clone())], ..Delivery::new("hello") };
    harness.queues.deliver(ARN, delivery).await.unwrap();
    let handle = harness.queues.open_queue(ARN).await.unwrap();
    assert_eq!((handle.is_fifo(), handle.visibility_timeout_seconds()), (false, 30));
    let messages = handle.receive(10).await.unwrap();
    assert_eq!((messages.len(), messages[0].body.as_str()), (1, "hello"));
    assert_eq!(messages[0].message_attributes, [("kind".to_string(), value)]);
    assert!(messages[0].attributes.contains(&("ApproximateReceiveCount".into(), "1".into())));
    let handles = [messages[0].receipt_handle.clone()];
    handle.change_visibility(&handles, 0).await.unwrap();
    assert_eq!(bodies(&harness.receive(&url, json!({ "VisibilityTimeout": 0 })).await), ["hello"]);
    handle.delete(&handles).await.unwrap();
    assert_eq!(harness.counts(&url).await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_go_to_fifo_queues() {
    let harness = Harness::new();
    let url = harness.make("jobs.fifo", json!({ "FifoQueue": "true" })).await;
    let arn = format!("{ARN}.fifo");
    let delivery = Delivery {
        message_group_id: Some("a".into()),
        message_deduplication_id: Some("1".into()),
        ..Delivery::new("hello")
    };
    for _ in 0..2 {
        harness.queues.deliver(&arn, delivery.clone()).await.unwrap();
    }
    assert_eq!(harness.counts(&url).await, [1, 0, 0]);
    let refused = harness.queues.deliver(&arn, Delivery::new("no group")).await.unwrap_err();
    assert_eq!(refused.kind, PortErrorKind::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told() {
    let harness = Harness::new();
    assert_eq!(harness.queues.check(ARN).await.unwrap_err().kind, PortErrorKind::NotFound);
    assert_eq!(
        harness.queues.check("arn:aws:sns:us-east-1:000000000000:x").await.unwrap_err().kind,
        PortErrorKind::Refused
    );
    let url = harness.make("jobs", json!({})).await;
    let binary = harness.queues.deliver(ARN, Delivery::new(vec![0xff])).await.unwrap_err();
    assert_eq!(binary.kind, PortErrorKind::Refused);
    let handle = harness.queues.open_queue(ARN).await.unwrap();
    let waiting = tokio::spawn(async move { handle.receive(1).await.map(|_| ()).unwrap_err().kind });
    tokio::task::yield_now().await;
    harness.call("DeleteQueue", json!({ "QueueUrl": url })).await.unwrap();
    assert_eq!(waiting.await.unwrap(), PortErrorKind::NotFound);
}
