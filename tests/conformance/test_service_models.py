"""What each service says of its operations, against the service models that botocore ships."""

import json
import urllib.request

import boto3
import botocore.session
import pytest

# Our id of a service -> its name in botocore.
MODELS = {
    "kinesis": "kinesis",
    "firehose": "firehose",
    "dynamodb": "dynamodb",
    "dynamodbstreams": "dynamodbstreams",
    "lambda": "lambda",
    "logs": "logs",
    "s3": "s3",
    "sns": "sns",
    "sqs": "sqs",
    "sts": "sts",
    "events": "events",
    "scheduler": "scheduler",
}
# Operations of other versions of the model than botocore's.
OTHER_VERSIONS = {
    "kinesis": {
        "CreateChannel",
        "DeleteChannel",
        "DescribeChannel",
        "ListChannels",
        "UpdateChannel",
        "UpdateStreamRecordDistributionStrategy",
    },
    "dynamodb": {"SearchVectors"},
}


@pytest.fixture(scope="module")
def offered(server):
    page = urllib.request.urlopen(f"{server.url}/_anabranch/operations", timeout=5).read()
    return {service["id"]: service for service in json.loads(page)["services"]}


def members(shape, path):
    """The members that a path such as `TransactItems[].*.TableName` leads to."""
    shapes = [shape]
    for part in path.replace("[]", ".[]").split("."):
        if part == "[]":
            shapes = [one.member for one in shapes]
        elif part == "*":
            shapes = [member for one in shapes for member in one.members.values()]
        elif part == "{}":
            shapes = [one.key for one in shapes]
        else:
            shapes = [one.members[part] for one in shapes if part in one.members]
    return shapes


@pytest.mark.parametrize("service", MODELS)
def test_operations_are_those_of_the_model(offered, service):
    model = botocore.session.get_session().get_service_model(MODELS[service])
    ours = {operation["name"]: operation for operation in offered[service]["operations"]}
    assert set(ours) - OTHER_VERSIONS.get(service, set()) == set(model.operation_names)
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        for resource in ours[name]["resources"]:
            found = members(shape, resource["member"])
            assert found and all(one.type_name == "string" for one in found), (name, resource)


REST = [name for name in MODELS if name in ("lambda", "scheduler")]


@pytest.mark.parametrize("service", REST)
def test_operations_are_where_the_model_has_them(offered, service):
    model = botocore.session.get_session().get_service_model(MODELS[service])
    for ours in offered[service]["operations"]:
        http = model.operation_model(ours["name"]).http
        place = (ours["http"]["method"], ours["http"]["uri"].rstrip("/"))
        assert place == (http["method"], http["requestUri"].rstrip("/")), ours["name"]


def bound(shape):
    """The members of a structure that are neither in the path nor in the body's structure."""
    if shape is None:
        return set()
    places = {(name, member.serialization.get("location"), member.serialization.get("name", "").lower())
              for name, member in shape.members.items()}
    payload = shape.serialization.get("payload")
    return {place for place in places if place[1] not in (None, "uri")} | ({(payload, "payload", "")} if payload else set())


@pytest.mark.parametrize("service", REST)
def test_members_outside_the_body_are_those_of_the_model(offered, service):
    model = botocore.session.get_session().get_service_model(MODELS[service])
    for ours in filter(lambda operation: operation["offered"], offered[service]["operations"]):
        operation = model.operation_model(ours["name"])
        assert ours["http"]["status"] == operation.http["responseCode"], ours["name"]
        for direction, shape in (("input", operation.input_shape), ("output", operation.output_shape)):
            found = {(one["member"], one["place"], (one["name"] or "").lower()) for one in ours["http"][direction]}
            assert found == bound(shape), (ours["name"], direction)


@pytest.mark.parametrize("service", REST)
def test_exceptions_are_those_of_the_model(offered, service):
    model = botocore.session.get_session().get_service_model(MODELS[service])
    for ours in offered[service]["exceptions"]:
        shape = model.shape_for(ours["code"])
        assert shape.metadata["error"]["httpStatusCode"] == ours["status"], ours
        assert ours["message_member"] in shape.members, ours


def test_every_service_is_checked(offered):
    assert set(offered) - set(MODELS) == {"apigateway"}


def test_sts_as_tools_call_it(server):
    sts = server.client("sts")
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    role = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/ci/deploy", RoleSessionName="nightly")
    assert role["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/deploy/nightly"
    credentials = role["Credentials"]
    assumed = boto3.Session(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], region_name="eu-west-1"
    )
    identity = assumed.client("sts", endpoint_url=server.url).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("123456789012", role["AssumedRoleUser"]["Arn"])
    kinesis = assumed.client("kinesis", endpoint_url=server.url)
    kinesis.create_stream(StreamName="of-the-role", ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName="of-the-role")["StreamDescriptionSummary"]["StreamARN"]
    assert arn == "arn:aws:kinesis:eu-west-1:123456789012:stream/of-the-role"
    assert server.aws_json("sts", "get-caller-identity")["Account"] == "000000000000"
    with pytest.raises(sts.exceptions.ClientError, match="does not support the operation GetFederationToken"):
        sts.get_federation_token(Name="someone")
