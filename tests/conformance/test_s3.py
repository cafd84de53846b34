"""S3 through boto3 and the AWS CLI."""

import hashlib
import os
import re
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError


def code_of(call, **request):
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"]


def test_objects_with_their_headers(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="objects-bucket")
    body = b"click\n" * 10_000
    key = "year=2026/a b/ü+%.txt"
    put = s3.put_object(Bucket="objects-bucket", Key=key, Body=body, ContentType="text/plain", ContentEncoding="identity", Metadata={"origin": "test"})
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket="objects-bucket", Key=key)
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"origin": "test"})
    assert s3.head_object(Bucket="objects-bucket", Key=key)["ContentLength"] == len(body)
    assert s3.get_object(Bucket="objects-bucket", Key=key, Range="bytes=6-10")["Body"].read() == b"click"
    assert s3.get_object(Bucket="objects-bucket", Key=key, Range="bytes=-6")["Body"].read() == b"click\n"
    s3.copy_object(Bucket="objects-bucket", Key="copy", CopySource={"Bucket": "objects-bucket", "Key": key})
    assert s3.get_object(Bucket="objects-bucket", Key="copy")["Body"].read() == body
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "objects-bucket", "Key": key})
    assert urllib.request.urlopen(url).read() == body
    s3.delete_object(Bucket="objects-bucket", Key="copy")
    assert code_of(s3.get_object, Bucket="objects-bucket", Key="copy") == "NoSuchKey"
    assert code_of(s3.delete_bucket, Bucket="objects-bucket") == "BucketNotEmpty"
    assert code_of(s3.get_object, Bucket="no-such-bucket", Key="x") == "NoSuchBucket"
    assert code_of(s3.put_object, Bucket="objects-bucket", Key=key, Body=b"", IfNoneMatch="*") == "PreconditionFailed"
    assert code_of(s3.put_object, Bucket="objects-bucket", Key="x", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==") == "BadDigest"
    assert code_of(s3.put_object, Bucket="objects-bucket", Key="x", Body=b"x", ChecksumCRC32="AAAAAA==") == "BadDigest"
    assert "objects-bucket" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_listing_in_pages(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="listing-bucket")
    keys = [f"hour={n % 4:02}/part-{n:04}" for n in range(60)]
    for key in keys:
        s3.put_object(Bucket="listing-bucket", Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="listing-bucket", PaginationConfig={"PageSize": 7})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == sorted(keys)
    grouped = s3.get_paginator("list_objects_v2").paginate(Bucket="listing-bucket", Delimiter="/", PaginationConfig={"PageSize": 3})
    assert [prefix["Prefix"] for page in grouped for prefix in page["CommonPrefixes"]] == [f"hour={n:02}/" for n in range(4)]
    after = s3.list_objects_v2(Bucket="listing-bucket", Prefix="hour=03/", StartAfter="hour=03/part-0051")["Contents"]
    assert [entry["Key"] for entry in after] == ["hour=03/part-0055", "hour=03/part-0059"]
    answer = s3.delete_objects(Bucket="listing-bucket", Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(answer["Deleted"]) == 60
    s3.delete_bucket(Bucket="listing-bucket")


def test_multipart_uploads(server, tmp_path):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="multipart-bucket")
    body = os.urandom(17 << 20)
    (tmp_path / "big").write_bytes(body)
    s3.upload_file(str(tmp_path / "big"), "multipart-bucket", "big")
    assert s3.head_object(Bucket="multipart-bucket", Key="big")["ETag"].endswith('-3"')
    s3.download_file("multipart-bucket", "big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == body
    upload = s3.create_multipart_upload(Bucket="multipart-bucket", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="multipart-bucket", Key="parts", UploadId=upload, PartNumber=1, Body=b"small")
    assert [entry["PartNumber"] for entry in s3.list_parts(Bucket="multipart-bucket", Key="parts", UploadId=upload)["Parts"]] == [1]
    assert [entry["Key"] for entry in s3.list_multipart_uploads(Bucket="multipart-bucket")["Uploads"]] == ["parts"]
    wrong = {"Parts": [{"PartNumber": 1, "ETag": '"00"'}]}
    assert code_of(s3.complete_multipart_upload, Bucket="multipart-bucket", Key="parts", UploadId=upload, MultipartUpload=wrong) == "InvalidPart"
    right = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="multipart-bucket", Key="parts", UploadId=upload, MultipartUpload=right)
    assert s3.get_object(Bucket="multipart-bucket", Key="parts")["Body"].read() == b"small"
    aborted = s3.create_multipart_upload(Bucket="multipart-bucket", Key="gone")["UploadId"]
    s3.abort_multipart_upload(Bucket="multipart-bucket", Key="gone", UploadId=aborted)
    assert code_of(s3.upload_part, Bucket="multipart-bucket", Key="gone", UploadId=aborted, PartNumber=1, Body=b"") == "NoSuchUpload"


def test_what_is_put_survives_a_kill(servers):
    server = servers().start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="durable-bucket")
    for n in range(20):
        s3.put_object(Bucket="durable-bucket", Key=f"k{n}", Body=str(n).encode())
    server.kill()
    server.start()
    s3 = server.client("s3")
    assert {n: s3.get_object(Bucket="durable-bucket", Key=f"k{n}")["Body"].read() for n in range(20)} == {
        n: str(n).encode() for n in range(20)
    }


