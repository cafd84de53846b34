"""A little of everything in a server, and whether all of it is there."""

import hashlib
import os

from anabranch_server import wait_for


def make_stream(server, name, shards=1):
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    summary = lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    wait_for(lambda: summary()["StreamStatus"] == "ACTIVE", f"{name} is ACTIVE")
    return kinesis


def fill_stream(kinesis, name, count, size=1_000):
    """Puts numbered records of so many bytes."""
    for start in range(0, count, 400):
        numbers = range(start, min(start + 400, count))
        records = [{"Data": f"{number} ".encode() + os.urandom(size), "PartitionKey": "k"} for number in numbers]
        assert kinesis.put_records(StreamName=name, Records=records)["FailedRecordCount"] == 0


def read_stream(kinesis, name, shard="shardId-000000000000"):
    """The numbers of all records of a shard."""
    start = {"StreamName": name, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator, numbers = kinesis.get_shard_iterator(**start)["ShardIterator"], []
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        numbers += [int(record["Data"].split(b" ", 1)[0]) for record in answer["Records"]]
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            return numbers
        iterator = answer["NextShardIterator"]


BUCKET, TABLE, STREAM, DELIVERY_STREAM = "stored-bucket", "stored", "stored", "stored"
RECORDS, OBJECTS, ITEMS = 500, 5, 5


def store(server):
    """Puts records, objects, items, and records on their way to a bucket."""
    kinesis = make_stream(server, STREAM)
    fill_stream(kinesis, STREAM, RECORDS)
    s3, dynamodb, firehose = (server.client(name) for name in ("s3", "dynamodb", "firehose"))
    s3.create_bucket(Bucket=BUCKET)
    for number in range(OBJECTS):
        s3.put_object(Bucket=BUCKET, Key=f"folder/{number}", Body=str(number).encode() * 10_000)
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    for number in range(ITEMS):
        dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": str(number)}})
    firehose.create_delivery_stream(
        DeliveryStreamName=DELIVERY_STREAM,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/r",
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "BufferingHints": {"IntervalInSeconds": 900, "SizeInMBs": 128},
        },
    )
    firehose.put_record(DeliveryStreamName=DELIVERY_STREAM, Record={"Data": b"on its way"})


def check(server):
    """All of it is there."""
    assert read_stream(server.client("kinesis"), STREAM) == list(range(RECORDS))
    s3, dynamodb, firehose = (server.client(name) for name in ("s3", "dynamodb", "firehose"))
    for number in range(OBJECTS):
        assert s3.get_object(Bucket=BUCKET, Key=f"folder/{number}")["Body"].read() == str(number).encode() * 10_000
    for number in range(ITEMS):
        assert "Item" in dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": str(number)}})
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == [DELIVERY_STREAM]


def files(directory):
    """Every file below `directory` by its path, with a digest of what it holds."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
