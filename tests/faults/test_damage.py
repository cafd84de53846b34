"""A file of a stream that is lost or cut: all else is served, and health tells what is wrong."""

import os

import pytest
from botocore.exceptions import ClientError

from anabranch_server import wait_for
from store import fill_stream, make_stream, read_stream

# A log's first segment has 256 KiB, so this makes several.
RECORDS = 2_400


def segments(server):
    """The files of the only stream with more than one segment, oldest first."""
    logs = {}
    for path in sorted((server.directory / "data/streams").rglob("*.segment")):
        logs.setdefault(path.parent, []).append(path)
    return max(logs.values(), key=len)


def two_streams(server):
    kinesis = make_stream(server, "harmed")
    make_stream(server, "whole")
    fill_stream(kinesis, "harmed", RECORDS)
    fill_stream(kinesis, "whole", 10)
    return kinesis


def told(server, service="kinesis"):
    """What health says of a service that does not work."""
    status, health = server.health()
    problem = health["services"][service]
    return str(problem) if status == 503 and problem["status"] == "failing" else ""


def test_a_missing_first_segment_is_told(servers):
    server = servers().start()
    two_streams(server)
    server.stop()
    first = segments(server)[0]
    first.rename(server.directory / "aside")
    server.start()
    kinesis = server.client("kinesis")
    assert read_stream(kinesis, "whole") == list(range(10))
    # A log is opened when it is first used.
    try:
        rest = read_stream(kinesis, "harmed")
        assert rest == list(range(rest[0], RECORDS)), "what is left is whole"
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error
    assert "harmed" in wait_for(lambda: told(server), "health tells of the missing segment")
    server.stop()
    (server.directory / "aside").rename(first)
    server.start()
    assert server.health()[0] == 200
    assert read_stream(server.client("kinesis"), "harmed") == list(range(RECORDS))


def test_a_segment_that_is_cut_while_it_is_read(servers):
    """Reading beyond a file's end through the map is a SIGBUS, which must cost no more than that range."""
    server = servers().start()
    kinesis = two_streams(server)
    cut = segments(server)[1]
    os.truncate(cut, 64 << 10)
    with pytest.raises(ClientError) as error:
        read_stream(kinesis, "harmed")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error.value
    assert server.process.poll() is None, server.log_text()[-2000:]
    assert read_stream(kinesis, "whole") == list(range(10))
    fill_stream(kinesis, "whole", 10)
    assert "harmed" in wait_for(lambda: told(server), "health tells of the damage")
    server.stop()
    server.start()
    kinesis = server.client("kinesis")
    assert read_stream(kinesis, "whole") == [*range(10)] * 2
    with pytest.raises(ClientError):
        read_stream(kinesis, "harmed")
    assert "harmed" in wait_for(lambda: told(server), "health still tells after a start")
