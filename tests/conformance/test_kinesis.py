"""Kinesis Data Streams through boto3 and the AWS CLI."""

import hashlib
import json
import os
import time

import pytest
from botocore.exceptions import ClientError

from anabranch_server import wait_for


def make_stream(server, name, shards=1):
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    return kinesis


def drain(kinesis, iterator):
    records = []
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        records += answer["Records"]
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            return records
        iterator = answer["NextShardIterator"]


def iterator(kinesis, name, shard=0, kind="TRIM_HORIZON", **more):
    answer = kinesis.get_shard_iterator(
        StreamName=name, ShardId=f"shardId-{shard:012}", ShardIteratorType=kind, **more
    )
    return answer["ShardIterator"]


def refused(call, code, **request):
    with pytest.raises(ClientError) as error:
        call(**request)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def test_a_stream_from_creation_to_deletion(server):
    kinesis = make_stream(server, "life", 3)
    description = kinesis.describe_stream(StreamName="life")["StreamDescription"]
    assert description["StreamStatus"] == "ACTIVE"
    assert [shard["ShardId"] for shard in description["Shards"]] == [f"shardId-{n:012}" for n in range(3)]
    assert description["Shards"][1]["HashKeyRange"] == {
        "StartingHashKey": "113427455640312821154458202477256070485",
        "EndingHashKey": "226854911280625642308916404954512140969",
    }
    summary = kinesis.describe_stream_summary(StreamARN=description["StreamARN"])["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"]) == (3, 24)
    assert "life" in kinesis.list_streams()["StreamNames"]
    assert len(kinesis.list_shards(StreamName="life")["Shards"]) == 3
    kinesis.delete_stream(StreamName="life")
    kinesis.get_waiter("stream_not_exists").wait(StreamName="life", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def test_records_go_to_the_shard_of_their_key(server):
    kinesis = make_stream(server, "routing", 4)
    keys = [f"user-{n}" for n in range(200)]
    answer = kinesis.put_records(
        StreamName="routing", Records=[{"Data": key.encode(), "PartitionKey": key} for key in keys]
    )
    assert answer["FailedRecordCount"] == 0
    for key, result in zip(keys, answer["Records"]):
        hash_key = int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
        assert result["ShardId"] == f"shardId-{hash_key // 2**126:012}"
    explicit = kinesis.put_record(
        StreamName="routing", Data=b"x", PartitionKey="user-1", ExplicitHashKey=str(2**128 - 1)
    )
    assert explicit["ShardId"] == "shardId-000000000003"
    found = [record for shard in range(4) for record in drain(kinesis, iterator(kinesis, "routing", shard))]
    assert sorted(record["Data"] for record in found) == sorted([key.encode() for key in keys] + [b"x"])


def test_the_five_iterator_types(server):
    kinesis = make_stream(server, "iterators")
    put = lambda data: kinesis.put_record(StreamName="iterators", Data=data, PartitionKey="k")["SequenceNumber"]
    numbers = [put(b"a"), put(b"b")]
    # boto3 sends whole seconds, so the next record must come in a later one.
    second = int(time.time()) + 1
    wait_for(lambda: time.time() >= second, "the next second")
    numbers.append(put(b"c"))
    latest = iterator(kinesis, "iterators", kind="LATEST")

    def data(at):
        return [record["Data"] for record in drain(kinesis, at)]

    assert data(iterator(kinesis, "iterators")) == [b"a", b"b", b"c"]
    assert data(iterator(kinesis, "iterators", kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])) == [b"b", b"c"]
    assert data(iterator(kinesis, "iterators", kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])) == [b"c"]
    assert data(iterator(kinesis, "iterators", kind="AT_TIMESTAMP", Timestamp=second)) == [b"c"]
    assert data(latest) == []
    kinesis.put_record(StreamName="iterators", Data=b"d", PartitionKey="k")
    assert data(latest) == [b"d"]
    assert [int(n) for n in numbers] == sorted(int(n) for n in numbers) and len(set(numbers)) == 3


