"""SQS through boto3 (which checks the digests), the AWS CLI, and the Query protocol by plain requests."""

import base64
import hashlib
import json
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from anabranch_server import wait_for


@pytest.fixture(scope="module")
def sqs(server):
    return server.client("sqs", read_timeout=40)


@pytest.fixture(scope="module")
def clocked(tmp_path_factory):
    """A server whose time the tests move."""
    from anabranch_server import Server

    server = Server(tmp_path_factory.mktemp("clocked"), arguments=["--test-clock"]).start()
    yield server
    server.stop()


def make(client, name, tags=None, **attributes):
    return client.create_queue(QueueName=name, Attributes={key: str(value) for key, value in attributes.items()}, tags=tags or {})["QueueUrl"]


def receive(client, url, most=10, **more):
    more = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"], **more}
    return client.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **more).get("Messages", [])


def attributes(client, url, *names):
    return client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


def counts(client, url):
    found = attributes(client, url)
    return tuple(int(found[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


def refused(call, *arguments, **members):
    with pytest.raises(ClientError) as refusal:
        call(*arguments, **members)
    return refusal.value


def test_a_message_goes_its_way(sqs, server):
    url = make(sqs, "jobs")
    assert url == f"{server.url}/000000000000/jobs"
    values = {
        "text": {"DataType": "String", "StringValue": "ü"},
        "number": {"DataType": "Number.int", "StringValue": "7"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = "Root=1-5e1b4151-5ac6c58aa8aa3a0a4e2f5f4e"
    system = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="höhe", MessageAttributes=values, MessageSystemAttributes=system)
    assert sent["MD5OfMessageBody"] == hashlib.md5("höhe".encode()).hexdigest() and "SequenceNumber" not in sent
    assert counts(sqs, url) == (1, 0, 0)
    (message,) = receive(sqs, url)
    assert message["MessageId"] == sent["MessageId"] and message["Body"] == "höhe"
    assert message["MessageAttributes"] == values and message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    system = message["Attributes"]
    assert system["ApproximateReceiveCount"] == "1" and system["SenderId"] == "000000000000" and system["AWSTraceHeader"] == trace
    assert int(system["ApproximateFirstReceiveTimestamp"]) >= int(system["SentTimestamp"])
    assert counts(sqs, url) == (0, 1, 0) and receive(sqs, url) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = receive(sqs, url, MessageAttributeNames=["num.*", "text"], MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"} and set(again["MessageAttributes"]) == {"number", "text"}
    assert again["ReceiptHandle"] != message["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)
    assert refused(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=1).response["Error"]["Code"] == "InvalidParameterValue"


def test_batches(sqs):
    url = make(sqs, "batches")
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(8)]
    entries += [{"Id": "empty", "MessageBody": "x", "DelaySeconds": 901}, {"Id": "bad", "MessageBody": "\x01"}]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == [str(n) for n in range(8)]
    assert {one["Id"]: (one["Code"], one["SenderFault"]) for one in answer["Failed"]} == {
        "empty": ("InvalidParameterValue", True),
        "bad": ("InvalidMessageContents", True),
    }
    messages = receive(sqs, url)
    assert sorted(message["Body"] for message in messages) == [f"m{n}" for n in range(8)]
    changes = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 60} for n, message in enumerate(messages[:4])]
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[*changes, {"Id": "x", "ReceiptHandle": "x", "VisibilityTimeout": 1}])
    assert len(answer["Successful"]) == 4 and answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    deletions = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[*deletions, {"Id": "x", "ReceiptHandle": "x"}])
    assert len(answer["Successful"]) == 8 and answer["Failed"][0]["Id"] == "x"
    assert counts(sqs, url) == (0, 0, 0)
    codes = sqs.exceptions
    for wrong, entries in (
        (codes.EmptyBatchRequest, []),
        (codes.TooManyEntriesInBatchRequest, [{"Id": str(n), "MessageBody": "x"} for n in range(11)]),
        (codes.BatchEntryIdsNotDistinct, [{"Id": "a", "MessageBody": "x"}] * 2),
        (codes.InvalidBatchEntryId, [{"Id": "a b", "MessageBody": "x"}]),
        (codes.BatchRequestTooLong, [{"Id": str(n), "MessageBody": "x" * 150_000} for n in range(8)]),
    ):
        with pytest.raises(wrong):
            sqs.send_message_batch(QueueUrl=url, Entries=entries)


def test_errors_have_both_names(sqs, server):
    missing = refused(sqs.send_message, QueueUrl=f"{server.url}/000000000000/nowhere", MessageBody="x")
    assert isinstance(missing, sqs.exceptions.QueueDoesNotExist)
    assert missing.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert missing.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"
    assert missing.response["Error"]["Type"] == "Sender" and missing.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nowhere")
    url = make(sqs, "refusals", MaximumMessageSize=1024)
    with pytest.raises(sqs.exceptions.InvalidMessageContents):
        sqs.send_message(QueueUrl=url, MessageBody="\x00")
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")
    long = refused(sqs.send_message, QueueUrl=url, MessageBody="x" * 1025)
    assert "shorter than 1024 bytes" in str(long) and long.response["Error"]["Code"] == "InvalidParameterValue"
    for members in ({"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": 21}, {"VisibilityTimeout": 43201}):
        assert refused(sqs.receive_message, QueueUrl=url, **members).response["Error"]["Code"] == "InvalidParameterValue"
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="").response["Error"]["Code"] == "MissingParameter"
    with pytest.raises(sqs.exceptions.InvalidAddress):
        sqs.purge_queue(QueueUrl="nonsense")
    for name in ("a b", "", "x" * 81, "a.fifo"):
        assert refused(sqs.create_queue, QueueName=name).response["Error"]["Code"] == "InvalidParameterValue"
    with pytest.raises(sqs.exceptions.InvalidAttributeValue):
        make(sqs, "wrong", VisibilityTimeout=43201)
    with pytest.raises(sqs.exceptions.InvalidAttributeName):
        make(sqs, "wrong", FifoQueue="false")


