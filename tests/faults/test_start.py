"""What keeps a server from starting is told, with an exit code of its own, and touches nothing."""

import pathlib
import socket
import subprocess

import pytest

import store
from anabranch_server import BINARIES, TEMPLATE, free_port

# Of files that hold an index or control state.
STORES = {".redb", ".sqlite", ".sqlite-wal", ".sqlite-shm"}


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


@pytest.mark.parametrize("change", ["emptied", "missing"])
@pytest.mark.parametrize("file", ["control.redb", "objects/index.redb", "tables/tables.sqlite"])
def test_nothing_is_deleted_when_a_store_is_lost(servers, file, change):
    """What an index that is gone no longer explains is not taken for rubbish."""
    server = servers().start()
    store.store(server)
    server.stop()
    data = server.directory / "data"
    lost, content = data / file, (data / file).read_bytes()
    lost.unlink()
    if change == "emptied":
        lost.write_bytes(b"")
    before = store.files(data)
    done = run("serve", "--data", data, "--listen", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1, f"{done.returncode}: {done.stderr}"
    assert lost.name in done.stderr and "panicked" not in done.stderr, done.stderr
    after = store.files(data)
    assert before.keys() <= after.keys(), f"a start that was refused deleted {sorted(before.keys() - after.keys())}"
    # A store that was opened and closed again has another state of its own; what they explain is as it was.
    changed = {name for name in before if after[name] != before[name] and pathlib.Path(name).suffix not in STORES}
    assert changed - {"LOCK"} == set(), "a start that was refused changed these"
    lost.write_bytes(content)
    server.start()
    store.check(server)


def test_a_store_of_another_directory_is_refused(servers):
    """Two directories' stores that were exchanged explain nothing of one another's data."""
    one, other = (servers().start() for _ in range(2))
    for server in (one, other):
        store.store(server)
        server.stop()
    own = (one.directory / "data/control.redb").read_bytes()
    (one.directory / "data/control.redb").write_bytes((other.directory / "data/control.redb").read_bytes())
    done = run("serve", "--data", one.directory / "data", "--listen", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1 and "control.redb" in done.stderr, f"{done.returncode}: {done.stderr}"
    (one.directory / "data/control.redb").write_bytes(own)
    one.start()
    store.check(one)
