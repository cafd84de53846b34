"""SNS through boto3 and the AWS CLI, with an HTTP endpoint of the test's own."""

import base64
import http.server
import json
import os
import pathlib
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from anabranch_server import wait_for


class Endpoint:
    """A subscriber by HTTP: keeps what it gets, and answers with what it is told to."""

    def __init__(self):
        endpoint = self
        self.got, self.statuses = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                endpoint.got.append((dict(self.headers), body))
                self.send_response(endpoint.statuses.pop(0) if endpoint.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/messages"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def messages(self, kind="Notification"):
        return [body for headers, body in list(self.got) if headers["x-amz-sns-message-type"] == kind]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def sns(server):
    return server.client("sns")


def subscribe(sns, topic, endpoint, **attributes):
    """Subscribes an endpoint, which follows the link that it is sent."""
    shown = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url, Attributes=attributes, ReturnSubscriptionArn=True)
    wait_for(lambda: endpoint.messages("SubscriptionConfirmation"), "the endpoint is asked")
    question = json.loads(endpoint.messages("SubscriptionConfirmation")[0])
    page = urllib.request.urlopen(question["SubscribeURL"], timeout=10).read().decode()
    assert shown["SubscriptionArn"] in page, page
    return shown["SubscriptionArn"], question


def code_of(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def test_an_endpoint_confirms_and_gets_signed_messages(server, sns, endpoint, tmp_path):
    topic = sns.create_topic(Name="signed")["TopicArn"]
    pending = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert pending["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=topic, Message="nobody gets this")
    arn, question = subscribe(sns, topic, endpoint)
    assert sns.confirm_subscription(TopicArn=topic, Token=question["Token"])["SubscriptionArn"] == arn
    message_id = sns.publish(
        TopicArn=topic, Message="hello", Subject="greeting", MessageAttributes={"raw": {"DataType": "Binary", "BinaryValue": b"\xff"}}
    )["MessageId"]
    wait_for(lambda: endpoint.messages(), "the message comes")
    [body] = endpoint.messages()
    message = json.loads(body)
    headers = endpoint.got[-1][0]
    assert headers["x-amz-sns-message-id"] == message["MessageId"] == message_id
    assert (headers["x-amz-sns-topic-arn"], headers["x-amz-sns-subscription-arn"]) == (topic, arn)
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert message["MessageAttributes"] == {"raw": {"Type": "Binary", "Value": "/w=="}}
    signed = "".join(f"{name}\n{message[name]}\n" for name in ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
    files = {name: tmp_path / name for name in ["certificate", "key", "text", "signature"]}
    files["certificate"].write_bytes(urllib.request.urlopen(message["SigningCertURL"], timeout=10).read())
    files["text"].write_text(signed)
    files["signature"].write_bytes(base64.b64decode(message["Signature"]))
    openssl = lambda *arguments: subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout
    files["key"].write_bytes(openssl("x509", "-pubkey", "-noout", "-in", str(files["certificate"])))
    assert b"OK" in openssl("dgst", "-sha256", "-verify", str(files["key"]), "-signature", str(files["signature"]), str(files["text"]))
    urllib.request.urlopen(message["UnsubscribeURL"], timeout=10).read()
    assert code_of(sns.get_subscription_attributes, SubscriptionArn=arn)[:2] == ("NotFound", 404)


def test_filters_raw_delivery_and_retries(sns, endpoint):
    topic = sns.create_topic(Name="filtered")["TopicArn"]
    retries = {"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 2, "minDelayTarget": 1, "maxDelayTarget": 1}}
    arn, _ = subscribe(sns, topic, endpoint, RawMessageDelivery="true", DeliveryPolicy=json.dumps(retries))
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"kind": ["click"]}')
    kind = lambda text: {"kind": {"DataType": "String", "StringValue": text}}
    endpoint.statuses = [503, 500]
    sns.publish(TopicArn=topic, Message="no", MessageAttributes=kind("view"))
    sns.publish(TopicArn=topic, Message="yes", MessageAttributes=kind("click"))
    wait_for(lambda: len(endpoint.messages()) == 3, "it is tried three times")
    assert set(endpoint.messages()) == {b"yes"}
    assert endpoint.got[-1][0]["x-amz-sns-rawdelivery"] == "true"
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["FilterPolicyScope"], attributes["PendingConfirmation"]) == ("MessageAttributes", "false")
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["healthyRetryPolicy"]["numRetries"] == 2


def test_streams_take_messages(server, sns):
    """A delivery stream, through its log."""
    firehose = server.client("firehose")
    server.client("s3").create_bucket(Bucket="archive")
    role = "arn:aws:iam::000000000000:role/any"
    settings = {"RoleARN": role, "BucketARN": "arn:aws:s3:::archive", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1}}
    stream = firehose.create_delivery_stream(DeliveryStreamName="archive", ExtendedS3DestinationConfiguration=settings)
    topic = sns.create_topic(Name="archived")["TopicArn"]
    sns.subscribe(
        TopicArn=topic, Protocol="firehose", Endpoint=stream["DeliveryStreamARN"], Attributes={"SubscriptionRoleArn": role}
    )
    sns.publish(TopicArn=topic, Message="kept")
    s3 = server.client("s3")
    wait_for(lambda: s3.list_objects_v2(Bucket="archive").get("Contents"), "the object is there")
    key = s3.list_objects_v2(Bucket="archive")["Contents"][0]["Key"]
    assert json.loads(s3.get_object(Bucket="archive", Key=key)["Body"].read())["Message"] == "kept"


def test_topics_have_attributes_tags_and_permissions(sns):
    topic = sns.create_topic(Name="described", Attributes={"DisplayName": "Clicks"}, Tags=[{"Key": "team", "Value": "data"}])["TopicArn"]
    assert sns.create_topic(Name="described")["TopicArn"] == topic
    sns.add_permission(TopicArn=topic, Label="other", AWSAccountId=["111122223333"], ActionName=["Publish"])
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["DisplayName"], attributes["Owner"], attributes["SubscriptionsConfirmed"]) == ("Clicks", "000000000000", "0")
    assert [one["Sid"] for one in json.loads(attributes["Policy"])["Statement"]] == ["__default_statement_ID", "other"]
    sns.remove_permission(TopicArn=topic, Label="other")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Taps")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Taps"
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "stage", "Value": ""}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["team"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "stage", "Value": ""}]
    assert topic in [one["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for one in page["Topics"]]
    sns.delete_topic(TopicArn=topic)
    assert code_of(sns.get_topic_attributes, TopicArn=topic)[:2] == ("NotFound", 404)


def test_fifo_topics_answer_with_sequence_numbers(sns):
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    topic = sns.create_topic(Name="ordered.fifo", Attributes=attributes)["TopicArn"]
    entries = [{"Id": str(n), "Message": str(n % 2), "MessageGroupId": "g"} for n in range(3)]
    answers = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"]
    numbers = [one["SequenceNumber"] for one in answers]
    assert numbers[0] == numbers[2] < numbers[1] and answers[0]["MessageId"] == answers[2]["MessageId"]
    assert code_of(sns.publish, TopicArn=topic, Message="m")[:2] == ("InvalidParameter", 400)


def test_what_is_not_offered_is_refused_by_name(sns):
    topic = sns.create_topic(Name="refused")["TopicArn"]
    for call, arguments, says in [
        (sns.publish, {"PhoneNumber": "+123", "Message": "m"}, "phone numbers"),
        (sns.subscribe, {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com"}, "email"),
        (sns.set_topic_attributes, {"TopicArn": topic, "AttributeName": "ArchivePolicy", "AttributeValue": "{}"}, "ArchivePolicy"),
        (sns.create_platform_application, {"Name": "a", "Platform": "GCM", "Attributes": {}}, "CreatePlatformApplication"),
    ]:
        assert says in code_of(call, **arguments)[2]


def test_calls_without_credentials_are_links_only(server):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/?Action=ListTopics&Version=2010-03-31", timeout=10)
    assert b"MissingAuthenticationToken" in refused.value.read()


def test_the_cli_publishes(server):
    credentials = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    run = lambda *arguments: json.loads(
        subprocess.run(
            ["aws", "--endpoint-url", server.url, "--output", "json", "sns", *arguments],
            env=os.environ | credentials, check=True, capture_output=True, timeout=60,
        ).stdout
    )
    topic = run("create-topic", "--name", "cli")["TopicArn"]
    assert run("publish", "--topic-arn", topic, "--message", "hello")["MessageId"]


def test_s3_tells_topics_and_buses(server, sns, endpoint):
    s3, kinesis, events = server.client("s3"), server.client("kinesis"), server.client("events")
    s3.create_bucket(Bucket="told")
    topic = sns.create_topic(Name="objects")["TopicArn"]
    subscribe(sns, topic, endpoint, RawMessageDelivery="true")
    kinesis.create_stream(StreamName="objects", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="objects", WaiterConfig={"Delay": 1})
    stream = kinesis.describe_stream_summary(StreamName="objects")["StreamDescriptionSummary"]["StreamARN"]
    events.put_rule(Name="objects", EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": ["told"]}}}))
    events.put_targets(Rule="objects", Targets=[{"Id": "stream", "Arn": stream, "RoleArn": "arn:aws:iam::000000000000:role/any"}])
    suffix = {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".gz"}]}}
    rule = lambda arn: {"Id": "r", "TopicArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": suffix}
    configure = lambda arn, **more: s3.put_bucket_notification_configuration(
        Bucket="told", NotificationConfiguration={"TopicConfigurations": [rule(arn)], "EventBridgeConfiguration": {}}, **more
    )
    with pytest.raises(ClientError) as refused:
        configure(f"{topic}-absent")
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidArgument", "Unable to validate the following destination configurations")
    assert (error["ArgumentName"], error["ArgumentValue"]) == (f"{topic}-absent", "The destination topic does not exist")
    configure(f"{topic}-absent", SkipDestinationValidation=True)
    configure(topic)
    shown = s3.get_bucket_notification_configuration(Bucket="told")
    assert shown["TopicConfigurations"][0]["TopicArn"] == topic and "EventBridgeConfiguration" in shown
    s3.put_object(Bucket="told", Key="a b.gz", Body=b"x")
    s3.delete_object(Bucket="told", Key="a b.gz")
    wait_for(lambda: len(endpoint.messages()) == 2, "the test event and the event come")
    test, event = sorted((json.loads(body) for body in endpoint.messages()), key=lambda body: "Records" in body)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", "told")
    assert event["Records"][0]["s3"]["object"]["key"] == "a+b.gz"
    iterator = kinesis.get_shard_iterator(StreamName="objects", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    got = []

    def both():
        answer = kinesis.get_records(ShardIterator=iterator["ShardIterator"])
        got[:] = [json.loads(record["Data"]) for record in answer["Records"]]
        return len(got) == 2

    wait_for(both, "the bus tells of both")
    assert [one["detail-type"] for one in got] == ["Object Created", "Object Deleted"]
    assert (got[0]["detail"]["object"]["key"], got[0]["detail"]["reason"]) == ("a b.gz", "PutObject")


def test_functions_get_events(servers):
    server = servers(pathlib.Path(__file__).resolve().parent.parent / "functions/template.yaml").start()
    sns = server.client("sns")
    topic = sns.create_topic(Name="functions")["TopicArn"]
    function = "arn:aws:lambda:us-east-1:000000000000:function:behaving"
    arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="for a function")
    log = server.directory / "data/lambda/behaving.log"
    line = wait_for(lambda: log.exists() and next((line for line in log.read_text().splitlines() if "for a function" in line), None), "it is invoked")
    assert '"EventSource": "aws:sns"' in line and arn in line, line


def received(sqs, queue, count, **more):
    """So many messages of a queue, deleted, in the order in which they came."""
    got = []

    def all_of_them():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, **more).get("Messages", []):
            got.append(message)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(got) >= count

    wait_for(all_of_them, f"{count} messages come")
    return got


def queue_arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_queues_get_notifications_and_raw_messages(server, sns):
    sqs = server.client("sqs")
    whole, raw = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ["whole", "raw"])
    topic = sns.create_topic(Name="queues")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(sqs, whole))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(sqs, raw), Attributes={"RawMessageDelivery": "true"})
    kind = {"kind": {"DataType": "String", "StringValue": "click"}}
    message_id = sns.publish(TopicArn=topic, Message="hello", MessageAttributes=kind)["MessageId"]
    [message] = received(sqs, whole, 1)
    body = json.loads(message["Body"])
    assert (body["Type"], body["MessageId"], body["Message"], body["TopicArn"]) == ("Notification", message_id, "hello", topic)
    [message] = received(sqs, raw, 1, MessageAttributeNames=["All"])
    assert (message["Body"], message["MessageAttributes"]["kind"]["StringValue"]) == ("hello", "click")


def test_fifo_queues_get_messages_in_order_and_dead_letters(server, sns):
    sqs = server.client("sqs")
    fifo = {"FifoQueue": "true"}
    ordered, dead = (sqs.create_queue(QueueName=f"{name}.fifo", Attributes=fifo)["QueueUrl"] for name in ["ordered", "dead"])
    topic = sns.create_topic(Name="queues.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": queue_arn(sqs, dead)}), "RawMessageDelivery": "true"}
    arn = queue_arn(sqs, ordered)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn.replace("ordered", "absent"), Attributes=redrive)
    for number in [0, 1, 1, 2]:
        sns.publish(TopicArn=topic, Message=str(number), MessageGroupId="g", MessageDeduplicationId=str(number))
    assert [message["Body"] for message in received(sqs, ordered, 3)] == ["0", "1", "2"]
    assert [message["Body"] for message in received(sqs, dead, 3)] == ["0", "1", "2"]
