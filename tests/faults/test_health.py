"""Health, the metrics and the console tell of what does not work, and of it alone."""

import os
import resource
import urllib.request

import pytest
from botocore.exceptions import ClientError

from anabranch_server import Server, wait_for
from store import fill_stream, make_stream, read_stream
from test_full_disk import fill, small_disk  # noqa: F401 (a fixture)


def failing(server):
    """The services that health says fail, with all that it says of each."""
    status, health = server.health()
    found = {name: str(told) for name, told in health["services"].items() if told["status"] == "failing"}
    assert (status == 503) == bool(found), health
    return found


def page(server, path):
    return urllib.request.urlopen(f"{server.url}/_anabranch/{path}", timeout=10).read().decode()


def told_everywhere(server, service, words):
    """Health, the metrics and the console agree."""
    problem = wait_for(lambda: failing(server).get(service), f"health tells of {service}")
    assert any(word in problem.lower() for word in words), problem
    metrics = page(server, "metrics")
    lines = [line for line in metrics.splitlines() if "problem" in line and f'service="{service}"' in line]
    assert lines and any(float(line.rsplit(" ", 1)[1]) > 0 for line in lines), lines
    assert any(word in page(server, "").lower() for word in words), "the console tells it, too"


# With more room than that below which a disk counts as full (FREE_BYTES_MIN).
@pytest.mark.parametrize("small_disk", ["320m"], indirect=True)
def test_a_full_disk(small_disk):  # noqa: F811
    server = Server(small_disk).start()
    try:
        kinesis = make_stream(server, "stream")
        fill_stream(kinesis, "stream", 10)
        assert failing(server) == {}
        fill(small_disk)
        told_everywhere(server, "server", ["make room", "full"])
        os.unlink(small_disk / "filler")
        wait_for(lambda: failing(server) == {}, "health is well once there is room")
    finally:
        server.stop()


def test_a_log_that_takes_no_more(servers):
    """A write that fails poisons its log, and that log only."""
    server = servers().start()
    kinesis = make_stream(server, "poisoned")
    fill_stream(kinesis, "poisoned", 1)
    endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    # No byte behind the first page of any file can be written, for a moment.
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    with pytest.raises(ClientError) as error:
        kinesis.put_record(StreamName="poisoned", Data=b"1 ", PartitionKey="k")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, endless)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error.value
    told_everywhere(server, "kinesis", ["poisoned"])
    make_stream(server, "whole")
    fill_stream(kinesis, "whole", 1)
    assert read_stream(kinesis, "whole") == [0]
    assert read_stream(kinesis, "poisoned") == [0]
    server.stop()
    server.start()
    assert failing(server) == {}
    assert read_stream(server.client("kinesis"), "poisoned") == [0]


def test_a_delivery_that_is_stuck(servers):
    server = servers().start()
    s3, firehose = server.client("s3"), server.client("firehose")
    s3.create_bucket(Bucket="destination")
    firehose.create_delivery_stream(
        DeliveryStreamName="stuck",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/r",
            "BucketARN": "arn:aws:s3:::destination",
            "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 1},
        },
    )
    s3.delete_bucket(Bucket="destination")
    firehose.put_record(DeliveryStreamName="stuck", Record={"Data": b"click"})
    told_everywhere(server, "firehose", ["destination", "bucket"])
    s3.create_bucket(Bucket="destination")
    wait_for(lambda: failing(server) == {}, "health is well once it is delivered")
    assert s3.list_objects_v2(Bucket="destination")["KeyCount"] == 1
