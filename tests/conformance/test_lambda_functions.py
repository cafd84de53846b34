"""Functions made through the API: boto3 and the AWS CLI create, change, publish, name and share them."""

import base64
import hashlib
import io
import json
import pathlib
import urllib.error
import urllib.request
import zipfile

import botocore.session
import pytest
from botocore.exceptions import ClientError

from anabranch_server import Server, wait_for
from service_model import misfits

BOOTSTRAP = pathlib.Path(__file__).resolve().parent.parent / "functions/behaving/bootstrap"
ROLE = "arn:aws:iam::000000000000:role/lambda"
QUICK = {"Delay": 0.05, "MaxAttempts": 100}
MODEL = botocore.session.get_session().get_service_model("lambda")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(server):
    """Its answers are held against the service model."""
    client = server.client("lambda")

    def check(http_response, parsed, model, **_):
        if http_response.status_code < 300 and model.output_shape and not model.has_streaming_output:
            answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
            assert misfits(model.output_shape, answer) == [], (model.name, answer)

    client.meta.events.register("after-call.lambda.*", check)
    return client


def package(note="", files=()):
    """A zip with the bootstrap that does what events say."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [("bootstrap", BOOTSTRAP.read_text() + f"# {note}\n"), *files]:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, content)
    return memory.getvalue()


def create(client, name, **more):
    request = {"FunctionName": name, "Role": ROLE, "Runtime": "provided.al2023", "Handler": "any.thing", "Code": {"ZipFile": package()}}
    return client.create_function(**(request | more))


def invoke(client, name, event=None, **more):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
    return answer.get("ExecutedVersion"), json.loads(answer["Payload"].read() or b"null")


def refused(call, **request):
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_function_from_its_creation_to_its_end(client):
    made = create(client, "first", Environment={"Variables": {"GREETING": "hello"}}, Tags={"team": "a"}, Description="one")
    assert (made["State"], made["Version"], made["Architectures"]) == ("Pending", "$LATEST", made["Architectures"])
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(package()).digest()).decode()
    client.get_waiter("function_active_v2").wait(FunctionName="first", WaiterConfig=QUICK)
    assert invoke(client, "first", {"n": 1}) == ("$LATEST", {"got": {"n": 1}, "greeting": "hello"})
    assert refused(client.create_function, FunctionName="first", Role=ROLE, Runtime="provided.al2023", Handler="h", Code={"ZipFile": package()}) == (
        "ResourceConflictException",
        "Function already exist: first",
    )
    changed = client.update_function_configuration(FunctionName="first", Timeout=9, MemorySize=256, Environment={"Variables": {"GREETING": "bye"}})
    assert (changed["LastUpdateStatus"], changed["Timeout"]) == ("InProgress", 9)
    client.get_waiter("function_updated_v2").wait(FunctionName="first", WaiterConfig=QUICK)
    assert invoke(client, "first")[1]["greeting"] == "bye"
    code = client.update_function_code(FunctionName="first", ZipFile=package("second"), RevisionId=changed["RevisionId"])
    client.get_waiter("function_updated_v2").wait(FunctionName="first", WaiterConfig=QUICK)
    assert refused(client.update_function_code, FunctionName="first", ZipFile=package(), RevisionId=made["RevisionId"])[0] == "PreconditionFailedException"
    shown = client.get_function(FunctionName="first")
    assert shown["Configuration"]["CodeSha256"] == code["CodeSha256"] and shown["Tags"] == {"team": "a"}
    with urllib.request.urlopen(shown["Code"]["Location"]) as download:
        assert download.read() == package("second")
    client.delete_function(FunctionName="first")
    assert refused(client.get_function, FunctionName="first")[0] == "ResourceNotFoundException"
    with pytest.raises(urllib.error.HTTPError):
        wait_for(lambda: urllib.request.urlopen(shown["Code"]["Location"]) is None, "the package is gone", 10)


def test_code_in_a_bucket(server, client):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="packages")
    s3.put_object(Bucket="packages", Key="code.zip", Body=package("in S3"))
    made = create(client, "from-s3", Code={"S3Bucket": "packages", "S3Key": "code.zip"})
    assert made["CodeSize"] == len(package("in S3"))
    code, message = refused(create, client=client, name="none", Code={"S3Bucket": "packages", "S3Key": "none.zip"})
    assert code == "InvalidParameterValueException" and "S3 Error Code: NoSuchKey" in message
    client.delete_function(FunctionName="from-s3")


def test_versions_and_aliases(client):
    create(client, "versioned", Publish=True)
    client.update_function_configuration(FunctionName="versioned", Environment={"Variables": {"GREETING": "second"}})
    assert client.publish_version(FunctionName="versioned")["Version"] == "2"
    assert [one["Version"] for one in client.list_versions_by_function(FunctionName="versioned")["Versions"]] == ["$LATEST", "1", "2"]
    alias = client.create_alias(FunctionName="versioned", Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert alias["AliasArn"].endswith(":function:versioned:live")
    seen = {invoke(client, "versioned", Qualifier="live")[0] for _ in range(40)}
    assert seen == {"1", "2"}
    client.update_alias(FunctionName="versioned", Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}})
    assert invoke(client, "versioned:live") == ("2", {"got": {}, "greeting": "second"})
    assert client.get_function(FunctionName="versioned", Qualifier="live")["Configuration"]["Version"] == "2"
    assert refused(client.delete_function, FunctionName="versioned", Qualifier="2")[0] == "ResourceConflictException"
    assert refused(client.invoke, FunctionName="versioned", Qualifier="7")[0] == "ResourceNotFoundException"
    assert [one["Name"] for one in client.list_aliases(FunctionName="versioned")["Aliases"]] == ["live"]
    client.delete_alias(FunctionName="versioned", Name="live")
    client.delete_function(FunctionName="versioned", Qualifier="2")
    pages = client.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 1})
    names = [(one["FunctionName"], one["Version"]) for page in pages for one in page["Functions"]]
    assert [version for name, version in names if name == "versioned"] == ["$LATEST", "1"]
    client.delete_function(FunctionName="versioned")


def test_concurrency(client):
    create(client, "limited", Publish=True)
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="limited")
    client.put_function_concurrency(FunctionName="limited", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as error:
        client.invoke(FunctionName="limited")
    assert error.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert client.get_function(FunctionName="limited")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000
    client.delete_function_concurrency(FunctionName="limited")
    assert invoke(client, "limited")[0] == "$LATEST"
    assert refused(client.put_function_concurrency, FunctionName="limited", ReservedConcurrentExecutions=901)[0] == "InvalidParameterValueException"
    provisioned = {"FunctionName": "limited", "Qualifier": "1"}
    assert client.put_provisioned_concurrency_config(**provisioned, ProvisionedConcurrentExecutions=1)["Status"] == "IN_PROGRESS"
    assert client.get_provisioned_concurrency_config(**provisioned)["Status"] == "READY"
    assert len(client.list_provisioned_concurrency_configs(FunctionName="limited")["ProvisionedConcurrencyConfigs"]) == 1
    client.delete_provisioned_concurrency_config(**provisioned)
    assert refused(client.get_provisioned_concurrency_config, **provisioned)[0] == "ProvisionedConcurrencyConfigNotFoundException"
    client.delete_function(FunctionName="limited")


def test_settings_beside_the_function(client):
    made = create(client, "settings")
    arn = made["FunctionArn"]
    added = client.add_permission(FunctionName="settings", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::b")
    policy = client.get_policy(FunctionName="settings")
    assert json.loads(policy["Policy"])["Statement"] == [json.loads(added["Statement"])]
    assert json.loads(added["Statement"])["Principal"] == {"Service": "s3.amazonaws.com"}
    again = {"FunctionName": "settings", "StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "*"}
    assert refused(client.add_permission, **again)[0] == "ResourceConflictException"
    client.remove_permission(FunctionName="settings", StatementId="s3", RevisionId=policy["RevisionId"])
    assert refused(client.get_policy, FunctionName="settings")[0] == "ResourceNotFoundException"
    client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert client.get_function_recursion_config(FunctionName="settings")["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(FunctionName="settings", RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName="settings")["RecursiveLoop"] == "Allow"
    client.put_runtime_management_config(FunctionName="settings", UpdateRuntimeOn="FunctionUpdate")
    assert client.get_runtime_management_config(FunctionName="settings")["UpdateRuntimeOn"] == "FunctionUpdate"
    client.delete_function(FunctionName="settings")


def test_records_of_asynchronous_invocations(server, client):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="records")
    create(client, "events")
    config = {"FunctionName": "events", "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    config["DestinationConfig"] = {"OnSuccess": {"Destination": "arn:aws:s3:::records"}, "OnFailure": {"Destination": "arn:aws:s3:::records"}}
    client.put_function_event_invoke_config(**config)
    shown = client.get_function_event_invoke_config(FunctionName="events")
    assert shown["DestinationConfig"] == config["DestinationConfig"] and shown["MaximumRetryAttempts"] == 0
    assert client.update_function_event_invoke_config(FunctionName="events", MaximumEventAgeInSeconds=120)["MaximumRetryAttempts"] == 0
    assert len(client.list_function_event_invoke_configs(FunctionName="events")["FunctionEventInvokeConfigs"]) == 1
    for event in ({"n": 1}, {"do": "fail"}):
        assert client.invoke(FunctionName="events", InvocationType="Event", Payload=json.dumps(event))["StatusCode"] == 202
    keys = wait_for(lambda: (found := s3.list_objects_v2(Bucket="records").get("Contents", [])) and len(found) == 2 and found, "two records")
    records = [json.loads(s3.get_object(Bucket="records", Key=one["Key"])["Body"].read()) for one in keys]
    by_condition = {record["requestContext"]["condition"]: record for record in records}
    success, failure = by_condition["Success"], by_condition["RetriesExhausted"]
    assert (success["requestPayload"], success["responsePayload"]["got"]) == ({"n": 1}, {"n": 1})
    assert success["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert failure["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert failure["requestContext"]["approximateInvokeCount"] == 1 and failure["responsePayload"]["errorMessage"] == "told to fail"
    assert failure["requestContext"]["functionArn"].endswith(":function:events:$LATEST")
    client.delete_function_event_invoke_config(FunctionName="events")
    assert refused(client.get_function_event_invoke_config, FunctionName="events")[0] == "ResourceNotFoundException"
    client.delete_function(FunctionName="events")


def test_layers(client):
    archive = package(files=[("shared/a.txt", "a")])
    published = client.publish_layer_version(LayerName="shared", Content={"ZipFile": archive}, CompatibleRuntimes=["provided.al2023"], LicenseInfo="MIT")
    assert (published["Version"], published["Content"]["CodeSize"]) == (1, len(archive))
    arn = published["LayerVersionArn"]
    assert client.publish_layer_version(LayerName="shared", Content={"ZipFile": archive})["Version"] == 2
    made = create(client, "layered", Layers=[arn])
    assert made["Layers"] == [{"Arn": arn, "CodeSize": len(archive)}]
    with urllib.request.urlopen(client.get_layer_version_by_arn(Arn=arn)["Content"]["Location"]) as download:
        assert download.read() == archive
    assert [one["Version"] for one in client.list_layer_versions(LayerName="shared")["LayerVersions"]] == [2, 1]
    assert client.list_layers(CompatibleRuntime="provided.al2023")["Layers"][0]["LatestMatchingVersion"]["Version"] == 1
    permission = {"LayerName": "shared", "VersionNumber": 1}
    client.add_layer_version_permission(**permission, StatementId="all", Action="lambda:GetLayerVersion", Principal="*")
    assert json.loads(client.get_layer_version_policy(**permission)["Policy"])["Statement"][0]["Principal"] == "*"
    client.remove_layer_version_permission(**permission, StatementId="all")
    client.delete_layer_version(**permission)
    assert refused(client.get_layer_version, **permission)[0] == "ResourceNotFoundException"
    assert invoke(client, "layered")[0] == "$LATEST", "functions keep what they use"
    client.delete_function(FunctionName="layered")


def fetch(url, host=None, **more):
    """Status, headers and body of an answer, of a name that this machine may not resolve."""
    request = urllib.request.Request(url, **more)
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_function_urls(server, client):
    create(client, "url", Publish=True)
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 60}
    made = client.create_function_url_config(FunctionName="url", AuthType="NONE", Cors=cors)
    assert made["Cors"] == cors and made["InvokeMode"] == "BUFFERED"
    host = made["FunctionUrl"].split("//")[1].rstrip("/")
    url_id = host.split(".")[0]
    assert host == f"{url_id}.lambda-url.us-east-1.localhost:{server.port}"
    status, headers, body = fetch(f"{server.url}/a/b?x=1&x=2", host, data=b"text", headers={"Origin": "https://a.example", "Content-Type": "text/plain"})
    event = json.loads(body)["got"]
    assert (status, event["version"], event["rawPath"], event["queryStringParameters"], event["body"]) == (200, "2.0", "/a/b", {"x": "1,2"}, "text")
    assert event["requestContext"]["apiId"] == url_id and event["requestContext"]["http"]["method"] == "POST"
    assert headers["Access-Control-Allow-Origin"] == "https://a.example"
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    status, headers, _ = fetch(f"{server.url}/", host, method="OPTIONS", headers=asked)
    assert (status, headers["Access-Control-Allow-Methods"], headers["Access-Control-Max-Age"]) == (200, "GET", "60")
    status, headers, body = fetch(f"{server.url}/_aws/lambda-url/{url_id}/c")
    assert json.loads(body)["got"]["rawPath"] == "/c" and "sandbox" in headers["Content-Security-Policy"]
    assert refused(client.create_function_url_config, FunctionName="url", AuthType="NONE")[0] == "ResourceConflictException"
    updated = client.update_function_url_config(FunctionName="url", InvokeMode="RESPONSE_STREAM", Cors={})
    assert updated["InvokeMode"] == "RESPONSE_STREAM" and "Cors" not in updated
    assert fetch(f"{server.url}/", host)[0] == 200, "what is not streamed is answered all the same"
    client.create_alias(FunctionName="url", Name="live", FunctionVersion="1")
    client.create_function_url_config(FunctionName="url", Qualifier="live", AuthType="AWS_IAM")
    assert len(client.list_function_url_configs(FunctionName="url")["FunctionUrlConfigs"]) == 2
    client.delete_function_url_config(FunctionName="url")
    assert fetch(f"{server.url}/", host)[0] == 403
    client.delete_function(FunctionName="url")


STREAMING = """#!/usr/bin/env python3
import http.client, json, os, urllib.request
API = os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    with urllib.request.urlopen(f"http://{API}/2018-06-01/runtime/invocation/next", timeout=3600) as invocation:
        request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        invocation.read()
    connection = http.client.HTTPConnection(API)
    headers = {
        "Lambda-Runtime-Function-Response-Mode": "streaming",
        "Content-Type": "application/vnd.awslambda.http-integration-response",
        "Transfer-Encoding": "chunked",
    }
    prelude = json.dumps({"statusCode": 201, "headers": {"X-Made": "by hand"}, "cookies": ["a=1"]}).encode()
    pieces = iter([prelude, bytes(8) + b"one ", b"two"])
    connection.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", pieces, headers, encode_chunked=True)
    connection.getresponse().read()
    connection.close()