def test_limits_and_errors(server):
    kinesis = make_stream(server, "limits")
    put, many = kinesis.put_record, kinesis.put_records
    record = {"Data": b"", "PartitionKey": "k"}
    assert "not found" in refused(kinesis.describe_stream, "ResourceNotFoundException", StreamName="missing")
    assert "not found" in refused(put, "ResourceNotFoundException", StreamName="missing", **record)
    refused(kinesis.create_stream, "ResourceInUseException", StreamName="limits", ShardCount=1)
    assert "500" in refused(many, "ValidationException", StreamName="limits", Records=[record] * 501)
    refused(put, "ValidationException", StreamName="limits", Data=bytes((1 << 20) + 1), PartitionKey="k")
    put(StreamName="limits", Data=bytes((1 << 20) - 1), PartitionKey="k")
    refused(put, "ValidationException", StreamName="limits", Data=b"", PartitionKey="k" * 257)
    put(StreamName="limits", Data=b"", PartitionKey="ü" * 256)
    refused(kinesis.get_shard_iterator, "ResourceNotFoundException", StreamName="limits", ShardId="shardId-000000000009", ShardIteratorType="LATEST")
    refused(kinesis.get_records, "InvalidArgumentException", ShardIterator="AAAA")
    refused(kinesis.describe_stream, "InvalidArgumentException", StreamName="limits", StreamARN="arn:aws:kinesis:us-east-1:000000000000:stream/other")


def test_pages(server):
    kinesis = server.client("kinesis")
    for name in ["page-a", "page-b", "page-c"]:
        make_stream(server, name, 5)
    names = [name for page in kinesis.get_paginator("list_streams").paginate(Limit=1) for name in page["StreamNames"]]
    assert [name for name in names if name.startswith("page-")] == ["page-a", "page-b", "page-c"]
    page = kinesis.list_shards(StreamName="page-a", MaxResults=2)
    shards = page["Shards"]
    while "NextToken" in page:
        page = kinesis.list_shards(NextToken=page["NextToken"], MaxResults=2)
        shards += page["Shards"]
    assert [shard["ShardId"] for shard in shards] == [f"shardId-{n:012}" for n in range(5)]


def test_retention_can_be_moved(server):
    kinesis = make_stream(server, "retention")
    kinesis.increase_stream_retention_period(StreamName="retention", RetentionPeriodHours=48)
    assert kinesis.describe_stream(StreamName="retention")["StreamDescription"]["RetentionPeriodHours"] == 48
    refused(kinesis.increase_stream_retention_period, "InvalidArgumentException", StreamName="retention", RetentionPeriodHours=24)
    kinesis.decrease_stream_retention_period(StreamName="retention", RetentionPeriodHours=24)


def test_records_survive_a_kill(servers):
    server = servers().start()
    kinesis = make_stream(server, "durable", 2)
    records = [{"Data": os.urandom(100), "PartitionKey": str(n)} for n in range(300)]
    numbers = [result["SequenceNumber"] for result in kinesis.put_records(StreamName="durable", Records=records)["Records"]]
    first = iterator(kinesis, "durable", 0)
    server.kill()
    server.start()
    kinesis = server.client("kinesis")
    found = drain(kinesis, first) + drain(kinesis, iterator(kinesis, "durable", 1))
    assert {record["SequenceNumber"]: record["Data"] for record in found} == {
        number: record["Data"] for number, record in zip(numbers, records)
    }
    assert len(found) == 300


def test_the_aws_cli(server):
    server.aws("kinesis", "create-stream", "--stream-name", "cli", "--shard-count", "2")
    wait_for(
        lambda: server.aws_json("kinesis", "describe-stream-summary", "--stream-name", "cli")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE",
        "the stream is ACTIVE",
    )
    put = server.aws_json("kinesis", "put-record", "--stream-name", "cli", "--partition-key", "k", "--data", "hello")
    records = server.aws_json("kinesis", "put-records", "--stream-name", "cli", "--records", json.dumps([{"Data": "eA==", "PartitionKey": "k"}]))
    assert records["FailedRecordCount"] == 0
    at = server.aws_json("kinesis", "get-shard-iterator", "--stream-name", "cli", "--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
    found = server.aws_json("kinesis", "get-records", "--shard-iterator", at["ShardIterator"])["Records"]
    assert [record["PartitionKey"] for record in found] == ["k", "k"]
    assert "cli" in server.aws_json("kinesis", "list-streams")["StreamNames"]
    assert len(server.aws_json("kinesis", "list-shards", "--stream-name", "cli")["Shards"]) == 2
    assert server.aws_json("kinesis", "describe-stream", "--stream-name", "cli")["StreamDescription"]["StreamStatus"] == "ACTIVE"
    assert "ResourceNotFoundException" in server.aws("kinesis", "describe-stream", "--stream-name", "none", check=False).stderr
    server.aws("kinesis", "delete-stream", "--stream-name", "cli")
