"""What keeps a server from starting is told, with an exit code of its own, and touches nothing."""

import socket
import subprocess

import pytest

from anabranch_server import BINARIES, TEMPLATE, free_port


def run(*arguments, timeout=60):
    return subprocess.run([BINARIES / "anabranch", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def test_a_port_in_use(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = run("serve", "--data", tmp_path / "data", "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 3 and str(port) in done.stderr and "in use" in done.stderr, done.stderr


def test_a_data_directory_of_another_process(servers):
    server = servers().start()
    done = run("serve", "--data", server.directory / "data", "--listen", f"127.0.0.1:{free_port()}")
    assert done.returncode == 4 and str(server.process.pid) in done.stderr, done.stderr
    assert server.client("kinesis").list_streams()["StreamNames"] == []


def test_a_data_directory_of_a_newer_format(servers):
    server = servers().start()
    server.stop()
    version = server.directory / "data/VERSION"
    text = version.read_text()
    version.write_text(text.replace("1", "9"))
    done = run("serve", "--data", server.directory / "data", "--listen", f"127.0.0.1:{free_port()}")
    assert done.returncode == 5 and "9" in done.stderr, done.stderr
    version.write_text(text)
    server.start()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("ShardCount: !Ref ShardCount", "ShardCont: 2"), "ShardCont: this property is not supported (did you mean ShardCount?)"),
        (("Type: AWS::S3::Bucket", "Type: AWS::S3::Buckett"), "did you mean AWS::S3::Bucket?"),
        (("!Ref SessionsTable", "!Ref SessionTable"), "did you mean SessionsTable?"),
    ],
)
def test_a_template_with_a_typo(tmp_path, change, says):
    template = tmp_path / "template.yaml"
    text = TEMPLATE.read_text()
    assert change[0] in text
    template.write_text(text.replace(*change, 1))
    line = text[: text.index(change[0])].count("\n") + 1
    done = run("up", template, "--data", tmp_path / "data", "--listen", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert f"template.yaml:{line}:" in done.stderr, done.stderr
    assert not (tmp_path / "data").exists(), "nothing is started"
