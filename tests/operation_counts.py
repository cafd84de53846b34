"""How often each client called each operation of Kinesis Data Streams and got what it should."""

import pathlib
import re
from collections import Counter, defaultdict
from contextlib import contextmanager

import botocore.session

ROOT = pathlib.Path(__file__).parent.parent
TABLE = ROOT / "tests/conformance/README.md"
HEAD = """# Operations by client

How often each operation of Kinesis Data Streams was answered as the tests expect, by client, in one run of all of `tests/conformance`. Written by that run: `./test --write-table`.

Of programs (KCL, KPL, Flink, Telegraf) it is what the server answered with 200. Versions: {versions}.

| operation | {clients} |
| --- | {lines} |
"""

# What states a version, by client.
VERSIONS = {
    "AWS CLI": ("tests/requirements.txt", r"awscli==(.*)"),
    "boto3": ("tests/requirements.txt", r"boto3==(.*)"),
    "Java SDK": ("tests/conformance/java/pom.xml", r"bom</artifactId>\s*<version>(.*)</version>"),
    "KCL": ("tests/conformance/java/pom.xml", r"kinesis-client</artifactId>\s*<version>(.*)</version>"),
    "KPL": ("tests/conformance/java/pom.xml", r"kinesis-producer</artifactId>\s*<version>(.*)</version>"),
    "Flink's connector": ("tests/conformance/flink/pom.xml", r"connector-kinesis</artifactId>\s*<version>(.*)</version>"),
    "JavaScript SDK": ("tests/conformance/javascript/package.json", r'client-kinesis": "(.*)"'),
    "Rust SDK": ("Cargo.lock", r'"aws-sdk-kinesis"\nversion = "(.*)"'),
    "Telegraf": ("tests/conformance/test_telegraf.py", r'VERSION = "v(.*)"'),
}

_counts = defaultdict(Counter)


def add(client, counts):
    _counts[client].update(counts)


def watch(client, boto):
    """Counts what a client of boto3 calls."""

    def answered(http_response, model, **_):
        if http_response.status_code == 200:
            _counts[client][model.name] += 1

    boto.meta.events.register("after-call.kinesis", answered)
    return boto


@contextmanager
def of_another(client, server):
    """Counts what a program we can't look into calls meanwhile: all that the server answered, less boto3's."""
    before, boto_before = server.answered(), Counter(_counts["boto3"])
    yield
    _counts[client].update(server.answered() - before - (_counts["boto3"] - boto_before))


def write_table():
    operations = botocore.session.get_session().get_service_model("kinesis").operation_names
    clients = sorted(_counts)
    versions = ", ".join(
        f"{name} {re.search(pattern, (ROOT / file).read_text())[1]}" for name, (file, pattern) in VERSIONS.items()
    )
    text = HEAD.format(versions=versions, clients=" | ".join(clients), lines=" | ".join("--:" for _ in clients))
    for operation in operations:
        cells = [str(_counts[client][operation] or "") for client in clients]
        assert any(cells), f"no client called {operation}"
        text += f"| {operation} | {' | '.join(cells)} |\n"
    TABLE.write_text(text)
