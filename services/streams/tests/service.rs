//! The service through its wire bodies: literal requests in, answers out, across restarts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;

use std::time::Duration;

use anabranch_ports::{PortErrorKind, Start, StreamSource};
use anabranch_protocol::{Clock, Encoding, RequestContext, Service as _};
use bytes::Bytes;
use common::{NOW_MS, Service};
use serde_json::{Value, json};

#[tokio::test]
async fn records_go_round_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    assert_eq!(service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 3 })).await, Value::Null);
    let put = service
        .ok(
            "PutRecords",
            json!({ "StreamName": "clicks", "Records": [
            { "Data": "b25l", "PartitionKey": "user-1" },
            { "Data": "dHdv", "PartitionKey": "user-2" },
            { "Data": "", "PartitionKey": "x", "ExplicitHashKey": "0" },
        ] }),
        )
        .await;
    assert_eq!(put["FailedRecordCount"], 0);
    assert_eq!(put["Records"][0]["ShardId"], "shardId-000000000002");
    assert_eq!(put["Records"][2]["ShardId"], "shardId-000000000000");
    let first = service.iterator(2, "TRIM_HORIZON", json!({})).await;
    let before = service.ok("GetRecords", json!({ "ShardIterator": first })).await;
    assert_eq!(before["Records"][0]["Data"], "b25l");
    assert_eq!(before["Records"][0]["SequenceNumber"], put["Records"][0]["SequenceNumber"]);
    assert_eq!(before["Records"][0]["ApproximateArrivalTimestamp"], 1_763_000_000.0);
    assert_eq!(before["MillisBehindLatest"], 0);
    service.streams.shutdown().await;
    drop(service);

    let service = Service::open_at(directory.path(), NOW_MS + 60_000, Duration::ZERO);
    let after = service.ok("GetRecords", json!({ "ShardIterator": first })).await;
    assert_eq!(after["Records"], before["Records"], "an iterator holds over a restart");
    let next = service.ok("PutRecord", json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "user-1" })).await;
    let number = |value: &Value| value.as_str().unwrap().to_string();
    let (old, new) = (number(&put["Records"][0]["SequenceNumber"]), number(&next["SequenceNumber"]));
    assert!(old.len() == new.len() && old < new, "{old} {new}");
}

#[tokio::test]
async fn each_record_lies_where_its_answer_says() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 5 })).await;
    let key = |number: usize| format!("user-{number}");
    // Keys come more than once, so that shards get several records that are not side by side.
    let records: Vec<Value> =
        (0..60).map(|number| json!({ "Data": "", "PartitionKey": key(number * 7 % 23) })).collect();
    let put = service.ok("PutRecords", json!({ "StreamName": "clicks", "Records": records })).await;
    let answers = put["Records"].as_array().unwrap();
    assert_eq!(answers.len(), records.len());
    for shard in 0..5 {
        let first = service.iterator(shard, "TRIM_HORIZON", json!({})).await;
        let found = service.ok("GetRecords", json!({ "ShardIterator": first })).await;
        let found = found["Records"].as_array().unwrap().iter();
        let found: Vec<_> = found.map(|record| (&record["SequenceNumber"], &record["PartitionKey"])).collect();
        let id = format!("shardId-{shard:012}");
        let own = answers.iter().zip(&records).filter(|(answer, _)| answer["ShardId"] == id);
        let own: Vec<_> = own.map(|(answer, record)| (&answer["SequenceNumber"], &record["PartitionKey"])).collect();
        assert!(!own.is_empty());
        assert_eq!(found, own, "in the order in which they were put");
    }
}

