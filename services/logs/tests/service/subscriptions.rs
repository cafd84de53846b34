//! Subscription filters.

use std::io::Read;
use std::sync::atomic::Ordering;

use anabranch_ports::Delivery;
use anabranch_protocol::Service;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::harness::Harness;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:alarm";
const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/logs";

fn message(delivery: &Delivery) -> Value {
    let data = match serde_json::from_slice::<Value>(&delivery.payload) {
        Ok(event) => base64_simd::STANDARD.decode_to_vec(event["awslogs"]["data"].as_str().unwrap()).unwrap(),
        Err(_) => delivery.payload.to_vec(),
    };
    let mut text = String::new();
    GzDecoder::new(&data[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn filter(destination: &str) -> Value {
    json!({ "logGroupName": "g", "filterName": "f", "filterPattern": "ERROR", "destinationArn": destination })
}

#[tokio::test]
async fn what_matches_from_then_on_is_delivered() {
    let harness = Harness::new();
    harness.make("g", &["s"]).await;
    harness.put("g", "s", &[(0, "ERROR before")]).await;
    harness.call("PutSubscriptionFilter", filter(FUNCTION)).await;
    harness.put("g", "s", &[(1, "ERROR one"), (2, "fine"), (3, "ERROR two")]).await;
    let taken = harness.targets.wait_for(1).await;
    let found = message(&taken[0].1);
    assert_eq!((taken[0].0.as_str(), &found["messageType"]), (FUNCTION, &json!("DATA_MESSAGE")));
    assert_eq!(
        (&found["logGroup"], &found["logStream"], &found["owner"]),
        (&json!("g"), &json!("s"), &json!("000000000000"))
    );
    assert_eq!(found["subscriptionFilters"], json!(["f"]));
    let texts: Vec<_> = found["logEvents"].as_array().unwrap().iter().map(|event| event["message"].clone()).collect();
    assert_eq!(texts, ["ERROR one", "ERROR two"]);
}

#[tokio::test]
async fn a_stream_is_tried_and_gets_what_a_crash_left_undelivered() {
    let harness = Harness::new();
    harness.make("g", &["s"]).await;
    let refused =
        harness.refused("PutSubscriptionFilter", filter("arn:aws:kinesis:us-east-1:000000000000:stream/nobody")).await;
    assert!(refused.starts_with("InvalidParameterException: Could not deliver test message"), "{refused}");
    harness.call("PutSubscriptionFilter", filter(STREAM)).await;
    assert_eq!(message(&harness.targets.wait_for(1).await[0].1)["messageType"], "CONTROL_MESSAGE");
    harness.targets.failures.store(1_000, Ordering::SeqCst);
    harness.put("g", "s", &[(1, "ERROR one")]).await;
    let harness = harness.crash();
    harness.targets.failures.store(2, Ordering::SeqCst);
    harness.logs.start().unwrap();
    let clock = harness.clock.clone();
    let (done, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let moving = tokio::spawn(async move {
        while stopped.try_recv().is_err() {
            clock.advance_ms(1_000);
            tokio::task::yield_now().await;
        }
    });
    let taken = harness.targets.wait_for(2).await;
    let _ = done.send(());
    moving.await.unwrap();
    assert_eq!(taken[1].1.partition_key.as_deref(), Some("s"));
    assert_eq!(message(&taken[1].1)["logEvents"][0]["message"], "ERROR one");
}

#[tokio::test]
async fn filters_are_listed_limited_and_deleted() {
    let harness = Harness::new();
    harness.make("g", &["s"]).await;
    for name in ["b", "a"] {
        let mut request = filter(FUNCTION);
        request["filterName"] = name.into();
        harness.call("PutSubscriptionFilter", request).await;
    }
    let refused = harness.refused("PutSubscriptionFilter", filter(FUNCTION)).await;
    assert_eq!(refused, "LimitExceededException: Resource limit exceeded.");
    let found = harness.call("DescribeSubscriptionFilters", json!({ "logGroupName": "g" })).await;
    let names: Vec<_> =
        found["subscriptionFilters"].as_array().unwrap().iter().map(|one| one["filterName"].clone()).collect();
    assert_eq!(names, ["a", "b"]);
    harness.call("DeleteSubscriptionFilter", json!({ "logGroupName": "g", "filterName": "a" })).await;
    let refused = harness.refused("DeleteSubscriptionFilter", json!({ "logGroupName": "g", "filterName": "a" })).await;
    assert!(refused.starts_with("ResourceNotFoundException"), "{refused}");
    let mut request = filter("arn:aws:sqs:us-east-1:000000000000:queue");
    request["filterName"] = "b".into();
    assert!(harness.refused("PutSubscriptionFilter", request).await.contains("Invalid destinationArn"));
}
