"""Functions of Python and Node.js, brought up from a template: with the SDKs that AWS's runtimes have, code within
the template, and nothing of the server's own environment."""

import json
import os
import pathlib
import shutil

import pytest

from anabranch_server import Server, wait_for

TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "functions/runtimes/template.yaml"
# What must not reach a function.
HOSTILE = {
    "AWS_PROFILE": "production",
    "AWS_SESSION_TOKEN": "the-users-own",
    "AWS_ACCESS_KEY_ID": "AKIATHEUSERSOWN",
    "AWS_SECRET_ACCESS_KEY": "the-users-own",
    "AWS_ENDPOINT_URL_KINESIS": "http://127.0.0.1:1",
    "AWS_CONFIG_FILE": "/etc/hostname",
    "GITHUB_TOKEN": "the-users-own",
    "PYTHONSTARTUP": "/etc/hostname",
    "PYTHONHOME": "/nonexistent",
    "NODE_OPTIONS": "--require=/nonexistent.js",
    "LD_PRELOAD": "",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"), TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in HOSTILE.items():
            # The interpreters are looked for with the server's own variables.
            if not name.startswith(("PYTHON", "NODE")):
                patch.setenv(name, value)
        server.start()
    yield server
    server.stop()


def invoke(server, function, event):
    answer = server.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read() or b"null")
    assert "FunctionError" not in answer, payload
    return payload


def records(server):
    kinesis = server.client("kinesis")
    shard = {"StreamName": "clicks", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**shard)["ShardIterator"]
    return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def log_of(server, function):
    log = server.directory / f"data/lambda/{function}.log"
    return log.read_text() if log.exists() else ""


def test_boto3_of_the_runtime_calls_this_server(server):
    answer = invoke(server, "python", {"data": "from Python"})
    assert answer["shard"] == "shardId-000000000000"
    assert ":000000000000:" in answer["arn"]
    assert b"from Python" in records(server)
    wait_for(lambda: "Installing boto3" in log_of(server, "python"), "the installation is told")
    variables = answer["variables"]
    assert not [name for name, value in HOSTILE.items() if value and value in variables.values()]
    assert not set(HOSTILE) & set(variables) - {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert variables["HOME"] != os.environ["HOME"]


@pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm on this machine")
def test_an_es_module_uses_the_sdk_of_the_runtime(server):
    answer = invoke(server, "node", {"data": "from Node.js"})
    assert answer["shard"] == "shardId-000000000000"
    assert b"from Node.js" in records(server)
    wait_for(lambda: "Installing @aws-sdk/client-kinesis" in log_of(server, "node"), "the installation is told")


def test_code_within_the_template_runs(server):
    assert invoke(server, "inline-python", {"n": 4}) == {"double": 8, "of": "inline-python"}
    if shutil.which("node"):
        assert invoke(server, "inline-node", {"n": 5}) == {"double": 10, "of": "inline-node"}


def test_the_runtime_is_described(server):
    described = server.client("lambda").get_function_configuration(FunctionName="python")
    assert (described["Runtime"], described["Handler"]) == ("python3.12", "app.handler")
