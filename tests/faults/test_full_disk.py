"""A full disk: a clear error, nothing acknowledged is lost, and writing goes on once there is room."""

import os
import subprocess

import pytest
from botocore.exceptions import ClientError

from anabranch_server import Server, wait_for


@pytest.fixture
def small_disk(tmp_path, request):
    """A disk of 48 MiB, or of the size that a test asks for."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={getattr(request, 'param', '48m')}", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    with open(disk / "filler", "wb") as filler:
        try:
            while True:
                filler.write(bytes(1 << 16))
                filler.flush()
        except OSError:
            pass


def put_until_refused(put, limit=3000):
    """Puts numbered values until one is refused; gives those acknowledged and the error."""
    done = []
    for number in range(limit):
        try:
            put(number)
        except ClientError as error:
            return done, error.response["Error"]
        done.append(number)
    raise AssertionError("the disk never filled")


def test_all_stores_go_on_after_a_full_disk(small_disk):
    server = Server(small_disk).start()
    try:
        kinesis, s3, dynamodb = (server.client(name) for name in ["kinesis", "s3", "dynamodb"])
        kinesis.create_stream(StreamName="full", ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName="full", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
        s3.create_bucket(Bucket="full-bucket")
        dynamodb.create_table(
            TableName="full",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        fill(small_disk)
        record = lambda n: kinesis.put_record(StreamName="full", Data=f"{n} ".encode() + bytes(20_000), PartitionKey="k")
        item = lambda n: dynamodb.put_item(TableName="full", Item={"pk": {"S": str(n)}, "data": {"B": os.urandom(20_000)}})
        thing = lambda n: s3.put_object(Bucket="full-bucket", Key=str(n), Body=os.urandom(20_000))
        records, error = put_until_refused(record)
        assert error["Code"] == "InternalFailure" and "space" in error["Message"].lower(), error
        items, error = put_until_refused(item)
        assert error["Message"], error
        things, error = put_until_refused(thing)
        assert error["Message"], error
        os.unlink(small_disk / "filler")
        wait_for(lambda: goes_on(record, 90_000), "records go on")
        wait_for(lambda: goes_on(item, 90_000), "items go on")
        wait_for(lambda: goes_on(thing, 90_000), "objects go on")
        check(server, records, items, things)
        server.kill()
        server.start()
        check(server, records, items, things)
    finally:
        server.stop()


def goes_on(put, number):
    try:
        put(number)
    except ClientError:
        return False
    return True


def check(server, records, items, things):
    kinesis, s3, dynamodb = (server.client(name) for name in ["kinesis", "s3", "dynamodb"])
    iterator = kinesis.get_shard_iterator(StreamName="full", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = set()
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        found |= {int(record["Data"].split()[0]) for record in answer["Records"]}
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
        iterator = answer["NextShardIterator"]
    assert found >= {*records, 90_000}
    for number in [*items, 90_000]:
        assert "Item" in dynamodb.get_item(TableName="full", Key={"pk": {"S": str(number)}})
    for number in [*things, 90_000]:
        assert len(s3.get_object(Bucket="full-bucket", Key=str(number))["Body"].read()) == 20_000
