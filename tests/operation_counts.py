"""How often each client called each operation of Kinesis Data Streams and got what it should."""

import pathlib
from collections import Counter, defaultdict

import botocore.session

TABLE = pathlib.Path(__file__).parent / "conformance/README.md"
HEAD = """# Operations by client

How often each operation of Kinesis Data Streams was answered as the tests expect, by client, in one run of all of `tests/conformance`. Written by that run: `./test --write-table`.

| operation | {clients} |
| --- | {lines} |
"""

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


def write_table():
    operations = botocore.session.get_session().get_service_model("kinesis").operation_names
    clients = sorted(_counts)
    text = HEAD.format(clients=" | ".join(clients), lines=" | ".join("--:" for _ in clients))
    for operation in operations:
        cells = [str(_counts[client][operation] or "") for client in clients]
        assert any(cells), f"no client called {operation}"
        text += f"| {operation} | {' | '.join(cells)} |\n"
    TABLE.write_text(text)
