"""Every operation of Kinesis Data Streams against the service model that botocore ships: what fits
the model is answered as the model says, and each constraint that is violated is refused by name."""

import http.client
import itertools
import json
import re

import cbor2
import pytest
from botocore.eventstream import EventStreamBuffer

from anabranch_server import wait_for
from service_model import as_json, camel, load, misfits, violations

MODEL = load("kinesis")
OPERATIONS = MODEL.operation_names
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0"
HALF = str(1 << 127)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kinesis:PutRecord", "Resource": "*"}],
    }
)


def read_cbor(body):
    # Kinesis tells moments in milliseconds, where RFC 8949 has seconds.
    return cbor2.loads(body, semantic_decoders={1: lambda value, _: value / 1000})


class World:
    """A server's streams, made as operations need them."""

    def __init__(self, server):
        self.server = server
        self.numbers = itertools.count()
        self.kinesis = server.client("kinesis")

    def raw(self, operation, body, content_type="application/x-amz-json-1.1"):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        headers = {
            "Content-Type": content_type,
            "X-Amz-Target": f"Kinesis_20131202.{operation}",
            "Authorization": AUTHORIZATION,
        }
        connection.request("POST", "/", body, headers)
        return connection.getresponse()

    def json(self, operation, request):
        answer = self.raw(operation, json.dumps(as_json(request)))
        return answer.status, json.loads(answer.read() or "{}")

    def cbor(self, operation, request):
        answer = self.raw(operation, cbor2.dumps(request), "application/x-amz-cbor-1.1")
        body = answer.read()
        return answer.status, read_cbor(body) if body else {}

    def name(self):
        return f"stream-{next(self.numbers)}"

    def stream(self, shards=1, **more):
        name = self.name()
        mode = more.pop("mode", None)
        size = {"StreamModeDetails": {"StreamMode": mode}} if mode else {"ShardCount": shards}
        self.kinesis.create_stream(StreamName=name, **size, **more)
        self.until_active(name)
        return name

    def until_active(self, name):
        summary = lambda: self.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        wait_for(lambda: summary()["StreamStatus"] == "ACTIVE", f"{name} is ACTIVE")

    def arn(self, name=None):
        summary = self.kinesis.describe_stream_summary(StreamName=name or self.stream())
        return summary["StreamDescriptionSummary"]["StreamARN"]

    def consumer(self, stream=None):
        made = self.kinesis.register_stream_consumer(StreamARN=self.arn(stream), ConsumerName="reader")
        arn = made["Consumer"]["ConsumerARN"]
        status = lambda: self.kinesis.describe_stream_consumer(ConsumerARN=arn)["ConsumerDescription"]
        wait_for(lambda: status()["ConsumerStatus"] == "ACTIVE", "the consumer is ACTIVE")
        return arn

    def iterator(self):
        name = self.stream()
        self.kinesis.put_record(StreamName=name, Data=b"click", PartitionKey="key")
        start = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
        return self.kinesis.get_shard_iterator(StreamName=name, **start)["ShardIterator"]

    def having(self, operation, **request):
        """The stream's name after another operation on it."""
        name = self.stream()
        getattr(self.kinesis, operation)(StreamName=name, **request)
        self.until_active(name)
        return name

    def committed(self):
        """An on-demand stream of an account that may warm it."""
        self.kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
        return self.arn(self.stream(mode="ON_DEMAND"))

    def policed(self):
        arn = self.arn()
        self.kinesis.put_resource_policy(ResourceARN=arn, Policy=POLICY)
        return arn


SHARD = "shardId-000000000000"
KEY = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}

