"""No descriptor left: a request says so, and nothing is worse for it once there are some again."""

import os
import resource

import pytest
from botocore.exceptions import ClientError


def test_a_put_without_a_descriptor_fails_and_passes(servers):
    server = servers().start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="before", Body=b"kept")
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    # The connection is there already; files have to be opened.
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used, before[1]))
    for call in [
        lambda: s3.put_object(Bucket="bucket", Key="refused", Body=b"x"),
        lambda: s3.get_object(Bucket="bucket", Key="before"),
    ]:
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == "InternalError", error.value
        assert "Too many open files" in error.value.response["Error"]["Message"], error.value
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
    s3.put_object(Bucket="bucket", Key="after", Body=b"new")
    assert s3.get_object(Bucket="bucket", Key="before")["Body"].read() == b"kept"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["after", "before"]
    server.stop()
    server.start()
    assert server.client("s3").get_object(Bucket="bucket", Key="after")["Body"].read() == b"new"
