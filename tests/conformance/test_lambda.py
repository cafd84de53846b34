"""Lambda through boto3 and the AWS CLI, and an HTTP API in front of it."""

import base64
import json
import pathlib
import re
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

from anabranch_server import Server, wait_for

TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "functions/template.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"), TEMPLATE).start()
    yield server
    server.stop()


def log_of(server, function):
    """What the function printed so far."""
    log = server.directory / f"data/lambda/{function}.log"
    return log.read_text() if log.exists() else ""


def invoke(server, event, function="behaving", **more):
    answer = server.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event), **more)
    return answer, json.loads(answer["Payload"].read() or b"null")


def test_an_invocation(server):
    answer, payload = invoke(server, {"n": 1}, LogType="Tail")
    assert (answer["StatusCode"], payload) == (200, {"got": {"n": 1}, "greeting": "hello"})
    assert b'event {"n": 1}' in base64.b64decode(answer["LogResult"])
    assert answer["ExecutedVersion"] == "$LATEST"
    assert invoke(server, {}, InvocationType="DryRun")[0]["StatusCode"] == 204
    assert invoke(server, {"later": 1}, InvocationType="Event")[0]["StatusCode"] == 202
    wait_for(lambda: '"later": 1' in log_of(server, "behaving"), "the event was worked on")


def test_what_a_function_writes_is_in_cloudwatch_logs(server):
    answer, _ = invoke(server, {"for": "the logs"})
    request_id = answer["ResponseMetadata"]["RequestId"]
    logs = server.client("logs")

    def lines():
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/behaving")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        of_it = [event for event in found if event["logStreamName"] in {one["logStreamName"] for one in found if request_id in one["message"]}]
        return of_it if any(f"REPORT RequestId: {request_id}" in event["message"] for event in of_it) else None

    found = wait_for(lines, "the invocation is reported")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", found[0]["logStreamName"])
    messages = [event["message"] for event in found]
    assert messages[0].startswith("INIT_START Runtime Version: ")
    begin = messages.index(f"START RequestId: {request_id} Version: $LATEST\n")
    end = messages.index(f"END RequestId: {request_id}\n")
    assert any("the logs" in message for message in messages[begin:end])
    report = messages[end + 1]
    assert re.match(rf"REPORT RequestId: {request_id}\tDuration: [0-9.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t", report)


@pytest.mark.parametrize(
    ("event", "says"),
    [({"do": "fail"}, "told to fail"), ({"do": "exit"}, "exit status 3"), ({"do": "hang"}, "Task timed out after 2.00 seconds")],
)
def test_failures_of_a_function_are_told(server, event, says):
    answer, payload = invoke(server, event)
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled"
    assert says in payload["errorMessage"], payload
    assert invoke(server, {"n": 2})[1]["got"] == {"n": 2}, "the next invocation works"


def test_a_function_that_never_starts(server):
    answer, payload = invoke(server, {}, function="dying")
    assert answer["FunctionError"] == "Unhandled" and "127" in payload["errorMessage"], payload


def test_errors_of_the_api(server):
    client = server.client("lambda")
    for call, code, request in [
        (client.invoke, "ResourceNotFoundException", {"FunctionName": "none"}),
        (client.invoke, "InvalidRequestContentException", {"FunctionName": "behaving", "Payload": b"{"}),
        (client.get_function, "ResourceNotFoundException", {"FunctionName": "none"}),
        (client.create_event_source_mapping, "InvalidParameterValueException", {"FunctionName": "behaving", "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/none"}),
    ]:
        with pytest.raises(ClientError) as error:
            call(**request)
        assert error.value.response["Error"]["Code"] == code, error.value
    assert client.get_function_configuration(FunctionName="behaving")["Timeout"] == 2
    assert [function["FunctionName"] for function in client.list_functions()["Functions"]] == ["behaving", "dying"]


def of_account(server, account, region="us-east-1"):
    """A client that calls as `account`."""
    return boto3.client("lambda", endpoint_url=server.url, region_name=region, aws_access_key_id=account, aws_secret_access_key="test")


