"""DynamoDB through boto3 and the AWS CLI."""

import json

import pytest
from botocore.exceptions import ClientError


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