def test_the_largest_message_is_one_mebibyte(sqs):
    url = make(sqs, "large")
    body = "x" * (1 << 20)
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert receive(sqs, url)[0]["Body"] == body
    assert "1048576" in str(refused(sqs.send_message, QueueUrl=url, MessageBody=body + "x"))


def test_creating_again(sqs):
    url = make(sqs, "same", VisibilityTimeout=5)
    assert make(sqs, "same", VisibilityTimeout=5) == url and make(sqs, "same") == url
    with pytest.raises(sqs.exceptions.QueueNameExists):
        make(sqs, "same", VisibilityTimeout=6)
    assert sqs.get_queue_url(QueueName="same", QueueOwnerAWSAccountId="000000000000")["QueueUrl"] == url


def test_attributes_and_tags(sqs):
    url = make(sqs, "attributes", tags={"team": "clicks"}, DelaySeconds=3)
    found = attributes(sqs, url)
    expected = {
        "VisibilityTimeout": "30", "DelaySeconds": "3", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "QueueArn": "arn:aws:sqs:us-east-1:000000000000:attributes",
    }
    assert expected.items() <= found.items() and "FifoQueue" not in found
    assert abs(int(found["CreatedTimestamp"]) - int(found["LastModifiedTimestamp"])) <= 1
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7", "Policy": policy, "KmsMasterKeyId": "alias/aws/sqs"})
    found = attributes(sqs, url, "VisibilityTimeout", "Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    assert found == {"VisibilityTimeout": "7", "Policy": policy, "KmsMasterKeyId": "alias/aws/sqs",
                     "KmsDataKeyReusePeriodSeconds": "300", "SqsManagedSseEnabled": "false"}
    with pytest.raises(sqs.exceptions.InvalidAttributeName):
        attributes(sqs, url, "Size")
    sqs.tag_queue(QueueUrl=url, Tags={"cost": "1"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "clicks", "cost": "1"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"cost": "1"}


def test_permissions_are_statements_of_the_policy(sqs):
    url = make(sqs, "permissions")
    sqs.add_permission(QueueUrl=url, Label="send", AWSAccountIds=["123456789012"], Actions=["SendMessage"])
    (statement,) = json.loads(attributes(sqs, url, "Policy")["Policy"])["Statement"]
    assert statement["Sid"] == "send" and statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert statement["Action"] == "SQS:SendMessage"
    assert "Already exists" in str(refused(sqs.add_permission, QueueUrl=url, Label="send", AWSAccountIds=["123456789012"], Actions=["*"]))
    sqs.remove_permission(QueueUrl=url, Label="send")
    assert attributes(sqs, url, "Policy") == {}
    assert "can't find label" in str(refused(sqs.remove_permission, QueueUrl=url, Label="send"))


def test_lists_come_in_pages(server):
    sqs = server.client("sqs", account="222222222222")
    for number in range(5):
        make(sqs, f"page-{number}")
    make(sqs, "other")
    names = lambda urls: [url.rsplit("/", 1)[1] for url in urls]
    assert names(sqs.list_queues(QueueNamePrefix="page")["QueueUrls"]) == [f"page-{number}" for number in range(5)]
    pages = list(sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2}))
    assert [names(page["QueueUrls"]) for page in pages] == [["other", "page-0"], ["page-1", "page-2"], ["page-3", "page-4"]]
    assert sqs.list_queues(QueueNamePrefix="none").get("QueueUrls", []) == []
    assert server.client("sqs", account="222222222222", region="eu-west-1").list_queues().get("QueueUrls", []) == []


