"""The AWS SDK for JavaScript v3."""

import json
import pathlib
import shutil
import subprocess

import pytest

from anabranch_server import TARGET

HERE = pathlib.Path(__file__).parent / "javascript"


@pytest.fixture(scope="module")
def program():
    """Installs what the program needs beside a copy of it."""
    build = TARGET / "javascript"
    build.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "operations.js"):
        shutil.copy(HERE / name, build / name)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=build, check=True)
    return build / "operations.js"


@pytest.mark.parametrize(("version", "client"), [("http1", "HTTP/1.1"), ("http2", "HTTP/2")])
def test_every_operation(program, server, version, client, counted):
    done = subprocess.run(["node", program, server.url, version], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout)
    assert len(counts) == 39
    counted(f"JavaScript v3, {client}", counts)
