"""EventBridge through boto3 and the AWS CLI: events reach the targets of the rules they match."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError

from anabranch_server import Server, wait_for

ROLE = "arn:aws:iam::000000000000:role/events"


def stream(server, name):
    """A stream to be a target, and what reads it from the beginning."""
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]

    def records():
        iterator = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
        return [(record["PartitionKey"], json.loads(record["Data"])) for record in kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]]

    return {"Arn": arn, "RoleArn": ROLE}, records


def refused(call, code, message="", **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == code
    assert message in error.value.response["Error"]["Message"]


def test_events_reach_the_targets_of_rules(server):
    events = server.client("events")
    target, records = stream(server, "matched")
    bus = events.create_event_bus(Name="shop", Description="Orders", Tags=[{"Key": "team", "Value": "shop"}])["EventBusArn"]
    pattern = json.dumps({"source": [{"prefix": "shop"}], "detail": {"total": [{"numeric": [">=", 10]}]}})
    rule = events.put_rule(Name="orders", EventBusName="shop", EventPattern=pattern, Description="large orders")["RuleArn"]
    assert rule == "arn:aws:events:us-east-1:000000000000:rule/shop/orders"
    transformer = {"InputPathsMap": {"id": "$.detail.id", "total": "$.detail.total"}, "InputTemplate": '{"text": "<id> for <total>", "total": <total>, "rule": <aws.events.rule-name>}'}
    targets = [
        {"Id": "whole", **target, "KinesisParameters": {"PartitionKeyPath": "$.detail.id"}},
        {"Id": "made", **target, "InputTransformer": transformer},
    ]
    assert events.put_targets(Rule="orders", EventBusName=bus, Targets=targets)["FailedEntryCount"] == 0
    entry = {"EventBusName": "shop", "Source": "shop.web", "DetailType": "Order", "Resources": ["arn:aws:x"]}
    answer = events.put_events(
        Entries=[
            {**entry, "Detail": json.dumps({"id": "a", "total": 12.5})},
            {**entry, "Detail": json.dumps({"id": "b", "total": 3})},
            {**entry, "Detail": "{"},
        ]
    )
    assert answer["FailedEntryCount"] == 1 and answer["Entries"][2] == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    found = dict(wait_for(lambda: len(records()) == 2 and records(), "both targets have it"))
    whole = found.pop("a")
    assert whole.pop("time").endswith("Z")
    assert whole == {
        "version": "0", "id": answer["Entries"][0]["EventId"], "detail-type": "Order", "source": "shop.web", "account": "000000000000",
        "region": "us-east-1", "resources": ["arn:aws:x"], "detail": {"id": "a", "total": 12.5},
    }
    assert list(found.values()) == [{"text": "a for 12.5", "total": 12.5, "rule": "orders"}]

    described = events.describe_rule(Name="orders", EventBusName="shop")
    assert (described["State"], json.loads(described["EventPattern"]), described["CreatedBy"]) == ("ENABLED", json.loads(pattern), "000000000000")
    assert events.list_targets_by_rule(Rule="orders", EventBusName="shop")["Targets"] == sorted(targets, key=lambda target: target["Id"])
    assert events.list_rule_names_by_target(TargetArn=target["Arn"], EventBusName="shop")["RuleNames"] == ["orders"]
    assert [one["Name"] for one in events.list_event_buses()["EventBuses"]] == ["default", "shop"]
    assert events.list_tags_for_resource(ResourceARN=bus)["Tags"] == [{"Key": "team", "Value": "shop"}]
    refused(events.delete_event_bus, "ValidationException", "Event bus can't be deleted since it has rules.", Name="shop")
    refused(events.delete_rule, "ValidationException", "Rule can't be deleted since it has targets.", Name="orders", EventBusName="shop")
    events.remove_targets(Rule="orders", EventBusName="shop", Ids=["whole", "made"])
    events.delete_rule(Name="orders", EventBusName="shop")
    refused(events.describe_rule, "ResourceNotFoundException", "Rule orders does not exist on EventBus shop.", Name="orders", EventBusName="shop")
    events.delete_event_bus(Name="shop")
    refused(events.describe_event_bus, "ResourceNotFoundException", "Event bus shop does not exist.", Name="shop")


def test_buses_send_to_buses_and_accounts_are_apart(server):
    events = server.client("events")
    target, records = stream(server, "forwarded")
    bus = events.create_event_bus(Name="central")["EventBusArn"]
    events.put_rule(Name="forward", EventPattern='{"source":["branch"]}')
    events.put_targets(Rule="forward", Targets=[{"Id": "central", "Arn": bus, "RoleArn": ROLE}])
    events.put_rule(Name="all", EventBusName="central", EventPattern='{"account":["000000000000"]}')
    events.put_targets(Rule="all", EventBusName="central", Targets=[{"Id": "stream", **target}])
    put = events.put_events(Entries=[{"Source": "branch", "DetailType": "Sale", "Detail": "{}"}])
    ((key, event),) = wait_for(records, "it is forwarded")
    assert key == event["id"] == put["Entries"][0]["EventId"]
    other = server.client("events", account="123456789012", region="eu-west-1")
    assert [one["Name"] for one in other.list_event_buses()["EventBuses"]] == ["default"]
    assert other.list_rules()["Rules"] == []


def test_patterns_are_tested_and_refused(server):
    events = server.client("events")
    event = json.dumps({"id": "1", "account": "1", "source": "shop", "time": "t", "region": "r", "resources": [], "detail-type": "Order", "detail": {"n": 1}})
    assert events.test_event_pattern(EventPattern='{"detail":{"n":[1]}}', Event=event)["Result"]
    assert not events.test_event_pattern(EventPattern='{"detail":{"n":[2]}}', Event=event)["Result"]
    refused(events.test_event_pattern, "InvalidEventPatternException", "Event pattern is not valid. Reason: ", EventPattern='{"a":1}', Event=event)
    refused(events.put_rule, "ValidationException", "Parameter ScheduleExpression is not valid.", Name="a", ScheduleExpression="rate(1 days)")
    refused(events.list_connections, "UnknownOperationException", "ListConnections")
    events.put_rule(Name="refusing", EventPattern='{"source":["x"]}')
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
    refused(events.put_targets, "ValidationException", "nothing of states takes messages here", Rule="refusing", Targets=[{"Id": "a", "Arn": machine}])


def test_schedules_fire_by_the_clock(tmp_path):
    server = Server(tmp_path, arguments=["--test-clock"]).start()
    try:
        events = server.client("events")
        target, records = stream(server, "ticks")
        due = datetime.datetime.fromtimestamp(server.clock(), datetime.UTC) + datetime.timedelta(minutes=90)
        events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
        events.put_rule(Name="daily", ScheduleExpression=f"cron({due.minute} {due.hour} * * ? *)")
        for rule in ("hourly", "daily"):
            events.put_targets(Rule=rule, Targets=[{"Id": "stream", **target}])
        fired = lambda: [(event["resources"][0].rpartition("/")[2], event) for _, event in records()]
        for count, rule in enumerate(["hourly", "daily", "hourly"], 1):
            server.advance(3600 if count == 1 else 1800)
            assert wait_for(lambda: len(fired()) >= count and fired(), "a rule fires")[-1][0] == rule
        daily = dict(fired())["daily"]
        assert daily["time"] == due.strftime("%Y-%m-%dT%H:%M:00Z") and daily["detail-type"] == "Scheduled Event"
    finally:
        server.stop()


def test_what_was_acknowledged_is_delivered_after_a_kill(servers):
    server = servers().start()
    events = server.client("events")
    target, records = stream(server, "kept")
    events.put_rule(Name="all", EventPattern='{"source":["kill"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "stream", **target}])
    sent = set()
    for batch in range(10):
        entries = [{"Source": "kill", "DetailType": "x", "Detail": json.dumps({"n": batch * 10 + n})} for n in range(10)]
        answer = events.put_events(Entries=entries)
        sent |= {entry["EventId"] for entry in answer["Entries"]}
    server.kill()
    server.start()
    wait_for(lambda: {event["id"] for _, event in records()} == sent, "each event is there")


def test_queues_and_topics_are_targets(server):
    events, sqs, sns = (server.client(service) for service in ("events", "sqs", "sns"))

    def queue(name, **attributes):
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def received(url):
        asked = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"], "WaitTimeSeconds": 20}
        (message,) = sqs.receive_message(QueueUrl=url, **asked)["Messages"]
        return message

    (plain, plain_arn), (dead, dead_arn), (fifo, fifo_arn) = queue("plain"), queue("dead"), queue("ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    through, through_arn = queue("through")
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=through_arn, Attributes={"RawMessageDelivery": "true"})
    rule = events.put_rule(Name="spread", EventPattern='{"source":["spread"]}')["RuleArn"]
    missing = plain_arn.replace("plain", "missing")
    targets = [
        {"Id": "plain", "Arn": plain_arn, "InputPath": "$.detail"},
        {"Id": "fifo", "Arn": fifo_arn, "SqsParameters": {"MessageGroupId": "g"}, "Input": '"ordered"'},
        {"Id": "topic", "Arn": topic, "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '"n is <n>"'}},
        {"Id": "missing", "Arn": missing, "DeadLetterConfig": {"Arn": dead_arn}, "RetryPolicy": {"MaximumRetryAttempts": 0}},
    ]
    assert events.put_targets(Rule="spread", Targets=targets)["FailedEntryCount"] == 0
    events.put_events(Entries=[{"Source": "spread", "DetailType": "x", "Detail": '{"n": 1}'}])
    assert received(plain)["Body"] == '{"n":1}'
    ordered = received(fifo)
    assert (ordered["Body"], ordered["Attributes"]["MessageGroupId"]) == ('"ordered"', "g")
    assert received(through)["Body"] == '"n is 1"'
    given_up = received(dead)
    attributes = {name: attribute["StringValue"] for name, attribute in given_up["MessageAttributes"].items()}
    assert json.loads(given_up["Body"])["source"] == "spread"
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"], attributes["ERROR_CODE"]) == (rule, missing, "NO_RESOURCE")


def test_archives_are_replayed(server):
    events = server.client("events")
    target, records = stream(server, "replayed")
    bus = events.create_event_bus(Name="archived")["EventBusArn"]
    archive = events.create_archive(ArchiveName="all", EventSourceArn=bus, RetentionDays=7)["ArchiveArn"]
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=5)
    put = events.put_events(Entries=[{"EventBusName": "archived", "Source": "shop", "DetailType": "Order", "Detail": '{"n": 1}'}])
    described = events.describe_archive(ArchiveName="all")
    assert (described["EventCount"], described["RetentionDays"], described["State"]) == (1, 7, "ENABLED")
    events.put_rule(Name="late", EventBusName="archived", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="late", EventBusName="archived", Targets=[{"Id": "stream", **target}])
    ended = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=5)
    events.start_replay(ReplayName="again", EventSourceArn=archive, EventStartTime=began, EventEndTime=ended, Destination={"Arn": bus})
    ((_, event),) = wait_for(records, "it is replayed")
    assert (event["id"], event["replay-name"], event["detail"]) == (put["Entries"][0]["EventId"], "again", {"n": 1})
    wait_for(lambda: events.describe_replay(ReplayName="again")["State"] == "COMPLETED", "the replay ends")
    assert [one["ArchiveName"] for one in events.list_archives()["Archives"]] == ["all"]
    events.delete_archive(ArchiveName="all")
    refused(events.describe_archive, "ResourceNotFoundException", "Archive all does not exist.", ArchiveName="all")


def test_the_aws_cli(server):
    aws = lambda *arguments: server.aws_json("events", *arguments)
    assert aws("put-rule", "--name", "cli", "--schedule-expression", "rate(5 minutes)")["RuleArn"].endswith(":rule/cli")
    put = aws("put-events", "--entries", json.dumps([{"Source": "cli", "DetailType": "x", "Detail": "{}"}]))
    assert put["FailedEntryCount"] == 0 and len(put["Entries"][0]["EventId"]) == 36
    aws("disable-rule", "--name", "cli")
    assert aws("describe-rule", "--name", "cli")["State"] == "DISABLED"
