#!/usr/bin/env python3
"""Prints what a release build costs at rest: binary size, start-up time empty and with 1 GiB of
records, memory, and CPU used while idle.

    tests/load/footprint.py [--gib 1]
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.request

from peers import ROOT, TARGET, free_port

IDLE_SECONDS = 10


def start(data, port):
    began = time.monotonic()
    process = subprocess.Popen(
        [TARGET / "release/anabranch", "serve", "--limits", "off", "--listen", f"127.0.0.1:{port}", "--data", data],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_anabranch/health", timeout=1).close()
            return process, time.monotonic() - began
        except OSError:
            time.sleep(0.001)


def status(process, key):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def call(port, operation, request):
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"Kinesis_20131202.{operation}",
        "Authorization": "AWS4-HMAC-SHA256 Credential=load/20260101/us-east-1/kinesis/aws4_request, Signature=0",
    }
    url = f"http://127.0.0.1:{port}/"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(request).encode(), headers), timeout=60).read()


def idle(process):
    before = cpu_seconds(process)
    time.sleep(IDLE_SECONDS)
    used = cpu_seconds(process) - before
    return f"idle for {IDLE_SECONDS} s: {used * 1000:.0f} ms of CPU, {status(process, 'VmRSS'):.0f} MiB resident, of which anonymous {status(process, 'RssAnon'):.0f} MiB"


def many_streams(streams, shards):
    """Streams with a record each, then the same after a restart."""
    with tempfile.TemporaryDirectory(dir=TARGET) as directory:
        data, port = pathlib.Path(directory) / "data", free_port()
        process, _ = start(data, port)
        for number in range(streams):
            call(port, "CreateStream", {"StreamName": f"stream-{number}", "ShardCount": shards})
        time.sleep(1)
        for number in range(streams):
            call(port, "PutRecord", {"StreamName": f"stream-{number}", "Data": "aGk=", "PartitionKey": "key"})
        print(f"{streams:,} streams of {shards} shards, a record in each: {status(process, 'VmRSS'):.0f} MiB resident")
        time.sleep(IDLE_SECONDS)
        print(f"  {idle(process)}")
        process.send_signal(signal.SIGKILL)
        process.wait()
        process, seconds = start(data, port)
        print(f"  started again: first answer after {seconds * 1000:.0f} ms; {idle(process)}")
        process.kill()
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gib", type=float, default=1)
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "anabranch", "-p", "anabranch-load"], cwd=ROOT, check=True)
    print(f"binary {(TARGET / 'release/anabranch').stat().st_size / 2**20:.1f} MiB")
    with tempfile.TemporaryDirectory(dir=TARGET) as directory:
        data, port = pathlib.Path(directory) / "data", free_port()
        process, seconds = start(data, port)
        print(f"empty: first answer after {seconds * 1000:.0f} ms, {status(process, 'VmRSS'):.0f} MiB resident")
        records = int(options.gib * 2**30 / 1024)
        done = subprocess.run(
            [TARGET / "release/anabranch-load", "--endpoint", f"127.0.0.1:{port}", "--bytes", "1024", "--records", str(records)],
            capture_output=True, text=True, check=True,
        )
        rate = json.loads(done.stdout)["records_per_second"]
        print(f"filled with {records:,} records of 1 KiB at {rate:,.0f} records/s, {status(process, 'VmRSS'):.0f} MiB resident")
        process.send_signal(signal.SIGKILL)
        process.wait()
        for what in ["after kill -9", "in order"]:
            process, seconds = start(data, port)
            # The first call on a stream opens its log.
            began = time.monotonic()
            subprocess.run(
                [TARGET / "release/anabranch-load", "--endpoint", f"127.0.0.1:{port}", "--records", "800", "--connections", "8"],
                capture_output=True, check=True,
            )
            first = time.monotonic() - began
            print(f"{options.gib:g} GiB, {what}: first answer after {seconds * 1000:.0f} ms, 800 puts after {first * 1000:.0f} ms more")
            print(f"  {idle(process)}")
            process.terminate()
            process.wait()
    many_streams(1_000, 1)
    many_streams(10, 500)


if __name__ == "__main__":
    main()