#[tokio::test]
async fn iterators_of_all_five_types() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let mut numbers = Vec::new();
    for key in ["a", "b", "c"] {
        let put = service.ok("PutRecord", json!({ "StreamName": "clicks", "Data": "", "PartitionKey": key })).await;
        numbers.push(put["SequenceNumber"].as_str().unwrap().to_string());
        service.clock.advance_ms(1_000);
    }
    let latest = service.iterator(0, "LATEST", json!({})).await;
    assert_eq!(service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await, ["a", "b", "c"]);
    let at = json!({ "StartingSequenceNumber": numbers[1] });
    assert_eq!(service.keys_from(service.iterator(0, "AT_SEQUENCE_NUMBER", at.clone()).await).await, ["b", "c"]);
    assert_eq!(service.keys_from(service.iterator(0, "AFTER_SEQUENCE_NUMBER", at).await).await, ["c"]);
    let time = json!({ "Timestamp": (NOW_MS + 1_000) as f64 / 1000.0 });
    assert_eq!(service.keys_from(service.iterator(0, "AT_TIMESTAMP", time).await).await, ["b", "c"]);
    assert!(service.keys_from(latest.clone()).await.is_empty());
    service.ok("PutRecord", json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "d" })).await;
    assert_eq!(service.keys_from(latest).await, ["d"]);
    let shards = service.ok("ListShards", json!({ "StreamName": "clicks" })).await;
    let start =
        json!({ "StartingSequenceNumber": shards["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"] });
    for kind in ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"] {
        let keys = service.keys_from(service.iterator(0, kind, start.clone()).await).await;
        assert_eq!(keys, ["a", "b", "c", "d"], "{kind} the shard's start");
    }
}

#[tokio::test]
async fn old_records_are_out_of_reach_and_iterators_expire() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    service.ok("PutRecord", json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "old" })).await;
    let iterator = service.iterator(0, "TRIM_HORIZON", json!({})).await;
    service.clock.advance_ms(23 * 3_600_000);
    service.ok("PutRecord", json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "new" })).await;
    assert_eq!(service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await, ["old", "new"]);
    service.clock.advance_ms(2 * 3_600_000);
    assert_eq!(service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await, ["new"]);
    let (code, message) = service.refused("GetRecords", json!({ "ShardIterator": iterator })).await;
    assert_eq!(code, "ExpiredIteratorException");
    assert!(message.contains("300000 milliseconds"), "{message}");
}

#[tokio::test]
async fn the_retention_period_moves_both_ways() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    service.ok("PutRecord", json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "old" })).await;
    let hours = |hours: i64| json!({ "StreamName": "clicks", "RetentionPeriodHours": hours });
    service.ok("IncreaseStreamRetentionPeriod", hours(48)).await;
    service.clock.advance_ms(30 * 3_600_000);
    assert_eq!(service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await, ["old"]);
    for (operation, value) in [
        ("IncreaseStreamRetentionPeriod", 24),
        ("DecreaseStreamRetentionPeriod", 72),
        ("DecreaseStreamRetentionPeriod", 23),
    ] {
        assert_eq!(service.refused(operation, hours(value)).await.0, "InvalidArgumentException", "{operation} {value}");
    }
    service.ok("DecreaseStreamRetentionPeriod", hours(24)).await;
    assert!(service.keys_from(service.iterator(0, "TRIM_HORIZON", json!({})).await).await.is_empty());
}

