//! The registry of consumers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use common::{NOW_MS, Service};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

async fn refused(service: &Service, operation: &str, request: Value, code: &str, text: &str) {
    let (found, message) = service.refused(operation, request).await;
    assert!(found == code && message.contains(text), "{operation}: {found}: {message}");
}

fn named(name: &str) -> Value {
    json!({ "StreamARN": ARN, "ConsumerName": name })
}

fn names(listed: &Value) -> Vec<&str> {
    listed["Consumers"].as_array().unwrap().iter().map(|consumer| consumer["ConsumerName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_consumer_is_made_described_tagged_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_millis(50));
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    refused(&service, "RegisterStreamConsumer", named("reader"), "ResourceInUseException", "CREATING").await;
    service.clock.advance_ms(50);
    let mut request = named("reader");
    request["Tags"] = json!({ "team": "shop" });
    let made = service.ok("RegisterStreamConsumer", request).await["Consumer"].clone();
    let arn = format!("{ARN}/consumer/reader:1763000000");
    let expected = json!({ "ConsumerName": "reader", "ConsumerARN": arn, "ConsumerStatus": "CREATING",
        "ConsumerCreationTimestamp": 1_763_000_000.05 });
    assert_eq!(made, expected);
    let tag = json!({ "ResourceARN": arn, "Tags": { "stage": "beta" } });
    refused(&service, "TagResource", tag.clone(), "ResourceInUseException", "CREATING").await;
    service.clock.advance_ms(50);
    service.ok("TagResource", tag).await;
    let policy = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kinesis:SubscribeToShard"}}"#;
    service.ok("PutResourcePolicy", json!({ "ResourceARN": arn, "Policy": policy })).await;

    let service = service.reopen(directory.path()).await;
    let mut description = expected.clone();
    description["ConsumerStatus"] = json!("ACTIVE");
    description["StreamARN"] = json!(ARN);
    let all = json!({ "StreamARN": ARN, "ConsumerName": "reader", "ConsumerARN": arn });
    for request in [named("reader"), json!({ "ConsumerARN": arn }), all] {
        let described = service.ok("DescribeStreamConsumer", request).await;
        assert_eq!(described, json!({ "ConsumerDescription": description }));
    }
    let tags = service.ok("ListTagsForResource", json!({ "ResourceARN": arn })).await;
    let expected = json!([{ "Key": "stage", "Value": "beta" }, { "Key": "team", "Value": "shop" }]);
    assert_eq!(tags["Tags"], expected);
    assert_eq!(service.ok("ListTagsForResource", json!({ "ResourceARN": ARN })).await["Tags"], json!([]));
    service.ok("UntagResource", json!({ "ResourceARN": arn, "TagKeys": ["team"] })).await;
    let tags = service.ok("ListTagsForResource", json!({ "ResourceARN": arn })).await;
    assert_eq!(tags["Tags"].as_array().unwrap().len(), 1);
    assert_eq!(service.ok("GetResourcePolicy", json!({ "ResourceARN": arn })).await["Policy"], policy);
    assert_eq!(service.ok("GetResourcePolicy", json!({ "ResourceARN": ARN })).await, json!({ "Policy": "{}" }));
    let summary = service.ok("DescribeStreamSummary", json!({ "StreamName": "clicks" })).await;
    assert_eq!(summary["StreamDescriptionSummary"]["ConsumerCount"], 1);

    let delete = json!({ "StreamName": "clicks" });
    refused(&service, "DeleteStream", delete.clone(), "ResourceInUseException", "EnforceConsumerDeletion").await;
    service.ok("DeregisterStreamConsumer", json!({ "ConsumerARN": arn })).await;
    refused(&service, "DescribeStreamConsumer", named("reader"), "ResourceNotFoundException", "reader").await;
    refused(&service, "ListTagsForResource", json!({ "ResourceARN": arn }), "ResourceNotFoundException", &arn).await;
    service.ok("RegisterStreamConsumer", named("reader")).await;
    service.ok("DeleteStream", json!({ "StreamName": "clicks", "EnforceConsumerDeletion": true })).await;
    refused(&service, "DescribeStreamConsumer", named("reader"), "ResourceNotFoundException", "Stream clicks").await;
}

#[tokio::test]
async fn consumers_are_limited_in_number_and_listed_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_millis(50));
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    for number in 0..20 {
        if number % 5 == 0 {
            service.clock.advance_ms(50);
        }
        service.ok("RegisterStreamConsumer", named(&format!("reader-{number:02}"))).await;
        if number == 4 {
            refused(&service, "RegisterStreamConsumer", named("more"), "LimitExceededException", "created").await;
        }
    }
    service.clock.advance_ms(50);
    refused(&service, "RegisterStreamConsumer", named("more"), "LimitExceededException", "20 consumers").await;
    let commitment = json!({ "MinimumThroughputBillingCommitment": { "Status": "ENABLED" } });
    service.ok("UpdateAccountSettings", commitment).await;
    refused(&service, "RegisterStreamConsumer", named("more"), "LimitExceededException", "20 consumers").await;
    let mode = json!({ "StreamARN": ARN, "StreamModeDetails": { "StreamMode": "ON_DEMAND" } });
    service.ok("UpdateStreamMode", mode).await;
    service.clock.advance_ms(50);
    service.ok("RegisterStreamConsumer", named("a")).await;
    refused(&service, "RegisterStreamConsumer", named("a"), "ResourceInUseException", "already exists").await;

    let list = |more: Value| {
        let mut request = json!({ "StreamARN": ARN, "MaxResults": 15 });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let first = service.ok("ListStreamConsumers", list(json!({}))).await;
    assert_eq!(names(&first)[..2], ["a", "reader-00"]);
    let token = json!({ "NextToken": first["NextToken"] });
    let rest = service.ok("ListStreamConsumers", list(token.clone())).await;
    assert_eq!((names(&rest).len(), names(&rest)[0], &rest["NextToken"]), (6, "reader-14", &Value::Null));
    let created = json!({ "StreamCreationTimestamp": 1.0 });
    refused(&service, "ListStreamConsumers", list(created), "ResourceNotFoundException", "clicks").await;
    let bad = json!({ "NextToken": "AAAA" });
    refused(&service, "ListStreamConsumers", list(bad), "InvalidArgumentException", "NextToken").await;

    service.ok("DeregisterStreamConsumer", named("a")).await;
    let described = service.ok("DescribeStreamConsumer", named("a")).await;
    assert_eq!(described["ConsumerDescription"]["ConsumerStatus"], "DELETING");
    service.clock.advance_ms(50);
    refused(&service, "DeregisterStreamConsumer", named("a"), "ResourceNotFoundException", "Consumer a, account").await;
    service.clock.advance_ms(300_000);
    refused(&service, "ListStreamConsumers", list(token), "ExpiredNextTokenException", "300 seconds").await;

    let arn = format!("{ARN}/consumer/reader-00:1763000000");
    let other = json!({ "ConsumerARN": arn, "ConsumerName": "reader-01" });
    refused(&service, "DescribeStreamConsumer", other, "InvalidArgumentException", "agree").await;
    let none = json!({ "ConsumerName": "reader-00" });
    refused(&service, "DescribeStreamConsumer", none, "InvalidArgumentException", "must be provided").await;
    let wrong = json!({ "ConsumerARN": ARN });
    refused(&service, "DeregisterStreamConsumer", wrong, "ValidationException", "'consumerARN'").await;
    refused(&service, "RegisterStreamConsumer", json!({}), "ValidationException", "2 validation errors").await;
}
