#!/usr/bin/env python3
"""Measures Anabranch beside kinesalite and kinesis-local, in one run, in turn.

    tests/load/peers.py [--rounds 3] [--seconds 4]

Needs node with npm; builds in release; installs the peers under the target directory. Prints
medians and each peer's ratio. Anabranch flushes every acknowledged record to the disk; the peers
keep theirs in memory.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PEERS = TARGET / "peers"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_listening(port, process):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not listen")


def servers(data):
    """Name, and for a port the command, environment and working directory, of each server."""
    node = PEERS / "node_modules"
    return {
        "anabranch": lambda port: (
            [TARGET / "release/anabranch", "serve", "--limits", "off", "--listen", f"127.0.0.1:{port}", "--data", data / f"anabranch-{port}"],
            {},
            None,
        ),
        "kinesalite": lambda port: (
            ["node", node / "kinesalite/cli.js", "--port", str(port), "--shardLimit", "100", "--createStreamMs", "10"],
            {},
            None,
        ),
        "kinesis-local": lambda port: (
            ["node", node / "kinesis-local/main.js"],
            {"KINESIS_MOCK_PLAIN_PORT": str(port), "KINESIS_MOCK_TLS_PORT": str(free_port()), "LOG_LEVEL": "ERROR", "CREATE_STREAM_DURATION": "10ms", "SHARD_LIMIT": "100"},
            # It looks for its certificate in the working directory.
            node / "kinesis-local",
        ),
    }


def measure(make, arguments):
    port = free_port()
    command, environment, directory = make(port)
    process = subprocess.Popen(command, env=os.environ | environment, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(port, process)
        done = subprocess.run(
            [TARGET / "release/anabranch-load", "--endpoint", f"127.0.0.1:{port}", *arguments],
            capture_output=True, text=True, timeout=300,
        )
        return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip()[:200]}
    finally:
        process.kill()
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "anabranch", "-p", "anabranch-load"], cwd=ROOT, check=True)
    PEERS.mkdir(parents=True, exist_ok=True)
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(ROOT / "tests/load" / name, PEERS / name)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=PEERS, check=True)
    works = {
        "PutRecords 100 x 512 B, 8 connections": ["--connections", "8", "--batch", "100"],
        "PutRecord 512 B, 8 connections": ["--connections", "8", "--batch", "1"],
    }
    with tempfile.TemporaryDirectory(dir=TARGET) as data:
        for work, arguments in works.items():
            arguments = [*arguments, "--seconds", str(options.seconds)]
            results = {name: [] for name in servers(pathlib.Path(data))}
            for _ in range(options.rounds):
                for name, make in servers(pathlib.Path(data)).items():
                    results[name].append(measure(make, arguments))
            report(work, results)


def report(work, results):
    def median(name, key):
        values = [result[key] for result in results[name] if key in result]
        return statistics.median(values) if values else float("nan")

    print(f"\n{work}\n{'':16}{'records/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'failed':>9}{'ours / it':>11}")
    ours = median("anabranch", "records_per_second")
    for name, rounds in results.items():
        rate = median(name, "records_per_second")
        failed = sum(result.get("failed_records", 0) for result in rounds)
        print(f"{name:16}{rate:12,.0f}{median(name, 'p50_ms'):9.2f}{median(name, 'p99_ms'):9.2f}{failed:9}{ours / rate:11.1f}")
        for error in {result["error"] for result in rounds if "error" in result}:
            print(f"    {error}")


if __name__ == "__main__":
    main()
