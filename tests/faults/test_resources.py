"""Limits that the system sets to the process: descriptors and the size of files. None of them ends it,
and none costs more than what needs it."""

import concurrent.futures
import http.client
import json
import os
import resource
import threading

import pytest
from botocore.exceptions import ClientError

from anabranch_server import wait_for
from hostile.case import call_head
from store import fill_stream, make_stream, read_stream

# A fifth of an account's shards under a quarter of the usual limit of descriptors; all 20,000 with
# ANABRANCH_TEST_STREAMS=5000 ANABRANCH_TEST_DESCRIPTORS=1024.
STREAMS = int(os.environ.get("ANABRANCH_TEST_STREAMS", 1_200))
DESCRIPTORS = int(os.environ.get("ANABRANCH_TEST_DESCRIPTORS", 256))
SHARDS = 4
CLIENTS = 8


class Caller:
    """Calls of Kinesis, each thread on a connection of its own."""

    def __init__(self, port):
        self.port, self.connections = port, threading.local()

    def __call__(self, operation, **request):
        if not hasattr(self.connections, "one"):
            self.connections.one = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = dict(line.split(": ", 1) for line in call_head(f"Kinesis_20131202.{operation}"))
        self.connections.one.request("POST", "/", json.dumps(request), headers)
        answer = self.connections.one.getresponse()
        body = json.loads(answer.read() or b"{}")
        assert answer.status == 200, f"{operation} {request}: {answer.status} {body}"
        return body


def for_all(work, names):
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(work, name) for name in names]:
            done.result()


def test_more_shards_than_descriptors(servers):
    server = servers(resources={resource.RLIMIT_NOFILE: (DESCRIPTORS, DESCRIPTORS)}).start()
    names = [f"stream-{number}" for number in range(STREAMS)]

    def make(name):
        call("CreateStream", StreamName=name, ShardCount=SHARDS)

    def is_active(name):
        return call("DescribeStreamSummary", StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"

    def put(name):
        # A record for each shard.
        keys = [str(((1 << 128) // SHARDS) * shard) for shard in range(SHARDS)]
        records = [{"Data": "YQ==", "PartitionKey": "k", "ExplicitHashKey": key} for key in keys]
        assert call("PutRecords", StreamName=name, Records=records)["FailedRecordCount"] == 0

    def get(name):
        for shard in range(SHARDS):
            where = {"StreamName": name, "ShardId": f"shardId-{shard:012}", "ShardIteratorType": "TRIM_HORIZON"}
            iterator = call("GetShardIterator", **where)["ShardIterator"]
            assert len(call("GetRecords", ShardIterator=iterator)["Records"]) == 1, name

    call = Caller(server.port)
    for_all(make, names)
    wait_for(lambda: all(map(is_active, names[-CLIENTS:])), "the streams are ACTIVE")
    for_all(lambda name: wait_for(lambda: is_active(name), name), names)
    for_all(put, names)
    for_all(get, names)
    assert server.health()[0] == 200, server.health()
    server.kill()
    server.start()
    call = Caller(server.port)
    for_all(put, names[::10])
    wait_for(lambda: get(names[5]) is None, "the rest is read")
    assert server.health()[0] == 200, server.health()
    assert "Too many open files" not in server.log_text(), "no descriptor was asked for in vain"


def test_more_connections_than_descriptors(servers):
    server = servers(resources={resource.RLIMIT_NOFILE: (DESCRIPTORS, DESCRIPTORS)}).start()
    kinesis = make_stream(server, "stream")
    idle = []
    try:
        for _ in range(2 * DESCRIPTORS):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.connect()
            idle.append(connection)
        fill_stream(kinesis, "stream", 10)
        make_stream(server, "another")
        assert read_stream(server.client("kinesis"), "stream") == list(range(10))
    finally:
        for connection in idle:
            connection.close()
    assert wait_for(lambda: server.health()[0] == 200, "health is well again")


def test_files_that_may_not_grow(servers):
    """The system answers a write beyond the limit with a signal (SIGXFSZ) that ends whoever does not expect it."""
    size = 8 << 20
    server = servers(resources={resource.RLIMIT_FSIZE: (size, size)}).start()
    s3, kinesis = server.client("s3"), make_stream(server, "stream")
    s3.create_bucket(Bucket="small-files")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="small-files", Key="large", Body=bytes(2 * size))
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error.value
    s3.put_object(Bucket="small-files", Key="small", Body=b"small")
    done = 0
    try:
        # More than a file may hold: smaller segments, or a refusal in the end.
        while done < 24:
            kinesis.put_record(StreamName="stream", Data=f"{done} ".encode() + bytes((1 << 20) - 100), PartitionKey="k")
            done += 1
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error
    assert server.process.poll() is None, server.log_text()[-2000:]
    assert read_stream(kinesis, "stream") == list(range(done))
    assert s3.get_object(Bucket="small-files", Key="small")["Body"].read() == b"small"
    make_stream(server, "another")
    assert "panicked" not in server.log_text()
