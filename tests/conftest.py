"""Servers for the tests that ask for them."""

from contextlib import ExitStack

import pytest

import operation_counts
from anabranch_server import Server


def pytest_addoption(parser):
    parser.addoption("--write-table", action="store_true", help="write tests/conformance/README.md from this run")


def pytest_sessionfinish(session, exitstatus):
    if session.config.getoption("--write-table") and exitstatus == 0:
        operation_counts.write_table()


@pytest.fixture
def counted():
    """Notes how often a client's operations were answered as expected."""
    return operation_counts.add


@pytest.fixture
def servers(tmp_path):
    """Makes servers; each is stopped at the end of the test."""
    made = []

    def make(template=None, arguments=(), directory=None, resources=None):
        directory = directory or tmp_path / f"server-{len(made)}"
        directory.mkdir(exist_ok=True)
        server = Server(directory, template, arguments, resources)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def counted_as(servers):
    """Counts what a program calls that does not tell us: `counted_as(client, server)` before it starts."""
    with ExitStack() as until_the_end:
        yield lambda client, server: until_the_end.enter_context(operation_counts.of_another(client, server))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for a module of tests that don't disturb one another."""
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.stop()
