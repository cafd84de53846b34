//! Kinesis in CBOR, as the AWS SDK for Java speaks it, byte by byte over a socket.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use anabranch_protocol::{Blob, Encoding, Timestamp};
use flate2::Compression;
use flate2::read::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::harness::{Answer, SIGNED, ask, start};

const CBOR: &str = "application/x-amz-cbor-1.1";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    data: Blob,
    partition_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(flatten)]
    entry: Entry,
    approximate_arrival_timestamp: Timestamp,
}

async fn ask_kinesis(address: SocketAddr, operation: &str, headers: &str, body: &[u8]) -> Answer {
    let target = format!("X-Amz-Target: Kinesis_20131202.{operation}");
    ask(address, &format!("POST / HTTP/1.1\r\n{headers}\r\n{target}\r\n{SIGNED}"), body).await
}

async fn call<T: Serialize>(address: SocketAddr, operation: &str, request: &T) -> Answer {
    let body = Encoding::Cbor.encode(request).unwrap();
    let answer = ask_kinesis(address, operation, &format!("Content-Type: {CBOR}"), &body).await;
    assert_eq!(answer.header("content-type"), Some(CBOR), "{answer:?}");
    answer
}

fn read<T: for<'a> Deserialize<'a>>(answer: &Answer) -> T {
    assert_eq!(answer.status, 200, "{answer:?}");
    Encoding::Cbor.decode(&answer.body).unwrap()
}

async fn create(address: SocketAddr, name: &str) {
    let created = call(address, "CreateStream", &json!({"StreamName": name, "ShardCount": 1})).await;
    assert_eq!((created.status, created.body.len()), (200, 0));
    for _ in 0..500 {
        let described: Value = read(&call(address, "DescribeStreamSummary", &json!({"StreamName": name})).await);
        if described["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the stream {name} is not active after ten seconds");
}

async fn iterator(address: SocketAddr, start: &impl Serialize) -> String {
    let answer: Value = read(&call(address, "GetShardIterator", start).await);
    answer["ShardIterator"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn records_in_cbor() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    create(app.address, "clicks").await;
    // The body that the SDK for Java writes: maps without lengths, data as bytes.
    let body = b"\xbf\x6aStreamName\x66clicks\x6cPartitionKey\x61k\x64Data\x43\x00\xff\x01\xff";
    let put = ask_kinesis(app.address, "PutRecord", &format!("Content-Type: {CBOR}"), body).await;
    assert_eq!(read::<Value>(&put)["ShardId"], "shardId-000000000000");
    let long = Entry { data: Blob(vec![0xfe; 100_000].into()), partition_key: "long".into() };
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct PutRecords {
        stream_name: &'static str,
        records: [Entry; 1],
    }
    let put: Value =
        read(&call(app.address, "PutRecords", &PutRecords { stream_name: "clicks", records: [long] }).await);
    assert_eq!(put["FailedRecordCount"], 0);

    let start = json!({"StreamName": "clicks", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator_in_cbor = iterator(app.address, &start).await;
    let answer = call(app.address, "GetRecords", &json!({"ShardIterator": iterator_in_cbor})).await;
    // Arrival is tagged milliseconds of eight bytes.
    let tagged = b"\x78\x1bApproximateArrivalTimestamp\xc1\x1b\x00\x00\x01";
    assert!(answer.body.windows(tagged.len()).any(|window| window == tagged), "{answer:?}");
    let records = read::<Records>(&answer).records;
    let entries: Vec<_> =
        records.iter().map(|record| (&record.entry.data.0[..], &*record.entry.partition_key)).collect();
    assert_eq!(entries, [(&b"\x00\xff\x01"[..], "k"), (&vec![0xfe; 100_000][..], "long")]);

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct AtTimestamp {
        stream_name: &'static str,
        shard_id: &'static str,
        shard_iterator_type: &'static str,
        timestamp: Timestamp,
    }
    let second = records[1].approximate_arrival_timestamp;
    let start = AtTimestamp {
        stream_name: "clicks",
        shard_id: "shardId-000000000000",
        shard_iterator_type: "AT_TIMESTAMP",
        timestamp: second,
    };
    let from_then = iterator(app.address, &start).await;
    let answer = call(app.address, "GetRecords", &json!({"ShardIterator": from_then})).await;
    let found = read::<Records>(&answer).records;
    assert!(!found.is_empty() && found.iter().all(|record| record.approximate_arrival_timestamp >= second));
    app.stop().await;
}

#[tokio::test]
async fn errors_in_cbor() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    for (operation, body, code) in [
        ("DescribeStream", json!({"StreamName": "nothing"}), "ResourceNotFoundException"),
        ("DescribeStream", json!({"StreamName": "not a name"}), "ValidationException"),
        ("CreateStream", json!({"StreamName": 7}), "SerializationException"),
        ("MakeStream", json!({}), "UnknownOperationException"),
    ] {
        let answer = call(app.address, operation, &body).await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (400, Some(code)), "{answer:?}");
        let error: Value = Encoding::Cbor.decode(&answer.body).unwrap();
        assert_eq!(error["__type"], code);
        let message = if code == "SerializationException" { "Message" } else { "message" };
        assert!(error[message].is_string(), "{error}");
    }
    let broken = ask_kinesis(app.address, "ListStreams", &format!("Content-Type: {CBOR}"), b"\xa1\x65Limit").await;
    let error: Value = Encoding::Cbor.decode(&broken.body).unwrap();
    assert_eq!(error["__type"], "SerializationException");
    app.stop().await;
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    GzEncoder::new(plain, Compression::fast()).read_to_end(&mut body).unwrap();
    body
}

#[tokio::test]
async fn bodies_in_gzip() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let cbor = format!("Content-Type: {CBOR}\r\nContent-Encoding: gzip");
    let json = "Content-Type: application/x-amz-json-1.1\r\nContent-Encoding: gzip";
    let body = Encoding::Cbor.encode(&json!({"StreamName": "clicks", "ShardCount": 1})).unwrap();
    let created = ask_kinesis(app.address, "CreateStream", &cbor, &gzip(&body)).await;
    assert_eq!(created.status, 200, "{created:?}");
    let listed = ask_kinesis(app.address, "ListStreams", json, &gzip(b"{}")).await;
    assert_eq!(listed.json()["StreamNames"], json!(["clicks"]));

    let bomb = gzip(&vec![b' '; (16 << 20) + 1]);
    let refused = ask_kinesis(app.address, "ListStreams", json, &bomb).await;
    refused.assert_error(413, "RequestEntityTooLargeException", "16777216 bytes");
    let refused = ask_kinesis(app.address, "ListStreams", json, b"{}").await;
    refused.assert_error(400, "SerializationException", "not gzip");
    app.stop().await;
}
