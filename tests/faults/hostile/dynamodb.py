"""DynamoDB: items nested and numbered beyond its limits, expressions of any length, sets, batches."""

import json

from .case import json_call

MIB = 1 << 20
REFUSED = ("ValidationException", "SerializationException")
PREFIX = "DynamoDB_20120810."


def call(name, operation, request, *codes, **kinds):
    body = request if isinstance(request, bytes) or callable(request) else json.dumps(request).encode()
    return json_call(f"dynamodb {name}", PREFIX + operation, body, *(codes or REFUSED), **kinds)


def item(value, **more):
    return {"TableName": "hostile", "Item": {"id": {"S": "1"}, "v": value}, **more}


def nested(depth, kind=b"L"):
    opening, closing = (b'{"L":[', b"]}") if kind == b"L" else (b'{"M":{"a":', b"}}")
    return lambda: b'{"TableName":"hostile","Item":{"id":{"S":"1"},"v":' + opening * depth + b'{"S":"a"}' + closing * depth + b"}}"


def list_of(head, entry, count, tail):
    return lambda: head + b",".join([entry] * count) + tail


VALUES = {
    "no type": {},
    "two types": {"S": "a", "N": "1"},
    "an unknown type": {"X": "a"},
    "a number as a number": {"N": 1},
    "text as a number": {"N": "one"},
    "an empty number": {"N": ""},
    "NaN": {"N": "NaN"},
    "Infinity": {"N": "Infinity"},
    "1e126": {"N": "1e126"},
    "1e-131": {"N": "1e-131"},
    "1e999999999": {"N": "1e999999999"},
    "1e99999999999999999999": {"N": "1e99999999999999999999"},
    "39 digits": {"N": "1" * 39},
    "a million digits": {"N": "1" * 1_000_000},
    "a million digits behind the point": {"N": "0." + "1" * 1_000_000},
    "a number in hexadecimal": {"N": "0x10"},
    "spaces and a number": {"N": " 1 "},
    "a list as text": {"S": ["a"]},
    "an object as text": {"S": {}},
    "binary that is no base64": {"B": "!!!"},
    "NULL that is false": {"NULL": False},
    "an empty set": {"SS": []},
    "a set with the same twice": {"SS": ["a", "a"]},
    "a set of numbers with the same twice": {"NS": ["1", "1.0"]},
    "a set of kinds": {"SS": ["a", 1]},
    "a set of lists": {"SS": [["a"]]},
    "a list as an object": {"L": {}},
    "an object as a list": {"M": []},
    "null": None,
    "text": "text",
    "a number": 1,
}

ITEMS = [
    *(call(f"an attribute of {name}", "PutItem", item(value)) for name, value in VALUES.items()),
    call("lists 33 deep", "PutItem", nested(33)),
    call("objects 33 deep", "PutItem", nested(33, b"M")),
    call("lists 1,000 deep", "PutItem", nested(1_000)),
    call("lists 100,000 deep", "PutItem", nested(100_000)),
    call("objects 100,000 deep", "PutItem", nested(100_000, b"M")),
    call("an item of 401 KiB", "PutItem", lambda: json.dumps(item({"S": "a" * (401 << 10)})).encode()),
    call("an item of 15 MiB", "PutItem", lambda: json.dumps(item({"S": "a" * (15 * MIB)})).encode()),
    call("a set of a million", "PutItem", lambda: json.dumps(item({"NS": [str(n) for n in range(1_000_000)]})).encode()),
    call("a set of a million equal", "PutItem", lambda: json.dumps(item({"SS": ["a"] * 1_000_000})).encode()),
    call("a list of a million", "PutItem", lambda: json.dumps(item({"L": [{"S": "a"}] * 1_000_000})).encode()),
    call("a million attributes", "PutItem", lambda: b'{"TableName":"hostile","Item":{"id":{"S":"1"},' + b",".join(b'"%d":{"S":""}' % n for n in range(800_000)) + b"}}"),
    call("an attribute's name of 64 KiB", "PutItem", {"TableName": "hostile", "Item": {"id": {"S": "1"}, "a" * 65536: {"S": "a"}}}, statuses=(200, 400)),
    call("no key", "PutItem", {"TableName": "hostile", "Item": {"v": {"S": "a"}}}),
    call("an empty key", "PutItem", {"TableName": "hostile", "Item": {"id": {"S": ""}}}),
    call("a key of another type", "PutItem", {"TableName": "hostile", "Item": {"id": {"N": "1"}}}),
    call("a key of 2,049 bytes", "PutItem", {"TableName": "hostile", "Item": {"id": {"S": "a" * 2049}}}),
    call("a key too many", "GetItem", {"TableName": "hostile", "Key": {"id": {"S": "1"}, "b": {"S": "1"}}}),
]


def condition(expression, **more):
    return item({"S": "a"}, ConditionExpression=expression, **more)


NAMES = {"ExpressionAttributeNames": {"#a": "v"}}
VALUE = {"ExpressionAttributeValues": {":a": {"S": "a"}}}

