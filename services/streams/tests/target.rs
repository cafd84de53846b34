//! Messages that other services put to streams.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod common;

use anabranch_ports::{Delivery, PortErrorKind, Target};
use anabranch_streams::{Limits, StreamsConfig};
use common::{NOW_MS, Service};
use serde_json::json;

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

#[tokio::test]
async fn a_message_becomes_a_record_under_its_key_or_one_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    service.streams.check(ARN).await.unwrap();
    let keyed = Delivery { partition_key: Some("user-1".into()), ..Delivery::new("one") };
    service.streams.deliver(ARN, keyed).await.unwrap();
    service.streams.deliver(ARN, Delivery::new("two")).await.unwrap();
    let iterator = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    let keys = service.keys_from(iterator).await;
    assert_eq!((keys.len(), keys[0].as_str(), keys[1].is_empty()), (2, "user-1", false));
}

#[tokio::test]
async fn what_can_never_be_put_is_told_from_what_can_later() {
    let directory = tempfile::tempdir().unwrap();
    let config = StreamsConfig { limits: Limits::Aws, ..Service::config(directory.path()) };
    let service = Service::open_as(NOW_MS, config);
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let kind = |outcome: Result<(), anabranch_ports::PortError>| outcome.unwrap_err().kind;
    let other = ARN.replace("clicks", "others");
    assert_eq!(kind(service.streams.check(&other).await), PortErrorKind::NotFound);
    assert_eq!(kind(service.streams.check("arn:aws:s3:::clicks").await), PortErrorKind::Refused);
    assert_eq!(kind(service.streams.deliver(&other, Delivery::new("a")).await), PortErrorKind::NotFound);
    let keyless = Delivery { partition_key: Some(String::new()), ..Delivery::new("a") };
    assert_eq!(kind(service.streams.deliver(ARN, keyless).await), PortErrorKind::Refused);
    let large = Delivery::new(vec![0; 900_000]);
    service.streams.deliver(ARN, large.clone()).await.unwrap();
    let refused = service.streams.deliver(ARN, large).await.unwrap_err();
    assert!(refused.kind == PortErrorKind::Throttled && refused.is_transient(), "{refused}");
}
