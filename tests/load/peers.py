#!/usr/bin/env python3
"""Measures Anabranch beside other emulators of Kinesis, and of DynamoDB, in one run, in turn.

    tests/load/peers.py [--rounds 3] [--seconds 4] [--peers kinesalite,moto]

Needs node with npm, Python's venv and cargo; installs the peers under the target directory, builds
in release. Prints medians, and how many times as fast as each other server Anabranch is. Anabranch
flushes every acknowledged record to the disk; the others keep theirs in memory. Beside them: `unsynced`,
Anabranch without flushing, and `bare`, a server that parses the same bodies and keeps nothing.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PEERS = TARGET / "peers"
FERROKINESIS = "0.7.0"

PUTS = {
    "PutRecords 100 x 512 B, 8 connections": ["--connections", "8", "--batch", "100"],
    "PutRecord 512 B, 8 connections": ["--connections", "8", "--batch", "1"],
    "PutRecord 512 B, 64 connections": ["--connections", "64", "--batch", "1"],
}
UPDATES = {
    "UpdateItem, 64 connections": ["--work", "update", "--connections", "64"],
    "UpdateItem, 1 connection": ["--work", "update", "--connections", "1"],
}
# Servers of tables, which the others don't have.
TABLES = ("anabranch", "dynalite")
GETS = {
    "GetRecords, 512 B records, 4 connections": ["--bytes", "512"],
    "GetRecords, 64 KiB records, 4 connections": ["--bytes", "65536"],
}


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
    python = PEERS / "venv/bin"

    def anabranch(port, *more):
        directory = data / f"anabranch-{port}"
        return [TARGET / "release/anabranch", "serve", "--limits", "off", "--listen", f"127.0.0.1:{port}", "--data", directory, *more]

    return {
        "anabranch": lambda port: (anabranch(port), {}, None),
        "unsynced": lambda port: (anabranch(port, "--flush", "os"), {}, None),
        "bare": lambda port: ([TARGET / "release/anabranch-load-bare", str(port)], {}, None),
        "ferrokinesis": lambda port: (
            [PEERS / "bin/ferrokinesis", "--port", str(port), "--shard-limit", "100", "--create-stream-ms", "10", "--account-id", "000000000000"],
            {"RUST_LOG": "error"},
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
        # Keeps its tables in memory, too.
        "dynalite": lambda port: (["node", node / "dynalite/cli.js", "--port", str(port), "--createTableMs", "10"], {}, None),
        "moto": lambda port: ([python / "moto_server", "-H", "127.0.0.1", "-p", str(port)], {}, None),
        "MiniStack": lambda port: ([python / "ministack"], {"GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR"}, data),
    }


def load(port, *arguments, program=TARGET / "release/anabranch-load"):
    command = [program, "--endpoint", f"127.0.0.1:{port}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip()[:200]}


def with_server(make, work):
    port = free_port()
    command, environment, directory = make(port)
    process = subprocess.Popen(command, env=os.environ | environment, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(port, process)
        return work(port)
    finally:
        process.kill()
        process.wait()


def measure_get(port, bytes_, seconds):
    # What fits the memory of them all, and is drained again and again.
    size = int(bytes_[1])
    records = 200_000 if size <= 1024 else 4_000
    batch = "100" if size <= 1024 else "40"
    filled = load(port, "--connections", "4", "--batch", batch, "--records", str(records), *bytes_)
    if "error" in filled:
        return filled
    return load(port, "--work", "get", "--connections", "4", "--seconds", seconds, *bytes_)


def install():
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "anabranch", "-p", "anabranch-load"], cwd=ROOT, check=True)
    PEERS.mkdir(parents=True, exist_ok=True)
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(ROOT / "tests/load" / name, PEERS / name)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=PEERS, check=True)
    if not (PEERS / "venv/bin/moto_server").exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS / "venv"], check=True)
        requirements = ROOT / "tests/load/requirements.txt"
        subprocess.run([PEERS / "venv/bin/pip", "install", "--quiet", "-r", requirements], check=True)
    if not (PEERS / "bin/ferrokinesis").exists():
        crate = ["--version", FERROKINESIS, "--locked", "--root", PEERS, "ferrokinesis"]
        subprocess.run(["cargo", "install", *crate], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", default="4")
    parser.add_argument("--peers", help="only these, by comma")
    options = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory(dir=TARGET) as data:
        all_ = servers(pathlib.Path(data))
        chosen = {name: make for name, make in all_.items() if not options.peers or name in ("anabranch", *options.peers.split(","))}
        put = lambda arguments: lambda port: load(port, *arguments, "--seconds", options.seconds)
        get = lambda arguments: lambda port: measure_get(port, arguments, options.seconds)
        works = {name: put(arguments) for name, arguments in (PUTS | UPDATES).items()}
        works |= {name: get(arguments) for name, arguments in GETS.items()}
        for work, measure in works.items():
            results = {name: [] for name in chosen}
            for _ in range(options.rounds):
                for name, make in chosen.items():
                    if name == "bare" and not work.startswith("PutRecords"):
                        continue
                    if name not in TABLES if work in UPDATES else name == "dynalite":
                        continue
                    # The others take too long to be filled.
                    if work in GETS and name not in ("anabranch", "ferrokinesis", "kinesalite"):
                        continue
                    results[name].append(with_server(make, measure))
            report(work, results)
        # No other one has it.
        ours = all_["anabranch"]
        print("\nEnhanced fan-out, put to delivery:", with_server(ours, lambda port: load(port, "--work", "delivery", "--seconds", options.seconds)))
        many = ["--work", "subscribers", "--streams", "50", "--consumers", "20", "--records", "1000"]
        print("1,000 subscribers, 1,000 records each:", with_server(ours, lambda port: load(port, *many)))


def report(work, results):
    def median(name, key):
        values = [result[key] for result in results[name] if key in result]
        return statistics.median(values) if values else float("nan")

    print(f"\n{work}\n\n| | records/s | MB/s | p50 ms | p99 ms | failed | ours / it |\n| --- | --: | --: | --: | --: | --: | --: |")
    ours = median("anabranch", "records_per_second")
    for name, rounds in results.items():
        if not rounds:
            continue
        rate = median(name, "records_per_second")
        times = f"{ours / rate:.2f}" if rate else "it gave none"
        failed = sum(result.get("failed_records", 0) for result in rounds)
        print(f"| {name} | {rate:,.0f} | {median(name, 'mb_per_second'):,.0f} | {median(name, 'p50_ms'):.2f} | {median(name, 'p99_ms'):.2f} | {failed} | {times} |", flush=True)
        for error in {result["error"] for result in rounds if "error" in result}:
            print(f"|   {error} | | | | | | |")


if __name__ == "__main__":
    main()
