//! A table belongs to the account and region of the call that made it.

use std::sync::Arc;

use anabranch_protocol::{ApiError, Encoding, RequestContext, Service, SystemClock};
use anabranch_tables::Tables;
use bytes::Bytes;
use serde_json::{Value, json};

const ONE: (&str, &str) = ("123456789012", "eu-west-1");
const OTHERS: [(&str, &str); 3] =
    [("123456789012", "us-east-1"), ("210987654321", "eu-west-1"), ("000000000000", "us-east-1")];

async fn call(
    service: &dyn Service,
    (account, region): (&str, &str),
    operation: &str,
    body: Value,
) -> Result<Value, ApiError> {
    let context = RequestContext::new(region.parse().unwrap(), account.parse().unwrap());
    let answer = service.call(&context, operation, Encoding::Json, Bytes::from(body.to_string())).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

async fn make(tables: &Tables, owner: (&str, &str)) {
    let table = json!({
        "TableName": "sessions",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
    });
    call(tables, owner, "CreateTable", table).await.unwrap();
}

async fn put(tables: &Tables, owner: (&str, &str), page: &str) {
    let item = json!({"id": {"S": "a"}, "page": {"S": page}});
    call(tables, owner, "PutItem", json!({"TableName": "sessions", "Item": item})).await.unwrap();
}

async fn page(tables: &Tables, owner: (&str, &str)) -> Value {
    let get = json!({"TableName": "sessions", "Key": {"id": {"S": "a"}}});
    call(tables, owner, "GetItem", get).await.unwrap()["Item"]["page"]["S"].clone()
}

#[tokio::test]
async fn nobody_sees_the_tables_of_another_account_or_region() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Tables::open(directory.path(), Arc::new(SystemClock)).unwrap();
    make(&tables, ONE).await;
    put(&tables, ONE, "/one").await;
    let streams = tables.streams();
    for other in OTHERS {
        assert_eq!(call(&*tables, other, "ListTables", json!({})).await.unwrap()["TableNames"], json!([]));
        assert_eq!(call(&streams, other, "ListStreams", json!({})).await.unwrap()["Streams"], json!([]));
        for (operation, request) in [
            ("DescribeTable", json!({"TableName": "sessions"})),
            ("GetItem", json!({"TableName": "sessions", "Key": {"id": {"S": "a"}}})),
            ("PutItem", json!({"TableName": "sessions", "Item": {"id": {"S": "b"}}})),
            ("DeleteTable", json!({"TableName": "sessions"})),
        ] {
            let error = call(&*tables, other, operation, request).await.unwrap_err();
            assert!(error.code.ends_with("#ResourceNotFoundException"), "{operation}: {error}");
        }
    }
    assert_eq!(call(&*tables, ONE, "ListTables", json!({})).await.unwrap()["TableNames"], json!(["sessions"]));
    assert_eq!(call(&streams, ONE, "ListStreams", json!({})).await.unwrap()["Streams"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_may_be_used_in_every_account_and_region_and_stays_there() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Tables::open(directory.path(), Arc::new(SystemClock)).unwrap();
    for (number, owner) in [ONE].into_iter().chain(OTHERS).enumerate() {
        make(&tables, owner).await;
        put(&tables, owner, &format!("/{number}")).await;
    }
    let stats = tables.stat().await.unwrap();
    assert_eq!(stats.iter().map(|stat| stat.items).collect::<Vec<_>>(), [1; 4]);
    tables.shutdown().await;
    let tables = Tables::open(directory.path(), Arc::new(SystemClock)).unwrap();
    for (number, owner) in [ONE].into_iter().chain(OTHERS).enumerate() {
        assert_eq!(page(&tables, owner).await, format!("/{number}"));
        let described = call(&*tables, owner, "DescribeTable", json!({"TableName": "sessions"})).await.unwrap();
        let arn = format!("arn:aws:dynamodb:{}:{}:table/sessions", owner.1, owner.0);
        assert_eq!(described["Table"]["TableArn"], arn);
    }
    call(&*tables, ONE, "DeleteTable", json!({"TableName": "sessions"})).await.unwrap();
    assert_eq!(page(&tables, OTHERS[0]).await, "/1");
}
