"""The same functions, served by `cargo lambda watch` instead of Anabranch's own host."""

import collections
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from anabranch_server import ROOT, SAM_TOOLS, TEMPLATE, free_port, wait_for
from clickstream_pipeline import SAMPLE_LOG, Pipeline, pages_of

FUNCTIONS = ["ingest", "table-writer", "funnel", "transform"]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def build(port):
    """Has each function built, which the first invocation does; an HTTP API would not wait for that."""
    for function in FUNCTIONS:
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/{function}/invocations"
        try:
            urllib.request.urlopen(urllib.request.Request(url, b"{}", method="POST"), timeout=900).close()
        except urllib.error.HTTPError:
            pass  # it runs, and takes no such event


def test_the_pipeline_under_cargo_lambda_watch(servers):
    port = free_port()
    server = servers(TEMPLATE, ["--parameter", "BufferIntervalSeconds=1", "--functions", f"http://127.0.0.1:{port}"])
    environment = os.environ | {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "STREAM_NAME": "clicks",
        "DELIVERY_STREAM_NAME": "clicks-raw",
        "SESSIONS_TABLE": "sessions",
        "FUNNEL_TABLE": "funnel",
        "SEEN_TABLE": "seen",
        "PAGES_TABLE": "pages",
        "CURATED_BUCKET": "clickstream-curated-000000000000",
    }
    log = open(server.directory / "watch.log", "wb")
    watch = subprocess.Popen(
        [SAM_TOOLS / "cargo-lambda", "lambda", "watch", "--invoke-port", str(port), "--ignore-changes"],
        cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
    )
    try:
        wait_for(lambda: listens(port), "cargo lambda watch listens")
        server.start()
        build(port)
        pipeline = Pipeline(server)
        pipeline.run("replay", "--log", str(SAMPLE_LOG), timeout=900)
        assert pipeline.page_views() == pages_of(SAMPLE_LOG)
        assert collections.Counter(row["page"] for row in pipeline.curated()) == pages_of(SAMPLE_LOG)
    finally:
        os.killpg(watch.pid, signal.SIGTERM)
        watch.wait()
        log.close()
