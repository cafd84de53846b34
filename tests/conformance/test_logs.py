"""CloudWatch Logs through boto3 and the AWS CLI."""

import gzip
import json
import threading
import time

import pytest
from botocore.exceptions import ClientError

from anabranch_server import wait_for


def make(server, group, *streams):
    logs = server.client("logs")
    logs.create_log_group(logGroupName=group)
    for stream in streams:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    return logs


def put(logs, group, stream, *messages, at=None):
    at = at or int(time.time() * 1000)
    events = [{"timestamp": at + number, "message": message} for number, message in enumerate(messages)]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_groups_streams_and_events(server):
    logs = make(server, "/app/one", "a", "b")
    assert put(logs, "/app/one", "a", "first", "second")["nextSequenceToken"]
    put(logs, "/app/one", "b", "third", at=int(time.time() * 1000) + 5_000)
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException, match="The specified log group already exists"):
        logs.create_log_group(logGroupName="/app/one")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist."):
        put(logs, "/app/none", "a", "lost")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.create_log_group(logGroupName="with space")
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName="/app/one", orderBy="LastEventTime", descending=True, PaginationConfig={"PageSize": 1}
    )
    assert [stream["logStreamName"] for page in pages for stream in page["logStreams"]] == ["b", "a"]
    found = logs.filter_log_events(logGroupName="/app/one")["events"]
    assert [(event["logStreamName"], event["message"]) for event in found] == [("a", "first"), ("a", "second"), ("b", "third")]
    head = logs.get_log_events(logGroupName="/app/one", logStreamName="a", startFromHead=True, limit=1)
    assert [event["message"] for event in head["events"]] == ["first"]
    more = logs.get_log_events(logGroupName="/app/one", logStreamName="a", nextToken=head["nextForwardToken"])
    assert [event["message"] for event in more["events"]] == ["second"]
    end = logs.get_log_events(logGroupName="/app/one", logStreamName="a", nextToken=more["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], more["nextForwardToken"])
    arn = logs.describe_log_groups(logGroupNamePrefix="/app/one")["logGroups"][0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"team": "clicks"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "clicks"}
    assert logs.filter_log_events(logGroupIdentifier=arn, filterPattern="third")["events"][0]["message"] == "third"
    other = server.client("logs", region="eu-west-1")
    assert other.describe_log_groups()["logGroups"] == []
    logs.delete_log_group(logGroupName="/app/one")
    assert logs.describe_log_groups(logGroupNamePrefix="/app/one")["logGroups"] == []
    with pytest.raises(ClientError, match="does not support the operation StartQuery"):
        logs.start_query(logGroupName="g", startTime=0, endTime=1, queryString="fields @message")


def test_patterns(server):
    logs = make(server, "/app/patterns", "s")
    lines = ["ERROR one", "fine", json.dumps({"status": 503, "path": "/api/a"}), json.dumps({"status": 200, "path": "/b"}),
             '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /x HTTP/1.0" 404 1534']
    put(logs, "/app/patterns", "s", *lines)

    def found(pattern):
        events = logs.filter_log_events(logGroupName="/app/patterns", filterPattern=pattern)["events"]
        return [lines.index(event["message"]) for event in events]

    assert found("ERROR") == [0]
    assert found("?ERROR ?fine") == [0, 1]
    assert found('{ $.status >= 500 && $.path = "/api*" }') == [2]
    assert found("[ip, id, user, time, request, status = 4*, bytes]") == [4]
    assert found("%f[a-z]ne%") == [1]
    with pytest.raises(logs.exceptions.InvalidParameterException):
        found("{ $.status")
    tested = logs.test_metric_filter(filterPattern="{ $.status = 503 }", logEventMessages=lines)["matches"]
    assert [(match["eventNumber"], match["extractedValues"]) for match in tested] == [(3, {"$.status": "503"})]


def test_a_subscription_reaches_a_stream(server):
    logs, kinesis = make(server, "/app/subscribed", "s"), server.client("kinesis")
    kinesis.create_stream(StreamName="of-logs", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="of-logs")
    arn = kinesis.describe_stream_summary(StreamName="of-logs")["StreamDescriptionSummary"]["StreamARN"]
    logs.put_subscription_filter(
        logGroupName="/app/subscribed", filterName="errors", filterPattern="ERROR", destinationArn=arn,
        roleArn="arn:aws:iam::000000000000:role/logs",
    )
    put(logs, "/app/subscribed", "s", "ERROR one", "fine")
    shard = kinesis.list_shards(StreamName="of-logs")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="of-logs", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]

    def messages():
        records = kinesis.get_records(ShardIterator=iterator)["Records"]
        return [json.loads(gzip.decompress(record["Data"])) for record in records]

    wait_for(lambda: len(messages()) == 2, "the event is delivered")
    test, data = messages()
    assert (test["messageType"], data["messageType"]) == ("CONTROL_MESSAGE", "DATA_MESSAGE")
    assert [event["message"] for event in data["logEvents"]] == ["ERROR one"]
    filters = logs.describe_subscription_filters(logGroupName="/app/subscribed")["subscriptionFilters"]
    assert [one["filterName"] for one in filters] == ["errors"]


def test_live_tail(server):
    logs = make(server, "/app/live", "s")
    arn = logs.describe_log_groups(logGroupNamePrefix="/app/live")["logGroups"][0]["logGroupArn"]
    # The SDK puts `stream-` before the host's name, of which a test's address has none.
    live = server.client("logs", inject_host_prefix=False)
    answer = live.start_live_tail(logGroupIdentifiers=[arn])["responseStream"]
    events = iter(answer)
    assert next(events)["sessionStart"]["logGroupIdentifiers"] == [arn]
    put(logs, "/app/live", "s", "now")
    results = next(event["sessionUpdate"]["sessionResults"] for event in events if event["sessionUpdate"]["sessionResults"])
    assert [result["message"] for result in results] == ["now"]
    answer.close()


def test_the_aws_cli_searches(server):
    # As `aws logs tail` of the AWS CLI's second version and `sam logs` do.
    logs = make(server, "/app/tailed", "s")
    put(logs, "/app/tailed", "s", "a line", at=int(time.time() * 1000) - 1000)
    start = str(int(time.time() * 1000) - 600_000)
    found = server.aws_json("logs", "filter-log-events", "--log-group-name", "/app/tailed", "--start-time", start, "--interleaved")
    assert [event["message"] for event in found["events"]] == ["a line"]


def test_kills_take_nothing_that_was_acknowledged(servers):
    server = servers().start()
    make(server, "/app/killed", "0", "1", "2")
    kept = []
    for _ in range(2):
        stopped = threading.Event()

        def write(stream, seen):
            logs = server.client("logs", retries={"max_attempts": 0})
            try:
                for number in range(1_000_000):
                    message = f"{stream}/{len(kept)}/{number}"
                    put(logs, "/app/killed", stream, message)
                    kept.append(message)
                    if stopped.is_set():
                        return
            except Exception:  # noqa: BLE001 — the kill, in whatever form it reaches the client.
                return

        writers = [threading.Thread(target=write, args=(str(n), kept)) for n in range(3)]
        begun = len(kept)
        for writer in writers:
            writer.start()
        wait_for(lambda: len(kept) > begun + 30, "events come")
        server.kill()
        stopped.set()
        for writer in writers:
            writer.join()
        server.start()
        pages = server.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/app/killed")
        found = [event["message"] for page in pages for event in page["events"]]
        assert set(kept) <= set(found) and len(found) == len(set(found))