EXPRESSIONS = [
    *(
        call(f"the condition {text[:40]!r}", "PutItem", condition(text))
        for text in ["", " ", "(", ")", "a =", "= a", "a b c", "NOT", "attribute_exists(", "attribute_exists()", "nobody(a)", "a IN ()", "a BETWEEN", "\0", "💧", "--", "#", ":", "a = :nobody", "#nobody = a", "size(a, b) > c", "a[", "a[-1] = a", "a[99999999999999999999] = a", "a..b = a"]
    ),
    call("a condition of 5 KB", "PutItem", condition("attribute_exists(a) OR " * 220 + "attribute_exists(a)")),
    call("a condition of 1 MB", "PutItem", condition("attribute_exists(a) OR " * 45_000 + "attribute_exists(a)")),
    call("a condition of 3,900 brackets", "PutItem", condition("(" * 1_950 + "a=a" + ")" * 1_950)),
    call("a condition of a million brackets", "PutItem", condition("(" * 1_000_000)),
    call("a condition of a million NOTs", "PutItem", condition("NOT " * 1_000_000 + "a=a")),
    call("a condition of 301 operators", "PutItem", condition(" OR ".join(["a=b"] * 301)), *REFUSED, "ConditionalCheckFailedException"),
    call("a path 100,000 deep", "PutItem", condition("attribute_exists(a" + ".a" * 100_000 + ")")),
    call("a path of 10,000 indexes", "PutItem", condition("attribute_exists(a" + "[0]" * 10_000 + ")")),
    call("an IN of 10,000", "PutItem", condition("a IN (" + ",".join([":a"] * 10_000) + ")", **VALUE)),
    call("names that are not used", "PutItem", condition("attribute_exists(a)", **NAMES)),
    call("values that are not used", "PutItem", condition("attribute_exists(a)", **VALUE)),
    call("names without an expression", "PutItem", item({"S": "a"}, **NAMES)),
    call("empty values", "PutItem", condition("attribute_exists(a)", ExpressionAttributeValues={})),
    call("a name without its sign", "PutItem", condition("#a = a", ExpressionAttributeNames={"a": "v"})),
    call("a million names", "PutItem", lambda: b'{"TableName":"hostile","Item":{"id":{"S":"1"}},"ConditionExpression":"a=a","ExpressionAttributeNames":{' + b",".join(b'"#%d":"a"' % n for n in range(800_000)) + b"}}"),
    call("an update of nothing", "UpdateItem", {"TableName": "hostile", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET"}),
    call("an update of the key", "UpdateItem", {"TableName": "hostile", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET id = :a", **VALUE}),
    call("an update of one path twice", "UpdateItem", {"TableName": "hostile", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET a = :a, a = :a", **VALUE}),
    call("an update of 10,000 paths", "UpdateItem", {"TableName": "hostile", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET " + ",".join(f"a{n}=:a" for n in range(10_000)), **VALUE}),
    call("an update that adds to text", "UpdateItem", {"TableName": "hostile", "Key": {"id": {"S": "here"}}, "UpdateExpression": "ADD v :a", "ExpressionAttributeValues": {":a": {"N": "1"}}}),
    call("an update at index 2^64", "UpdateItem", {"TableName": "hostile", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET a[18446744073709551616] = :a", **VALUE}),
    call("a query without a key", "Query", {"TableName": "hostile", "KeyConditionExpression": "v = :a", **VALUE}),
    call("a query of everything", "Query", {"TableName": "hostile"}),
    call("a query by OR", "Query", {"TableName": "hostile", "KeyConditionExpression": "id = :a OR id = :a", **VALUE}),
    call("a query of an index that is not there", "Query", {"TableName": "hostile", "IndexName": "../x", "KeyConditionExpression": "id = :a", **VALUE}),
    call("a query from a key that is none", "Query", {"TableName": "hostile", "KeyConditionExpression": "id = :a", "ExclusiveStartKey": {"x": {"S": "1"}}, **VALUE}),
    call("a scan of -1 items", "Scan", {"TableName": "hostile", "Limit": -1}),
    call("a scan of 0 items", "Scan", {"TableName": "hostile", "Limit": 0}),
    call("a scan of segment 5 of 2", "Scan", {"TableName": "hostile", "Segment": 5, "TotalSegments": 2}),
    call("a scan of a million segments and one", "Scan", {"TableName": "hostile", "Segment": 0, "TotalSegments": 1_000_001}),
    call("a projection of 100,000", "Scan", {"TableName": "hostile", "ProjectionExpression": ",".join(f"a{n}" for n in range(100_000))}),
    call("a filter in both forms", "Scan", {"TableName": "hostile", "FilterExpression": "a = a", "ScanFilter": {}}),
]

REQUESTS = b'{"RequestItems":{"hostile":'
BATCHES = [
    call("a batch of nothing", "BatchWriteItem", {"RequestItems": {}}),
    call("a batch of 26", "BatchWriteItem", {"RequestItems": {"hostile": [{"PutRequest": {"Item": {"id": {"S": str(n)}}}} for n in range(26)]}}),
    call("a batch of the same twice", "BatchWriteItem", {"RequestItems": {"hostile": [{"PutRequest": {"Item": {"id": {"S": "1"}}}}] * 2}}),
    call("a batch of a million {}", "BatchWriteItem", list_of(REQUESTS + b"[", b"{}", 1_000_000, b"]}}")),
    call("a batch of five million {}", "BatchWriteItem", list_of(REQUESTS + b"[", b"{}", 5_000_000, b"]}}")),
    call("a batch of a million numbers", "BatchWriteItem", list_of(REQUESTS + b"[", b"1", 1_000_000, b"]}}")),
    call("a batch of 100,000 tables", "BatchWriteItem", lambda: b'{"RequestItems":{' + b",".join(b'"t%d":[{}]' % n for n in range(100_000)) + b"}}"),
    call("a read of 101", "BatchGetItem", {"RequestItems": {"hostile": {"Keys": [{"id": {"S": str(n)}} for n in range(101)]}}}),
    call("a read of a million {}", "BatchGetItem", list_of(REQUESTS + b'{"Keys":[', b"{}", 1_000_000, b"]}}}")),
    call("a transaction of nothing", "TransactWriteItems", {"TransactItems": []}),
    call("a transaction of 101", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "hostile", "Item": {"id": {"S": str(n)}}}} for n in range(101)]}),
    call("a transaction of a million {}", "TransactWriteItems", list_of(b'{"TransactItems":[', b"{}", 1_000_000, b"]}")),
    call("a transaction of one with two actions", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "hostile", "Item": {"id": {"S": "1"}}}, "Delete": {"TableName": "hostile", "Key": {"id": {"S": "1"}}}}]}),
    call("a transaction with empty values", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "hostile", "Item": {"id": {"S": "1"}}, "ConditionExpression": "attribute_exists(id)", "ExpressionAttributeValues": {}}}]}),
    call("a transaction's token of 37 letters", "TransactWriteItems", {"ClientRequestToken": "a" * 37, "TransactItems": [{"Delete": {"TableName": "hostile", "Key": {"id": {"S": "1"}}}}]}),
    call("a transaction of reads of a million {}", "TransactGetItems", list_of(b'{"TransactItems":[', b"{}", 1_000_000, b"]}")),
    call("a statement that is none", "ExecuteStatement", {"Statement": "DROP TABLE hostile"}),
    call("a statement of SQLite", "ExecuteStatement", {"Statement": "SELECT * FROM sqlite_master"}, *REFUSED, "ResourceNotFoundException"),
    call("a statement of 9 KB", "ExecuteStatement", {"Statement": 'SELECT * FROM "hostile" WHERE ' + "id = 'a' OR " * 800 + "id = 'a'"}),
    call("a statement of a million brackets", "ExecuteStatement", {"Statement": 'SELECT * FROM "hostile" WHERE ' + "(" * 1_000_000}),
    call("statements of a million {}", "BatchExecuteStatement", list_of(b'{"Statements":[', b"{}", 1_000_000, b"]}")),
]


