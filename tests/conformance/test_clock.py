"""Rules that take minutes or days, by a server whose clock the test moves (`--test-clock`)."""

import pathlib
import urllib.error
import urllib.request

import pytest

from anabranch_server import Server, wait_for
from test_fan_out import events, register, subscribe
from test_firehose import objects
from test_kinesis import make_stream, refused

TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "functions/template.yaml"
SHARD = "shardId-000000000000"
MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"), TEMPLATE, ["--test-clock"]).start()
    yield server
    server.stop()


def passed_until(server, condition, step, what):
    """Moves the clock by steps until `condition` holds; returns the seconds that passed on it."""
    began = server.clock()
    wait_for(lambda: condition() or server.advance(step) and condition(), what)
    return server.clock() - began


def test_a_server_has_it_only_if_told_so(servers):
    server = servers().start()
    request = urllib.request.Request(f"{server.url}/_anabranch/clock", data=b'{"advanceMilliseconds": 1}', headers={"Content-Type": "application/json"})
    for asked in (request, request.full_url):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(asked)


def test_an_iterator_older_than_five_minutes_has_expired(server):
    kinesis = make_stream(server, "iterated")
    kinesis.put_record(StreamName="iterated", Data=b"x", PartitionKey="a")
    iterator = lambda: kinesis.get_shard_iterator(StreamName="iterated", ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    old = iterator()
    server.advance(5 * MINUTE - 30)
    assert len(kinesis.get_records(ShardIterator=old)["Records"]) == 1
    server.advance(31)
    refused(kinesis.get_records, "ExpiredIteratorException", ShardIterator=old)
    assert len(kinesis.get_records(ShardIterator=iterator())["Records"]) == 1


def test_a_subscription_ends_after_five_minutes(server):
    kinesis = make_stream(server, "followed")
    consumer = register(kinesis, "followed", "reader")
    following = events(subscribe(kinesis, consumer))
    kinesis.put_record(StreamName="followed", Data=b"x", PartitionKey="a")
    assert [record["PartitionKey"] for record in next(following)["Records"]] == ["a"]
    server.advance(4 * MINUTE)
    kinesis.put_record(StreamName="followed", Data=b"x", PartitionKey="b")
    found = next(event for event in following if event["Records"])
    assert [record["PartitionKey"] for record in found["Records"]] == ["b"]
    server.advance(MINUTE)
    assert all(event["Records"] == [] for event in following), "and then it ends"


def test_records_leave_after_their_retention(server):
    kinesis = make_stream(server, "retained")
    kinesis.put_record(StreamName="retained", Data=b"old", PartitionKey="a")
    server.advance(DAY - HOUR)
    kinesis.put_record(StreamName="retained", Data=b"new", PartitionKey="a")

    def data():
        iterator = kinesis.get_shard_iterator(StreamName="retained", ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")
        return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]]

    assert data() == [b"old", b"new"]
    server.advance(HOUR)
    assert data() == [b"new"]
    server.advance(DAY)
    assert data() == []


def test_busy_shards_of_an_on_demand_stream_are_split(servers):
    server = servers(arguments=["--test-clock", "--limits", "aws"]).start()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="elastic", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    server.advance(1)
    shards = lambda: [shard for shard in kinesis.list_shards(StreamName="elastic")["Shards"] if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
    assert len(shards()) == 4
    for _ in range(61):
        kinesis.put_record(StreamName="elastic", Data=bytes(1_000_000), PartitionKey="busy", ExplicitHashKey="0")
        server.advance(1)
    wait_for(lambda: len(shards()) == 5, "the busy shard is split")


def test_a_batching_window_of_five_minutes(server):
    kinesis, client = make_stream(server, "batched"), server.client("lambda")
    arn = kinesis.describe_stream_summary(StreamName="batched")["StreamDescriptionSummary"]["StreamARN"]
    made = client.create_event_source_mapping(
        FunctionName="behaving",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=100,
        MaximumBatchingWindowInSeconds=300,
    )
    wait_for(lambda: client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled", "the mapping is enabled")
    kinesis.put_record(StreamName="batched", Data=b"x", PartitionKey="patient")
    log = server.directory / "data/lambda/behaving.log"
    is_invoked = lambda: log.exists() and "patient" in log.read_text()
    assert passed_until(server, is_invoked, 10, "the function is invoked") >= 300


def test_a_buffer_of_five_minutes_is_delivered(server):
    s3, firehose = server.client("s3"), server.client("firehose")
    s3.create_bucket(Bucket="buffered")
    firehose.create_delivery_stream(
        DeliveryStreamName="buffered",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "BucketARN": "arn:aws:s3:::buffered",
            "RoleARN": "arn:aws:iam::000000000000:role/delivery",
            "BufferingHints": {"IntervalInSeconds": 300, "SizeInMBs": 5},
        },
    )
    firehose.put_record(DeliveryStreamName="buffered", Record={"Data": b"a line\n"})
    assert passed_until(server, lambda: objects(s3, "buffered"), 10, "the object is there") >= 300
    (key,) = objects(s3, "buffered")
    assert s3.get_object(Bucket="buffered", Key=key)["Body"].read() == b"a line\n"


def test_items_go_once_their_time_to_live_is_over(server):
    dynamodb = server.client("dynamodb")
    dynamodb.create_table(
        TableName="passing",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(TableName="passing", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    now = int(server.clock())
    for name, seconds in (("a day", DAY), ("two days", 2 * DAY)):
        dynamodb.put_item(TableName="passing", Item={"id": {"S": name}, "until": {"N": str(now + seconds)}})
    held = lambda: {item["id"]["S"] for item in dynamodb.scan(TableName="passing", ConsistentRead=True)["Items"]}
    server.advance(DAY - HOUR)
    assert held() == {"a day", "two days"}
    passed = passed_until(server, lambda: held() == {"two days"}, 10 * MINUTE, "the item of a day is gone")
    assert passed <= 2 * HOUR


@pytest.mark.parametrize("body", [b"{}", b'{"advanceMilliseconds": -1}', b'{"advanceMilliseconds": 99999999999999}', b"soon"])
def test_a_wrong_move_moves_nothing(server, body):
    before = server.clock()
    request = urllib.request.Request(f"{server.url}/_anabranch/clock", data=body, headers={"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert 400 <= error.value.code < 500
    assert server.clock() - before < MINUTE
