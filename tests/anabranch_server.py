"""A server under test: the real program, on a real socket and a real disk."""

import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter

import boto3
from botocore.config import Config

import operation_counts

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PROFILE = os.environ.get("ANABRANCH_TEST_PROFILE", "dev")
BINARIES = TARGET / ("debug" if PROFILE == "dev" else PROFILE)
TEMPLATE = ROOT / "samplecode/clickstream/template.yaml"
# The SAM CLI and cargo-lambda, where infra/sam/setup puts them: their pins and those of the AWS CLI exclude each other.
SAM_TOOLS = ROOT / "infra/sam/.venv/bin"
DEADLINE = 60


def wait_for(condition, what, deadline=DEADLINE):
    """Waits until `condition` gives something true, and returns it."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"after {deadline} s: {what}"
        time.sleep(0.02)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """`anabranch serve`, or `anabranch up` with a template."""

    def __init__(self, directory, template=None, arguments=(), resources=None):
        """`resources` are limits of the process by their number: `{resource.RLIMIT_NOFILE: (256, 256)}`."""
        self.resources = resources or {}
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.template = template
        # Tests ask more of a shard than AWS would give it, unless it is that which they test.
        self.arguments = list(arguments) if "--limits" in arguments else ["--limits", "off", *arguments]
        self.ready_file = self.directory / "ready.json"
        self.process = None

    def command(self):
        command = [BINARIES / "anabranch"]
        if self.template is None:
            command.append("serve")
        else:
            command += ["up", self.template, "--ready-file", self.ready_file, "--build", "none", "--profile", PROFILE]
        return [*command, "--data", self.directory / "data", "--listen", f"127.0.0.1:{self.port}", *self.arguments]

    def start(self):
        self.ready_file.unlink(missing_ok=True)
        self.log = open(self.directory / "server.log", "ab")
        limit = (lambda: [resource.setrlimit(*one) for one in self.resources.items()]) if self.resources else None
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, preexec_fn=limit)
        wait_for(self.is_ready, "the server is ready")
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"the server ended:\n{self.log_text()[-4000:]}"
        if self.template is not None:
            return self.ready_file.exists()
        try:
            # Health tells what is wrong with a status of its own; the server is ready all the same.
            return self.health()[0] in (200, 503)
        except (urllib.error.URLError, OSError):
            return False

    def health(self):
        """The status of the health page and what it says."""
        try:
            with urllib.request.urlopen(f"{self.url}/_anabranch/health", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def clock(self, body=None):
        """What a server with `--test-clock` takes for the time, in seconds since the epoch."""
        request = urllib.request.Request(f"{self.url}/_anabranch/clock", data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return json.loads(answer.read())["milliseconds"] / 1000

    def advance(self, seconds):
        """Moves the clock of a server with `--test-clock` ahead, and returns the time then."""
        return self.clock(json.dumps({"advanceMilliseconds": round(seconds * 1000)}).encode())

    def log_text(self):
        return (self.directory / "server.log").read_text(errors="replace")

    def kill(self):
        """What a crash does: no warning, no clean-up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        if self.process:
            self.log.close()

    def answered(self):
        """How often each operation of Kinesis Data Streams was answered with 200."""
        page = urllib.request.urlopen(f"{self.url}/_anabranch/metrics", timeout=5).read().decode()
        counts = Counter()
        for line in page.splitlines():
            if line.startswith("anabranch_requests_total{") and 'service="kinesis"' in line and 'status="200"' in line:
                counts[line.split('operation="')[1].split('"')[0]] = int(float(line.rsplit(" ", 1)[1]))
        return counts

    def client(self, service, account="test", region="us-east-1", **config):
        """A client of an account (twelve digits; the default one unless given) in a region."""
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(**{"retries": {"max_attempts": 1}, "connect_timeout": 5, "read_timeout": 60} | config),
        )
        return operation_counts.watch("boto3", client)

    def aws(self, *arguments, check=True):
        """Runs the AWS CLI."""
        environment = os.environ | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }
        aws = pathlib.Path(os.environ.get("VIRTUAL_ENV", "")) / "bin/aws"
        program = str(aws) if aws.exists() else shutil.which("aws")
        done = subprocess.run(
            [program, "--endpoint-url", self.url, *arguments], env=environment, capture_output=True, text=True, timeout=120
        )
        assert not check or done.returncode == 0, done.stderr
        if arguments[0] == "kinesis" and done.returncode == 0:
            name = "".join(word.capitalize() for word in arguments[1].split("-"))
            operation_counts.add("AWS CLI", {name: 1})
        return done

    def aws_json(self, *arguments):
        out = self.aws(*arguments).stdout
        return json.loads(out) if out.strip() else None

    def outputs(self):
        return json.loads(self.ready_file.read_text())["outputs"]