def test_queues_belong_to_account_and_region(server, sqs):
    url = make(sqs, "shared")
    theirs = server.client("sqs", account="111111111111")
    with pytest.raises(theirs.exceptions.QueueDoesNotExist):
        theirs.get_queue_url(QueueName="shared")
    assert make(theirs, "shared") == f"{server.url}/111111111111/shared"
    # A URL names its account, whoever calls.
    theirs.send_message(QueueUrl=url, MessageBody="from outside")
    assert [message["Body"] for message in receive(sqs, url)] == ["from outside"]
    assert theirs.get_queue_url(QueueName="shared", QueueOwnerAWSAccountId="000000000000")["QueueUrl"] == url


def test_urls_of_other_hosts(sqs, server):
    make(sqs, "hosts")
    for host in ("https://sqs.us-east-1.amazonaws.com", "https://queue.amazonaws.com", "http://localhost:4566", "http://sqs.us-east-1.localhost.localstack.cloud:4566"):
        # botocore would go there itself.
        body = json.dumps({"QueueUrl": f"{host}/000000000000/hosts", "MessageBody": host}).encode()
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage", "Authorization": authorization()}
        with urllib.request.urlopen(urllib.request.Request(server.url, data=body, headers=headers)) as answer:
            assert answer.headers["Content-Type"] == "application/x-amz-json-1.0" and json.loads(answer.read())["MessageId"]
    assert len(receive(sqs, f"{server.url}/000000000000/hosts")) == 4


def test_who_waits_gets_what_arrives(sqs):
    url = make(sqs, "waiting")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(receive, sqs, url, 1, WaitTimeSeconds=20) for _ in range(3)]
        wait_for(lambda: sum(future.running() for future in waiting) == 3, "three wait")
        for number in range(3):
            sqs.send_message(QueueUrl=url, MessageBody=str(number))
        found = [future.result(timeout=15) for future in waiting]
    assert sorted(message["Body"] for messages in found for message in messages) == ["0", "1", "2"]
    # Time makes messages visible, too.
    (message,) = receive(sqs, make_with_one(sqs, "invisible"), VisibilityTimeout=1)
    (again,) = receive(sqs, url.replace("waiting", "invisible"), WaitTimeSeconds=10)
    assert again["MessageId"] == message["MessageId"]


def make_with_one(sqs, name, **settings):
    url = make(sqs, name, **settings)
    sqs.send_message(QueueUrl=url, MessageBody=name)
    return url


