//! What names tables, streams, regions and accounts: the caller's, everywhere.

use anabranch_tables::Tables;
use serde_json::{Value, json};

use crate::{call, put, with_sessions};

const ARN: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/sessions";

#[tokio::test]
async fn a_table_may_be_named_by_its_arn_wherever_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let key = json!({"id": {"S": "a"}});
    let requests = [
        ("PutItem", json!({"TableName": ARN, "Item": key, "ReturnConsumedCapacity": "TOTAL"})),
        ("GetItem", json!({"TableName": ARN, "Key": key, "ReturnConsumedCapacity": "TOTAL"})),
        ("UpdateItem", json!({"TableName": ARN, "Key": key, "UpdateExpression": "REMOVE x"})),
        ("Scan", json!({"TableName": ARN})),
        (
            "Query",
            json!({
                "TableName": ARN,
                "KeyConditionExpression": "id = :id",
                "ExpressionAttributeValues": {":id": {"S": "a"}},
            }),
        ),
        ("BatchGetItem", json!({"RequestItems": {ARN: {"Keys": [key]}}, "ReturnConsumedCapacity": "TOTAL"})),
        (
            "BatchWriteItem",
            json!({
                "RequestItems": {ARN: [{"DeleteRequest": {"Key": key}}]},
                "ReturnConsumedCapacity": "TOTAL",
            }),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [
                {"Put": {"TableName": ARN, "Item": key}},
                {"Delete": {"TableName": "sessions", "Key": {"id": {"S": "b"}}}},
            ]}),
        ),
        ("TransactGetItems", json!({"TransactItems": [{"Get": {"TableName": ARN, "Key": key}}]})),
        ("DeleteItem", json!({"TableName": ARN, "Key": key})),
        ("DescribeTimeToLive", json!({"TableName": ARN})),
        (
            "UpdateTimeToLive",
            json!({
                "TableName": ARN,
                "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"},
            }),
        ),
        ("TagResource", json!({"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "b"}]})),
        ("ListTagsOfResource", json!({"ResourceArn": ARN})),
        ("UntagResource", json!({"ResourceArn": ARN, "TagKeys": ["a"]})),
        ("UpdateTable", json!({"TableName": ARN, "DeletionProtectionEnabled": false})),
        ("DescribeTable", json!({"TableName": ARN})),
        ("DeleteTable", json!({"TableName": ARN})),
    ];
    for (operation, request) in requests {
        let asks_for_capacity = request.get("ReturnConsumedCapacity").is_some();
        let answer = call(&*tables, operation, request).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        if asks_for_capacity {
            let consumed = &answer["ConsumedCapacity"];
            let consumed = consumed.get(0).unwrap_or(consumed);
            assert_eq!(consumed["TableName"], ARN, "{operation} answers by the name it was given");
        }
        if operation == "BatchGetItem" {
            assert_eq!(answer["Responses"][ARN], json!([key]));
        }
    }
}

#[tokio::test]
async fn an_arn_of_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let cases = [
        ("arn:aws:dynamodb:us-east-1:123456789012:table/sessions", "#ValidationException", "Invalid TableArn"),
        ("arn:aws:dynamodb:eu-west-1:000000000000:table/sessions", "#AccessDeniedException", "dynamodb:GetItem"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/sessions/index/i", "#ValidationException", "Invalid TableArn"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:stream/sessions", "#ValidationException", "Invalid TableArn"),
        ("arn:aws:kinesis:eu-west-1:123456789012:table/sessions", "#ValidationException", "Invalid TableArn"),
        ("arn:aws:dynamodb:dynoxide:000000000000:table/sessions", "#ValidationException", "Invalid TableArn"),
        ("arn:", "#ValidationException", "Invalid TableArn"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/missing", "#ResourceNotFoundException", "not found"),
    ];
    for (arn, code, stem) in cases {
        let request = json!({"TableName": arn, "Key": {"id": {"S": "a"}}});
        let error = call(&*tables, "GetItem", request).await.unwrap_err();
        assert!(error.code.ends_with(code) && error.message.contains(stem), "{arn}: {error}");
    }
    let twice = json!({"RequestItems": {ARN: {"Keys": []}, "sessions": {"Keys": []}}});
    let error = call(&*tables, "BatchGetItem", twice).await.unwrap_err();
    assert!(error.message.contains("both by name and by ARN"), "{error}");
}

#[tokio::test]
async fn a_streams_label_is_the_moment_it_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let streamed = json!({
        "TableName": "sessions",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
    });
    let updated = call(&*tables, "UpdateTable", streamed).await.unwrap();
    let table = &updated["TableDescription"];
    let label = table["LatestStreamLabel"].as_str().unwrap();
    // 2026-11-21T14:25:00.123
    let form: String = label.chars().map(|letter| if letter.is_ascii_digit() { '9' } else { letter }).collect();
    assert_eq!(form, "9999-99-99T99:99:99.999");
    let arn = format!("{ARN}/stream/{label}");
    assert_eq!(table["LatestStreamArn"], arn);
    let streams = tables.streams();
    let listed = call(&streams, "ListStreams", json!({"TableName": ARN})).await.unwrap();
    assert_eq!(listed["Streams"], json!([{"StreamArn": arn, "StreamLabel": label, "TableName": "sessions"}]));
    let after = call(&streams, "ListStreams", json!({"ExclusiveStartStreamArn": arn})).await.unwrap();
    assert_eq!(after["Streams"], json!([]));
    let described = call(&streams, "DescribeStream", json!({"StreamArn": arn})).await.unwrap();
    assert_eq!(described["StreamDescription"]["StreamLabel"], label);
    for (wrong, code) in [
        (format!("{ARN}/stream/2015-05-11T21:21:33.291"), "#ResourceNotFoundException"),
        (ARN.to_string(), "#ValidationException"),
    ] {
        let error = call(&streams, "DescribeStream", json!({"StreamArn": wrong})).await.unwrap_err();
        assert!(error.code.ends_with(code), "{error}");
    }
}

/// Every answer to a walk through the operations, and to mistakes at each.
async fn answers(tables: &std::sync::Arc<Tables>) -> Vec<String> {
    let item = json!({"id": {"S": "a"}});
    let gsi = json!([{
        "IndexName": "by-id",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }]);
    let indexed = json!({
        "TableName": "indexed",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "S"},
            {"AttributeName": "by", "AttributeType": "S"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": gsi,
        "LocalSecondaryIndexes": [{
            "IndexName": "by-by",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "by", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "SSESpecification": {"Enabled": true, "SSEType": "KMS"},
    });
    let mut found = Vec::new();
    let mut record = |answer: Result<Value, anabranch_protocol::ApiError>| {
        let text = match &answer {
            Ok(answer) => answer.to_string(),
            Err(error) => format!("{error} {:?}", error.details),
        };
        found.push(text);
        answer.unwrap_or_default()
    };
    let created = record(call(&**tables, "CreateTable", indexed.clone()).await);
    record(call(&**tables, "CreateTable", indexed).await);
    record(call(&**tables, "DescribeTable", json!({"TableName": "indexed"})).await);
    let row = json!({"id": {"S": "a"}, "at": {"S": "1"}, "by": {"S": "me"}});
    record(
        call(&**tables, "PutItem", json!({"TableName": "indexed", "Item": row, "ReturnConsumedCapacity": "INDEXES"}))
            .await,
    );
    let streams = tables.streams();
    let arn = created["TableDescription"]["LatestStreamArn"].clone();
    record(call(&streams, "ListStreams", json!({"Limit": 1})).await);
    let described = record(call(&streams, "DescribeStream", json!({"StreamArn": arn})).await);
    let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
    let from = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = record(call(&streams, "GetShardIterator", from).await);
    let read = record(call(&streams, "GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await);
    assert_eq!(read["Records"][0]["awsRegion"], "eu-west-1");
    for stream_mistake in
        [json!({}), json!({"StreamArn": "a/b"}), json!({"StreamArn": 1}), json!({"ShardIterator": "x"})]
    {
        for operation in ["DescribeStream", "GetShardIterator", "GetRecords", "ListStreams"] {
            record(call(&streams, operation, stream_mistake.clone()).await);
        }
    }
    for mistake in [
        json!({}),
        json!({"TableName": 1}),
        json!({"TableName": "missing", "Key": item, "Item": item, "UpdateExpression": "REMOVE x"}),
        json!({"TableName": "indexed", "Key": item, "Item": item}),
        json!({"ResourceArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/missing"}),
        json!({"ResourceArn": "x", "Tags": "x", "TagKeys": 1}),
        json!({"RequestItems": {"missing": {"Keys": [item]}}, "TransactItems": [{"Get": {"TableName": "missing", "Key": item}}]}),
        json!({"RequestItems": 1, "TransactItems": 1, "Statements": 1, "TransactStatements": [1], "Statement": 1}),
        json!({"TransactItems": [{"Put": {"TableName": "indexed", "Item": {"id": {"S": 1}}}}]}),
        json!({"TableName": "indexed", "KeySchema": [{"AttributeName": "a", "KeyType": "NONE"}], "AttributeDefinitions": null}),
        json!({"TableName": "indexed", "Key": {"id": {"B": "!"}}, "Item": {"id": {"L": {}}}}),
        json!({"TableName": "indexed", "Key": {"id": null}, "Limit": "5", "Item": {"id": {"M": []}}}),
        json!({"TableName": "indexed", "TimeToLiveSpecification": {"Enabled": "maybe", "AttributeName": []}}),
    ] {
        for operation in OPERATIONS {
            record(call(&**tables, operation, mistake.clone()).await);
        }
    }
    record(call(&**tables, "DeleteTable", json!({"TableName": "indexed"})).await);
    found
}

const OPERATIONS: [&str; 24] = [
    "BatchExecuteStatement",
    "BatchGetItem",
    "BatchWriteItem",
    "CreateTable",
    "DeleteItem",
    "DescribeTable",
    "DescribeTimeToLive",
    "ExecuteStatement",
    "ExecuteTransaction",
    "GetItem",
    "ListTables",
    "ListTagsOfResource",
    "PutItem",
    "Query",
    "Scan",
    "SearchVectors",
    "TagResource",
    "TransactGetItems",
    "TransactWriteItems",
    "UntagResource",
    "UpdateItem",
    "UpdateTable",
    "UpdateTimeToLive",
    "CreateBackup",
];

#[tokio::test]
async fn no_answer_names_the_engine_its_account_its_files_or_its_types() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let answers = answers(&tables).await;
    assert!(answers.len() > 300);
    let path = directory.path().to_str().unwrap();
    let foreign = [
        "dynoxide",
        "Dynoxide",
        "sqlite",
        "SQLite",
        "000000000000",
        path,
        "invalid type",
        "missing field",
        "expected a",
        "expected one of",
        "unknown variant",
        "at line",
        "column",
        "struct ",
        "usize",
        "recursion",
        "serde",
        "VALIDATION",
        "SERIALIZATION",
    ];
    for answer in &answers {
        for word in foreign {
            assert!(!answer.contains(word), "{word:?} in {answer}");
        }
    }
}

#[tokio::test]
async fn a_transactions_placeholders_are_not_empty() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    let key = json!({"id": {"S": "a"}});
    let exists = "attribute_exists(id)";
    let actions = [
        json!({"Put": {"TableName": "sessions", "Item": key, "ConditionExpression": exists}}),
        json!({"Update": {"TableName": "sessions", "Key": key, "UpdateExpression": "REMOVE x"}}),
        json!({"Delete": {"TableName": "sessions", "Key": key, "ConditionExpression": exists}}),
        json!({"ConditionCheck": {"TableName": "sessions", "Key": key, "ConditionExpression": exists}}),
    ];
    put(&tables, key.clone()).await.unwrap();
    for action in actions {
        for member in ["ExpressionAttributeValues", "ExpressionAttributeNames"] {
            let mut action = action.clone();
            for parameters in action.as_object_mut().unwrap().values_mut() {
                parameters[member] = json!({});
            }
            let error = call(&*tables, "TransactWriteItems", json!({"TransactItems": [action]})).await.unwrap_err();
            assert!(error.code.ends_with("#ValidationException"), "{error}");
            assert_eq!(error.message, format!("{member} must not be empty"));
        }
    }
    let get =
        json!({"TableName": "sessions", "Key": key, "ProjectionExpression": "id", "ExpressionAttributeNames": {}});
    let error = call(&*tables, "TransactGetItems", json!({"TransactItems": [{"Get": get}]})).await.unwrap_err();
    assert_eq!(error.message, "ExpressionAttributeNames must not be empty");
}
