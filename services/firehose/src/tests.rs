//! Sources and destinations other than those that are offered: one file and one line each.

use std::path::Path;
use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_ports::{NewObject, ObjectWriter, PortError};
use anabranch_protocol::{ApiError, Encoding, ManualClock, RequestContext, Service};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::Firehose;
use crate::destinations::memory::DELIVERED;

/// A writer of objects that is not asked for any.
struct NoObjects;

#[async_trait]
impl ObjectWriter for NoObjects {
    async fn put_object(&self, _: &str, key: &str, _: NewObject) -> Result<(), PortError> {
        unreachable!("{key} is not for S3")
    }
}

fn open(directory: &Path) -> Arc<Firehose> {
    let control = ControlStore::open(&directory.join("control.redb")).unwrap();
    let (clock, log) = (Arc::new(ManualClock::new(1_772_730_249_000)), anabranch_storage::Config::default());
    Firehose::open(&directory.join("firehose"), control, clock, Arc::new(NoObjects), log).unwrap()
}

async fn call(firehose: &Firehose, operation: &str, body: Value) -> Result<Value, ApiError> {
    let body = Bytes::from(body.to_string());
    let answer = firehose.call(&RequestContext::default(), operation, Encoding::Json, body).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

fn request(name: &str) -> Value {
    json!({ "DeliveryStreamName": name, "HttpEndpointDestinationConfiguration": { "Url": "memory:" } })
}

/// Waits until the test destination has `content` under the delivery stream's name.
async fn delivered(name: &str, content: &[u8]) {
    let target = format!("memory:/{name}-1");
    while DELIVERED.lock().get(&target).map(Vec::as_slice) != Some(content) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn another_destination_takes_what_is_put() {
    let directory = tempfile::tempdir().unwrap();
    let firehose = open(directory.path());
    call(&firehose, "CreateDeliveryStream", request("put")).await.unwrap();
    let record = json!({ "DeliveryStreamName": "put", "Record": { "Data": "Y2xpY2s=" } });
    call(&firehose, "PutRecord", record.clone()).await.unwrap();
    delivered("put", b"click").await;
    let described = call(&firehose, "DescribeDeliveryStream", json!({ "DeliveryStreamName": "put" })).await.unwrap();
    let destination = &described["DeliveryStreamDescription"]["Destinations"][0];
    assert_eq!(destination["HttpEndpointDestinationDescription"], json!({ "Url": "memory:" }));
    // It is what it was after a restart.
    firehose.shutdown().await;
    drop(firehose);
    DELIVERED.lock().remove("memory:/put-1");
    let firehose = open(directory.path());
    call(&firehose, "PutRecord", record).await.unwrap();
    delivered("put", b"click").await;
}

#[tokio::test]
async fn another_source_is_delivered_and_takes_no_puts() {
    let directory = tempfile::tempdir().unwrap();
    let firehose = open(directory.path());
    let mut made = request("read");
    made["DeliveryStreamType"] = json!("MSKAsSource");
    call(&firehose, "CreateDeliveryStream", made).await.unwrap();
    delivered("read", b"one two three").await;
    let record = json!({ "DeliveryStreamName": "read", "Record": { "Data": "Y2xpY2s=" } });
    let error = call(&firehose, "PutRecord", record).await.unwrap_err();
    assert_eq!(error.code, "InvalidArgumentException");
    assert!(error.message.contains("MSKAsSource"), "{error}");
    let listed = json!({ "DeliveryStreamType": "MSKAsSource" });
    let listed = call(&firehose, "ListDeliveryStreams", listed).await.unwrap();
    assert_eq!(listed["DeliveryStreamNames"], json!(["read"]));
}

#[tokio::test]
async fn one_destination_is_configured() {
    let directory = tempfile::tempdir().unwrap();
    let firehose = open(directory.path());
    let mut two = request("two");
    two["S3DestinationConfiguration"] = json!({});
    let error = call(&firehose, "CreateDeliveryStream", two).await.unwrap_err();
    assert!(error.message.contains("Exactly one destination"), "{error}");
    let wrong = json!({ "DeliveryStreamName": "x", "S3DestinationConfiguration": { "BufferingHints": 1 } });
    let error = call(&firehose, "CreateDeliveryStream", wrong).await.unwrap_err();
    assert_eq!(error.code, "SerializationException");
}