#[tokio::test]
async fn bad_requests_get_the_exceptions_of_aws() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let record = json!({ "Data": "", "PartitionKey": "k" });
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/other";
    let many = vec![record.clone(); 501];
    let big = "AAAA".repeat(350_000);
    let cases = [
        (
            "CreateStream",
            json!({ "StreamName": "clicks", "ShardCount": 1 }),
            "ResourceInUseException",
            "already exists",
        ),
        ("CreateStream", json!({ "ShardCount": 1 }), "ValidationException", "Value null at 'streamName'"),
        ("CreateStream", json!({ "StreamName": "a b", "ShardCount": 1 }), "ValidationException", "[a-zA-Z0-9_.-]+"),
        (
            "CreateStream",
            json!({ "StreamName": "x", "ShardCount": 0 }),
            "ValidationException",
            "greater than or equal to 1",
        ),
        (
            "CreateStream",
            json!({ "StreamName": "x", "StreamModeDetails": { "StreamMode": "PROVISIONED" } }),
            "ValidationException",
            "ShardCount",
        ),
        ("CreateStream", json!({ "StreamName": 7 }), "SerializationException", "can not be converted to an String"),
        (
            "DescribeStream",
            json!({ "StreamName": "none" }),
            "ResourceNotFoundException",
            "Stream none under account 000000000000 not found.",
        ),
        (
            "DescribeStream",
            json!({ "StreamName": "clicks", "StreamARN": arn }),
            "InvalidArgumentException",
            "same stream",
        ),
        ("DescribeStream", json!({}), "ValidationException", "StreamName or StreamARN"),
        (
            "PutRecord",
            json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "" }),
            "ValidationException",
            "'partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "PutRecord",
            json!({ "StreamName": "clicks", "PartitionKey": "k" }),
            "ValidationException",
            "Value null at 'data'",
        ),
        (
            "PutRecord",
            json!({ "StreamName": "clicks", "Data": "?", "PartitionKey": "k" }),
            "SerializationException",
            "can not be converted to a Blob",
        ),
        (
            "PutRecord",
            json!({ "StreamName": "clicks", "Data": big, "PartitionKey": "k" }),
            "ValidationException",
            "1048576",
        ),
        (
            "PutRecord",
            json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "k",
            "ExplicitHashKey": "340282366920938463463374607431768211456" }),
            "InvalidArgumentException",
            "2^128-1",
        ),
        (
            "PutRecords",
            json!({ "StreamName": "clicks", "Records": many }),
            "ValidationException",
            "less than or equal to 500",
        ),
        (
            "PutRecords",
            json!({ "StreamName": "clicks", "Records": [] }),
            "ValidationException",
            "greater than or equal to 1",
        ),
        (
            "PutRecords",
            json!({ "StreamName": "clicks", "Records": [record, { "Data": "" }] }),
            "ValidationException",
            "Value null at 'records.2.member.partitionKey'",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "clicks", "ShardId": "shardId-000000000009",
            "ShardIteratorType": "LATEST" }),
            "ResourceNotFoundException",
            "Shard shardId-000000000009 in stream clicks under account 000000000000 does not exist",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "clicks", "ShardId": "0", "ShardIteratorType": "NEWEST" }),
            "ValidationException",
            "enum value set",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "clicks", "ShardId": "0", "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "StartingSequenceNumber": "12" }),
            "InvalidArgumentException",
            "StartingSequenceNumber 12 used in GetShardIterator on shard shardId-000000000000 in stream clicks under \
             account 000000000000 is invalid.",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "clicks", "ShardId": "shard-0", "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "StartingSequenceNumber": "49590338271490256608559692538361571095921575989136588898" }),
            "InvalidArgumentException",
            "It encodes shardId-000000000006, while it was used in a call to a shard with shardId-000000000000",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "clicks", "ShardId": "0", "ShardIteratorType": "LATEST", "StartingSequenceNumber": "5" }),
            "InvalidArgumentException",
            "Request specified LATEST and also a StartingSequenceNumber.",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "none", "ShardId": "0", "ShardIteratorType": "LATEST" }),
            "ResourceNotFoundException",
            "Shard shardId-000000000000 in stream none under account 000000000000 does not exist",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "clicks", "ShardId": "2147483648", "ShardIteratorType": "LATEST" }),
            "ResourceNotFoundException",
            "Could not find shard 2147483648 in stream clicks under account 000000000000.",
        ),
        (
            "AddTagsToStream",
            json!({ "StreamName": "clicks", "Tags": { "share": "7%" } }),
            "InvalidArgumentException",
            "Failed to add tags to stream clicks under account 000000000000 because some tags contained illegal",
        ),
        (
            "RemoveTagsFromStream",
            json!({ "StreamName": "clicks", "TagKeys": ["a\tb"] }),
            "InvalidArgumentException",
            "Some tags contain invalid characters.",
        ),
        (
            "GetShardIterator",
            json!({ "StreamName": "clicks", "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP",
            "Timestamp": 9_999_999_999.0 }),
            "InvalidArgumentException",
            "currentTimestampInMillis",
        ),
        ("GetRecords", json!({ "ShardIterator": "AAAA" }), "InvalidArgumentException", "Invalid ShardIterator."),
        ("GetRecords", json!({ "ShardIterator": "AAAA", "Limit": 10_001 }), "ValidationException", "10000"),
        ("Nonsense", json!({}), "UnknownOperationException", "Nonsense"),
        ("CreateChannel", json!({}), "UnknownOperationException", "does not support the operation CreateChannel"),
        (
            "CreateStream",
            json!({ "StreamName": "even", "StreamModeDetails": { "StreamMode": "ON_DEMAND" },
            "RecordDistributionStrategy": "AUTO" }),
            "ValidationException",
            "RecordDistributionStrategy AUTO",
        ),
    ];
    for (operation, request, code, text) in cases {
        let (found, message) = service.refused(operation, request).await;
        assert!(found == code && message.contains(text), "{operation}: {found}: {message}");
    }
    let error = service
        .streams
        .call(&RequestContext::default(), "PutRecord", Encoding::Json, Bytes::from_static(b"{\"Data\""))
        .await
        .unwrap_err();
    assert_eq!(error.code, "SerializationException");
}

