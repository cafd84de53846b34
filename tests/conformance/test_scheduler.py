"""EventBridge Scheduler through boto3 and the AWS CLI, by a server whose clock the test moves."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError

from anabranch_server import Server, wait_for
from test_events import stream

OFF = {"Mode": "OFF"}
HOUR = 3600


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"), arguments=["--test-clock"]).start()
    yield server
    server.stop()


def at(server, seconds):
    """A one-time expression so many seconds from now."""
    moment = datetime.datetime.fromtimestamp(server.clock() + seconds, datetime.UTC)
    return moment.strftime("at(%Y-%m-%dT%H:%M:%S)")


def target(server, name, **members):
    arns, records = stream(server, name)
    return {**arns, "KinesisParameters": {"PartitionKey": "p"}, **members}, lambda: [data for _, data in records()]


def refused(call, code, message, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == code, error.value
    assert message in error.value.response["Error"]["Message"]


def test_a_one_time_schedule_fires_and_goes(server):
    scheduler = server.client("scheduler")
    to, records = target(server, "once", Input='{"time": "<aws.scheduler.scheduled-time>", "arn": "<aws.scheduler.schedule-arn>"}')
    made = scheduler.create_schedule(Name="once", ScheduleExpression=at(server, HOUR), FlexibleTimeWindow=OFF, Target=to, ActionAfterCompletion="DELETE")
    assert made["ScheduleArn"] == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/once"
    described = scheduler.get_schedule(Name="once")
    assert (described["State"], described["ScheduleExpressionTimezone"], described["FlexibleTimeWindow"]) == ("ENABLED", "UTC", OFF)
    assert described["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    refused(scheduler.create_schedule, "ConflictException", "Schedule once already exists.", Name="once", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=OFF, Target=to)
    server.advance(HOUR + 1)
    ((sent),) = wait_for(records, "it fires")
    assert sent["arn"] == made["ScheduleArn"] and sent["time"].endswith("Z")
    wait_for(lambda: not scheduler.list_schedules(NamePrefix="once")["Schedules"], "it is deleted")
    refused(scheduler.get_schedule, "ResourceNotFoundException", "Schedule once does not exist.", Name="once")


def test_recurring_schedules_and_groups(server):
    scheduler = server.client("scheduler")
    to, records = target(server, "often")
    group = scheduler.create_schedule_group(Name="jobs", Tags=[{"Key": "team", "Value": "shop"}])["ScheduleGroupArn"]
    common = {"GroupName": "jobs", "FlexibleTimeWindow": OFF, "Target": to}
    scheduler.create_schedule(Name="hourly", ScheduleExpression="rate(1 hours)", **common)
    scheduler.create_schedule(Name="new-year", ScheduleExpression="cron(0 0 1 JAN ? *)", ScheduleExpressionTimezone="Asia/Kathmandu", State="DISABLED", **common)
    for count in (1, 2):
        server.advance(HOUR)
        events = wait_for(lambda: len(records()) >= count and records(), "it fires")
    assert (events[0]["source"], events[0]["detail-type"], events[0]["detail"]) == ("aws.scheduler", "Scheduled Event", "{}")
    listed = scheduler.list_schedules(GroupName="jobs")["Schedules"]
    assert [(one["Name"], one["State"]) for one in listed] == [("hourly", "ENABLED"), ("new-year", "DISABLED")]
    assert [one["Name"] for one in scheduler.list_schedules(State="DISABLED", MaxResults=1)["Schedules"]] == ["new-year"]
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "team", "Value": "shop"}]
    scheduler.tag_resource(ResourceArn=group, Tags=[{"Key": "a", "Value": "b"}])
    scheduler.untag_resource(ResourceArn=group, TagKeys=["team", "none"])
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "a", "Value": "b"}]
    assert [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "jobs"]
    scheduler.delete_schedule_group(Name="jobs")
    refused(scheduler.get_schedule_group, "ResourceNotFoundException", "Schedule group jobs does not exist.", Name="jobs")
    assert scheduler.list_schedules()["Schedules"] == []


def test_a_schedule_puts_events(server):
    scheduler, events = server.client("scheduler"), server.client("events")
    to, records = stream(server, "ticked")
    events.put_rule(Name="ticks", EventPattern='{"source":["clock"]}')
    events.put_targets(Rule="ticks", Targets=[{"Id": "stream", **to}])
    bus = {"Arn": events.describe_event_bus()["Arn"], "RoleArn": to["RoleArn"], "Input": '{"n": 1}', "EventBridgeParameters": {"DetailType": "Tick", "Source": "clock"}}
    scheduler.create_schedule(Name="tick", ScheduleExpression=at(server, 60), FlexibleTimeWindow=OFF, Target=bus)
    server.advance(61)
    ((_, event),) = wait_for(records, "the event comes")
    assert (event["detail-type"], event["detail"]) == ("Tick", {"n": 1})
    assert event["resources"] == ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/tick"]
    scheduler.delete_schedule(Name="tick")


def test_what_is_refused(server):
    scheduler = server.client("scheduler")
    to = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": "arn:aws:iam::000000000000:role/r"}
    common = {"Name": "a", "FlexibleTimeWindow": OFF, "Target": to}
    refused(scheduler.create_schedule, "ValidationException", "Universal targets", ScheduleExpression="rate(1 hour)", **common)
    stream_to = {**to, "Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "KinesisParameters": {"PartitionKey": "p"}}
    refused(scheduler.create_schedule, "ValidationException", "Invalid Schedule Expression rate(1 second).", ScheduleExpression="rate(1 second)", **{**common, "Target": stream_to})
    refused(scheduler.delete_schedule, "ResourceNotFoundException", "Schedule none does not exist.", Name="none")


def test_what_is_due_while_the_server_is_down_fires_once(servers):
    server = servers().start()
    scheduler = server.client("scheduler")
    to, records = target(server, "late", Input='"late"')
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    scheduler.create_schedule(Name="late", ScheduleExpression=moment.strftime("at(%Y-%m-%dT%H:%M:%S)"), FlexibleTimeWindow=OFF, Target=to)
    server.kill()
    wait_for(lambda: datetime.datetime.now(datetime.UTC) > moment, "it is due")
    server.start()
    assert wait_for(records, "it fires") == ["late"]


def test_the_aws_cli(server):
    aws = lambda *arguments: server.aws_json("scheduler", *arguments)
    queue = {"Arn": "arn:aws:lambda:us-east-1:000000000000:function:f", "RoleArn": "arn:aws:iam::000000000000:role/r"}
    made = aws("create-schedule", "--name", "cli", "--schedule-expression", "cron(0 12 * * ? *)", "--flexible-time-window", json.dumps(OFF), "--target", json.dumps(queue))
    assert made["ScheduleArn"].endswith(":schedule/default/cli")
    assert aws("get-schedule", "--name", "cli")["ScheduleExpression"] == "cron(0 12 * * ? *)"