# A request of each operation that succeeds, with what it needs.
RECIPES = {
    "AddTagsToStream": lambda world: {"StreamName": world.stream(), "Tags": {"team": "shop"}},
    "CreateStream": lambda world: {"StreamName": world.name(), "ShardCount": 2, "Tags": {"team": "shop"}},
    "DecreaseStreamRetentionPeriod": lambda world: {
        "StreamName": world.having("increase_stream_retention_period", RetentionPeriodHours=48),
        "RetentionPeriodHours": 24,
    },
    "DeleteResourcePolicy": lambda world: {"ResourceARN": world.policed()},
    "DeleteStream": lambda world: {"StreamName": world.stream(), "EnforceConsumerDeletion": True},
    "DeregisterStreamConsumer": lambda world: {"ConsumerARN": world.consumer()},
    "DescribeAccountSettings": lambda world: {},
    "DescribeLimits": lambda world: {},
    "DescribeStream": lambda world: {"StreamName": world.stream(3), "Limit": 2},
    "DescribeStreamConsumer": lambda world: {"ConsumerARN": world.consumer()},
    "DescribeStreamSummary": lambda world: {"StreamName": world.stream()},
    "DisableEnhancedMonitoring": lambda world: {
        "StreamName": world.having("enable_enhanced_monitoring", ShardLevelMetrics=["ALL"]),
        "ShardLevelMetrics": ["IncomingBytes"],
    },
    "EnableEnhancedMonitoring": lambda world: {"StreamName": world.stream(), "ShardLevelMetrics": ["IncomingBytes"]},
    "GetRecords": lambda world: {"ShardIterator": world.iterator(), "Limit": 10},
    "GetResourcePolicy": lambda world: {"ResourceARN": world.policed()},
    "GetShardIterator": lambda world: {
        "StreamName": world.stream(),
        "ShardId": SHARD,
        "ShardIteratorType": "LATEST",
    },
    "IncreaseStreamRetentionPeriod": lambda world: {"StreamName": world.stream(), "RetentionPeriodHours": 8760},
    "ListShards": lambda world: {
        "StreamName": world.stream(2),
        "MaxResults": 1,
        "ShardFilter": {"Type": "AT_LATEST"},
    },
    "ListStreamConsumers": lambda world: {"StreamARN": world.arn(), "MaxResults": 1},
    "ListStreams": lambda world: {"Limit": 1},
    "ListTagsForResource": lambda world: {"ResourceARN": world.arn(world.having("add_tags_to_stream", Tags={"a": "b"}))},
    "ListTagsForStream": lambda world: {"StreamName": world.having("add_tags_to_stream", Tags={"a": "b"}), "Limit": 1},
    "MergeShards": lambda world: {
        "StreamName": world.stream(2),
        "ShardToMerge": SHARD,
        "AdjacentShardToMerge": "shardId-000000000001",
    },
    "PutRecord": lambda world: {
        "StreamName": world.stream(),
        "Data": b"\x00\xffclick",
        "PartitionKey": "key",
        "ExplicitHashKey": "0",
    },
    "PutRecords": lambda world: {
        "StreamName": world.stream(),
        "Records": [{"Data": b"click", "PartitionKey": str(number), "ExplicitHashKey": "7"} for number in range(3)],
    },
    "PutResourcePolicy": lambda world: {"ResourceARN": world.arn(), "Policy": POLICY},
    "RegisterStreamConsumer": lambda world: {
        "StreamARN": world.arn(),
        "ConsumerName": "reader",
        "Tags": {"team": "shop"},
    },
    "RemoveTagsFromStream": lambda world: {"StreamName": world.stream(), "TagKeys": ["team"]},
    "SplitShard": lambda world: {"StreamName": world.stream(), "ShardToSplit": SHARD, "NewStartingHashKey": HALF},
    "StartStreamEncryption": lambda world: {"StreamName": world.stream(), **KEY},
    "StopStreamEncryption": lambda world: {"StreamName": world.having("start_stream_encryption", **KEY), **KEY},
    "SubscribeToShard": lambda world: {
        "ConsumerARN": world.consumer(),
        "ShardId": SHARD,
        "StartingPosition": {"Type": "TRIM_HORIZON"},
    },
    "TagResource": lambda world: {"ResourceARN": world.arn(), "Tags": {"team": "shop"}},
    "UntagResource": lambda world: {"ResourceARN": world.arn(), "TagKeys": ["team"]},
    "UpdateAccountSettings": lambda world: {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}},
    "UpdateMaxRecordSize": lambda world: {"StreamARN": world.arn(), "MaxRecordSizeInKiB": 10240},
    "UpdateShardCount": lambda world: {
        "StreamName": world.stream(2),
        "TargetShardCount": 4,
        "ScalingType": "UNIFORM_SCALING",
    },
    "UpdateStreamMode": lambda world: {
        "StreamARN": world.arn(),
        "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
    },
    "UpdateStreamWarmThroughput": lambda world: {
        "StreamARN": world.committed(),
        "WarmThroughputMiBps": 100,
    },
}