def test_fifo_order_and_deduplication(sqs):
    url = make(sqs, "orders.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    send = lambda body, group, **more: sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)
    sent = [send(f"{group}{number}", group) for number in range(3) for group in "ab"]
    numbers = [one["SequenceNumber"] for one in sent]
    assert numbers == sorted(numbers) and len(set(numbers)) == 6 and {len(number) for number in numbers} == {20}
    twice = send("a0", "a")
    assert (twice["MessageId"], twice["SequenceNumber"]) == (sent[0]["MessageId"], numbers[0])
    first = receive(sqs, url, 2)
    assert [message["Body"] for message in first] == ["a0", "a1"]
    assert first[0]["Attributes"]["MessageGroupId"] == "a" and first[0]["Attributes"]["SequenceNumber"] == numbers[0]
    assert first[0]["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(b"a0").hexdigest()
    assert [message["Body"] for message in receive(sqs, url)] == ["b0", "b1", "b2"]
    assert receive(sqs, url) == [], "both groups are held up"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert receive(sqs, url) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"], VisibilityTimeout=0)
    assert [message["Body"] for message in receive(sqs, url)] == ["a1", "a2"]
    expired = refused(sqs.delete_message, QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"])
    assert "The receipt handle has expired" in str(expired)
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x").response["Error"]["Code"] == "MissingParameter"
    assert "not valid for this queue type" in str(refused(send, "y", "a", DelaySeconds=1))
    plain = make(sqs, "plain.fifo", FifoQueue="true")
    assert "ContentBasedDeduplication" in str(refused(sqs.send_message, QueueUrl=plain, MessageBody="x", MessageGroupId="a"))


def test_deduplication_by_group(sqs):
    url = make(sqs, "groups.fifo", FifoQueue="true", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    entries = [{"Id": f"{n}", "MessageBody": "x", "MessageGroupId": group, "MessageDeduplicationId": "1"} for n, group in enumerate("aab")]
    one, same, other = sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    assert one["MessageId"] == same["MessageId"] != other["MessageId"]
    assert counts(sqs, url) == (2, 0, 0)
    with pytest.raises(sqs.exceptions.InvalidAttributeValue):
        make(sqs, "limit.fifo", FifoQueue="true", FifoThroughputLimit="perMessageGroupId")


def test_a_receive_may_be_repeated(sqs):
    url = make(sqs, "attempts.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId="a")
    first = receive(sqs, url, 2, ReceiveRequestAttemptId="try")
    again = receive(sqs, url, 2, ReceiveRequestAttemptId="try")
    assert [message["ReceiptHandle"] for message in first] == [message["ReceiptHandle"] for message in again]
    assert [message["Body"] for message in first] == ["0", "1"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert receive(sqs, url, 2, ReceiveRequestAttemptId="try") == []


def test_groups_in_standard_queues(sqs):
    url = make(sqs, "fair")
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="tenant")
    assert receive(sqs, url)[0]["Attributes"]["MessageGroupId"] == "tenant"
    assert "not valid for this queue type" in str(refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageDeduplicationId="1"))


def redrive(target, count):
    return json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:{target}", "maxReceiveCount": count})


def test_dead_letters_and_back(sqs):
    dead = make(sqs, "dead")
    url = make(sqs, "alive", RedrivePolicy=redrive("dead", 2), VisibilityTimeout=0)
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison", MessageAttributes={"a": {"DataType": "String", "StringValue": "1"}})
    for count in "12":
        assert receive(sqs, url)[0]["Attributes"]["ApproximateReceiveCount"] == count
    assert receive(sqs, url) == [] and counts(sqs, url) == (0, 0, 0)
    (message,) = receive(sqs, dead, VisibilityTimeout=0)
    assert message["MessageId"] == sent["MessageId"] and message["MessageAttributes"]["a"]["StringValue"] == "1"
    assert message["Attributes"]["DeadLetterQueueSourceArn"].endswith(":alive")
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    source = "arn:aws:sqs:us-east-1:000000000000:dead"
    handle = sqs.start_message_move_task(SourceArn=source)["TaskHandle"]
    tasks = lambda: sqs.list_message_move_tasks(SourceArn=source)["Results"]
    (task,) = wait_for(lambda: [task for task in tasks() if task["Status"] == "COMPLETED"], "it is moved")
    assert task["ApproximateNumberOfMessagesMoved"] == task["ApproximateNumberOfMessagesToMove"] == 1 and "TaskHandle" not in task
    (message,) = receive(sqs, url)
    assert message["MessageId"] != sent["MessageId"] and message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert refused(sqs.cancel_message_move_task, TaskHandle=handle).response["Error"]["Code"] == "InvalidParameterValue"
    with pytest.raises(sqs.exceptions.ResourceNotFoundException):
        sqs.start_message_move_task(SourceArn=source + "r")
    assert "Dead Letter Queue" in str(refused(sqs.start_message_move_task, SourceArn=source.replace("dead", "alive")))


def test_move_tasks_go_at_their_rate_until_they_are_cancelled(sqs):
    dead = make(sqs, "slow-dead")
    make(sqs, "slow-source", RedrivePolicy=redrive("slow-dead", 1))
    target = make(sqs, "slow-target")
    sqs.send_message_batch(QueueUrl=dead, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(10)])
    arn = lambda name: f"arn:aws:sqs:us-east-1:000000000000:{name}"
    handle = sqs.start_message_move_task(SourceArn=arn("slow-dead"), DestinationArn=arn("slow-target"), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    assert "Only one active task" in str(refused(sqs.start_message_move_task, SourceArn=arn("slow-dead")))
    wait_for(lambda: counts(sqs, target)[0] >= 1, "one is moved")
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] >= 1
    status = lambda: sqs.list_message_move_tasks(SourceArn=arn("slow-dead"))["Results"][0]["Status"]
    wait_for(lambda: status() == "CANCELLED", "it is cancelled")
    moved = counts(sqs, target)[0]
    assert 1 <= moved < 10 and counts(sqs, dead)[0] == 10 - moved


def test_redrive_policies_are_checked(sqs):
    make(sqs, "closed", RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    make(sqs, "letters.fifo", FifoQueue="true")
    assert "does not allow" in str(refused(make, sqs, "s", RedrivePolicy=redrive("closed", 1)))
    assert "same type" in str(refused(make, sqs, "s", RedrivePolicy=redrive("letters.fifo", 1)))
    assert "does not exist" in str(refused(make, sqs, "s", RedrivePolicy=redrive("none", 1)))
    assert "maxReceiveCount" in str(refused(make, sqs, "s", RedrivePolicy=redrive("closed", 0)))


def test_a_queue_outlives_its_dead_letter_queue(sqs):
    dead = make(sqs, "mortal")
    url = make(sqs, "survivor", RedrivePolicy=redrive("mortal", 1), VisibilityTimeout=0)
    sqs.delete_queue(QueueUrl=dead)
    sqs.tag_queue(QueueUrl=url, Tags={"a": "b"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert [receive(sqs, url)[0]["Attributes"]["ApproximateReceiveCount"] for _ in range(3)] == ["1", "2", "3"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in attributes(sqs, url)


def test_time_goes_by(clocked):
    sqs = clocked.client("sqs", read_timeout=40)
    url = make(sqs, "timed", MessageRetentionPeriod=60, DelaySeconds=5)
    sqs.send_message(QueueUrl=url, MessageBody="delayed")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    assert counts(sqs, url) == (1, 0, 1) and [message["Body"] for message in receive(sqs, url, VisibilityTimeout=20)] == ["at once"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, sqs, url, WaitTimeSeconds=20)
        wait_for(waiting.running, "someone waits")
        wait_for(lambda: clocked.advance(1) and waiting.done(), "the delay is over")
        assert [message["Body"] for message in waiting.result()] == ["delayed"]
    clocked.advance(120)
    assert counts(sqs, url) == (0, 0, 0), "both were kept for a minute"
    sqs.purge_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=url)
    clocked.advance(60)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0, 0)
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDeletedRecently):
        make(sqs, "timed")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    clocked.advance(60)
    assert make(sqs, "timed") == url
    fifo = make(sqs, "timed.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    ids = set()
    for _ in range(2):
        ids.add(sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="a")["MessageId"])
        clocked.advance(299)
        ids.add(sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="a")["MessageId"])
        clocked.advance(2)
    assert len(ids) == 2, "ids are remembered for five minutes"


def test_a_deleted_queue_ends_who_waits(sqs):
    url = make(sqs, "ending")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refused, sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        wait_for(waiting.running, "someone waits")
        sqs.delete_queue(QueueUrl=url)
        assert isinstance(waiting.result(timeout=15), sqs.exceptions.QueueDoesNotExist)


def authorization(account="000000000000", service="sqs"):
    return f"AWS4-HMAC-SHA256 Credential={account}/20261121/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"


NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def query(url, method="POST", **parameters):
    """A request of the Query protocol, and its answer as a tree."""
    form = urllib.parse.urlencode({"Version": "2012-11-05", **{name.replace("__", "."): value for name, value in parameters.items()}})
    headers = {"Authorization": authorization()}
    request = urllib.request.Request(url, data=form.encode(), headers=headers) if method == "POST" else urllib.request.Request(f"{url}?{form}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return ElementTree.fromstring(answer.read())
    except urllib.error.HTTPError as error:
        return ElementTree.fromstring(error.read())


def texts(tree, name):
    return [element.text for element in tree.iter(NAMESPACE + name)]


def test_the_query_protocol(server, sqs):
    made = query(server.url, Action="CreateQueue", QueueName="forms", **{"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "40", "Tag.1.Key": "team", "Tag.1.Value": "a"})
    (url,) = texts(made, "QueueUrl")
    assert url == f"{server.url}/000000000000/forms" and made.tag == NAMESPACE + "CreateQueueResponse" and texts(made, "RequestId")
    # Older SDKs call the queue's own address.
    sent = query(url, Action="SendMessage", MessageBody="<a&b>", **{
        "MessageAttribute.1.Name": "kind", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "x",
        "MessageAttribute.2.Name": "data", "MessageAttribute.2.Value.DataType": "Binary", "MessageAttribute.2.Value.BinaryValue": base64.b64encode(b"\xff").decode(),
    })
    assert texts(sent, "MD5OfMessageBody") == [hashlib.md5(b"<a&b>").hexdigest()] and len(texts(sent, "MessageId")) == 1
    received = query(url, "GET", Action="ReceiveMessage", MaxNumberOfMessages="10", **{"AttributeName.1": "All", "MessageAttributeName.1": "All"})
    (message,) = received.iter(NAMESPACE + "Message")
    assert texts(message, "Body") == ["<a&b>"] and texts(message, "MessageId") == texts(sent, "MessageId")
    assert {"SenderId", "ApproximateReceiveCount", "kind", "data"} <= set(texts(message, "Name"))
    assert texts(message, "BinaryValue") == ["/w=="] and texts(message, "MD5OfMessageAttributes") == texts(sent, "MD5OfMessageAttributes")
    (handle,) = texts(message, "ReceiptHandle")
    assert texts(query(url, Action="DeleteMessage", ReceiptHandle=handle), "RequestId")
    batch = query(url, Action="SendMessageBatch", **{
        "SendMessageBatchRequestEntry.1.Id": "a", "SendMessageBatchRequestEntry.1.MessageBody": "1",
        "SendMessageBatchRequestEntry.2.Id": "b", "SendMessageBatchRequestEntry.2.MessageBody": "\x01",
    })
    assert [texts(entry, "Id") for entry in batch.iter(NAMESPACE + "SendMessageBatchResultEntry")] == [["a"]]
    (failed,) = batch.iter(NAMESPACE + "BatchResultErrorEntry")
    assert texts(failed, "Code") == ["InvalidMessageContents"] and texts(failed, "SenderFault") == ["true"]
    (message,) = query(url, Action="ReceiveMessage").iter(NAMESPACE + "Message")
    handle = texts(message, "ReceiptHandle")[0]
    changed = query(url, Action="ChangeMessageVisibilityBatch", **{"ChangeMessageVisibilityBatchRequestEntry.1.Id": "a", "ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle": handle, "ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout": "9"})
    assert len(list(changed.iter(NAMESPACE + "ChangeMessageVisibilityBatchResultEntry"))) == 1
    deleted = query(server.url, Action="DeleteMessageBatch", QueueUrl=url, **{"DeleteMessageBatchRequestEntry.1.Id": "a", "DeleteMessageBatchRequestEntry.1.ReceiptHandle": handle})
    assert len(list(deleted.iter(NAMESPACE + "DeleteMessageBatchResultEntry"))) == 1
    found = query(url, Action="GetQueueAttributes", **{"AttributeName.1": "VisibilityTimeout"})
    assert (texts(found, "Name"), texts(found, "Value")) == (["VisibilityTimeout"], ["40"])
    assert texts(query(url, Action="ListQueueTags"), "Key") == ["team"]
    assert url in texts(query(server.url, Action="ListQueues", QueueNamePrefix="for"), "QueueUrl")
    missing = query(f"{server.url}/000000000000/nowhere", Action="SendMessage", MessageBody="x")
    assert texts(missing, "Code") == ["AWS.SimpleQueueService.NonExistentQueue"] and texts(missing, "Type") == ["Sender"]
    assert list(query(url, Action="ReceiveMessage").iter(NAMESPACE + "Message")) == []


def test_the_aws_cli(server):
    aws = lambda *arguments: server.aws("sqs", *arguments, "--output", "json").stdout
    url = json.loads(aws("create-queue", "--queue-name", "cli"))["QueueUrl"]
    sent = json.loads(aws("send-message", "--queue-url", url, "--message-body", "hello"))
    (message,) = json.loads(aws("receive-message", "--queue-url", url))["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    assert not aws("delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"]).strip()


def test_what_is_not_offered_is_said_to_be_so(server):
    body = b"{}"
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonMQ.ListBrokers", "Authorization": authorization(service="mq")}
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(urllib.request.Request(server.url, data=body, headers=headers))
    answer = json.loads(refusal.value.read())
    assert answer["__type"] == "UnknownOperationException" and "does not offer the service AmazonMQ" in answer["message"]
