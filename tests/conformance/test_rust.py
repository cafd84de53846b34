"""The AWS SDK for Rust."""

import json
import subprocess

from anabranch_server import BINARIES


def test_every_operation(server, counted):
    command = [BINARIES / "anabranch-conformance", server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout)
    assert len(counts) == 39
    counted("Rust", counts)