@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def bases(world):
    """A valid request of each operation, made once; none of them is sent."""
    made = {}

    def base(operation):
        if operation not in made:
            made[operation] = RECIPES[operation](world)
        return made[operation]

    return base


def test_every_operation_has_a_recipe():
    assert set(OPERATIONS) == set(RECIPES)


@pytest.mark.parametrize("encoding", ["json", "cbor"])
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "SubscribeToShard"])
def test_a_valid_request_is_answered_as_modelled(world, operation, encoding):
    request = RECIPES[operation](world)
    status, answer = getattr(world, encoding)(operation, request)
    assert status == 200, answer
    shape = MODEL.operation_model(operation).output_shape
    assert answer == {} if shape is None else misfits(shape, answer) == [], answer


@pytest.mark.parametrize("encoding", ["json", "cbor"])
def test_a_subscription_is_an_event_stream(world, encoding):
    name = world.stream()
    world.kinesis.put_record(StreamName=name, Data=b"click", PartitionKey="key")
    request = {
        "ConsumerARN": world.consumer(name),
        "ShardId": SHARD,
        "StartingPosition": {"Type": "TRIM_HORIZON"},
    }
    if encoding == "json":
        response = world.raw("SubscribeToShard", json.dumps(request))
    else:
        response = world.raw("SubscribeToShard", cbor2.dumps(request), "application/x-amz-cbor-1.1")
    assert (response.status, response.headers["Content-Type"]) == (200, "application/vnd.amazon.eventstream")
    buffer, messages = EventStreamBuffer(), []
    while len(messages) < 2:
        buffer.add_data(response.read1())
        messages += list(buffer)
    response.close()
    assert [message.headers[":event-type"] for message in messages] == ["initial-response", "SubscribeToShardEvent"]
    assert {message.headers[":content-type"] for message in messages} == {f"application/x-amz-{encoding}-1.1"}
    payload = json.loads(messages[1].payload) if encoding == "json" else read_cbor(messages[1].payload)
    shape = MODEL.operation_model("SubscribeToShard").output_shape.members["EventStream"]
    assert misfits(shape.members["SubscribeToShardEvent"], payload) == []
    assert len(payload["Records"]) == 1


@pytest.mark.parametrize("encoding", ["json", "cbor"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_violated_constraints_are_refused_by_name(world, bases, operation, encoding):
    shape = MODEL.operation_model(operation).input_shape
    wrong = []
    for where, what, request in violations(shape, bases(operation)):
        case = f"{'.'.join(where)} {what}"
        status, answer = getattr(world, encoding)(operation, request)
        expected = "SerializationException" if what == "of a wrong type" else "ValidationException"
        message = answer.get("message", "")
        if (status, answer.get("__type")) != (400, expected):
            wrong.append(f"{case}: {status} {str(answer)[:300]}")
        elif expected == "ValidationException" and not re.search(rf"\b{camel(where[-1])}\b", message):
            wrong.append(f"{case}: does not name the member: {message[:300]}")
        elif expected == "ValidationException" and "validation error" not in message:
            wrong.append(f"{case}: not in AWS's words: {message[:300]}")
    assert wrong == []