def table(name, **changes):
    request = {
        "TableName": "new",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    return call(f"a table with {name}", "CreateTable", request | changes, *REFUSED, "LimitExceededException")


TABLES = [
    table("no keys", KeySchema=[]),
    table("three keys", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}] * 3),
    table("a key of no attribute", KeySchema=[{"AttributeName": "nobody", "KeyType": "HASH"}]),
    table("a key of kind COW", KeySchema=[{"AttributeName": "id", "KeyType": "COW"}]),
    table("an attribute of type X", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "X"}]),
    table("100,000 attributes", AttributeDefinitions=[{"AttributeName": f"a{n}", "AttributeType": "S"} for n in range(100_000)]),
    table("100,000 indexes", GlobalSecondaryIndexes=[{"IndexName": f"index{n}", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}} for n in range(50_000)]),
    table("billing nobody knows", BillingMode="COW"),
    table("throughput of -1", BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": -1, "WriteCapacityUnits": -1}),
    table("throughput of 2^63", BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1 << 63, "WriteCapacityUnits": 1}),
    call("tags on a table of another account", "TagResource", {"ResourceArn": "arn:aws:dynamodb:us-east-1:999999999999:table/hostile", "Tags": [{"Key": "a", "Value": "b"}]}, *REFUSED, "ResourceNotFoundException", "AccessDeniedException"),
    call("a million tags", "TagResource", list_of(b'{"ResourceArn":"arn:aws:dynamodb:us-east-1:000000000000:table/hostile","Tags":[', b'{"Key":"k","Value":"v"}', 600_000, b"]}")),
    call("an iterator that was never given", "GetRecords", {"ShardIterator": "nonsense"}, "UnknownOperationException"),
]

CASES = [*ITEMS, *EXPRESSIONS, *BATCHES, *TABLES]
