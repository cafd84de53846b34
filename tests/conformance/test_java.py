"""The AWS SDK for Java, the Kinesis Client Library and the Kinesis Producer Library."""

import json
import pathlib
import subprocess
import threading
from collections import defaultdict

import pytest

import anabranch_server
from anabranch_server import TARGET

HERE = pathlib.Path(__file__).parent / "java"
# Workers take their time to find their leases, and more of it on a busy machine.
DEADLINE = 300


def wait_for(condition, what):
    return anabranch_server.wait_for(condition, what, DEADLINE)


@pytest.fixture(scope="module")
def java():
    """Compiles the programs; gives the command that runs one of them."""
    build = TARGET / "java"
    build.mkdir(parents=True, exist_ok=True)
    classpath = build / "classpath"
    maven = ["mvn", "-q", "-B", "-ntp", "-Dmaven.wagon.http.retryHandler.count=5", "-f", HERE / "pom.xml", f"-DbuildDirectory={build}"]
    subprocess.run([*maven, "compile", "dependency:build-classpath", f"-Dmdep.outputFile={classpath}"], check=True)
    options = ["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    command = ["java", *options, "-cp", f"{build}/classes:{classpath.read_text().strip()}"]
    return lambda program, *arguments: [*command, f"anabranch.{program}", *map(str, arguments)]


@pytest.mark.parametrize("client", ["sync", "http1", "http2"])
def test_every_operation(java, server, client, counted):
    done = subprocess.run(java("Operations", server.url, client), capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout)
    expected = 38 if client == "sync" else 39
    assert len(counts) == expected, "SubscribeToShard needs an asynchronous client"
    kind = {"sync": "sync", "http1": "async, HTTP/1.1", "http2": "async, HTTP/2"}[client]
    counted(f"Java 2.x, {kind}, CBOR", counts)


class Worker:
    """A worker of the Kinesis Client Library, in a process of its own."""

    def __init__(self, java, server, stream, name, retrieval, directory):
        self.out = directory / f"{name}.out"
        self.errors = directory / f"{name}.err"
        command = java("Worker", server.url, stream, f"{stream}-application", name, retrieval)
        with self.out.open("wb") as out, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stdout=out, stderr=errors)

    def lines(self):
        assert self.process.returncode is not None or self.process.poll() is None, self.errors.read_text()[-3000:]
        # The last line may be half written.
        return [line.split() for line in self.out.read_text().split("\n")[:-1]]

    def records(self):
        """Moment, key and number of each, in the order of processing."""
        return [(int(line[1]), line[3], int(line[4])) for line in self.lines() if line[0] == "record"]

    def shards(self, event):
        return {line[2] for line in self.lines() if line[0] == event}

    def kill(self):
        self.process.kill()
        self.process.wait()


class Load:
    """Puts records with ten keys, numbered by key, until it is stopped."""

    def __init__(self, kinesis, stream):
        self.sent = defaultdict(int)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(kinesis, stream))
        self.thread.start()

    def run(self, kinesis, stream):
        while not self.stopping.wait(0.02):
            for key in map(str, range(10)):
                data = str(self.sent[key]).encode()
                kinesis.put_record(StreamName=stream, Data=data, PartitionKey=key)
                self.sent[key] += 1

    def total(self):
        return sum(self.sent.values())

    def stop(self):
        self.stopping.set()
        self.thread.join()


def first_seen(records):
    """The moment in which each number of each key first came: after a crash some come again."""
    seen = defaultdict(dict)
    for moment, key, number in records:
        seen[key][number] = min(moment, seen[key].get(number, moment))
    return seen


def assert_in_order(records):
    for key, moments in first_seen(records).items():
        by_number = [moments[number] for number in sorted(moments)]
        assert by_number == sorted(by_number), f"order of key {key}"


def leases(server, application):
    items = server.client("dynamodb").scan(TableName=application)["Items"]
    return {item["leaseKey"]["S"]: item for item in items if item["leaseKey"]["S"].startswith("shardId")}


