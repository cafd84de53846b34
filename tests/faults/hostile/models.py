"""Every operation of each service with each member of a wrong type, too long, too great or negative, by the models that botocore ships."""

import base64
import functools
import http.client
import json

import botocore.session

from .case import SCOPE, Case, Expected
from .wire import Answer
from .world import CHANGED_FUNCTION

TEXT = "not what it should be"
WRONG = {
    "string": [1, True, ["a"], {"a": 1}, "", "a" * 5_000, "\0", "\U0001f4a7" * 300],
    "integer": [TEXT, 1.5, True, [], {}, -1, 1 << 31, 1 << 64, -(1 << 63) - 1],
    "long": [TEXT, 1.5, True, [], {}, -1, 1 << 64, -(1 << 63) - 1],
    "double": [TEXT, True, [], {}, -1],
    "float": [TEXT, True, [], {}, -1],
    "boolean": [TEXT, 1, "true", [], {}],
    "blob": [1, True, ["a"], {"a": 1}, "!!!"],
    "timestamp": [TEXT, True, [], {}, -1, 1e300],
    "list": [TEXT, 1, {"a": 1}, [None], [[[]]], [1] * 2_000, [{}] * 2_000],
    "map": [TEXT, 1, ["a"], {"a": None}, {"": ""}, {str(number): TEXT for number in range(2_000)}],
    "structure": [TEXT, 1, ["a"], {"Unknown": 1}],
}
# Deep enough for what any operation nests; models are recursive (DynamoDB's values).
DEPTH_MAX = 4
# Refusals, and what a service answers when it takes a value after all.
STATUSES = (200, 400, 404, 409, 413)


def sample(shape, depth=0):
    kind = shape.type_name
    if kind == "structure":
        return {name: sample(shape.members[name], depth + 1) for name in shape.required_members} if depth < DEPTH_MAX else {}
    if kind == "list":
        return [sample(shape.member, depth + 1)] if depth < DEPTH_MAX else []
    if kind == "map":
        return {"key": sample(shape.value, depth + 1)} if depth < DEPTH_MAX else {}
    if kind == "string" and shape.enum:
        return shape.enum[0]
    return {"string": "hostile", "blob": base64.b64encode(b"data").decode(), "timestamp": 1_763_000_000, "boolean": True}.get(kind, 1)


def wrong(shape, valid, depth=0):
    """Requests made from `valid`, each with one member as no client would send it."""
    for name, member in shape.members.items():
        # Deeper down, a few stand for all.
        for value in [*WRONG[member.type_name][: None if depth == 0 else 3], None]:
            yield {**valid, name: value}
        inner = member.member if member.type_name == "list" else member.value if member.type_name == "map" else member
        if inner.type_name == "structure" and depth < DEPTH_MAX - 1:
            wrap = {"list": lambda value: [value], "map": lambda value: {"key": value}}.get(member.type_name, lambda value: value)
            for value in wrong(inner, sample(inner, depth + 1), depth + 1):
                yield {**valid, name: wrap(value)}


@functools.cache
def model(service):
    return botocore.session.get_session().get_service_model(service)


def fuzz(service, operation):
    shape = model(service).operation_model(operation).input_shape
    return list(wrong(shape, sample(shape))) if shape and shape.members else [{"Unknown": TEXT}]


def call(connection, method, path, headers, body):
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
    except (BrokenPipeError, ConnectionResetError):
        # The server closed the connection behind the refusal before; a new one is made.
        connection.close()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())




def by_target(service, operation):
    """Calls of an AWS JSON service, one after another on a connection."""
    metadata = model(service).metadata

    def send(world):
        connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=60)
        headers = {
            "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
            "X-Amz-Target": f"{metadata['targetPrefix']}.{operation}",
            "Authorization": SCOPE.format(service),
        }
        answers = []
        for request in fuzz(service, operation):
            answers.append(call(connection, "POST", "/", headers, json.dumps(request)))
            if answers[-1].headers.get("x-amzn-errortype") == "UnknownOperationException":
                break  # the same whatever is asked
        return answers

    return Case(f"model {service} {operation}", send, Expected(STATUSES, shape="json"))


def by_path(service, operation):
    """Calls of a REST service whose members are those of a JSON body. The function that they change is nobody else's."""
    one = model(service).operation_model(operation)
    path = one.http["requestUri"].replace("{FunctionName}", CHANGED_FUNCTION).replace("{UUID}", "00000000-0000-0000-0000-000000000000")

    def send(world):
        connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=60)
        headers = {"Content-Type": "application/json", "Authorization": SCOPE.format(service)}
        shape = one.input_shape
        placed = {name for name, member in shape.members.items() if member.serialization.get("location")}
        requests = [{name: value for name, value in request.items() if name not in placed} for request in fuzz(service, operation)]
        unique = {json.dumps(request) for request in requests}
        return [call(connection, one.http["method"], path, headers, body) for body in sorted(unique)]

    # 412 is what a revision gets that is not the latest.
    return Case(f"model {service} {operation}", send, Expected((*STATUSES, 412), shape="rest"))


CASES = [
    *(by_target("kinesis", operation) for operation in model("kinesis").operation_names),
    *(by_target("firehose", operation) for operation in model("firehose").operation_names),
    *(by_target("dynamodb", operation) for operation in model("dynamodb").operation_names),
    *(by_target("dynamodbstreams", operation) for operation in model("dynamodbstreams").operation_names),
    *(
        by_path("lambda", operation)
        for operation in ["CreateEventSourceMapping", "UpdateEventSourceMapping", "CreateFunction", "UpdateFunctionConfiguration"]
    ),
]