def test_the_aws_cli(server, tmp_path):
    (tmp_path / "one.txt").write_text("one")
    server.aws("s3", "mb", "s3://cli-bucket")
    server.aws("s3", "cp", str(tmp_path / "one.txt"), "s3://cli-bucket/a/one.txt")
    assert "one.txt" in server.aws("s3", "ls", "s3://cli-bucket/a/").stdout
    server.aws("s3", "sync", "s3://cli-bucket", str(tmp_path / "back"))
    assert (tmp_path / "back/a/one.txt").read_text() == "one"
    assert server.aws_json("s3api", "head-object", "--bucket", "cli-bucket", "--key", "a/one.txt")["ContentLength"] == 3
    assert server.aws_json("s3api", "list-objects-v2", "--bucket", "cli-bucket")["Contents"][0]["Key"] == "a/one.txt"
    server.aws("s3", "rb", "--force", "s3://cli-bucket")


@pytest.mark.parametrize(("version", "date"), [("s3v4", r"X-Amz-Date=\d{4}"), ("s3", r"Expires=\d+")])
def test_presigned_urls_end(server, version, date):
    s3 = server.client("s3", signature_version=version)
    s3.create_bucket(Bucket=f"presigned-{version}")
    s3.put_object(Bucket=f"presigned-{version}", Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": f"presigned-{version}", "Key": "k"}, ExpiresIn=60)
    assert urllib.request.urlopen(url).read() == b"x"
    old = re.sub(date, lambda found: found.group().split("=")[0] + "=1999", url)
    assert old != url
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(old)
    assert error.value.code == 403


def test_uploads_and_parts_in_pages(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="uploads-bucket")
    keys = ["a", "a!", "a/1", "a/2", "b"]
    made = [(key, s3.create_multipart_upload(Bucket="uploads-bucket", Key=key)["UploadId"]) for key in keys for _ in range(3)]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket="uploads-bucket", PaginationConfig={"PageSize": 2})
    listed = [(upload["Key"], upload["UploadId"]) for page in pages for upload in page["Uploads"]]
    assert listed == sorted(made)
    grouped = s3.list_multipart_uploads(Bucket="uploads-bucket", Delimiter="/")
    assert [prefix["Prefix"] for prefix in grouped["CommonPrefixes"]] == ["a/"]
    assert len(grouped["Uploads"]) == 9 and not grouped["IsTruncated"]
    key, upload = made[0]
    for number in range(1, 8):
        s3.upload_part(Bucket="uploads-bucket", Key=key, UploadId=upload, PartNumber=number, Body=b"x")
    pages = s3.get_paginator("list_parts").paginate(Bucket="uploads-bucket", Key=key, UploadId=upload, PaginationConfig={"PageSize": 3})
    assert [part["PartNumber"] for page in pages for part in page["Parts"]] == list(range(1, 8))
    s3.delete_bucket(Bucket="uploads-bucket")
    assert code_of(s3.list_parts, Bucket="uploads-bucket", Key=key, UploadId=upload) == "NoSuchBucket"


def test_buckets_in_pages(server):
    s3 = server.client("s3")
    names = [f"page-bucket-{n}" for n in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(Prefix="page-bucket-", PaginationConfig={"PageSize": 2})
    assert [bucket["Name"] for page in pages for bucket in page["Buckets"]] == names


def test_cors_rules(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="cors-bucket")
    s3.put_object(Bucket="cors-bucket", Key="page.html", Body=b"<script>", ContentType="text/html")
    assert code_of(s3.get_bucket_cors, Bucket="cors-bucket") == "NoSuchCORSConfiguration"
    rules = [
        {"AllowedOrigins": ["https://*.example"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60},
        {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
    ]  # fmt: skip
    s3.put_bucket_cors(Bucket="cors-bucket", CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket="cors-bucket")["CORSRules"] == rules
    wrong = {"CORSRules": [{"AllowedOrigins": ["http://*.*"], "AllowedMethods": ["GET"]}]}
    with pytest.raises(ClientError, match='AllowedOrigin "http://\\*.\\*" can not have more than one wildcard.'):
        s3.put_bucket_cors(Bucket="cors-bucket", CORSConfiguration=wrong)
    url = f"{server.url}/cors-bucket/page.html"

    def ask(method, **headers):
        request = urllib.request.Request(url, method=method, headers={name.replace("_", "-"): text for name, text in headers.items()})
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            return error

    asked = {"Origin": "https://a.example", "Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "X-Amz-Date"}
    preflight = ask("OPTIONS", **asked)
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (200, "https://a.example")
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-amz-date"
    assert preflight.headers["Access-Control-Max-Age"] == "60"
    assert preflight.headers["Vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    read = ask("GET", Origin="https://a.example")
    assert (read.status, read.headers["Access-Control-Expose-Headers"]) == (200, "ETag")
    assert read.headers["Content-Security-Policy"] == "sandbox" and read.headers["X-Content-Type-Options"] == "nosniff"
    assert ask("HEAD", Origin="https://b.example").headers["Access-Control-Allow-Origin"] == "*"
    refused = ask("OPTIONS", Origin="https://b.other", Access_Control_Request_Method="PUT")
    assert refused.status == 403 and b"This CORS request is not allowed" in refused.read()
    s3.delete_bucket_cors(Bucket="cors-bucket")
    refused = ask("OPTIONS", **asked)
    assert refused.status == 403
