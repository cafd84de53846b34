"""The whole pipeline, counted independently of it."""

import base64
import collections
import json
import time

import pytest

from anabranch_server import ROOT, TEMPLATE, wait_for
from clickstream_pipeline import SAMPLE_LOG, Pipeline, pages_of

REAL_LOG = ROOT.parent / "shared/data/apache_access.log"


def check_replay(pipeline, log):
    expected = pages_of(log)
    total = sum(expected.values())
    pipeline.run("replay", "--log", str(log))
    curated = pipeline.curated()
    assert len(pipeline.raw_lines()) == total
    assert len(curated) + len(pipeline.unreadable()) == total, "every request is accounted for"
    assert collections.Counter(row["page"] for row in curated) == expected
    assert pipeline.page_views() == expected
    sessions = pipeline.table("SessionsTable")
    assert sum(int(item["clicks"]["N"]) for item in sessions) == total
    clients = collections.Counter(line.split()[0] for line in log.read_text(errors="replace").splitlines())
    assert {item["session_id"]["S"]: int(item["clicks"]["N"]) for item in sessions} == clients
    assert list(pipeline.failures()) == []


def test_the_sample_log_is_counted_exactly(pipeline):
    check_replay(pipeline, SAMPLE_LOG)


def test_a_real_log_is_counted_exactly(pipeline):
    if not REAL_LOG.exists():
        pytest.skip(f"the real access log is not here: {REAL_LOG.name}")
    check_replay(pipeline, REAL_LOG)


def event_id(record):
    return json.loads(base64.b64decode(record["kinesis"]["data"]))["event_id"]


def test_poison_ends_in_the_failure_area_and_nothing_else(servers):
    """A batch of 1,000 with 7 records that the funnel can't take."""
    server = servers(TEMPLATE, ["--parameter", "ShardCount=1"]).start()
    pipeline = Pipeline(server)
    poison = {100, 101, 250, 499, 500, 777, 999}
    records = []
    for n in range(1000):
        click = {"event_id": f"e{n}", "session_id": f"s{n}", "timestamp": "2026-11-20T12:00:00Z", "type": "purchase", "page": "/checkout"}
        if n not in poison:
            click["amount_cents"] = 100
        records.append({"Data": json.dumps(click).encode(), "PartitionKey": f"s{n}"})
    kinesis = server.client("kinesis")
    for start in (0, 500):
        assert kinesis.put_records(StreamName="clicks", Records=records[start : start + 500])["FailedRecordCount"] == 0

    def failures():
        return [event_id(record) for failure in pipeline.failures() for record in failure["payload"]["Records"]]

    wait_for(lambda: len(failures()) >= 7 and len(pipeline.table("FunnelTable")) >= 993, "the batch is through", 120)
    assert sorted(failures()) == sorted(f"e{n}" for n in poison)
    done = {item["session_id"]["S"] for item in pipeline.table("FunnelTable")}
    assert done == {f"s{n}" for n in range(1000)} - {f"s{n}" for n in poison}
    arns = {failure["requestContext"]["functionArn"].rsplit(":", 1)[-1] for failure in pipeline.failures()}
    assert arns == {"funnel"}
    print(f"\n993 processed, exactly 7 in the failure area, {pipeline.invocations('funnel')} invocations")


def test_the_main_job_survives_a_kill(servers):
    """The server is killed in the middle and started again; the totals are those of an undisturbed run."""
    arguments = ["--parameter", "BufferIntervalSeconds=1"]
    calm = Pipeline(servers(TEMPLATE, arguments).start())
    calm.run("run", "--clicks", "4000")
    expected_rows = sorted(row["event_id"] for row in calm.curated())
    expected_pages = calm.page_views()
    expected_sessions = {item["session_id"]["S"]: item["clicks"]["N"] for item in calm.table("SessionsTable")}
    expected_funnel = {item["session_id"]["S"]: sorted(item["steps"]["SS"]) for item in calm.table("FunnelTable")}
    expected_failed = failed_ids(calm)
    calm.server.stop()

    pipeline = Pipeline(servers(TEMPLATE, arguments).start())
    driver = pipeline.driver("run", "--clicks", "4000")
    for kill in range(3):
        wait_for(lambda: len(pipeline.table("SessionsTable")) > 100 * (kill + 1), "the job is under way")
        pipeline.server.kill()
        time.sleep(0.2)
        pipeline.server.start()
    assert driver.wait(300) == 0, (pipeline.server.directory / "driver.log").read_text()[-4000:]
    assert pipeline.page_views() == expected_pages
    assert {item["session_id"]["S"]: item["clicks"]["N"] for item in pipeline.table("SessionsTable")} == expected_sessions
    assert {item["session_id"]["S"]: sorted(item["steps"]["SS"]) for item in pipeline.table("FunnelTable")} == expected_funnel
    assert failed_ids(pipeline) == expected_failed
    assert sorted(row["event_id"] for row in pipeline.curated()) == expected_rows


def failed_ids(pipeline):
    """Events in the failure area. One may be there twice after a crash, under the same key."""
    return sorted({event_id(record) for failure in pipeline.failures() for record in failure["payload"]["Records"]})
