"""AWS's quotas, as clients meet them: throttled records of a batch, retries, and rates of calls."""

import urllib.request

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
    with pytest.raises(ClientError) as error:
        for _ in range(30):
            plain.put_record(StreamName="patient", Data=b"x" * (300 << 10), PartitionKey="key")
    assert error.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    patient = limited.client("kinesis", retries={"max_attempts": 8, "mode": "standard"})
    for _ in range(4):
        patient.put_record(StreamName="patient", Data=b"x" * (300 << 10), PartitionKey="key")


def test_calls_are_limited(limited):
    kinesis = limited.client("kinesis")
    with pytest.raises(ClientError) as error:
        for _ in range(10):
            kinesis.describe_limits()
    assert error.value.response["Error"]["Code"] == "LimitExceededException"
    assert error.value.response["Error"]["Message"].startswith("Rate exceeded")


def test_throttling_is_measured(limited):
    kinesis = make_stream(limited, "measured")
    records = [{"Data": b"x" * (400 << 10), "PartitionKey": "key"}] * 4
    failed = kinesis.put_records(StreamName="measured", Records=records)["FailedRecordCount"]
    page = urllib.request.urlopen(f"{limited.url}/_anabranch/metrics", timeout=10).read().decode()
    labels = '{stream_name="measured"}'
    assert f"aws_kinesis_put_records_throttled_records_sum{labels} {failed}" in page
    assert f"aws_kinesis_write_provisioned_throughput_exceeded_sum{labels} {failed}" in page
    assert f"aws_kinesis_put_records_total_records_sum{labels} 4" in page
