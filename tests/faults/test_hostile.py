"""The hostile-request corpus: each case is answered as it should be, within the memory that it may
cost, and neighbours notice nothing. The cases are in `hostile/`, one entry each."""

import concurrent.futures
import os
import pathlib
import random
import statistics
import threading
import time
import traceback
import urllib.request

import pytest

from anabranch_server import Server
from hostile import CASES
from hostile.neighbour import Neighbour
from hostile.world import Process, World

TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "functions/template.yaml"
# Blocks of quiet and of the corpus, in turn, so that whatever else the machine does falls on both.
BLOCKS = 8
QUIET_BLOCK_S = 1.5
# What neighbours may wait longer than without the corpus.
NEIGHBOUR_FACTOR = 2
# A wait that nobody notices; below it, machines differ from themselves by more than a factor.
NEIGHBOUR_FLOOR_MS = 20
# What the server may take above idle at any time: the costliest case, and what the allocator keeps of those before.
MEMORY_IN_ALL_MIB = 320
MIB = 1 << 20


class Run:
    """What came of sending the corpus once."""

    def __init__(self, server):
        self.server = server
        self.world = World(server)
        self.process = Process(server.process.pid)
        self.highest = (0, "")
        self.problems, self.quiet_ms, self.beside_ms, self.slowest = {}, [], [], []
        self.idle_bytes = self.process.resident_bytes()
        self.neighbour = Neighbour(server.port)
        try:
            # A thread of its own, since its priority is never raised again.
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                pool.submit(self.send_all).result()
        finally:
            self.neighbour.stop()

    def send_all(self):
        # What this client itself takes of the processors is not the server's doing: it comes last.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        cases = CASES.copy()
        random.Random(1).shuffle(cases)
        for block in range(BLOCKS):
            self.neighbour.begin()
            time.sleep(QUIET_BLOCK_S)
            self.quiet_ms.append(p99(self.neighbour.end()))
            self.neighbour.begin()
            for case in cases[block::BLOCKS]:
                self.problems[case.name] = self.send(case)
            self.beside_ms.append(p99(self.neighbour.end()))

    def send(self, case):
        """All that is wrong after one case."""
        began = time.monotonic()
        before_bytes = self.process.resident_bytes()
        self.process.begin_peak()
        try:
            found = case.run(self.world)
        except Exception:
            found = [traceback.format_exc(limit=-2)]
        if self.has_ended():
            found.append(f"the server ended: {self.server.log_text()[-500:]}")
            self.server.start()
            self.process = Process(self.server.process.pid)
        # What an earlier case left behind is that one's doing.
        peak_bytes = self.process.peak_bytes()
        grown = (peak_bytes - max(before_bytes, self.idle_bytes)) // MIB
        if grown > case.memory_mib:
            found.append(f"it took {grown} MiB")
        self.highest = max(self.highest, ((peak_bytes - self.idle_bytes) // MIB, case.name))
        self.slowest.append((time.monotonic() - began, case.name))
        return found


    def has_ended(self):
        """Whether the server is gone; one that aborts dumps core first, and answers nothing meanwhile."""
        try:
            urllib.request.urlopen(f"{self.server.url}/_anabranch/metrics", timeout=20).close()
        except OSError:
            self.server.process.wait(20)
        return self.server.process.poll() is not None


def p99(latencies_ms):
    return sorted(latencies_ms)[int(len(latencies_ms) * 0.99)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"), TEMPLATE).start()
    try:
        yield Run(server)
    finally:
        server.stop()


def test_the_corpus_is_whole():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 300


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_a_case(run, name):
    assert run.problems[name] == []


def test_neighbours_wait_no_longer(run):
    quiet, beside = statistics.median(run.quiet_ms), statistics.median(run.beside_ms)
    assert beside <= max(NEIGHBOUR_FACTOR * quiet, NEIGHBOUR_FLOOR_MS), (
        f"the neighbour's p99 in ms: {quiet:.1f} alone {run.quiet_ms}, {beside:.1f} beside the corpus {run.beside_ms}; "
        f"the slowest cases: {sorted(run.slowest)[-5:]}"
    )


def test_neighbours_are_always_answered(run):
    assert run.neighbour.failures == []


def test_memory_stays_bounded(run):
    above_mib, name = run.highest
    assert above_mib <= MEMORY_IN_ALL_MIB, f"at its highest, in {name}, the server took {above_mib} MiB above idle"


def test_nothing_panicked(run):
    assert "panicked" not in run.server.log_text()


def test_what_was_there_is_still_there(run):
    assert run.server.client("s3").get_object(Bucket="hostile", Key="here")["Body"].read() == b"here"
    assert run.server.client("dynamodb").get_item(TableName="hostile", Key={"id": {"S": "here"}})["Item"]["v"] == {"S": "text"}
    assert "hostile" in run.server.client("kinesis").list_streams()["StreamNames"]
