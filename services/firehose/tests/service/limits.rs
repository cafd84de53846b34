//! Puts over the limits are refused as AWS does, and nothing of them is stored.

use base64_simd::STANDARD;
use serde_json::json;

use crate::harness::{House, MemoryWriter};

#[tokio::test]
async fn puts_over_the_limits_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({})).await;
    let cases = [
        (vec![Vec::new(); 501], "ValidationException", "at 'records'"),
        (Vec::new(), "ValidationException", "greater than or equal to 1"),
        (vec![vec![0; 1_024_001]], "ValidationException", "at 'records.1.member.data'"),
        (vec![vec![0; 1_024_000]; 5], "InvalidArgumentException", "Records size exceeds 4 MB limit"),
    ];
    for (records, code, stem) in cases {
        let error = house.put(&records).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(stem), "{error}");
    }
    assert_eq!(house.stat().backlog_records, 0);
    house.put(&vec![vec![0; 8_388]; 500]).await.unwrap();
    house.put(&[vec![0; 1_024_000]]).await.unwrap();
    assert_eq!(house.stat().records_in, 501);
}

#[tokio::test]
async fn a_single_record_is_put_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({})).await;
    let put = |data: &[u8]| json!({ "DeliveryStreamName": "clicks-raw", "Record": { "Data": STANDARD.encode_to_string(data) } });
    let first = house.call("PutRecord", put(b"one")).await.unwrap();
    let second = house.call("PutRecord", put(b"")).await.unwrap();
    assert_ne!(first["RecordId"], second["RecordId"]);
    assert_eq!(first["Encrypted"], false);
    let error = house.call("PutRecord", put(&vec![0; 1_024_001])).await.unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert!(error.message.contains("'record.data'") && error.message.contains("1024000"), "{error}");
    let error = house.call("PutRecord", json!({ "DeliveryStreamName": "clicks-raw" })).await.unwrap_err();
    assert!(error.message.contains("Value null at 'record'"), "{error}");
    let error = house.call("PutRecord", json!({ "Record": { "Data": "not base64!" } })).await.unwrap_err();
    assert_eq!(error.code, "SerializationException");
}

#[tokio::test]
async fn puts_to_nowhere_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    let error = house.put(&[b"lost".to_vec()]).await.unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
    assert_eq!(error.message, "Firehose clicks-raw under account 000000000000 not found.");
}

#[tokio::test]
async fn a_million_records_are_neither_decoded_nor_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({})).await;
    let million = vec![json!({}); 1_000_000];
    let error = house.call("PutRecordBatch", json!({ "DeliveryStreamName": "clicks-raw", "Records": million })).await;
    let error = error.unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert!(error.message.contains("at 'records' failed to satisfy constraint"), "{}", error.message);
    assert!(error.message.len() < 10_000, "{} bytes", error.message.len());
    let many = json!({ "DeliveryStreamName": "more", "Tags": million });
    let error = house.call("CreateDeliveryStream", many).await.unwrap_err();
    assert_eq!(error.message, "The request must be smaller than 1048576 bytes");
    let long = json!({ "DeliveryStreamName": "x".repeat(1 << 20) });
    let error = house.call("PutRecord", long).await.unwrap_err();
    assert!(error.message.len() < 10_000, "{} bytes", error.message.len());
}
