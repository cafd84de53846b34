//! Tags, by stream and by ARN.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use common::{NOW_MS, Service};
use serde_json::{Map, Value, json};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

fn many(count: usize) -> Value {
    Value::Object((0..count).map(|number| (format!("key-{number:03}"), json!("value"))).collect::<Map<_, _>>())
}

#[tokio::test]
async fn tags_come_and_go_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    let create = json!({ "StreamName": "clicks", "ShardCount": 1, "Tags": { "team": "shop", "stage": "" } });
    service.ok("CreateStream", create).await;
    let add = json!({ "StreamName": "clicks", "Tags": { "team": "data", "cost-center": "42 / a" } });
    assert_eq!(service.ok("AddTagsToStream", add).await, Value::Null);
    service.ok("TagResource", json!({ "ResourceARN": ARN, "Tags": { "Größe": "klein" } })).await;
    service.ok("RemoveTagsFromStream", json!({ "StreamARN": ARN, "TagKeys": ["stage", "none"] })).await;
    service.ok("UntagResource", json!({ "ResourceARN": ARN, "TagKeys": ["cost-center"] })).await;

    let service = service.reopen(directory.path()).await;
    let expected = json!([{ "Key": "Größe", "Value": "klein" }, { "Key": "team", "Value": "data" }]);
    let listed = service.ok("ListTagsForStream", json!({ "StreamName": "clicks", "StreamARN": ARN })).await;
    assert_eq!(listed, json!({ "Tags": expected, "HasMoreTags": false }));
    assert_eq!(service.ok("ListTagsForResource", json!({ "ResourceARN": ARN })).await, json!({ "Tags": expected }));
    let first = service.ok("ListTagsForStream", json!({ "StreamName": "clicks", "Limit": 1 })).await;
    assert_eq!((&first["Tags"][0]["Key"], &first["HasMoreTags"]), (&json!("Größe"), &json!(true)));
    let rest = json!({ "StreamName": "clicks", "Limit": 1, "ExclusiveStartTagKey": "Größe" });
    let rest = service.ok("ListTagsForStream", rest).await;
    assert_eq!((&rest["Tags"][0]["Key"], &rest["HasMoreTags"]), (&json!("team"), &json!(false)));
}

#[tokio::test]
async fn tags_are_refused_as_aws_refuses_them() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_millis(50));
    let create = |tags: Value| json!({ "StreamName": "clicks", "ShardCount": 1, "Tags": tags });
    assert_eq!(service.refused("CreateStream", create(many(51))).await.0, "InvalidArgumentException");
    service.ok("CreateStream", create(many(49))).await;
    let add = |tags: Value| json!({ "StreamName": "clicks", "Tags": tags });
    assert_eq!(service.refused("AddTagsToStream", add(json!({ "a": "b" }))).await.0, "ResourceInUseException");
    service.clock.advance_ms(50);
    let consumer = format!("{ARN}/consumer/reader:1763000000");
    for (operation, request, code, text) in [
        ("AddTagsToStream", add(json!({ "a": "", "b": "" })), "InvalidArgumentException", "more than 50 tags"),
        ("AddTagsToStream", add(json!({ "a": "50%" })), "InvalidArgumentException", "illegal characters"),
        ("AddTagsToStream", add(json!({ "a": "b;" })), "InvalidArgumentException", "invalid characters"),
        ("AddTagsToStream", add(json!({ "aws:a": "" })), "InvalidArgumentException", "reserved"),
        ("AddTagsToStream", add(json!({})), "ValidationException", "greater than or equal to 1"),
        ("AddTagsToStream", add(many(201)), "ValidationException", "less than or equal to 200"),
        ("AddTagsToStream", add(json!({ "": "" })), "ValidationException", "'tags'"),
        (
            "AddTagsToStream",
            add(json!({ "a": "x".repeat(257) })),
            "ValidationException",
            "Map value must satisfy constraint",
        ),
        ("AddTagsToStream", json!({ "StreamName": "clicks" }), "ValidationException", "Value null at 'tags'"),
        ("RemoveTagsFromStream", json!({ "StreamName": "clicks", "TagKeys": [] }), "ValidationException", "'tagKeys'"),
        (
            "UntagResource",
            json!({ "ResourceARN": ARN, "TagKeys": ["a", ""] }),
            "ValidationException",
            "Value '[a, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [",
        ),
        ("ListTagsForStream", json!({ "StreamName": "none" }), "ResourceNotFoundException", "Stream none"),
        ("ListTagsForStream", json!({ "StreamName": "clicks", "Limit": 51 }), "ValidationException", "'limit'"),
        ("ListTagsForResource", json!({}), "ValidationException", "Value null at 'resourceARN'"),
        ("ListTagsForResource", json!({ "ResourceARN": "clicks" }), "ValidationException", "regular expression"),
        ("ListTagsForResource", json!({ "ResourceARN": ARN.replace("clicks", "x") }), "ResourceNotFoundException", "x"),
        ("TagResource", json!({ "ResourceARN": consumer, "Tags": { "a": "" } }), "ResourceNotFoundException", "reader"),
    ] {
        let (found, message) = service.refused(operation, request).await;
        assert!(found == code && message.contains(text), "{operation}: {found}: {message}");
    }
    let listed = service.ok("ListTagsForStream", json!({ "StreamName": "clicks" })).await;
    assert_eq!(listed["Tags"].as_array().unwrap().len(), 49);
    service.ok("AddTagsToStream", add(json!({ "a": "", "key-000": "again" }))).await;
}