@pytest.mark.parametrize("retrieval", ["polling", "fanout"])
def test_workers_share_a_stream_that_is_resharded_and_survive_a_kill(java, servers, tmp_path, counted_as, retrieval):
    server = servers().start()
    counted_as(f"KCL, {retrieval}", server)
    kinesis = server.client("kinesis")
    stream = f"shared-{retrieval}"
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    load = Load(kinesis, stream)
    workers = []

    def start(name):
        workers.append(Worker(java, server, stream, name, retrieval, tmp_path))

    def processed():
        return [record for worker in workers for record in worker.records()]

    def shards(event):
        return set().union(*(worker.shards(event) for worker in workers))

    def active():
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        return summary["StreamStatus"] == "ACTIVE"

    try:
        # Of two that begin an application in the same moment, one may give up: each wants to be
        # the one that makes its coordinator state.
        start("one")
        wait_for(lambda: workers[0].shards("began"), "the first worker begins")
        start("two")
        wait_for(lambda: workers[1].records(), "the second worker takes a share")
        kinesis.split_shard(
            StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 126)
        )
        wait_for(active, "the split is done")
        wait_for(lambda: "shardId-000000000000" in shards("ended"), "the split shard is processed to its end")
        kinesis.merge_shards(
            StreamName=stream, ShardToMerge="shardId-000000000003", AdjacentShardToMerge="shardId-000000000001"
        )
        wait_for(active, "the merge is done")
        wait_for(lambda: "shardId-000000000004" in shards("began"), "the merged shard begins")
        # The one that holds the merged shard dies: its leases must go to the other.
        merged = lambda: leases(server, f"{stream}-application")["shardId-000000000004"]
        holder = wait_for(lambda: merged().get("leaseOwner"), "the merged shard has an owner")
        victim, survivor = workers if holder["S"] == "one" else workers[::-1]
        victim.kill()
        at_kill = load.total()
        wait_for(lambda: load.total() > at_kill + 200, "records come after the kill")
        load.stop()
        complete = lambda: {key: set(moments) for key, moments in first_seen(processed()).items()} == {
            key: set(range(count)) for key, count in load.sent.items()
        }
        wait_for(complete, "every record is processed")
        # By each worker, and by both: a shard's records come after those of its parents, whoever had them.
        for records in (workers[0].records(), workers[1].records(), processed()):
            assert_in_order(records)
        owned = lambda: {
            shard: lease["leaseOwner"]["S"] for shard, lease in leases(server, f"{stream}-application").items() if "leaseOwner" in lease
        }
        name = {workers[0]: "one", workers[1]: "two"}[survivor]
        open_shards = {"shardId-000000000002", "shardId-000000000004"}
        wait_for(lambda: all(owned().get(shard) == name for shard in open_shards), "the survivor has all leases")
        for shard, lease in leases(server, f"{stream}-application").items():
            checkpoint = lease["checkpoint"]["S"]
            assert (checkpoint == "SHARD_END") == (shard not in open_shards), (shard, checkpoint)
    finally:
        load.stop()
        for worker in workers:
            worker.kill()


def test_what_the_producer_library_packs_the_client_library_unpacks(java, server, tmp_path, counted_as):
    counted_as("KPL and KCL", server)
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="packed", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="packed", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    producer = java("Producer", "127.0.0.1", server.port, "packed", 1000)
    done = subprocess.run(producer, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr[-3000:]
    _, put, _, into = done.stdout.split()
    assert int(put) == 1000 and int(into) < 500, "they are packed"
    worker = Worker(java, server, "packed", "one", "polling", tmp_path)
    try:
        unpacked = lambda: [line for line in worker.lines() if line[0] == "record"]
        wait_for(lambda: len(unpacked()) >= 1000, "every record is unpacked")
        found = sorted((line[3], int(line[5])) for line in unpacked())
        assert found == sorted((f"user-{number % 10}", number) for number in range(1000))
    finally:
        worker.kill()
