"""The clickstream pipeline, and an independent count of what came out of it."""

import collections
import gzip
import json
import pathlib
import subprocess

from anabranch_server import BINARIES, ROOT

SAMPLE_LOG = ROOT / "samplecode/clickstream/sample_access.log"


class Pipeline:
    def __init__(self, server):
        self.server = server
        self.report_file = server.directory / "report.json"

    def driver(self, command, *arguments):
        return subprocess.Popen(
            [BINARIES / "clickstream", command, "--ready-file", self.server.ready_file, "--json", self.report_file, *arguments],
            stdout=open(self.server.directory / "driver.log", "wb"),
            stderr=subprocess.STDOUT,
        )

    def run(self, command, *arguments, timeout=300):
        driver = self.driver(command, *arguments)
        code = driver.wait(timeout)
        assert code == 0, (self.server.directory / "driver.log").read_text()[-4000:]
        return json.loads(self.report_file.read_text())

    def bodies(self, bucket, prefix=""):
        s3 = self.server.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"], s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()

    def raw_lines(self):
        bucket = self.server.outputs()["RawBucket"]
        return [line for _, body in self.bodies(bucket) for line in gzip.decompress(body).splitlines()]

    def curated(self):
        bucket = self.server.outputs()["CuratedBucket"]
        return [json.loads(line) for _, body in self.bodies(bucket, "curated/") for line in body.splitlines()]

    def unreadable(self):
        bucket = self.server.outputs()["CuratedBucket"]
        return [json.loads(line) for _, body in self.bodies(bucket, "errors/") for line in body.splitlines()]

    def table(self, output):
        dynamodb = self.server.client("dynamodb")
        pages = dynamodb.get_paginator("scan").paginate(TableName=self.server.outputs()[output])
        return [item for page in pages for item in page["Items"]]

    def page_views(self):
        return {item["page"]["S"]: int(item["views"]["N"]) for item in self.table("PagesTable")}

    def failures(self):
        """What is in the failure area, with the failed batch as a value."""
        for _, body in self.bodies(self.server.outputs()["FailuresBucket"]):
            failure = json.loads(body)
            if isinstance(failure["payload"], str):
                failure["payload"] = json.loads(failure["payload"])
            yield failure

    def invocations(self, function):
        """How often the server says that it invoked the function."""
        return (self.server.directory / f"data/lambda/{function}.log").read_text().count("REPORT ")


def pages_of(log):
    """What `awk '{print $7}' | sort | uniq -c` counts."""
    return collections.Counter(line.split()[6] for line in pathlib.Path(log).read_text(errors="replace").splitlines())
