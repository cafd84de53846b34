//! The operations that the pipeline's functions use.

use std::time::Duration;

use anabranch_protocol::{Clock, Encoding, ManualClock};
use anabranch_tables::Tables;
use serde_json::json;

use crate::{call, count, put, with_sessions, with_sessions_at};

#[tokio::test]
async fn tables_are_named_in_the_callers_region_and_account() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let described = call(&*tables, "DescribeTable", json!({"TableName": "sessions"})).await.unwrap();
    assert_eq!(described["Table"]["TableArn"], "arn:aws:dynamodb:eu-west-1:123456789012:table/sessions");
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
    let listed = call(&*tables, "ListTables", json!({})).await.unwrap();
    assert_eq!(listed["TableNames"], json!(["sessions"]));
    call(&*tables, "DeleteTable", json!({"TableName": "sessions"})).await.unwrap();
    let error = call(&*tables, "DescribeTable", json!({"TableName": "sessions"})).await.unwrap_err();
    assert!(error.code.ends_with("#ResourceNotFoundException"), "{error}");
}

#[tokio::test]
async fn a_conditional_update_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let update = json!({
        "TableName": "sessions",
        "Key": {"id": {"S": "s1"}},
        "UpdateExpression": "ADD clicks :one SET last_sequence = :sequence",
        "ConditionExpression": "attribute_not_exists(last_sequence) OR last_sequence < :sequence",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":sequence": {"S": "0007"}},
        "ReturnValues": "ALL_NEW",
    });
    let first = call(&*tables, "UpdateItem", update.clone()).await.unwrap();
    assert_eq!(first["Attributes"]["clicks"]["N"], "1");
    let again = call(&*tables, "UpdateItem", update).await.unwrap_err();
    assert!(again.code.ends_with("#ConditionalCheckFailedException"), "{again}");
    let item = call(&*tables, "GetItem", json!({"TableName": "sessions", "Key": {"id": {"S": "s1"}}})).await.unwrap();
    assert_eq!(item["Item"]["clicks"]["N"], "1");
}

#[tokio::test]
async fn a_failed_condition_shows_the_item_if_asked() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    put(&tables, json!({"id": {"S": "s1"}, "page": {"S": "/"}})).await.unwrap();
    let put = json!({
        "TableName": "sessions",
        "Item": {"id": {"S": "s1"}},
        "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    });
    let error = call(&*tables, "PutItem", put).await.unwrap_err();
    let body: serde_json::Value = serde_json::from_slice(&error.to_body(Encoding::Json).unwrap()).unwrap();
    assert_eq!(body["Item"], json!({"id": {"S": "s1"}, "page": {"S": "/"}}));
    assert_eq!(body["message"], "The conditional request failed");
}

#[tokio::test]
async fn a_cancelled_transaction_gives_its_reasons_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    put(&tables, json!({"id": {"S": "taken"}})).await.unwrap();
    let put_once = |id: &str| {
        json!({"Put": {
            "TableName": "sessions",
            "Item": {"id": {"S": id}},
            "ConditionExpression": "attribute_not_exists(id)",
        }})
    };
    let items = json!({"TransactItems": [put_once("free"), put_once("taken")]});
    let error = call(&*tables, "TransactWriteItems", items).await.unwrap_err();
    assert!(error.code.ends_with("#TransactionCanceledException"), "{error}");
    let codes: Vec<&str> = error.details["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["Code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(count(&tables).await, 1);
}

#[tokio::test]
async fn pages_of_a_scan_cover_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    for batch in 0..4 {
        let puts: Vec<_> =
            (0..25).map(|item| json!({"PutRequest": {"Item": {"id": {"S": format!("s{batch}-{item}")}}}})).collect();
        let answer = call(&*tables, "BatchWriteItem", json!({"RequestItems": {"sessions": puts}})).await.unwrap();
        assert_eq!(answer["UnprocessedItems"], json!({}));
    }
    let (mut seen, mut pages, mut start) = (Vec::new(), 0, None);
    loop {
        let mut scan = json!({"TableName": "sessions", "Limit": 7});
        if let Some(start) = start {
            scan["ExclusiveStartKey"] = start;
        }
        let page = call(&*tables, "Scan", scan).await.unwrap();
        seen.extend(page["Items"].as_array().unwrap().iter().map(|item| item["id"]["S"].to_string()));
        pages += 1;
        match page.get("LastEvaluatedKey") {
            Some(key) => start = Some(key.clone()),
            None => break,
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), pages), (100, 15));
}

