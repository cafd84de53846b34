//! Bad input gets the exception a client of DynamoDB expects.

use anabranch_protocol::{Encoding, RequestContext, Service};
use bytes::Bytes;
use serde_json::json;

use crate::{call, put, with_sessions};

#[tokio::test]
async fn each_mistake_has_its_exception() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let key = json!({"id": {"S": "s1"}});
    let table = |name: &str| json!({"TableName": name, "Key": key});
    let cases = [
        ("GetItem", table("missing"), "#ResourceNotFoundException", "not found"),
        ("GetItem", json!({"Key": key}), "#ValidationException", "tableName"),
        ("GetItem", json!({"TableName": "sessions", "Key": {"no": {"S": "x"}}}), "#ValidationException", "schema"),
        ("GetItem", json!({"TableName": 23, "Key": key}), "#SerializationException", "NUMBER_VALUE"),
        ("PutItem", json!({"TableName": "sessions", "Item": {"id": {"S": ""}}}), "#ValidationException", "empty"),
        ("PutItem", json!({"TableName": "sessions", "Item": {"id": {"N": "1"}}}), "#ValidationException", "mismatch"),
        ("CreateBackup", json!({}), "#UnknownOperationException", "CreateBackup"),
        ("Scan", json!({"TableName": "sessions", "ScanFilter": {"id": null}}), "#ValidationException", "Unexpected"),
        ("Scan", json!({"TableName": "sessions", "ExclusiveStartKey": 1}), "#ValidationException", "starting key"),
    ];
    for (operation, body, code, stem) in cases {
        let error = call(&*tables, operation, body.clone()).await.unwrap_err();
        assert!(error.code.ends_with(code), "{operation} {body}: {error}");
        assert!(error.message.contains(stem), "{operation} {body}: {error}");
        assert!(!error.message.contains("invalid type"), "{operation} {body}: {error}");
        assert_eq!(error.status(), 400);
    }
}

#[tokio::test]
async fn an_item_over_400_kib_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let item = |bytes: usize| json!({"id": {"S": "s1"}, "body": {"S": "x".repeat(bytes)}});
    put(&tables, item(400_000)).await.unwrap();
    let error = put(&tables, item(409_600)).await.unwrap_err();
    assert_eq!(error.message, "Item size has exceeded the maximum allowed size");
}

#[tokio::test]
async fn what_is_not_json_is_a_serialization_exception() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let deep = [b"{\"TableName\":".as_slice(), &b"[".repeat(10_000)].concat();
    for body in [b"{".as_slice(), b"\xff\xfe", b"[]", &deep] {
        let body = Bytes::copy_from_slice(body);
        let error = tables.call(&RequestContext::default(), "PutItem", Encoding::Json, body).await.unwrap_err();
        assert!(error.code.ends_with("#SerializationException"), "{error}");
    }
}

/// An attribute value of lists in one another.
fn nested(levels: usize) -> String {
    format!("{}{{\"S\": \"x\"}}{}", "{\"L\": [".repeat(levels), "]}".repeat(levels))
}

#[tokio::test]
async fn values_nested_too_deeply_are_refused_however_deeply() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    for levels in [32, 60, 70, 10_000] {
        let body = format!(r#"{{"TableName": "sessions", "Item": {{"id": {{"S": "a"}}, "v": {}}}}}"#, nested(levels));
        let body = Bytes::from(body);
        let error = tables.call(&RequestContext::default(), "PutItem", Encoding::Json, body).await.unwrap_err();
        assert!(error.code.ends_with("#ValidationException"), "{levels}: {error}");
        assert!(error.message.contains("Nesting Levels have exceeded supported limits"), "{levels}: {error}");
    }
}

/// The engine parses by recursion: this overflowed the stack and ended the process.
#[tokio::test]
async fn an_expression_of_parentheses_is_a_mistake_only() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let item = json!({"id": {"S": "a"}});
    let whole = format!("{}id = id{}", "(".repeat(2_000), ")".repeat(2_000));
    for expression in ["(".repeat(4_000), whole, "NOT ".repeat(1_000), format!("{}id = id", "NOT ".repeat(1_000))] {
        let put = json!({"TableName": "sessions", "Item": item, "ConditionExpression": expression});
        if let Err(error) = call(&*tables, "PutItem", put).await {
            assert_eq!(error.status(), 400, "{error}");
        }
        let scan = json!({"TableName": "sessions", "FilterExpression": expression});
        if let Err(error) = call(&*tables, "Scan", scan).await {
            assert_eq!(error.status(), 400, "{error}");
        }
    }
    for statement in ["(".repeat(8_000), format!("SELECT * FROM sessions WHERE {}", "NOT ".repeat(1_900))] {
        let error = call(&*tables, "ExecuteStatement", json!({"Statement": statement})).await.unwrap_err();
        assert_eq!(error.status(), 400, "{error}");
    }
}

