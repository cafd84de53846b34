"""Clients that are slow, or say nothing, or never read their answers: others are served meanwhile, and
what each costs is bounded. The waits themselves end as LIMITS.md says; here are those that are short."""

import http.client
import json
import re
import socket
from contextlib import ExitStack

import cbor2
import pytest

from anabranch_server import Server, wait_for
from hostile import wire
from hostile.case import MEMORY_ABOVE_IDLE_MIB, call_head, signed
from store import make_stream

MIB = 1 << 20
SHARD = "shardId-000000000000"
# What a neighbour may wait for one small put or get, on a machine that is busy with other tests, too.
NEIGHBOUR_WAIT_S = 20
# Of all large bodies at a time: LARGE_BODIES_BYTES_MAX.
LARGE_BODIES_MIB = 128
# The largest answer of GetRecords: 10 MiB of data, in base64.
GET_RECORDS_MIB = 14


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server")).start()
    try:
        kinesis, s3 = make_stream(server, "stream"), server.client("s3")
        make_stream(server, "neighbour")
        for number in range(20):
            kinesis.put_record(StreamName="stream", Data=bytes([number]) * (MIB - 1), PartitionKey="k")
        s3.create_bucket(Bucket="objects-bucket")
        s3.put_object(Bucket="objects-bucket", Key="large", Body=bytes(64 * MIB))
        yield server
    finally:
        server.stop()


def own_mib(server):
    """Memory of the process's own: not the pages of files that it maps."""
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) // 1024


class Slow:
    """Many connections that do the same, and what they may cost."""

    def __init__(self, server, above_idle_mib=MEMORY_ABOVE_IDLE_MIB):
        self.server, self.idle_mib, self.above_idle_mib = server, own_mib(server), above_idle_mib
        self.connections = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connections.close()

    def connect(self, count, data=b""):
        made = [self.connections.enter_context(wire.connect(self.server.port)) for _ in range(count)]
        for connection in made:
            # A small window: what the client does not read stays with the server.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(data)
        return made

    def neighbours_are_served(self, rounds=20):
        neighbour = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=NEIGHBOUR_WAIT_S)
        body = {"StreamName": "neighbour", "PartitionKey": "k", "Data": "YQ=="}
        headers = dict(line.split(": ", 1) for line in call_head("Kinesis_20131202.PutRecord"))
        for _ in range(rounds):
            neighbour.request("POST", "/", json.dumps(body), headers)
            answer = neighbour.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
            assert own_mib(self.server) - self.idle_mib <= self.above_idle_mib, f"{own_mib(self.server)} MiB, {self.idle_mib} idle"
        neighbour.close()


def test_nothing_is_said(server):
    with Slow(server) as slow:
        slow.connect(300)
        slow.neighbours_are_served()


def test_heads_that_come_byte_by_byte(server):
    with Slow(server) as slow:
        connections = slow.connect(100, b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        for byte in b"X-A: and so on":
            for connection in connections:
                connection.sendall(bytes([byte]))
            slow.neighbours_are_served(rounds=2)


@pytest.mark.parametrize("head", ["http2", "tls"])
def test_beginnings_without_an_end(server, head):
    beginning = {"http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x04\x01\0\0\0\0\x01abcd", "tls": b"\x16\x03\x01\x02\x00\x01"}[head]
    with Slow(server) as slow:
        slow.connect(100, beginning)
        slow.neighbours_are_served()


def test_a_handshake_that_does_not_end_is_given_up(server):
    with Slow(server) as slow:
        (connection,) = slow.connect(1, b"\x16\x03\x01\x02\x00\x01")
        connection.settimeout(30)
        assert connection.recv(1) == b"", "HANDSHAKE_MAX"


@pytest.mark.parametrize("target", ["Kinesis_20131202.PutRecords", "DynamoDB_20120810.PutItem", "Firehose_20150804.PutRecordBatch"])
def test_bodies_that_come_byte_by_byte(server, target):
    head = wire.request("POST", "/", [*call_head(target), f"Content-Length: {15 * MIB}"])
    with Slow(server) as slow:
        connections = slow.connect(100, head + b"{")
        for _ in range(5):
            for connection in connections:
                connection.sendall(b" ")
            slow.neighbours_are_served(rounds=4)


@pytest.mark.parametrize("path", ["/", "/2015-03-31/functions/none/invocations"])
def test_large_bodies_that_do_not_end(server, path):
    """All large bodies together have their limit; who comes later waits for room, or is refused."""
    size = 15 * MIB if path == "/" else 5 * MIB
    head = call_head("Kinesis_20131202.PutRecords") if path == "/" else [signed("lambda")]
    data = wire.request("POST", path, [*head, f"Content-Length: {size}"], b'"' + bytes([32]) * (size - 2))
    with Slow(server, MEMORY_ABOVE_IDLE_MIB + LARGE_BODIES_MIB) as slow:
        connections = slow.connect(40)
        left = {connection: memoryview(data) for connection in connections}
        for connection in connections:
            connection.setblocking(False)
        for _ in range(40):
            for connection in connections:
                while left[connection]:
                    try:
                        left[connection] = left[connection][connection.send(left[connection][: 1 << 20]) :]
                    except BlockingIOError:
                        break
                    except OSError:
                        left[connection] = b""
            slow.neighbours_are_served(rounds=2)


def test_uploads_that_come_byte_by_byte(server):
    head = wire.request("PUT", "/objects-bucket/slow", [signed("s3"), f"Content-Length: {1 << 30}"])
    with Slow(server) as slow:
        connections = slow.connect(100, head)
        for _ in range(5):
            for connection in connections:
                connection.sendall(bytes(1000))
            slow.neighbours_are_served(rounds=4)


def test_answers_that_are_not_read(server):
    """However many requests wait behind it on a connection, one answer of each is in memory."""
    readers, behind = 6, 10
    start = {"StreamName": "stream", "ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = server.client("kinesis").get_shard_iterator(**start)["ShardIterator"]
    get = wire.request("POST", "/", call_head("Kinesis_20131202.GetRecords"), json.dumps({"ShardIterator": iterator}).encode())
    with Slow(server, MEMORY_ABOVE_IDLE_MIB + 2 * readers * GET_RECORDS_MIB) as slow:
        slow.connect(readers, get * behind)
        slow.neighbours_are_served(rounds=50)


def test_downloads_that_are_not_read(server):
    get = wire.request("GET", "/objects-bucket/large", [signed("s3")])
    with Slow(server) as slow:
        slow.connect(30, get * 4)
        slow.neighbours_are_served(rounds=50)


def test_subscriptions_that_are_not_read(server):
    kinesis = server.client("kinesis")
    arn = kinesis.describe_stream_summary(StreamName="stream")["StreamDescriptionSummary"]["StreamARN"]
    with Slow(server) as slow:
        for number in range(5):
            consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"reader-{number}")["Consumer"]["ConsumerARN"]
            is_active = lambda: kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
            wait_for(is_active, "the consumer is ACTIVE")
            body = cbor2.dumps({"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "TRIM_HORIZON"}})
            head = call_head("Kinesis_20131202.SubscribeToShard", "application/x-amz-cbor-1.1")
            slow.connect(1, wire.request("POST", "/", head, body))
        slow.neighbours_are_served(rounds=50)


def test_connections_that_come_and_go(server):
    with Slow(server) as slow:
        for _ in range(2_000):
            wire.connect(server.port).close()
        slow.neighbours_are_served()