#[tokio::test]
async fn a_stream_of_which_only_the_name_is_given_is_on_demand() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks" })).await;
    let summary = service.ok("DescribeStreamSummary", json!({ "StreamName": "clicks" })).await;
    let summary = &summary["StreamDescriptionSummary"];
    assert_eq!(summary["StreamModeDetails"]["StreamMode"], "ON_DEMAND");
    assert_eq!(summary["OpenShardCount"], 4);
}

#[tokio::test]
async fn a_million_empty_records_get_a_short_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    let body = format!("{{\"StreamName\":\"clicks\",\"Records\":[{}{{}}]}}", "{},".repeat(999_999));
    let context = RequestContext::default();
    let put = service.streams.call(&context, "PutRecords", Encoding::Json, body.into());
    let error = put.await.unwrap_err();
    assert_eq!(error.code, "ValidationException");
    let first = "1001 validation errors detected: Value at 'records' failed to satisfy constraint: Member must have \
                 length less than or equal to 500; Value null at 'records.1.member.data'";
    assert!(error.message.starts_with(first), "{}", &error.message[..200]);
    assert!(error.message.len() < 2_000, "{} bytes", error.message.len());
    let long = "x".repeat(1 << 20);
    for request in [
        json!({ "StreamName": long, "Records": [{ "Data": "", "PartitionKey": long, "ExplicitHashKey": long }] }),
        json!({ "StreamARN": long, "StreamId": long, "Records": [] }),
    ] {
        let (code, message) = service.refused("PutRecords", request).await;
        assert!(code == "ValidationException" && message.len() < 64 << 10, "{code}: {} bytes", message.len());
    }
    for (operation, member) in
        [("TagResource", "Tags"), ("UntagResource", "TagKeys"), ("EnableEnhancedMonitoring", "ShardLevelMetrics")]
    {
        let (begin, end, one) = if member == "Tags" { ('{', '}', "\"\":\"\"") } else { ('[', ']', "\"\"") };
        let many = vec![one; 1 << 18].join(",");
        let body = format!("{{\"{member}\":{begin}{many}{end}}}");
        let call = service.streams.call(&context, operation, Encoding::Json, body.into());
        let error = call.await.unwrap_err();
        assert!(error.code == "ValidationException" && error.message.len() < 4_000, "{}", error.message.len());
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    for name in ["c", "a", "b"] {
        service.ok("CreateStream", json!({ "StreamName": name, "ShardCount": 5 })).await;
    }
    let first = service.ok("ListStreams", json!({ "Limit": 2 })).await;
    assert_eq!((&first["StreamNames"], &first["HasMoreStreams"]), (&json!(["a", "b"]), &json!(true)));
    let second = service.ok("ListStreams", json!({ "NextToken": first["NextToken"] })).await;
    assert_eq!((&second["StreamNames"], &second["HasMoreStreams"]), (&json!(["c"]), &json!(false)));
    let page = service.ok("ListShards", json!({ "StreamName": "a", "MaxResults": 3 })).await;
    assert_eq!(page["Shards"].as_array().unwrap().len(), 3);
    let rest = service.ok("ListShards", json!({ "NextToken": page["NextToken"] })).await;
    assert_eq!(rest["Shards"][0]["ShardId"], "shardId-000000000003");
    assert_eq!(rest["NextToken"], Value::Null);
    let described = service.ok("DescribeStream", json!({ "StreamName": "a", "Limit": 4 })).await;
    assert_eq!(described["StreamDescription"]["HasMoreShards"], true);
    service.clock.advance_ms(300_001);
    let (code, _) = service.refused("ListShards", json!({ "NextToken": page["NextToken"] })).await;
    assert_eq!(code, "ExpiredNextTokenException");
}

