//! Encryption, monitoring, mode, record size, warm throughput, account and policies.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use common::{NOW_MS, Service};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const DAY_MS: u64 = 24 * 3_600_000;

async fn clicks(service: &Service) {
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
}

async fn summary(service: &Service) -> Value {
    let answer = service.ok("DescribeStreamSummary", json!({ "StreamARN": ARN })).await;
    answer["StreamDescriptionSummary"].clone()
}

async fn refused(service: &Service, operation: &str, request: Value, code: &str, text: &str) {
    let (found, message) = service.refused(operation, request).await;
    assert!(found == code && message.contains(text), "{operation}: {found}: {message}");
}

#[tokio::test]
async fn encryption_is_shown_where_aws_shows_it() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_millis(50));
    clicks(&service).await;
    service.clock.advance_ms(50);
    service.put_at("plain", "0").await;
    let encryption = |key: &str| json!({ "StreamName": "clicks", "EncryptionType": "KMS", "KeyId": key });
    service.ok("StartStreamEncryption", encryption(KEY)).await;
    assert_eq!(summary(&service).await["StreamStatus"], "UPDATING");
    assert_eq!(summary(&service).await["EncryptionType"], "NONE", "until it is ACTIVE");
    refused(&service, "StopStreamEncryption", encryption(KEY), "ResourceInUseException", "UPDATING").await;
    service.clock.advance_ms(50);
    let record = json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "secret" });
    assert_eq!(service.ok("PutRecord", record.clone()).await["EncryptionType"], "KMS");
    let put = service.ok("PutRecords", json!({ "StreamName": "clicks", "Records": [record] })).await;
    assert_eq!(put["EncryptionType"], "KMS");

    let service = service.reopen(directory.path()).await;
    let found = summary(&service).await;
    assert_eq!((&found["EncryptionType"], &found["KeyId"]), (&json!("KMS"), &json!(KEY)));
    let described = service.ok("DescribeStream", json!({ "StreamName": "clicks" })).await;
    assert_eq!(described["StreamDescription"]["KeyId"], KEY);
    service.ok("StopStreamEncryption", encryption("alias/aws/kinesis")).await;
    let found = summary(&service).await;
    assert_eq!((&found["EncryptionType"], &found["KeyId"]), (&json!("NONE"), &Value::Null));
    let iterator = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    let read = service.ok("GetRecords", json!({ "ShardIterator": iterator })).await;
    let types: Vec<&Value> =
        read["Records"].as_array().unwrap().iter().map(|record| &record["EncryptionType"]).collect();
    assert_eq!(types, [&Value::Null, &json!("KMS"), &json!("KMS")], "records keep what they came with");

    refused(&service, "StartStreamEncryption", encryption("clicks"), "KMSNotFoundException", "Invalid keyId").await;
    refused(&service, "StartStreamEncryption", encryption(""), "ValidationException", "'keyId'").await;
    let none = json!({ "StreamName": "clicks", "EncryptionType": "NONE", "KeyId": KEY });
    refused(&service, "StartStreamEncryption", none, "InvalidArgumentException", "KMS").await;
    for _ in 0..24 {
        service.ok("StartStreamEncryption", encryption(KEY)).await;
    }
    refused(&service, "StartStreamEncryption", encryption(KEY), "LimitExceededException", "25 times").await;
    service.clock.advance_ms(DAY_MS);
    service.ok("StartStreamEncryption", encryption(KEY)).await;
}

