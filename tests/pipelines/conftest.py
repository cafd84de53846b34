"""The pipeline, up and waiting for clicks."""

import pytest

from clickstream_pipeline import Pipeline
from anabranch_server import TEMPLATE


@pytest.fixture
def pipeline(servers):
    server = servers(TEMPLATE, ["--parameter", "BufferIntervalSeconds=1"]).start()
    return Pipeline(server)
