"""Servers for the tests that ask for them."""

import pytest

from anabranch_server import Server


@pytest.fixture
def servers(tmp_path):
    """Makes servers; each is stopped at the end of the test."""
    made = []

    def make(template=None, arguments=(), directory=None):
        directory = directory or tmp_path / f"server-{len(made)}"
        directory.mkdir(exist_ok=True)
        server = Server(directory, template, arguments)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for a module of tests that don't disturb one another."""
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.stop()
