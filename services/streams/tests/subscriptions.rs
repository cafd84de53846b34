//! SubscribeToShard: what an event stream brings, and when it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use anabranch_protocol::{ApiError, Clock, Encoding, EventStream, RequestContext, Service as _};
use common::{NOW_MS, Service};
use futures::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

/// A service with the stream `clicks` of one shard and the ARN of its consumer `reader`.
async fn service() -> (TempDir, Service, String) {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let arn = register(&service, "reader").await;
    (directory, service, arn)
}

async fn register(service: &Service, name: &str) -> String {
    let made = service.ok("RegisterStreamConsumer", json!({ "StreamARN": ARN, "ConsumerName": name })).await;
    made["Consumer"]["ConsumerARN"].as_str().unwrap().to_string()
}

async fn subscribe(service: &Service, arn: &str, shard: u32, start: Value) -> Result<EventStream, ApiError> {
    let request = json!({ "ConsumerARN": arn, "ShardId": format!("shardId-{shard:012}"), "StartingPosition": start });
    let body = request.to_string().into();
    service.streams.subscribe(&RequestContext::default(), "SubscribeToShard", Encoding::Json, body).await
}

async fn from_horizon(service: &Service, arn: &str, shard: u32) -> EventStream {
    subscribe(service, arn, shard, json!({ "Type": "TRIM_HORIZON" })).await.unwrap()
}

async fn put(service: &Service, key: &str) -> String {
    service.put_at(key, "0").await.1
}

async fn event(events: &mut EventStream) -> Value {
    let event = events.next().await.expect("an event").unwrap();
    assert_eq!(event.name, "SubscribeToShardEvent");
    serde_json::from_slice(&event.payload).unwrap()
}

fn keys(event: &Value) -> Vec<&str> {
    event["Records"].as_array().unwrap().iter().map(|record| record["PartitionKey"].as_str().unwrap()).collect()
}

/// The next events' records until there are so many.
async fn keys_of(events: &mut EventStream, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(keys(&event(events).await).into_iter().map(String::from));
    }
    found
}

#[tokio::test]
async fn records_come_as_they_are_put() {
    let (_directory, service, arn) = service().await;
    put(&service, "before").await;
    let mut events = from_horizon(&service, &arn, 0).await;
    assert_eq!(keys(&event(&mut events).await), ["before"]);
    for key in ["one", "two"] {
        let put = put(&service, key);
        let (number, event) = tokio::join!(put, event(&mut events));
        let record = &event["Records"][0];
        assert_eq!((record["PartitionKey"].as_str(), record["SequenceNumber"].as_str()), (Some(key), Some(&*number)));
        assert_eq!(
            (event["ContinuationSequenceNumber"].as_str(), &event["MillisBehindLatest"]),
            (Some(&*number), &json!(0))
        );
        assert!(event.get("ChildShards").is_none());
    }
}

#[tokio::test]
async fn every_starting_position_is_taken() {
    let (_directory, service, _) = service().await;
    let mut numbers = Vec::new();
    for key in ["a", "b", "c"] {
        service.clock.advance_ms(1_000);
        numbers.push(put(&service, key).await);
    }
    let cases = [
        (json!({ "Type": "TRIM_HORIZON" }), vec!["a", "b", "c", "new"]),
        (json!({ "Type": "LATEST" }), vec!["new"]),
        (json!({ "Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": numbers[1] }), vec!["b", "c", "new"]),
        (json!({ "Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": numbers[1] }), vec!["c", "new"]),
        (json!({ "Type": "AT_TIMESTAMP", "Timestamp": (NOW_MS + 2_000) as f64 / 1000.0 }), vec!["b", "c", "new"]),
    ];
    let mut subscriptions = Vec::new();
    for (number, (start, expected)) in cases.into_iter().enumerate() {
        let arn = register(&service, &format!("reader-{number}")).await;
        subscriptions.push((subscribe(&service, &arn, 0, start).await.unwrap(), expected));
    }
    put(&service, "new").await;
    for (mut events, expected) in subscriptions {
        assert_eq!(keys_of(&mut events, expected.len()).await, expected);
    }
}

