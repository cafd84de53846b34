//! Account settings, what they unlock, and resource policies.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use common::{NOW_MS, Service};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
const DAY_MS: u64 = 24 * 3_600_000;

async fn refused(service: &Service, operation: &str, request: Value, code: &str, text: &str) {
    let (found, message) = service.refused(operation, request).await;
    assert!(found == code && message.contains(text), "{operation}: {found}: {message}");
}

fn commitment(status: &str) -> Value {
    json!({ "MinimumThroughputBillingCommitment": { "Status": status } })
}

#[tokio::test]
async fn warm_throughput_takes_a_commitment() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    let create = |name: &str, warm: Value| json!({ "StreamName": name, "StreamModeDetails": { "StreamMode": "ON_DEMAND" }, "WarmThroughputMiBps": warm });
    let warm = |mibps: i64| json!({ "StreamName": "clicks", "WarmThroughputMiBps": mibps });
    refused(&service, "CreateStream", create("clicks", json!(8)), "ValidationException", "not").await;
    service.ok("CreateStream", create("clicks", Value::Null)).await;
    refused(&service, "UpdateStreamWarmThroughput", warm(8), "ValidationException", "account 000000000000").await;
    assert_eq!(service.ok("DescribeAccountSettings", json!({})).await, commitment("DISABLED"));
    let enabled = service.ok("UpdateAccountSettings", commitment("ENABLED")).await;
    let expected = json!({ "MinimumThroughputBillingCommitment": { "Status": "ENABLED",
        "StartedAt": NOW_MS as f64 / 1000.0, "EarliestAllowedEndAt": (NOW_MS + DAY_MS) as f64 / 1000.0 } });
    assert_eq!(enabled, expected);
    let answer = service.ok("UpdateStreamWarmThroughput", warm(8)).await;
    let expected = json!({ "StreamName": "clicks", "StreamARN": ARN,
        "WarmThroughput": { "TargetMiBps": 8, "CurrentMiBps": 0 } });
    assert_eq!(answer, expected);
    service.ok("CreateStream", create("warm", json!(20))).await;

    let service = service.reopen(directory.path()).await;
    for (name, mibps) in [("clicks", 8), ("warm", 20)] {
        let summary = service.ok("DescribeStreamSummary", json!({ "StreamName": name })).await;
        let expected = json!({ "TargetMiBps": mibps, "CurrentMiBps": mibps });
        assert_eq!(summary["StreamDescriptionSummary"]["WarmThroughput"], expected);
        assert_eq!(summary["StreamDescriptionSummary"]["OpenShardCount"], mibps, "a shard for each MiB/s");
    }
    service.ok("UpdateStreamWarmThroughput", warm(3)).await;
    let summary = service.ok("DescribeStreamSummary", json!({ "StreamName": "clicks" })).await;
    assert_eq!(summary["StreamDescriptionSummary"]["OpenShardCount"], 8, "shards stay when less is wished for");
    refused(&service, "UpdateStreamWarmThroughput", warm(10_241), "LimitExceededException", "10240").await;
    refused(&service, "UpdateStreamWarmThroughput", warm(-1), "ValidationException", "'warmThroughputMiBps'").await;
    service.ok("CreateStream", json!({ "StreamName": "fixed", "ShardCount": 1 })).await;
    let fixed = json!({ "StreamName": "fixed", "WarmThroughputMiBps": 1 });
    refused(&service, "UpdateStreamWarmThroughput", fixed, "ValidationException", "ON_DEMAND").await;

    let ending = service.ok("UpdateAccountSettings", commitment("DISABLED")).await;
    assert_eq!(ending["MinimumThroughputBillingCommitment"]["Status"], "ENABLED_UNTIL_EARLIEST_ALLOWED_END");
    service.clock.advance_ms(DAY_MS);
    let ended = service.ok("DescribeAccountSettings", json!({})).await["MinimumThroughputBillingCommitment"].clone();
    assert_eq!((&ended["Status"], &ended["EndedAt"]), (&json!("DISABLED"), &json!((NOW_MS + DAY_MS) as f64 / 1000.0)));
    refused(&service, "UpdateStreamWarmThroughput", warm(9), "ValidationException", "enabled").await;
    refused(&service, "UpdateAccountSettings", json!({}), "ValidationException", "must not be null").await;
    refused(&service, "UpdateAccountSettings", commitment("MAYBE"), "ValidationException", "enum value set").await;
}

#[tokio::test]
async fn policies_are_kept_as_they_were_put() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let get = json!({ "ResourceARN": ARN });
    assert_eq!(service.ok("GetResourcePolicy", get.clone()).await, json!({ "Policy": "{}" }));
    refused(&service, "DeleteResourcePolicy", get.clone(), "ResourceNotFoundException", ARN).await;
    let put = |policy: &str| json!({ "ResourceARN": ARN, "Policy": policy });
    let policy = r#"{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "111122223333" },
        "Action": "kinesis:PutRecord", "Resource": "*" }] }"#;
    assert_eq!(service.ok("PutResourcePolicy", put(policy)).await, Value::Null);
    let service = service.reopen(directory.path()).await;
    assert_eq!(service.ok("GetResourcePolicy", get.clone()).await, json!({ "Policy": policy }));
    for (policy, text) in [
        ("{", "not valid JSON"),
        ("{}", "at least one Statement"),
        (r#"{ "Statement": [] }"#, "at least one Statement"),
        (r#"{ "Statement": { "Effect": "Perhaps" } }"#, "Allow or Deny"),
        (r#"{ "Statement": { "Effect": "Allow", "Action": "*" } }"#, "Principal"),
        (r#"{ "Statement": { "Effect": "Allow", "Principal": "*" } }"#, "Action"),
    ] {
        refused(&service, "PutResourcePolicy", put(policy), "InvalidArgumentException", text).await;
    }
    refused(&service, "PutResourcePolicy", put(&" ".repeat(20_481)), "LimitExceededException", "20480").await;
    refused(&service, "PutResourcePolicy", get.clone(), "ValidationException", "Value null at 'policy'").await;
    let other = json!({ "ResourceARN": ARN.replace("clicks", "none"), "Policy": policy });
    refused(&service, "PutResourcePolicy", other, "ResourceNotFoundException", "Stream none").await;
    service.ok("DeleteResourcePolicy", get.clone()).await;
    assert_eq!(service.ok("GetResourcePolicy", get).await, json!({ "Policy": "{}" }));
}