#[tokio::test]
async fn states_take_their_time() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open_at(directory.path(), NOW_MS, Duration::from_millis(50));
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let status = async || {
        let summary = service.ok("DescribeStreamSummary", json!({ "StreamName": "clicks" })).await;
        summary["StreamDescriptionSummary"]["StreamStatus"].as_str().unwrap().to_string()
    };
    assert_eq!(status().await, "CREATING");
    let record = json!({ "StreamName": "clicks", "Data": "", "PartitionKey": "k" });
    assert_eq!(service.refused("PutRecord", record.clone()).await.0, "ResourceNotFoundException");
    service.clock.advance_ms(50);
    assert_eq!(status().await, "ACTIVE");
    service.ok("PutRecord", record).await;
    service.ok("DeleteStream", json!({ "StreamName": "clicks" })).await;
    assert_eq!(status().await, "DELETING");
    service.clock.advance_ms(50);
    while service.call("DescribeStream", json!({ "StreamName": "clicks" })).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Its files go after its name.
    while std::fs::read_dir(directory.path().join("streams")).unwrap().count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn consumers_in_the_program_wait_without_polling() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path());
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
    let stream = service.streams.open_stream(arn).await.unwrap();
    let shard = &stream.list_shards().await.unwrap()[0].shard_id;
    let mut cursor = stream.resolve_start(shard, Start::TrimHorizon).await.unwrap();
    for key in ["a", "b"] {
        let waiting = {
            let (stream, cursor, shard) = (stream.clone(), cursor.clone(), shard.clone());
            tokio::spawn(async move { stream.wait_for_records(&shard, &cursor).await })
        };
        service.ok("PutRecord", json!({ "StreamName": "clicks", "Data": "aGk=", "PartitionKey": key })).await;
        waiting.await.unwrap().unwrap();
        let read = stream.read_shard(shard, &cursor, 10, 1 << 20).await.unwrap();
        assert_eq!(read.records.len(), 1);
        assert_eq!((&read.records[0].data[..], read.records[0].partition_key.as_str()), (&b"hi"[..], key));
        assert_eq!(read.records[0].approximate_arrival_ms, service.clock.now_ms());
        assert!(read.at_tip && !read.closed_and_drained);
        cursor = read.next;
    }
    let waiting = {
        let (stream, cursor, shard) = (stream.clone(), cursor.clone(), shard.clone());
        tokio::spawn(async move { stream.wait_for_records(&shard, &cursor).await })
    };
    let half = (u128::MAX / 2 + 1).to_string();
    let split = json!({ "StreamName": "clicks", "ShardToSplit": shard, "NewStartingHashKey": half });
    service.ok("SplitShard", split).await;
    waiting.await.unwrap().unwrap();
    // Who comes only now to wait at the end of the closed shard is not left waiting.
    stream.wait_for_records(shard, &cursor).await.unwrap();
    let child = stream.list_shards().await.unwrap()[1].shard_id.clone();
    let waiting = {
        let (stream, cursor) = (stream.clone(), cursor.clone());
        tokio::spawn(async move { stream.wait_for_records(&child, &cursor).await })
    };
    service.ok("DeleteStream", json!({ "StreamName": "clicks" })).await;
    let _ = waiting.await.unwrap();
    // The handle stands for the stream that was: not for another of its name.
    service.ok("CreateStream", json!({ "StreamName": "clicks", "ShardCount": 1 })).await;
    assert_eq!(stream.list_shards().await.unwrap_err().kind, PortErrorKind::NotFound);
    assert_eq!(service.streams.open_stream(arn).await.unwrap().list_shards().await.unwrap().len(), 1);
    let unknown = service.streams.open_stream("arn:aws:kinesis:us-east-1:000000000000:stream/gone").await;
    assert_eq!(unknown.err().map(|error| error.kind), Some(PortErrorKind::NotFound));
    let mistaken = service.streams.open_stream("arn:aws:s3:::clicks").await;
    assert_eq!(mistaken.err().map(|error| error.kind), Some(PortErrorKind::Refused));
}
