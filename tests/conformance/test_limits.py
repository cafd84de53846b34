"""AWS's quotas, as clients meet them: throttled records of a batch, retries, and rates of calls."""

import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from test_kinesis import make_stream


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    from anabranch_server import Server

    server = Server(tmp_path_factory.mktemp("server"), arguments=["--limits", "aws"]).start()
    yield server
    server.stop()


def test_a_batch_is_throttled_by_record(limited):
    kinesis = make_stream(limited, "batch")
    records = [{"Data": b"x" * (100 << 10), "PartitionKey": str(number)} for number in range(40)]
    answer = kinesis.put_records(StreamName="batch", Records=records)
    failed = [result for result in answer["Records"] if "ErrorCode" in result]
    assert answer["FailedRecordCount"] == len(failed) >= 28, "one MiB of four passes at once"
    assert {result["ErrorCode"] for result in failed} == {"ProvisionedThroughputExceededException"}
    assert failed[0]["ErrorMessage"].startswith("Rate exceeded for shard shardId-000000000000 in stream batch under")
    accepted = len(records) - len(failed)
    iterator = kinesis.get_shard_iterator(
        StreamName="batch", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    found = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert len(found) == accepted, "what failed was not put"


def test_a_client_that_retries_gets_through(limited):
    make_stream(limited, "patient")
    plain = limited.client("kinesis")

    def put(_):
        try:
            plain.put_record(StreamName="patient", Data=b"x" * 1_000_000, PartitionKey="key")
        except ClientError as error:
            return error.response["Error"]["Code"]

    # At once, so that they are too many however slow the machine is.
    with ThreadPoolExecutor(8) as threads:
        outcomes = set(threads.map(put, range(8)))
    assert outcomes == {None, "ProvisionedThroughputExceededException"}
    patient = limited.client("kinesis", retries={"max_attempts": 8, "mode": "standard"})
    for _ in range(4):
        patient.put_record(StreamName="patient", Data=b"x" * (300 << 10), PartitionKey="key")


def test_calls_are_limited(limited):
    kinesis = limited.client("kinesis")

    def call(_):
        try:
            kinesis.describe_limits()
        except ClientError as error:
            return error.response["Error"]

    with ThreadPoolExecutor(8) as threads:
        errors = [error for error in threads.map(call, range(8)) if error]
    assert errors and {error["Code"] for error in errors} == {"LimitExceededException"}
    assert errors[0]["Message"].startswith("Rate exceeded")


def test_throttling_is_measured(limited):
    kinesis = make_stream(limited, "measured")
    records = [{"Data": b"x" * (400 << 10), "PartitionKey": "key"}] * 4
    failed = kinesis.put_records(StreamName="measured", Records=records)["FailedRecordCount"]
    page = urllib.request.urlopen(f"{limited.url}/_anabranch/metrics", timeout=10).read().decode()
    labels = '{stream_name="measured"}'
    assert f"aws_kinesis_put_records_throttled_records_sum{labels} {failed}" in page
    assert f"aws_kinesis_write_provisioned_throughput_exceeded_sum{labels} {failed}" in page
    assert f"aws_kinesis_put_records_total_records_sum{labels} 4" in page