#[tokio::test]
async fn streams_are_an_api_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    assert!(call(&*tables, "ListStreams", json!({})).await.unwrap_err().code.ends_with("#UnknownOperationException"));
    let streamed = json!({
        "TableName": "sessions",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    });
    call(&*tables, "UpdateTable", streamed).await.unwrap();
    put(&tables, json!({"id": {"S": "s1"}})).await.unwrap();
    let streams = tables.streams();
    let listed = call(&streams, "ListStreams", json!({})).await.unwrap();
    let arn = listed["Streams"][0]["StreamArn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:dynamodb:eu-west-1:123456789012:table/sessions/stream/"), "{arn}");
    let described = call(&streams, "DescribeStream", json!({"StreamArn": arn})).await.unwrap();
    let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
    let from = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = call(&streams, "GetShardIterator", from).await.unwrap();
    let read = call(&streams, "GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await.unwrap();
    assert_eq!(read["Records"][0]["dynamodb"]["Keys"], json!({"id": {"S": "s1"}}));
}

/// Gives the items of `sessions` a time to live, `expires_at`.
async fn let_expire(tables: &Tables) {
    let specification = json!({"Enabled": true, "AttributeName": "expires_at"});
    let update = json!({"TableName": "sessions", "TimeToLiveSpecification": specification});
    call(tables, "UpdateTimeToLive", update).await.unwrap();
}

async fn put_expiring(tables: &Tables, id: &str, expires_at_s: u64) {
    put(tables, json!({"id": {"S": id}, "expires_at": {"N": expires_at_s.to_string()}})).await.unwrap();
}

async fn is_there(tables: &Tables, id: &str) -> bool {
    let get = json!({"TableName": "sessions", "Key": {"id": {"S": id}}});
    call(tables, "GetItem", get).await.unwrap().get("Item").is_some()
}

async fn until_gone(tables: &Tables, id: &str) {
    while is_there(tables, id).await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn expired_items_go_once_a_table_has_a_time_to_live() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(1_763_000_000_000);
    let now_s = clock.now_ms() / 1_000;
    let tables = with_sessions_at(directory.path(), &clock).await;
    put_expiring(&tables, "expired", now_s - 3_600).await;
    put_expiring(&tables, "kept", now_s + 90_000).await;
    let_expire(&tables).await;
    until_gone(&tables, "expired").await;
    clock.advance(Duration::from_secs(89_000)).await;
    assert!(is_there(&tables, "kept").await);
    clock.fast_forward(Duration::from_secs(60), until_gone(&tables, "kept")).await;
    assert!(clock.now_ms() / 1_000 - now_s >= 90_000, "not before");
}

#[tokio::test]
async fn expired_items_go_by_the_machines_time_too() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::running();
    let now_s = clock.now_ms() / 1_000;
    let tables = with_sessions_at(directory.path(), &clock).await;
    put_expiring(&tables, "expired", now_s - 3_600).await;
    put_expiring(&tables, "kept", now_s + 90_000).await;
    let_expire(&tables).await;
    until_gone(&tables, "expired").await;
    assert!(is_there(&tables, "kept").await);
}

#[tokio::test]
async fn items_given_a_longer_life_while_others_expire_stay() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(1_763_000_000_000);
    let now_s = clock.now_ms() / 1_000;
    let tables = with_sessions_at(directory.path(), &clock).await;
    let ids: Vec<String> = (0..500).map(|number| format!("s{number:03}")).collect();
    for id in &ids {
        put_expiring(&tables, id, now_s - 3_600).await;
    }
    put_expiring(&tables, "last", now_s - 3_600).await;
    let_expire(&tables).await;
    // All over the table, wherever the sweep is.
    for id in (0..ids.len()).map(|number| &ids[number * 211 % ids.len()]) {
        put_expiring(&tables, id, now_s + 3_600).await;
    }
    until_gone(&tables, "last").await;
    for id in &ids {
        assert!(is_there(&tables, id).await, "{id} was written again");
    }
}