#[tokio::test]
async fn a_message_does_not_repeat_a_large_request() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let million = vec![json!({}); 1_000_000];
    let long = "a!".repeat(1 << 20);
    for (operation, body) in [
        ("TransactWriteItems", json!({"TransactItems": million})),
        ("BatchWriteItem", json!({"RequestItems": {"sessions": million}})),
        ("BatchGetItem", json!({"RequestItems": {"sessions": {"Keys": million}}})),
        ("PutItem", json!({"TableName": "sessions", "Item": {"id": {"L": million}}})),
        ("PutItem", json!({"TableName": long, "Item": {}})),
        ("ExecuteStatement", json!({"Statement": long})),
        ("TagResource", json!({"ResourceArn": long, "Tags": million})),
        ("TransactWriteItems", json!({"TransactItems": vec![json!({"Put": {"TableName": long, "Item": {}}}); 3]})),
        ("GetItem", json!({"TableName": format!("arn:{long}"), "Key": {}})),
    ] {
        let error = call(&*tables, operation, body).await.unwrap_err();
        assert!(error.code.ends_with("#ValidationException"), "{operation}: {}", error.code);
        assert!(error.message.len() < 10_000, "{operation}: {} bytes", error.message.len());
    }
}

#[tokio::test]
async fn impossible_values_are_refused_in_dynamodbs_words() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let digits = |count: usize| "1".repeat(count);
    let fraction = format!("0.{}1", "0".repeat(100_000));
    for (value, words) in [
        (
            json!({"N": "1e126"}),
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        (json!({"N": "9e2147483647"}), "Number overflow"),
        (
            json!({"N": "1e-131"}),
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
        ),
        (json!({"N": fraction}), "Number underflow"),
        (json!({"N": digits(39)}), "Attempting to store more than 38 significant digits in a Number"),
        (json!({"N": digits(100_000)}), "38 significant digits"),
        (json!({"N": "1e99999999999999999999"}), "cannot be converted to a numeric value"),
        (json!({"N": ""}), "cannot be converted to a numeric value"),
        (json!({"SS": []}), "An string set  may not be empty"),
        (json!({"SS": ["a", "a"]}), "contains duplicates"),
        (json!({"NS": ["1", "1.0"]}), "contains duplicates"),
        (json!({"BS": ["AA==", "AA=="]}), "contains duplicates"),
        (json!({"S": "a", "N": "1"}), "has more than one datatypes set"),
        (json!({}), "Supplied AttributeValue is empty"),
    ] {
        let error = put(&tables, json!({"id": {"S": "a"}, "v": value})).await.unwrap_err();
        assert!(error.code.ends_with("#ValidationException"), "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    for value in [json!({"N": digits(38)}), json!({"N": "9.9e125"}), json!({"N": "-1e-130"}), json!({"S": ""})] {
        put(&tables, json!({"id": {"S": "a"}, "v": value})).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_ends_at_a_megabyte() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    for item in 0..4 {
        put(&tables, json!({"id": {"S": item.to_string()}, "v": {"S": "x".repeat(390_000)}})).await.unwrap();
    }
    let (mut start, mut pages) = (None, Vec::new());
    loop {
        let mut scan = json!({"TableName": "sessions"});
        if let Some(start) = start {
            scan["ExclusiveStartKey"] = start;
        }
        let page = call(&*tables, "Scan", scan).await.unwrap();
        pages.push(page["Count"].as_u64().unwrap());
        match page.get("LastEvaluatedKey") {
            Some(key) => start = Some(key.clone()),
            None => break,
        }
    }
    assert_eq!(pages.iter().sum::<u64>(), 4);
    assert!(pages.len() > 1 && pages.iter().all(|&count| count <= 3), "{pages:?}");
}
