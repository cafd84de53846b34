//! StartLiveTail.

use anabranch_protocol::{Encoding, RequestContext, Service};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::harness::Harness;

#[tokio::test]
async fn events_come_by_the_second_as_they_are_put() {
    let harness = Harness::new();
    harness.make("g", &["s"]).await;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    let request = json!({ "logGroupIdentifiers": [arn], "logEventFilterPattern": "ERROR" });
    let body = Bytes::from(request.to_string());
    let context = RequestContext::default();
    let mut events = harness.logs.subscribe(&context, "StartLiveTail", Encoding::Json, body).await.unwrap();
    let mut next = async || {
        let event = events.next().await.unwrap().unwrap();
        (event.name, serde_json::from_slice::<Value>(&event.payload).unwrap())
    };
    assert_eq!(next().await.0, "initial-response");
    let (name, start) = next().await;
    assert_eq!((name, &start["logGroupIdentifiers"]), ("sessionStart", &json!([arn])));
    harness.put("g", "s", &[(0, "ERROR one"), (1, "fine")]).await;
    let clock = harness.clock.clone();
    let moving = tokio::spawn(async move {
        loop {
            clock.advance_ms(100);
            tokio::task::yield_now().await;
        }
    });
    loop {
        let (name, update) = next().await;
        assert_eq!(name, "sessionUpdate");
        let results = update["sessionResults"].as_array().unwrap();
        if !results.is_empty() {
            assert_eq!(results.len(), 1);
            assert_eq!((&results[0]["message"], &results[0]["logStreamName"]), (&json!("ERROR one"), &json!("s")));
            assert_eq!(results[0]["logGroupIdentifier"], "000000000000:g");
            break;
        }
    }
    moving.abort();
}
