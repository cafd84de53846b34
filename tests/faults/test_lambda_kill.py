"""Kills while functions are created: one that was acknowledged runs, and of the others nothing is left."""

import io
import pathlib
import threading
import zipfile

from botocore.exceptions import BotoCoreError, ClientError

BOOTSTRAP = pathlib.Path(__file__).resolve().parent.parent / "functions/behaving/bootstrap"
ROUNDS = 3


def package(note):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, BOOTSTRAP.read_text() + f"# {note}\n")
    return memory.getvalue()


def create(server, round_, stopped, made):
    client = server.client("lambda")
    number = 0
    while not stopped.is_set():
        name = f"f-{round_}-{number}"
        request = {"FunctionName": name, "Role": "arn:aws:iam::000000000000:role/r", "Runtime": "provided.al2023", "Handler": "h"}
        try:
            client.create_function(**request, Code={"ZipFile": package(name)}, Publish=number % 2 == 0)
        except (BotoCoreError, ClientError):
            return  # The kill.
        made.append(name)
        number += 1


def test_kills_leave_no_half_function(servers):
    server = servers().start()
    made = []
    for round_ in range(ROUNDS):
        stopped, before = threading.Event(), len(made)
        creator = threading.Thread(target=create, args=(server, round_, stopped, made))
        creator.start()
        while len(made) < before + 3 + round_:
            stopped.wait(0.005)
        server.kill()
        stopped.set()
        creator.join()
        server.start()
        client = server.client("lambda")
        there = [one["FunctionName"] for page in client.get_paginator("list_functions").paginate() for one in page["Functions"]]
        # The last one may have been committed and not acknowledged.
        assert set(made) <= set(there) and len(there) <= len(made) + round_ + 1
        code = server.directory / "data/lambda/code"
        kept = {entry.name.removesuffix(".zip") for entry in code.iterdir()}
        assert len(kept) == len(there) and not any(name.startswith("unfinished") for name in kept)
        assert client.invoke(FunctionName=made[-1])["StatusCode"] == 200
        for name in there:
            if name not in made:
                made.append(name)
