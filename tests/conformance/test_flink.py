"""Apache Flink's source and sink for Kinesis Data Streams."""

import pathlib
import subprocess
from collections import Counter

import pytest

from anabranch_server import TARGET, wait_for

HERE = pathlib.Path(__file__).parent / "flink"
BATCH = 500
DEADLINE = 120


@pytest.fixture(scope="module")
def java():
    """Compiles the job; gives the command that runs it."""
    build = TARGET / "flink"
    build.mkdir(parents=True, exist_ok=True)
    classpath = build / "classpath"
    maven = ["mvn", "-q", "-B", "-ntp", "-Dmaven.wagon.http.retryHandler.count=5", "-f", HERE / "pom.xml", f"-DbuildDirectory={build}"]
    subprocess.run([*maven, "compile", "dependency:build-classpath", f"-Dmdep.outputFile={classpath}"], check=True)
    options = ["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    return ["java", *options, "-cp", f"{build}/classes:{classpath.read_text().strip()}", "anabranch.Job"]


class Job:
    """The job, in a process of its own."""

    def __init__(self, java, server, source, sink, mode, directory):
        self.out = directory / "job.out"
        self.errors = directory / "job.err"
        with self.out.open("wb") as out, self.errors.open("wb") as errors:
            self.process = subprocess.Popen([*java, server.url, source, sink, mode], stdout=out, stderr=errors)

    def lines(self):
        assert self.process.poll() is None, self.errors.read_text()[-3000:]
        return self.out.read_text().split("\n")[:-1]

    def checkpoints(self):
        return [int(line.split()[1]) for line in self.lines() if line.startswith("checkpoint")]

    def kill(self):
        self.process.kill()
        self.process.wait()


class Drained:
    """What a stream has had in it, up to the latest reading."""

    def __init__(self, kinesis, stream):
        self.kinesis = kinesis
        self.found = Counter()
        shards = kinesis.list_shards(StreamName=stream)["Shards"]
        self.iterators = [
            kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            for shard in shards
        ]

    def read(self):
        for place, iterator in enumerate(self.iterators):
            while True:
                answer = self.kinesis.get_records(ShardIterator=iterator)
                iterator = self.iterators[place] = answer["NextShardIterator"]
                self.found.update(record["Data"].decode() for record in answer["Records"])
                if not answer["Records"]:
                    break
        return self.found


def make_stream(kinesis, name, shards):
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]


@pytest.mark.parametrize("mode", ["run", "fail"])
def test_a_job_maps_every_record_of_a_stream_that_is_split(java, server, tmp_path, counted_as, mode):
    counted_as("Flink", server)
    kinesis = server.client("kinesis")
    source, sink = make_stream(kinesis, f"source-{mode}", 3), make_stream(kinesis, f"sink-{mode}", 2)
    sent = 0

    def put():
        nonlocal sent
        records = [{"Data": str(number).encode(), "PartitionKey": str(number)} for number in range(sent, sent + BATCH)]
        assert kinesis.put_records(StreamARN=source, Records=records)["FailedRecordCount"] == 0
        sent += BATCH

    put()
    drained = Drained(kinesis, f"sink-{mode}")
    job = Job(java, server, source, sink, mode, tmp_path)

    def are_mapped():
        job.lines()
        return set(drained.read()) >= {f"mapped {number}" for number in range(sent)}

    def checkpoint():
        """Waits for one that began after now: it holds all that came before."""
        latest = max(job.checkpoints(), default=0)
        wait_for(lambda: max(job.checkpoints(), default=0) > latest + 1, "a checkpoint is complete", DEADLINE)

    try:
        wait_for(are_mapped, "what was there before the job is mapped", DEADLINE)
        checkpoint()
        kinesis.split_shard(StreamARN=source, ShardToSplit="shardId-000000000001", NewStartingHashKey=str(1 << 127))
        kinesis.get_waiter("stream_exists").wait(StreamName=f"source-{mode}", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
        put()
        children = {"shardId-000000000003", "shardId-000000000004"}
        into = kinesis.put_records(StreamARN=source, Records=[{"Data": b"%d" % sent, "PartitionKey": "any", "ExplicitHashKey": str(1 << 127)}])
        sent += 1
        assert into["Records"][0]["ShardId"] in children
        wait_for(are_mapped, "what came into the shards of the split is mapped too", DEADLINE)
        checkpoint()
        found = drained.read()
        assert set(found) == {f"mapped {number}" for number in range(sent)}
        if mode == "fail":
            assert "failed" in job.lines()
            # The sink promises each at least once; what a checkpoint held does not come again.
            assert all(found[f"mapped {number}"] == 1 for number in range(BATCH))
        else:
            assert set(found.values()) == {1}
    finally:
        job.kill()
