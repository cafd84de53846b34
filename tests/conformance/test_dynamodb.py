"""DynamoDB through boto3 and the AWS CLI."""

import json
import re
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from anabranch_server import wait_for


def make_table(server, name, sort_key=None):
    dynamodb = server.client("dynamodb")
    keys = [("pk", "HASH")] + ([(sort_key, "RANGE")] if sort_key else [])
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return dynamodb


def test_items_with_conditions_and_expressions(server):
    dynamodb = make_table(server, "items")
    item = {"pk": {"S": "s1"}, "clicks": {"N": "1"}}
    dynamodb.put_item(TableName="items", Item=item, ConditionExpression="attribute_not_exists(pk)")
    with pytest.raises(ClientError) as error:
        dynamodb.put_item(TableName="items", Item=item, ConditionExpression="attribute_not_exists(pk)")
    assert error.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    updated = dynamodb.update_item(
        TableName="items",
        Key={"pk": {"S": "s1"}},
        UpdateExpression="SET last_page = :page ADD clicks :one, pages :pages REMOVE nothing",
        ConditionExpression="clicks = :one",
        ExpressionAttributeValues={":page": {"S": "/"}, ":one": {"N": "1"}, ":pages": {"SS": ["/", "/a"]}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert updated["clicks"] == {"N": "2"} and sorted(updated["pages"]["SS"]) == ["/", "/a"]
    assert dynamodb.get_item(TableName="items", Key={"pk": {"S": "s1"}}, ConsistentRead=True)["Item"] == updated
    dynamodb.delete_item(TableName="items", Key={"pk": {"S": "s1"}}, ConditionExpression="clicks > :n", ExpressionAttributeValues={":n": {"N": "1"}})
    assert "Item" not in dynamodb.get_item(TableName="items", Key={"pk": {"S": "s1"}})


def test_queries_scans_and_batches(server):
    dynamodb = make_table(server, "rows", "sk")
    rows = [{"pk": {"S": f"p{n % 3}"}, "sk": {"S": f"{n:03}"}, "n": {"N": str(n)}} for n in range(75)]
    for start in range(0, 75, 25):
        answer = dynamodb.batch_write_item(RequestItems={"rows": [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]})
        assert answer["UnprocessedItems"] == {}
    pages = dynamodb.get_paginator("scan").paginate(TableName="rows", PaginationConfig={"PageSize": 10})
    assert sorted(int(item["n"]["N"]) for page in pages for item in page["Items"]) == list(range(75))
    found = dynamodb.query(
        TableName="rows",
        KeyConditionExpression="pk = :pk AND sk BETWEEN :a AND :b",
        FilterExpression="n <> :skip",
        ExpressionAttributeValues={":pk": {"S": "p1"}, ":a": {"S": "010"}, ":b": {"S": "020"}, ":skip": {"N": "13"}},
        ScanIndexForward=False,
    )["Items"]
    assert [item["sk"]["S"] for item in found] == ["019", "016", "010"]
    got = dynamodb.batch_get_item(RequestItems={"rows": {"Keys": [{"pk": {"S": "p0"}, "sk": {"S": "003"}}]}})
    assert got["Responses"]["rows"][0]["n"] == {"N": "3"}


def test_transactions_tell_what_cancelled_them(server):
    dynamodb = make_table(server, "transactions")
    put = lambda key: {"Put": {"TableName": "transactions", "Item": {"pk": {"S": key}}, "ConditionExpression": "attribute_not_exists(pk)"}}
    dynamodb.transact_write_items(TransactItems=[put("a"), put("b")])
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=[put("c"), put("a")])
    assert [reason["Code"] for reason in error.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in dynamodb.get_item(TableName="transactions", Key={"pk": {"S": "c"}})


def test_tables_survive_a_kill(servers):
    server = servers().start()
    dynamodb = make_table(server, "durable")
    for n in range(20):
        dynamodb.put_item(TableName="durable", Item={"pk": {"S": str(n)}})
    server.kill()
    server.start()
    assert server.client("dynamodb").scan(TableName="durable")["Count"] == 20


def test_the_aws_cli(server):
    server.aws_json("dynamodb", "create-table", "--table-name", "cli", "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S", "--key-schema", "AttributeName=pk,KeyType=HASH")
    key = json.dumps({"pk": {"S": "a"}})
    server.aws("dynamodb", "put-item", "--table-name", "cli", "--item", key)
    server.aws("dynamodb", "update-item", "--table-name", "cli", "--key", key, "--update-expression", "ADD n :n", "--expression-attribute-values", '{":n": {"N": "2"}}')
    assert server.aws_json("dynamodb", "get-item", "--table-name", "cli", "--key", key)["Item"]["n"] == {"N": "2"}
    assert server.aws_json("dynamodb", "scan", "--table-name", "cli")["Count"] == 1
    assert server.aws_json("dynamodb", "describe-table", "--table-name", "cli")["Table"]["TableStatus"] == "ACTIVE"
    server.aws("dynamodb", "delete-item", "--table-name", "cli", "--key", key)
    server.aws("dynamodb", "delete-table", "--table-name", "cli")
    assert "ResourceNotFoundException" in server.aws("dynamodb", "describe-table", "--table-name", "cli", check=False).stderr


def test_a_table_is_named_by_its_arn(server):
    dynamodb = make_table(server, "by-arn")
    arn = dynamodb.describe_table(TableName="by-arn")["Table"]["TableArn"]
    assert dynamodb.describe_table(TableName=arn)["Table"]["TableName"] == "by-arn"
    dynamodb.put_item(TableName=arn, Item={"pk": {"S": "a"}})
    assert dynamodb.get_item(TableName=arn, Key={"pk": {"S": "a"}})["Item"] == {"pk": {"S": "a"}}
    got = dynamodb.batch_get_item(RequestItems={arn: {"Keys": [{"pk": {"S": "a"}}]}}, ReturnConsumedCapacity="TOTAL")
    assert got["Responses"] == {arn: [{"pk": {"S": "a"}}]} and got["ConsumedCapacity"][0]["TableName"] == arn
    dynamodb.transact_write_items(TransactItems=[{"Delete": {"TableName": arn, "Key": {"pk": {"S": "a"}}}}])
    assert dynamodb.describe_time_to_live(TableName=arn)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    with pytest.raises(ClientError) as error:
        dynamodb.scan(TableName=arn.replace("us-east-1", "eu-west-1"))
    assert error.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError) as error:
        dynamodb.scan(TableName=arn.replace(arn.split(":")[4], "123456789012"))
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_streams_label_is_a_moment(server):
    dynamodb = make_table(server, "labelled")
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    table = dynamodb.update_table(TableName="labelled", StreamSpecification=stream)["TableDescription"]
    label = table["LatestStreamLabel"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", label), label
    assert table["LatestStreamArn"] == f"{table['TableArn']}/stream/{label}"
    dynamodb.put_item(TableName="labelled", Item={"pk": {"S": "a"}})
    streams = server.client("dynamodbstreams")
    arn = streams.list_streams(TableName="labelled")["Streams"][0]["StreamArn"]
    assert arn == table["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    record = streams.get_records(ShardIterator=iterator)["Records"][0]
    assert record["awsRegion"] == "us-east-1" and record["dynamodb"]["NewImage"] == {"pk": {"S": "a"}}


def test_a_transactions_placeholders_are_not_empty(server):
    dynamodb = make_table(server, "placeholders")
    put = {"TableName": "placeholders", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)", "ExpressionAttributeValues": {}}
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=[{"Put": put}])
    assert error.value.response["Error"] == {"Code": "ValidationException", "Message": "ExpressionAttributeValues must not be empty"}


def test_an_expression_of_parentheses_ends_nothing(server):
    dynamodb = make_table(server, "parentheses")
    for expression in ["(" * 4000, "NOT " * 1000, "(" * 2000 + "pk = pk" + ")" * 2000]:
        try:
            dynamodb.scan(TableName="parentheses", FilterExpression=expression)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ValidationException"
    assert "parentheses" in dynamodb.list_tables()["TableNames"]


def test_acknowledged_updates_survive_a_kill_amid_many(servers):
    server = servers().start()
    dynamodb = make_table(server, "counters")
    acknowledged, over = [0] * 16, threading.Event()

    def count(number):
        client = server.client("dynamodb")
        while not over.is_set():
            try:
                client.update_item(
                    TableName="counters",
                    Key={"pk": {"S": str(number)}},
                    UpdateExpression="ADD clicks :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )
            except (BotoCoreError, ClientError):
                return
            acknowledged[number] += 1

    threads = [threading.Thread(target=count, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    wait_for(lambda: sum(acknowledged) > 500, "updates were acknowledged")
    server.kill()
    over.set()
    for thread in threads:
        thread.join()
    server.start()
    for number, expected in enumerate(acknowledged):
        item = server.client("dynamodb").get_item(TableName="counters", Key={"pk": {"S": str(number)}}).get("Item", {})
        clicks = int(item.get("clicks", {"N": "0"})["N"])
        # The client sends again what broke off, up to its number of attempts.
        assert expected <= clicks <= expected + 5, (number, expected, clicks)


def test_tables_belong_to_an_account_and_a_region(server):
    make_table(server, "owned").put_item(TableName="owned", Item={"pk": {"S": "a"}, "owner": {"S": "test"}})
    callers = [("123456789012", "us-east-1"), ("123456789012", "eu-west-1"), ("test", "eu-west-1")]
    clients = [server.client("dynamodb", account, region) for account, region in callers]
    for client in clients:
        assert "owned" not in client.list_tables()["TableNames"]
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.put_item(TableName="owned", Item={"pk": {"S": "a"}})
    clients[1].create_table(
        TableName="owned",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    described = clients[1].describe_table(TableName="owned")["Table"]
    assert described["TableArn"] == "arn:aws:dynamodb:eu-west-1:123456789012:table/owned"
    assert clients[1].scan(TableName="owned")["Count"] == 0
    assert clients[0].list_tables()["TableNames"] == []
    clients[1].delete_table(TableName="owned")
    assert server.client("dynamodb").scan(TableName="owned")["Count"] == 1
