"""Enhanced fan-out through boto3, and on a bare socket over HTTP/1.1 and HTTP/2."""

import json
import subprocess
import threading
import time

import pytest
from botocore.exceptions import EventStreamError

from anabranch_server import wait_for
from test_kinesis import make_stream, refused


def register(kinesis, stream, name):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=name)["Consumer"]["ConsumerARN"]
    status = lambda: kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"]
    wait_for(lambda: status() == "ACTIVE", f"{name} is active")
    return consumer


def subscribe(kinesis, consumer, shard=0, kind="TRIM_HORIZON", **more):
    answer = kinesis.subscribe_to_shard(
        ConsumerARN=consumer, ShardId=f"shardId-{shard:012}", StartingPosition={"Type": kind, **more}
    )
    return answer["EventStream"]


def events(stream):
    for event in stream:
        yield event["SubscribeToShardEvent"]


def keys(stream, count):
    found = []
    for event in events(stream):
        found += [record["PartitionKey"] for record in event["Records"]]
        if len(found) >= count:
            return found


def test_records_are_pushed(server):
    kinesis = make_stream(server, "pushed")
    consumer = register(kinesis, "pushed", "reader")
    kinesis.put_record(StreamName="pushed", Data=b"\x00\xffbefore", PartitionKey="0")
    stream = subscribe(kinesis, consumer)
    following = events(stream)
    first = next(following)
    assert [record["Data"] for record in first["Records"]] == [b"\x00\xffbefore"]
    delays = []
    for number in range(1, 21):
        began = time.monotonic()
        put = kinesis.put_record(StreamName="pushed", Data=b"click", PartitionKey=str(number))
        event = next(following)
        delays.append(time.monotonic() - began)
        assert [record["SequenceNumber"] for record in event["Records"]] == [put["SequenceNumber"]]
        assert event["ContinuationSequenceNumber"] == put["SequenceNumber"]
        assert event["MillisBehindLatest"] == 0
    # An idle subscription says something every five seconds: these did not wait for that.
    assert sorted(delays)[10] < 1
    stream.close()


def test_a_shard_that_is_split_ends_and_its_children_go_on(server):
    kinesis = make_stream(server, "forked")
    consumer = register(kinesis, "forked", "reader")
    for key in ("a", "b"):
        kinesis.put_record(StreamName="forked", Data=b"", PartitionKey=key)
    kinesis.split_shard(StreamName="forked", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127))
    found = list(events(subscribe(kinesis, consumer)))
    assert [record["PartitionKey"] for event in found for record in event["Records"]] == ["a", "b"]
    assert "ContinuationSequenceNumber" not in found[-1]
    children = [child["ShardId"] for child in found[-1]["ChildShards"]]
    assert children == ["shardId-000000000001", "shardId-000000000002"]
    for shard, hash_key in ((1, "0"), (2, str(1 << 127))):
        kinesis.put_record(StreamName="forked", Data=b"", PartitionKey="c", ExplicitHashKey=hash_key)
        assert keys(subscribe(kinesis, consumer, shard), 1) == ["c"]


def test_a_second_subscription_takes_over(server):
    kinesis = make_stream(server, "contested")
    consumer = register(kinesis, "contested", "reader")
    began = time.monotonic()
    first = subscribe(kinesis, consumer)
    request = {
        "ConsumerARN": consumer,
        "ShardId": "shardId-000000000000",
        "StartingPosition": {"Type": "LATEST"},
    }
    assert consumer in refused(kinesis.subscribe_to_shard, "ResourceInUseException", **request)
    following = events(first)
    assert next(following)["Records"] == [], "the event that an idle subscription gets after five seconds"
    assert time.monotonic() - began > 4.9
    second = subscribe(kinesis, consumer)
    with pytest.raises(EventStreamError) as error:
        list(following)
    assert error.value.response["Error"]["Code"] == "ResourceInUseException"
    kinesis.put_record(StreamName="contested", Data=b"", PartitionKey="click")
    assert keys(second, 1) == ["click"]


def test_many_consumers_each_get_everything(server):
    kinesis = make_stream(server, "shared", 2)
    consumers = [register(kinesis, "shared", f"reader-{number}") for number in range(5)]
    streams = [subscribe(kinesis, consumer, shard) for consumer in consumers for shard in range(2)]
    found = [[] for _ in streams]

    def follow(stream, into):
        for event in events(stream):
            into += [record["PartitionKey"] for record in event["Records"]]
            if "last" in into:
                return

    threads = [threading.Thread(target=follow, args=pair) for pair in zip(streams, found)]
    for thread in threads:
        thread.start()
    sent = [[], []]
    for number in range(100):
        shard = number % 2
        sent[shard].append(str(number))
        kinesis.put_record(
            StreamName="shared", Data=b"x", PartitionKey=str(number), ExplicitHashKey=str(shard << 127)
        )
    for shard in range(2):
        sent[shard].append("last")
        kinesis.put_record(StreamName="shared", Data=b"", PartitionKey="last", ExplicitHashKey=str(shard << 127))
    for thread in threads:
        thread.join(30)
    assert found == sent * 5


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_both_versions_of_http_carry_it(server, version):
    name = f"over-{version.strip('-').replace('.', '-')}"
    kinesis = make_stream(server, name)
    consumer = register(kinesis, name, "reader")
    kinesis.put_record(StreamName=name, Data=b"click", PartitionKey="key")
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127))
    body = {
        "ConsumerARN": consumer,
        "ShardId": "shardId-000000000000",
        "StartingPosition": {"Type": "TRIM_HORIZON"},
    }
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "Kinesis_20131202.SubscribeToShard",
        "Authorization": "AWS4-HMAC-SHA256 Credential=a/20261120/us-east-1/kinesis/aws4_request, Signature=0",
    }
    command = ["curl", "-sS", "--max-time", "30", version, "-D-", server.url, "-d", json.dumps(body)]
    for header in headers.items():
        command += ["-H", ": ".join(header)]
    head, _, frames = subprocess.run(command, capture_output=True, check=True).stdout.partition(b"\r\n\r\n")
    assert b"200" in head.splitlines()[0]
    assert b"content-type: application/vnd.amazon.eventstream" in head.lower()
    total = int.from_bytes(frames[:4], "big")
    assert b"initial-response" in frames[:total], "the first message"
    assert b"SubscribeToShardEvent" in frames[total:]
    assert b"Y2xpY2s=" in frames[total:]