"""


def test_a_function_url_streams(server, client):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, STREAMING)
    create(client, "streams", Code={"ZipFile": memory.getvalue()})
    url = client.create_function_url_config(FunctionName="streams", AuthType="NONE", InvokeMode="RESPONSE_STREAM")["FunctionUrl"]
    status, headers, body = fetch(f"{server.url}/", url.split("//")[1].rstrip("/"))
    assert (status, headers["X-Made"], headers["Set-Cookie"], body) == (201, "by hand", "a=1", b"one two")
    client.delete_function(FunctionName="streams")


def test_what_is_not_offered_is_said(client):
    code, message = refused(create, client=client, name="bad", Runtime="python2.7")
    assert code == "InvalidParameterValueException" and message.startswith("Value python2.7 at 'runtime' failed to satisfy constraint")
    for more, text in [
        ({"MemorySize": 20_000}, "less than or equal to 10240"),
        ({"Timeout": 901}, "less than or equal to 900"),
        ({"Role": "none"}, "regular expression pattern"),
        ({"Runtime": "dotnet8"}, "dotnet8 is not hosted"),
        ({"Code": {"ImageUri": "x"}}, "ImageUri"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
        ({"FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0", "LocalMountPath": "/mnt/a"}]}, "FileSystemConfigs"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"Code": {"ZipFile": b"not a zip"}}, "Could not unzip uploaded file"),
    ]:
        code, message = refused(create, client=client, name="bad", **more)
        assert code in ("ValidationException", "InvalidParameterValueException") and text in message, message
    assert "does not support the operation CreateCodeSigningConfig" in refused(client.create_code_signing_config, AllowedPublishers={"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:x"]})[1]


def test_the_aws_cli(server, tmp_path):
    archive = tmp_path / "code.zip"
    archive.write_bytes(package())
    common = ("--function-name", "by-cli")
    made = server.aws_json("lambda", "create-function", *common, "--role", ROLE, "--runtime", "provided.al2023", "--handler", "h", "--zip-file", f"fileb://{archive}")
    assert made["FunctionName"] == "by-cli"
    server.aws("lambda", "wait", "function-active-v2", *common)
    assert server.aws_json("lambda", "invoke", *common, str(tmp_path / "out.json"))["StatusCode"] == 200
    assert json.loads((tmp_path / "out.json").read_text())["got"] == {}
    server.aws("lambda", "delete-function", *common)