def test_functions_and_mappings_belong_to_an_account_and_region(server):
    mine, arn = server.client("lambda"), "arn:aws:lambda:us-east-1:000000000000:function:behaving"
    assert mine.get_function_configuration(FunctionName=arn)["FunctionArn"] == arn
    for other in [of_account(server, "111122223333"), of_account(server, "000000000000", "eu-west-1")]:
        region = other.meta.region_name
        assert other.list_functions()["Functions"] == []
        assert other.list_event_source_mappings()["EventSourceMappings"] == []
        with pytest.raises(ClientError) as error:
            other.invoke(FunctionName="behaving")
        assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
        assert f"arn:aws:lambda:{region}:" in error.value.response["Error"]["Message"], error.value
    with pytest.raises(ClientError) as error:
        of_account(server, "000000000000", "eu-west-1").invoke(FunctionName=arn)
    assert "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')" in str(error.value)
    kinesis_elsewhere = "arn:aws:kinesis:us-east-1:111122223333:stream/source"
    with pytest.raises(ClientError) as error:
        mine.create_event_source_mapping(FunctionName="behaving", EventSourceArn=kinesis_elsewhere, StartingPosition="LATEST")
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException", error.value


def test_event_source_mappings(server):
    kinesis, client = server.client("kinesis"), server.client("lambda")
    kinesis.create_stream(StreamName="source", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="source", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    arn = kinesis.describe_stream_summary(StreamName="source")["StreamDescriptionSummary"]["StreamARN"]
    made = client.create_event_source_mapping(FunctionName="behaving", EventSourceArn=arn, StartingPosition="TRIM_HORIZON", BatchSize=10)
    uuid = made["UUID"]
    wait_for(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled", "the mapping is enabled")
    kinesis.put_record(StreamName="source", Data=b"to the function", PartitionKey="from-kinesis")
    wait_for(lambda: "from-kinesis" in log_of(server, "behaving"), "the record reached the function")
    wait_for(lambda: client.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "OK", "it is told")
    assert client.update_event_source_mapping(UUID=uuid, BatchSize=50)["BatchSize"] == 50
    assert [mapping["UUID"] for mapping in client.list_event_source_mappings(FunctionName="behaving")["EventSourceMappings"]] == [uuid]
    client.delete_event_source_mapping(UUID=uuid)
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mapping is gone")


def test_filters_of_event_source_mappings(server):
    kinesis, client = server.client("kinesis"), server.client("lambda")
    kinesis.create_stream(StreamName="filtered", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="filtered", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    arn = kinesis.describe_stream_summary(StreamName="filtered")["StreamDescriptionSummary"]["StreamARN"]
    source = {"FunctionName": "behaving", "EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON"}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid filter pattern definition."):
        client.create_event_source_mapping(**source, FilterCriteria={"Filters": [{"Pattern": '{"data": ["text"]}'}]})
    criteria = {"Filters": [{"Pattern": json.dumps({"data": {"kind": ["order"], "price": [{"numeric": [">=", 100]}]}})}]}
    made = client.create_event_source_mapping(**source, FilterCriteria=criteria)
    assert made["FilterCriteria"] == criteria
    orders = [("cheap-order", 99), ("dear-order", 100)]
    records = [{"PartitionKey": key, "Data": json.dumps({"kind": "order", "price": price}).encode()} for key, price in orders]
    records += [{"PartitionKey": "broken-order", "Data": b'{"kind": "order"'}, {"PartitionKey": "last-order", "Data": records[1]["Data"]}]
    kinesis.put_records(StreamName="filtered", Records=records)
    wait_for(lambda: "last-order" in log_of(server, "behaving"), "the last record reached the function")
    log = log_of(server, "behaving")
    assert "dear-order" in log and "cheap-order" not in log and "broken-order" not in log
    state = lambda: client.get_event_source_mapping(UUID=made["UUID"])
    changed = client.update_event_source_mapping(UUID=made["UUID"], FilterCriteria={"Filters": []})
    assert "FilterCriteria" not in changed
    wait_for(lambda: state()["State"] == "Enabled", "the mapping is enabled")
    kinesis.put_record(StreamName="filtered", Data=b"text", PartitionKey="unfiltered")
    wait_for(lambda: "unfiltered" in log_of(server, "behaving"), "all records reach the function")
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mapping is gone")


def events_of(server, function="behaving"):
    """The events that the function got so far."""
    lines = [line.split("event ", 1)[1] for line in log_of(server, function).splitlines() if "event {" in line]
    return [json.loads(line) for line in lines if line.endswith("}")]


def made_table(server, name):
    """A table with a stream, and the stream's ARN."""
    tables = server.client("dynamodb")
    made = tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return tables, made["TableDescription"]["LatestStreamArn"]


def test_event_source_mappings_of_a_table(server):
    client = server.client("lambda")
    tables, arn = made_table(server, "orders")
    source = {"FunctionName": "behaving", "EventSourceArn": arn}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Unsupported starting position for arn type"):
        client.create_event_source_mapping(**source, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1)
    tables.put_item(TableName="orders", Item={"id": {"S": "before"}, "n": {"N": "1"}})
    criteria = {"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"n": {"N": [{"exists": True}]}}}})}]}
    made = client.create_event_source_mapping(**source, StartingPosition="TRIM_HORIZON", FilterCriteria=criteria, ParallelizationFactor=4)
    assert (made["BatchSize"], made["StateTransitionReason"], made["DestinationConfig"]) == (100, "User action", {"OnFailure": {}})
    seen = lambda text: wait_for(lambda: text in log_of(server, "behaving"), text)
    seen('"before"')
    tables.put_item(TableName="orders", Item={"id": {"S": "unseen"}})
    tables.update_item(TableName="orders", Key={"id": {"S": "before"}}, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "22"}})
    seen('"22"')
    records = [record for event in events_of(server) for record in event.get("Records", []) if record["eventSource"] == "aws:dynamodb"]
    first, second = records
    assert {name: first[name] for name in first if name not in ("eventID", "dynamodb")} == {
        "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1", "eventSourceARN": arn}
    assert first["dynamodb"]["Keys"] == {"id": {"S": "before"}} and first["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert first["dynamodb"]["NewImage"] == second["dynamodb"]["OldImage"] == {"id": {"S": "before"}, "n": {"N": "1"}}
    assert int(first["dynamodb"]["SequenceNumber"]) < int(second["dynamodb"]["SequenceNumber"])
    assert "unseen" not in json.dumps(records)
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mapping is gone")


def test_settings_of_event_source_mappings(server):
    client = server.client("lambda")
    _, arn = made_table(server, "settings")
    settings = {
        "BatchSize": 7, "MaximumBatchingWindowInSeconds": 3, "ParallelizationFactor": 10, "MaximumRecordAgeInSeconds": 60,
        "MaximumRetryAttempts": 10000, "BisectBatchOnFunctionError": True, "TumblingWindowInSeconds": 900,
        "FunctionResponseTypes": ["ReportBatchItemFailures"], "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k",
        "MetricsConfig": {"Metrics": ["EventCount"]}, "LoggingConfig": {"SystemLogLevel": "WARN"},
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    }
    made = client.create_event_source_mapping(
        FunctionName="behaving", EventSourceArn=arn, StartingPosition="LATEST", Enabled=False, Tags={"team": "a"}, **settings)
    assert {name: made[name] for name in settings} == settings
    mapping = made["EventSourceMappingArn"]
    client.tag_resource(Resource=mapping, Tags={"cost": "b"})
    client.untag_resource(Resource=mapping, TagKeys=["team"])
    assert client.list_tags(Resource=mapping)["Tags"] == {"cost": "b"}
    wait_for(lambda: client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled", "it is made")
    changed = client.update_event_source_mapping(UUID=made["UUID"], DestinationConfig={"OnFailure": {}}, ParallelizationFactor=1)
    assert (changed["DestinationConfig"], changed["ParallelizationFactor"], changed["BatchSize"]) == ({"OnFailure": {}}, 1, 7)
    with pytest.raises(client.exceptions.ResourceConflictException, match="provided mapping already exists. Please update or delete"):
        client.create_event_source_mapping(FunctionName="behaving", EventSourceArn=arn, StartingPosition="LATEST")
    wait_for(lambda: client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled", "it is changed")
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mapping is gone")


def made_queue(server, name, **attributes):
    queues = server.client("sqs")
    url = queues.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return queues, url, arn


def is_empty(queues, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return set(queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"}


def test_event_source_mappings_of_a_queue(server):
    client = server.client("lambda")
    queues, url, arn = made_queue(server, "jobs", VisibilityTimeout="1")
    source = {"FunctionName": "behaving", "EventSourceArn": arn}
    refused = client.exceptions.InvalidParameterValueException
    with pytest.raises(refused, match="Queue visibility timeout: 1 seconds is less than Function timeout: 2 seconds"):
        client.create_event_source_mapping(**source)
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    with pytest.raises(refused, match="Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"):
        client.create_event_source_mapping(**source, BatchSize=11)
    criteria = {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["job"]}})}]}
    made = client.create_event_source_mapping(**source, FilterCriteria=criteria, ScalingConfig={"MaximumConcurrency": 2})
    assert (made["BatchSize"], made["ScalingConfig"], made["StateTransitionReason"]) == (10, {"MaximumConcurrency": 2}, "USER_INITIATED")
    assert "LastProcessingResult" not in made and "DestinationConfig" not in made
    body = json.dumps({"kind": "job", "n": 1})
    attributes = {"text": {"DataType": "String", "StringValue": "v"}, "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sent = queues.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
    queues.send_message(QueueUrl=url, MessageBody=json.dumps({"kind": "other", "n": 2}))
    got = lambda: [record for event in events_of(server) for record in event.get("Records", []) if record.get("eventSource") == "aws:sqs"]
    wait_for(lambda: got() and is_empty(queues, url), "the messages are done")
    [record] = got()
    assert set(record["attributes"]) >= {"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"}
    assert record["receiptHandle"] and record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {name: value for name, value in record.items() if name not in ("attributes", "receiptHandle")} == {
        "messageId": sent["MessageId"], "body": body, "md5OfBody": sent["MD5OfMessageBody"], "eventSource": "aws:sqs",
        "eventSourceARN": arn, "awsRegion": "us-east-1",
        "messageAttributes": {
            "text": {"stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "bytes": {"binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
    }
    with pytest.raises(client.exceptions.ResourceConflictException, match="An event source mapping with SQS arn"):
        client.create_event_source_mapping(**source)
    client.delete_event_source_mapping(UUID=made["UUID"])

    queues, url, arn = made_queue(server, "steps.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    with pytest.raises(refused, match="Batching window is not supported for FIFO queues"):
        client.create_event_source_mapping(FunctionName="behaving", EventSourceArn=arn, MaximumBatchingWindowInSeconds=1)
    made = client.create_event_source_mapping(FunctionName="behaving", EventSourceArn=arn, BatchSize=2)
    for number in range(12):
        queues.send_message(QueueUrl=url, MessageBody=f"step {number}", MessageGroupId=str(number % 2))
    of_group = lambda group: [record["body"] for record in got() if record["attributes"].get("MessageGroupId") == group]
    wait_for(lambda: len(of_group("0") + of_group("1")) == 12 and is_empty(queues, url), "all steps are done")
    for group in (0, 1):
        assert of_group(str(group)) == [f"step {number}" for number in range(group, 12, 2)]
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mappings are gone")


def test_failed_batches_go_to_a_queue(server):
    client = server.client("lambda")
    tables, arn = made_table(server, "losing")
    queues, url, queue = made_queue(server, "lost")
    destination = {"OnFailure": {"Destination": queue}}
    made = client.create_event_source_mapping(FunctionName="dying", EventSourceArn=arn, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=0, DestinationConfig=destination)
    assert made["DestinationConfig"] == destination
    tables.put_item(TableName="losing", Item={"id": {"S": "lost"}})
    [message] = queues.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    lost = json.loads(message["Body"])
    assert (lost["DDBStreamBatchInfo"]["streamArn"], lost["DDBStreamBatchInfo"]["batchSize"]) == (arn, 1)
    assert set(lost) == {"requestContext", "responseContext", "version", "timestamp", "DDBStreamBatchInfo"}
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mapping is gone")


def test_failed_batches_go_to_a_topic(server):
    kinesis, client, topics = server.client("kinesis"), server.client("lambda"), server.client("sns")
    kinesis.create_stream(StreamName="failing", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="failing", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    arn = kinesis.describe_stream_summary(StreamName="failing")["StreamDescriptionSummary"]["StreamARN"]
    topic = topics.create_topic(Name="failures")["TopicArn"]
    topics.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=client.get_function_configuration(FunctionName="behaving")["FunctionArn"])
    source = {"FunctionName": "dying", "EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 0}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="cannot take messages"):
        client.create_event_source_mapping(**source, DestinationConfig={"OnFailure": {"Destination": topic + "0"}})
    made = client.create_event_source_mapping(**source, DestinationConfig={"OnFailure": {"Destination": topic}})
    kinesis.put_record(StreamName="failing", Data=b"x", PartitionKey="given-up")
    told = lambda: [record["Sns"]["Message"] for event in events_of(server) for record in event.get("Records", []) if "Sns" in record]
    wait_for(told, "the topic's subscriber is told")
    message = json.loads(told()[0])
    assert message["KinesisBatchInfo"]["streamArn"] == arn and message["KinesisBatchInfo"]["batchSize"] == 1
    assert (message["requestContext"]["condition"], message["requestContext"]["approximateInvokeCount"]) == ("RetryAttemptsExhausted", 1)
    assert message["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert set(message) == {"requestContext", "responseContext", "version", "timestamp", "KinesisBatchInfo"}
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mapping is gone")


def test_a_consumer_of_a_stream_is_read(server):
    kinesis, client = server.client("kinesis"), server.client("lambda")
    kinesis.create_stream(StreamName="fanned", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="fanned", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    arn = kinesis.describe_stream_summary(StreamName="fanned")["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]["ConsumerARN"]
    source = {"FunctionName": "behaving", "StartingPosition": "TRIM_HORIZON"}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Stream not found"):
        client.create_event_source_mapping(**source, EventSourceArn=consumer + "0")
    made = client.create_event_source_mapping(**source, EventSourceArn=consumer)
    kinesis.put_record(StreamName="fanned", Data=b"x", PartitionKey="to-the-consumer")
    wait_for(lambda: "to-the-consumer" in log_of(server, "behaving"), "the record reached the function")
    client.delete_event_source_mapping(UUID=made["UUID"])
    wait_for(lambda: client.list_event_source_mappings()["EventSourceMappings"] == [], "the mapping is gone")


def test_an_http_api(server):
    url = f"{server.url}/_aws/execute-api/{server.outputs()['ApiId']}/$default"
    request = urllib.request.Request(f"{url}/do?a=1", b'{"x": 1}', {"Content-Type": "application/json"}, method="POST")
    event = json.loads(urllib.request.urlopen(request).read())["got"]
    assert (event["version"], event["routeKey"], event["body"]) == ("2.0", "POST /do", '{"x": 1}')
    assert event["queryStringParameters"] == {"a": "1"}
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{url}/nowhere")
    assert error.value.code == 404


def test_the_aws_cli(server, tmp_path):
    out = tmp_path / "out.json"
    done = server.aws_json("lambda", "invoke", "--function-name", "behaving", "--payload", '{"n": 3}', str(out))
    assert done["StatusCode"] == 200 and json.loads(out.read_text())["got"] == {"n": 3}
    assert len(server.aws_json("lambda", "list-functions")["Functions"]) == 2