#[tokio::test]
async fn an_idle_subscription_tells_where_it_is_and_ends_after_five_minutes() {
    let (_directory, service, arn) = service().await;
    let began = service.clock.instant();
    let mut events = subscribe(&service, &arn, 0, json!({ "Type": "LATEST" })).await.unwrap();
    let mut last = Value::Null;
    let mut count = 0;
    let to_the_end = async {
        while let Some(next) = events.next().await {
            last = serde_json::from_slice(&next.unwrap().payload).unwrap();
            assert_eq!((keys(&last).len(), &last["MillisBehindLatest"]), (0, &json!(0)));
            count += 1;
        }
    };
    service.clock.fast_forward(Duration::from_secs(1), to_the_end).await;
    assert_eq!(((service.clock.instant() - began).as_secs(), count), (300, 59));

    put(&service, "later").await;
    service.clock.advance_ms(300_000);
    let start = json!({ "Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last["ContinuationSequenceNumber"] });
    let mut events = subscribe(&service, &arn, 0, start).await.unwrap();
    assert_eq!(keys(&event(&mut events).await), ["later"]);
}

#[tokio::test]
async fn one_subscription_by_consumer_and_shard() {
    let (_directory, service, arn) = service().await;
    let mut first = from_horizon(&service, &arn, 0).await;
    service.clock.advance_ms(4_999);
    let error = subscribe(&service, &arn, 0, json!({ "Type": "LATEST" })).await.err().unwrap();
    assert_eq!(error.code, "ResourceInUseException");
    assert!(error.message.contains(&arn), "{error}");
    let other = register(&service, "other").await;
    let mut others = from_horizon(&service, &other, 0).await;
    service.clock.advance_ms(1);
    let mut second = from_horizon(&service, &arn, 0).await;
    assert_eq!(first.next().await.unwrap().unwrap_err().code, "ResourceInUseException");
    assert!(first.next().await.is_none());
    put(&service, "click").await;
    assert_eq!(keys(&event(&mut second).await), ["click"]);
    assert_eq!(keys(&event(&mut others).await), ["click"]);
}

#[tokio::test]
async fn the_end_of_a_closed_shard_names_its_children() {
    let (_directory, service, arn) = service().await;
    let mut events = from_horizon(&service, &arn, 0).await;
    put(&service, "before").await;
    assert_eq!(keys(&event(&mut events).await), ["before"]);
    let half = (u128::MAX / 2 + 1).to_string();
    let split = json!({ "StreamName": "clicks", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": half });
    let (_, last) = tokio::join!(service.ok("SplitShard", split), event(&mut events));
    assert!(last.get("ContinuationSequenceNumber").is_none(), "{last}");
    let child = |id: u32, start: &str, end: &str| {
        json!({ "ShardId": format!("shardId-{id:012}"), "ParentShards": ["shardId-000000000000"],
            "HashKeyRange": { "StartingHashKey": start, "EndingHashKey": end } })
    };
    let below = (u128::MAX / 2).to_string();
    assert_eq!(last["ChildShards"], json!([child(1, "0", &below), child(2, &half, &u128::MAX.to_string())]));
    assert!(events.next().await.is_none());

    put(&service, "behind").await;
    let mut events = from_horizon(&service, &arn, 1).await;
    assert_eq!(keys(&event(&mut events).await), ["behind"]);
}

#[tokio::test]
async fn a_backlog_comes_in_events_that_a_client_can_take() {
    let (_directory, service, arn) = service().await;
    let data = "A".repeat(400 << 10);
    for key in 0..8 {
        let record = json!({ "StreamName": "clicks", "Data": data, "PartitionKey": key.to_string() });
        service.ok("PutRecord", record).await;
        service.clock.advance_ms(1_000);
    }
    let mut events = from_horizon(&service, &arn, 0).await;
    let mut found = Vec::new();
    let mut behind = Vec::new();
    while found.len() < 8 {
        let event = event(&mut events).await;
        assert!((1..8).contains(&keys(&event).len()));
        found.extend(keys(&event).into_iter().map(String::from));
        behind.push(event["MillisBehindLatest"].as_u64().unwrap());
    }
    assert_eq!(found, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert!(behind.is_sorted_by(|before, after| before > after) && behind.last() == Some(&0), "{behind:?}");
}

#[tokio::test]
async fn what_goes_ends_the_stream_with_an_exception() {
    let (_directory, service, arn) = service().await;
    let mut events = from_horizon(&service, &arn, 0).await;
    let (_, ended) = tokio::join!(service.ok("DeregisterStreamConsumer", json!({ "ConsumerARN": arn })), events.next());
    assert_eq!(ended.unwrap().unwrap_err().code, "ResourceNotFoundException");

    let arn = register(&service, "another").await;
    let mut events = from_horizon(&service, &arn, 0).await;
    let delete = json!({ "StreamName": "clicks", "EnforceConsumerDeletion": true });
    let (_, ended) = tokio::join!(service.ok("DeleteStream", delete), events.next());
    assert_eq!(ended.unwrap().unwrap_err().code, "ResourceNotFoundException");
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_millis(50));
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    service.clock.advance_ms(50);
    let arn = register(&service, "reader").await;
    let horizon = json!({ "Type": "TRIM_HORIZON" });
    let refused = async |arn: &str, shard: u32, start: &Value| {
        let error = subscribe(&service, arn, shard, start.clone()).await.err().unwrap();
        (error.code, error.message)
    };
    let (code, message) = refused(&arn, 0, &horizon).await;
    assert!(code == "ResourceInUseException" && message.contains("CREATING"), "{code}: {message}");
    service.clock.advance_ms(50);
    let cases = [
        (arn.replace("reader", "stranger"), 0, horizon.clone(), "ResourceNotFoundException", "stranger"),
        (arn.replace("clicks", "strange"), 0, horizon.clone(), "ResourceNotFoundException", "strange"),
        ("reader".into(), 0, horizon.clone(), "ValidationException", "consumerARN"),
        (arn.clone(), 7, horizon, "ResourceNotFoundException", "shardId-000000000007"),
        (arn.clone(), 0, json!({}), "ValidationException", "startingPosition.type"),
        (arn.clone(), 0, json!({ "Type": "NOWHERE" }), "ValidationException", "startingPosition.type"),
        (arn.clone(), 0, json!({ "Type": "AT_TIMESTAMP" }), "InvalidArgumentException", "timestamp"),
        (arn.clone(), 0, json!({ "Type": "AT_SEQUENCE_NUMBER" }), "InvalidArgumentException", "SequenceNumber"),
        (
            arn.clone(),
            0,
            json!({ "Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": "7" }),
            "InvalidArgumentException",
            "SubscribeToShard",
        ),
    ];
    for (arn, shard, start, code, text) in cases {
        let (found, message) = refused(&arn, shard, &start).await;
        assert!(found == code && message.contains(text), "{start}: {found}: {message}");
    }
    assert!(subscribe(&service, &arn, 0, json!({ "Type": "LATEST" })).await.is_ok(), "a refused one is not in the way");
}
