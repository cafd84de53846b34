//! Bad input gets the exception a client of DynamoDB expects.

use anabranch_protocol::{Encoding, JsonService, RequestContext};
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
    ];
    for (operation, body, code, stem) in cases {
        let error = call(&*tables, operation, body.clone()).await.unwrap_err();
        assert!(error.code.ends_with(code), "{operation} {body}: {error}");
        assert!(error.message.contains(stem), "{operation} {body}: {error}");
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
