"""A client that behaves: small puts and gets at a steady rate, and how long each took, a process of its own.

Reads lines from stdin: `begin`, and `end`, which answers with the latencies in milliseconds.
"""

import http.client
import json
import os
import select
import subprocess
import sys
import time

from .case import call_head, signed
from .world import BUCKET, STREAM, TABLE

# Calls a second: far below what any machine does, so that a call waits only if it is made to.
RATE = 100


class Neighbour:
    """The process, seen by who measures with it."""

    def __init__(self, port):
        command = [sys.executable, "-m", "hostile.neighbour", str(port)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.failures = []
        assert self.process.stdout.readline() == "ready\n"

    def begin(self):
        print("begin", file=self.process.stdin, flush=True)

    def end(self):
        print("end", file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        self.failures += answer["failures"]
        return answer["latencies_ms"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


def calls(connection):
    """The calls, in turn; each fails unless it is answered as it should be."""

    def post(target, body):
        headers = dict(line.split(": ", 1) for line in call_head(target))
        return lambda: perform("POST", "/", headers, json.dumps(body).encode())

    def perform(method, path, headers, body=b""):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    at = {"StreamName": STREAM, "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}
    iterator = json.loads(post("Kinesis_20131202.GetShardIterator", at)())["ShardIterator"]
    s3 = dict([signed("s3").split(": ", 1)])
    return [
        post("Kinesis_20131202.PutRecord", {"StreamName": STREAM, "PartitionKey": "neighbour", "Data": "YQ=="}),
        post("Kinesis_20131202.GetRecords", {"ShardIterator": iterator, "Limit": 10}),
        lambda: perform("GET", f"/{BUCKET}/here", s3),
        post("DynamoDB_20120810.GetItem", {"TableName": TABLE, "Key": {"id": {"S": "here"}}}),
    ]


def main(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for call in calls(connection) * 25:
        call()
    print("ready", flush=True)
    while sys.stdin.readline() == "begin\n":
        turns = calls(connection)
        latencies_ms, failures = [], []
        while not select.select([sys.stdin], [], [], 0)[0]:
            sent = time.monotonic()
            try:
                turns[len(latencies_ms) % len(turns)]()
            except Exception as error:
                failures.append(repr(error))
                connection.close()
            latencies_ms.append((time.monotonic() - sent) * 1000)
            time.sleep(max(sent + 1 / RATE - time.monotonic(), 0))
        sys.stdin.readline()
        print(json.dumps({"latencies_ms": latencies_ms, "failures": failures[:5]}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