#[tokio::test]
async fn metrics_are_chosen_by_shard() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    clicks(&service).await;
    let metrics = |names: Value| json!({ "StreamName": "clicks", "ShardLevelMetrics": names });
    let answer = service.ok("EnableEnhancedMonitoring", metrics(json!(["OutgoingBytes", "IncomingBytes"]))).await;
    let expected = json!({ "StreamName": "clicks", "StreamARN": ARN, "CurrentShardLevelMetrics": [],
        "DesiredShardLevelMetrics": ["IncomingBytes", "OutgoingBytes"] });
    assert_eq!(answer, expected);
    let all = service.ok("EnableEnhancedMonitoring", metrics(json!(["ALL"]))).await;
    assert_eq!(all["CurrentShardLevelMetrics"], json!(["IncomingBytes", "OutgoingBytes"]));
    assert_eq!(all["DesiredShardLevelMetrics"].as_array().unwrap().len(), 7);
    service.ok("DisableEnhancedMonitoring", metrics(json!(["IncomingBytes"]))).await;
    let service = service.reopen(directory.path()).await;
    let shown = summary(&service).await["EnhancedMonitoring"][0]["ShardLevelMetrics"].clone();
    assert!(shown.as_array().unwrap().len() == 6 && shown[0] == "IncomingRecords", "{shown}");
    let none = service.ok("DisableEnhancedMonitoring", metrics(json!(["ALL"]))).await;
    assert_eq!(none["DesiredShardLevelMetrics"], json!([]));
    for (names, text) in [
        (json!([]), "greater than or equal to 1"),
        (json!(["Bytes"]), "[Member must satisfy enum value set: [IncomingBytes"),
    ] {
        refused(&service, "EnableEnhancedMonitoring", metrics(names), "ValidationException", text).await;
    }
    refused(&service, "EnableEnhancedMonitoring", metrics(Value::Null), "ValidationException", "must not be null")
        .await;
}

#[tokio::test]
async fn the_mode_changes_twice_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    clicks(&service).await;
    let mode = |mode: &str| json!({ "StreamARN": ARN, "StreamModeDetails": { "StreamMode": mode } });
    let split = json!({ "StreamName": "clicks", "ShardToSplit": "0", "NewStartingHashKey": "9" });
    refused(&service, "UpdateStreamMode", mode("PROVISIONED"), "InvalidArgumentException", "already").await;
    service.ok("UpdateStreamMode", mode("ON_DEMAND")).await;
    refused(&service, "SplitShard", split.clone(), "ValidationException", "is in On-Demand mode.").await;
    let limits = service.ok("DescribeLimits", json!({})).await;
    assert_eq!((&limits["OpenShardCount"], &limits["OnDemandStreamCount"]), (&json!(0), &json!(1)));
    service.ok("UpdateStreamMode", mode("PROVISIONED")).await;
    let service = service.reopen(directory.path()).await;
    refused(&service, "UpdateStreamMode", mode("ON_DEMAND"), "LimitExceededException", "2 times").await;
    service.ok("SplitShard", split).await;
    let limits = service.ok("DescribeLimits", json!({})).await;
    assert_eq!(limits["OpenShardCount"], 2);
    assert!(limits["ShardLimit"].is_u64() && limits["OnDemandStreamCountLimit"] == 50, "{limits}");
    service.clock.advance_ms(DAY_MS);
    service.ok("UpdateStreamMode", mode("ON_DEMAND")).await;
    let by_name = json!({ "StreamName": "clicks", "StreamModeDetails": { "StreamMode": "ON_DEMAND" } });
    refused(&service, "UpdateStreamMode", by_name, "ValidationException", "Value null at 'streamARN'").await;
    refused(&service, "UpdateStreamMode", mode("FREE"), "ValidationException", "streamModeDetails.streamMode").await;
}

#[tokio::test]
async fn larger_records_are_let_in() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    clicks(&service).await;
    let record = json!({ "StreamName": "clicks", "PartitionKey": "k", "Data": "AAAA".repeat(700_000) });
    let size = |kib: u32| json!({ "StreamARN": ARN, "MaxRecordSizeInKiB": kib });
    refused(&service, "PutRecord", record.clone(), "ValidationException", "1048576").await;
    service.ok("UpdateMaxRecordSize", size(2_100)).await;
    let service = service.reopen(directory.path()).await;
    assert_eq!(summary(&service).await["MaxRecordSizeInKiB"], 2_100);
    service.ok("PutRecord", record).await;
    refused(&service, "UpdateMaxRecordSize", size(10_241), "ValidationException", "10240").await;
    refused(&service, "UpdateMaxRecordSize", size(1_023), "ValidationException", "1024").await;
    let none = json!({ "MaxRecordSizeInKiB": 2_000 });
    refused(&service, "UpdateMaxRecordSize", none, "ValidationException", "StreamARN").await;
}
