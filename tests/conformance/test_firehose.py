"""Firehose through boto3: what is put arrives in S3, once."""

import gzip
import json

import pytest
from botocore.exceptions import ClientError

from anabranch_server import wait_for


def objects(s3, bucket, prefix=""):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def lines(s3, bucket):
    found = []
    for key in objects(s3, bucket):
        found += gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode().splitlines()
    return found


def make(server, name, bucket):
    server.client("s3").create_bucket(Bucket=bucket)
    firehose = server.client("firehose")
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "RoleARN": "arn:aws:iam::000000000000:role/delivery",
            "Prefix": "raw/!{timestamp:yyyy/MM/dd}/",
            "ErrorOutputPrefix": "failed/",
            "CompressionFormat": "GZIP",
            "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 1},
        },
    )
    return firehose


def test_puts_become_objects_over_a_kill(servers):
    server = servers().start()
    firehose = make(server, "clicks", "firehose-bucket")
    assert "clicks" in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]
    description = firehose.describe_delivery_stream(DeliveryStreamName="clicks")["DeliveryStreamDescription"]
    assert description["DeliveryStreamStatus"] == "ACTIVE"
    sent = []
    for batch in range(20):
        records = [f"{batch}-{n}" for n in range(100)]
        answer = firehose.put_record_batch(DeliveryStreamName="clicks", Records=[{"Data": f"{record}\n".encode()} for record in records])
        assert answer["FailedPutCount"] == 0 and len(answer["RequestResponses"]) == 100
        sent += records
        if batch == 10:
            server.kill()
            server.start()
            firehose = server.client("firehose")
    firehose.put_record(DeliveryStreamName="clicks", Record={"Data": b"last\n"})
    s3 = server.client("s3")
    wait_for(lambda: len(lines(s3, "firehose-bucket")) >= 2001, "everything is delivered")
    assert sorted(lines(s3, "firehose-bucket")) == sorted([*sent, "last"])
    assert all(key.startswith("raw/20") and key.endswith(".gz") for key in objects(s3, "firehose-bucket"))


def test_errors(server):
    firehose = make(server, "errors", "firehose-errors")
    cases = [
        (firehose.put_record, "ResourceNotFoundException", {"DeliveryStreamName": "none", "Record": {"Data": b""}}),
        (firehose.put_record_batch, "ValidationException", {"DeliveryStreamName": "errors", "Records": [{"Data": b"x"}] * 501}),
        (firehose.create_delivery_stream, "ResourceInUseException", {"DeliveryStreamName": "errors", "S3DestinationConfiguration": {"BucketARN": "arn:aws:s3:::firehose-errors", "RoleARN": "arn:aws:iam::000000000000:role/r"}}),
    ]
    for call, code, request in cases:
        with pytest.raises(ClientError) as error:
            call(**request)
        assert error.value.response["Error"]["Code"] == code, error.value


def test_the_aws_cli(server):
    make(server, "cli", "firehose-cli")
    server.aws_json("firehose", "put-record", "--delivery-stream-name", "cli", "--record", json.dumps({"Data": "x\n"}))
    s3 = server.client("s3")
    wait_for(lambda: lines(s3, "firehose-cli") == ["x"], "the record is delivered")
    server.aws("firehose", "delete-delivery-stream", "--delivery-stream-name", "cli")


def test_delivery_streams_belong_to_an_account_and_a_region(server):
    make(server, "owned", "owned-by-one")
    callers = [("123456789012", "us-east-1"), ("123456789012", "eu-west-1"), ("test", "eu-west-1")]
    for account, region in callers:
        firehose = server.client("firehose", account, region)
        assert "owned" not in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]
        with pytest.raises(firehose.exceptions.ResourceNotFoundException):
            firehose.put_record(DeliveryStreamName="owned", Record={"Data": b"click"})
        made = firehose.create_delivery_stream(
            DeliveryStreamName="owned",
            S3DestinationConfiguration={
                "BucketARN": "arn:aws:s3:::owned-by-one",
                "RoleARN": "arn:aws:iam::000000000000:role/delivery",
            },
        )
        number = "000000000000" if account == "test" else account
        assert made["DeliveryStreamARN"] == f"arn:aws:firehose:{region}:{number}:deliverystream/owned"
        assert firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"] == ["owned"]
        firehose.delete_delivery_stream(DeliveryStreamName="owned")
    assert "owned" in server.client("firehose").list_delivery_streams(Limit=100)["DeliveryStreamNames"]
