#!/usr/bin/env python3
"""Measures how the cost of a put grows, within one run: with shards, with streams, beside the control plane.

    tests/load/growth.py [--rounds 5] [--seconds 4] [--server target/release/anabranch]

Each pair is measured in turn on a fresh server without quotas, and the median of the ratios is printed
beside its goal. `--server` measures another build, `--load` with another load program. Build first:

    cargo build --release -p anabranch -p anabranch-load
"""

import argparse
import pathlib
import statistics
import tempfile

import peers

PUT_RECORDS = ["--connections", "8", "--batch", "100"]
PUT_RECORD = ["--connections", "64", "--batch", "1"]
SPREAD = ["--work", "put-spread", "--connections", "16"]
# What is measured, the goal, the arguments of what it is compared with, and its own.
PAIRS = {
    "PutRecords, 5,000 shards by 4": (0.85, [*PUT_RECORDS, "--shards", "4"], [*PUT_RECORDS, "--shards", "5000"]),
    "PutRecord, 5,000 shards by 4": (0.95, [*PUT_RECORD, "--shards", "4"], [*PUT_RECORD, "--shards", "5000"]),
    "PutRecords, 16 streams by one": (0.9, [*SPREAD, "--batch", "100", "--streams", "1"], [*SPREAD, "--batch", "100", "--streams", "16"]),
    "PutRecord, 16 streams by one": (0.9, [*SPREAD, "--batch", "1", "--streams", "1"], [*SPREAD, "--batch", "1", "--streams", "16"]),
}
BESIDE = ["--work", "put-beside", "--connections", "1", "--batch", "1"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", default="4")
    parser.add_argument("--server", type=pathlib.Path, default=peers.TARGET / "release/anabranch")
    parser.add_argument("--load", type=pathlib.Path, default=peers.TARGET / "release/anabranch-load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=peers.TARGET) as data:

        def measure(arguments):
            def make(port):
                directory = pathlib.Path(data) / str(port)
                return [options.server, "serve", "--limits", "off", "--listen", f"127.0.0.1:{port}", "--data", directory], {}, None

            result = peers.with_server(make, lambda port: peers.load(port, *arguments, "--seconds", options.seconds, program=options.load))
            assert "error" not in result, result
            return result

        print("| | compared with | itself | ratio | goal |\n| --- | --: | --: | --: | --: |")
        for name, (goal, base, other) in PAIRS.items():
            rounds = [[measure(arguments)["records_per_second"] for arguments in (base, other)] for _ in range(options.rounds)]
            ratio = statistics.median(own / compared for compared, own in rounds)
            compared, own = (statistics.median(column) for column in zip(*rounds))
            print(f"| {name} | {compared:,.0f} records/s | {own:,.0f} records/s | {ratio:.2f} | ≥ {goal} |", flush=True)
        beside = [measure(BESIDE) for _ in range(options.rounds)]
        alone, with_them = (statistics.median(result[key][1] for result in beside) for key in ("alone_p50_p99_ms", "beside_p50_p99_ms"))
        ratio = statistics.median(result["beside_by_alone_p50_p99"][1] for result in beside)
        print(f"| p99 of PutRecord beside three clients that create and delete streams, by alone | {alone:.2f} ms | {with_them:.2f} ms | {ratio:.2f} | ≤ 1.2 |")


if __name__ == "__main__":
    main()
