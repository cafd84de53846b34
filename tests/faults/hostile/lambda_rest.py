"""Lambda's REST API: payloads, paths, mappings; and the HTTP APIs and pages on the same port."""

import json

from .case import Case, Expected, raw, rest
from .wire import exchange, request

MIB = 1 << 20
INVOKE = "/2015-03-31/functions/behaving/invocations"
MAPPINGS = "/2015-03-31/event-source-mappings"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/hostile"


def invoke(name, body, *codes, headers=(), statuses=(400,), path=INVOKE, **kinds):
    return rest(f"lambda invoke: {name}", "POST", path, *codes, body=body, headers=headers, statuses=statuses, **kinds)


CONTENT = "InvalidRequestContentException"
INVOCATIONS = [
    invoke("no JSON", b"{", CONTENT),
    invoke("bytes that are not UTF-8", b'"\xff"', CONTENT),
    invoke("two values", b"{}{}", CONTENT),
    invoke("lists 100,000 deep", b"[" * 100_000, CONTENT),
    invoke("NULs", bytes(1000), CONTENT),
    invoke("7 MiB", lambda: b'"' + b"a" * (7 * MIB) + b'"', "RequestTooLargeException", statuses=(413,)),
    invoke("64 MiB", lambda: b'"' + b"a" * (64 * MIB) + b'"', "RequestTooLargeException", statuses=(413,)),
    invoke("an event of 2 MiB", lambda: b'"' + b"a" * (2 * MIB) + b'"', "RequestTooLargeException", headers=["X-Amz-Invocation-Type: Event"], statuses=(413,)),
    invoke("a type nobody knows", b"{}", "InvalidParameterValueException", headers=["X-Amz-Invocation-Type: Cow"]),
    invoke("a log type nobody knows", b"{}", "InvalidParameterValueException", headers=["X-Amz-Log-Type: Cow"]),
    invoke("a version that is not there", b"{}", "ResourceNotFoundException", "InvalidParameterValueException", path=INVOKE + "?Qualifier=99", statuses=(400, 404)),
    invoke("a version that is a path", b"{}", path=INVOKE + "?Qualifier=..%2f..", statuses=(400, 404)),
    invoke("a query that is none", b"{}", path=INVOKE + "?Qualifier=%ff&%%%", statuses=(200, 400, 404)),
    raw("lambda invoke: a context of 300 KB", request("POST", INVOKE, ["X-Amz-Client-Context: " + "a" * 300_000], b"{}"), (400, 413, 431)),
    invoke("GET", b"", path=INVOKE + "/..", statuses=(400, 403, 404, 405)),
    rest("lambda invoke by PUT", "PUT", INVOKE, body=b"{}", statuses=(400, 403, 404, 405)),
    rest("lambda an operation not offered", "POST", "/2015-03-31/functions", body=b"{}", statuses=(400, 403, 404, 405, 501)),
    rest("lambda another version of the API", "GET", "/2015-03-32/functions", statuses=(400, 403, 404, 405)),
    rest("lambda a path of 1,000 slashes", "GET", "/2015-03-31/functions/" + "/" * 1000, statuses=(400, 403, 404, 405)),
    rest("lambda listing -1", "GET", "/2015-03-31/functions/?MaxItems=-1", "ValidationException"),
    rest("lambda listing cows", "GET", "/2015-03-31/functions/?MaxItems=cow", "InvalidParameterValueException"),
    rest("lambda listing 2^64", "GET", "/2015-03-31/functions/?MaxItems=18446744073709551616", "InvalidParameterValueException"),
    rest("lambda listing from 10,000 letters", "GET", "/2015-03-31/functions/?Marker=" + "a" * 10_000, statuses=(200, 400)),
]


def mapping(name, value, *codes, method="POST", path=MAPPINGS, statuses=(400,), **kinds):
    body = value if isinstance(value, bytes) or callable(value) else json.dumps(value).encode()
    return rest(f"lambda mapping: {name}", method, path, *codes, body=body, statuses=statuses, **kinds)


GOOD = {"FunctionName": "behaving", "EventSourceArn": STREAM, "StartingPosition": "LATEST", "Enabled": False}
MEMBERS = {
    "BatchSize": [-1, 0, 10_001, 1 << 63, "ten", 1.5, [], {}],
    "MaximumBatchingWindowInSeconds": [-1, 301, "ten", 1.5, []],
    "ParallelizationFactor": [-1, 0, 11, "ten", {}],
    "StartingPosition": ["COW", 1, [], "AT_TIMESTAMP"],
    "StartingPositionTimestamp": ["yesterday", -1, [], 1e300],
    "MaximumRetryAttempts": [-2, 10_001, "ten"],
    "MaximumRecordAgeInSeconds": [-2, 1, 604_801, "ten"],
    "BisectBatchOnFunctionError": ["yes", 1, []],
    "TumblingWindowInSeconds": [-1, 901, "ten"],
    "FunctionResponseTypes": ["ReportBatchItemFailures", ["Cow"], [1], [["a"]]],
    "FilterCriteria": ["a", [], {"Filters": "a"}, {"Filters": [{"Pattern": "{"}]}, {"Filters": [{"Pattern": "{}"}] * 11}],
    "DestinationConfig": ["a", {"OnFailure": "a"}, {"OnFailure": {"Destination": "arn:aws:cow"}}, {"OnFailure": {"Destination": "a" * 10_000}}],
    "Enabled": ["yes", 1, []],
    "EventSourceArn": ["", "cow", 1, "arn:aws:s3:::hostile", "arn:aws:kinesis:us-east-1:000000000000:stream/none", "a" * 10_000],
    "FunctionName": ["", "..", 1, "none", "a" * 10_000, "arn:aws:lambda:us-east-1:999999999999:function:none"],
}
MAPPING = [
    *(
        mapping(f"{name} of {str(value)[:40]}", GOOD | {name: value}, statuses=(400, 404))
        for name, values in MEMBERS.items()
        for value in values
    ),
    mapping("no JSON", b"{", CONTENT, "SerializationException", "InvalidParameterValueException"),
    mapping("a list", b"[]", CONTENT, "SerializationException", "InvalidParameterValueException"),
    mapping("objects 10,000 deep", b'{"a":' * 10_000, CONTENT, "SerializationException"),
    mapping("a million filters", lambda: json.dumps(GOOD).encode()[:-1] + b',"FilterCriteria":{"Filters":[' + b",".join([b"{}"] * 1_000_000) + b"]}}", statuses=(400, 413)),
    mapping("a million response types", lambda: json.dumps(GOOD).encode()[:-1] + b',"FunctionResponseTypes":[' + b",".join([b'"a"'] * 1_000_000) + b"]}", statuses=(400, 413)),
    mapping("12 MiB", lambda: b'{"FunctionName":"' + b"a" * (12 * MIB) + b'"}', statuses=(400, 413)),
    mapping("an id that is none", b"", path=MAPPINGS + "/cow", method="GET", statuses=(400, 404)),
    mapping("an id of 10,000 letters", b"", path=MAPPINGS + "/" + "a" * 10_000, method="GET", statuses=(400, 404)),
    mapping("an id that climbs", b"{}", path=MAPPINGS + "/..%2f..%2fx", method="PUT", statuses=(400, 404)),
    mapping("a deletion of nothing", b"", path=MAPPINGS + "/00000000-0000-0000-0000-000000000000", method="DELETE", statuses=(404,)),
    mapping("a listing of -1", b"", path=MAPPINGS + "?MaxItems=-1", method="GET"),
    mapping("a listing of cows", b"", path=MAPPINGS + "?MaxItems=cow", method="GET"),
]


def http_api(name, method, path, statuses, body=b"", headers=(), **kinds):
    data = lambda world: request(method, world.fill(path), headers, body() if callable(body) else body)
    send = lambda world: exchange(world.port, data(world), method=method)
    return Case(f"http api {name}", send, Expected(statuses), **kinds)


API = "/_aws/execute-api/{api}/$default"
HTTP_API = [
    http_api("an API that is not there", "GET", "/_aws/execute-api/none/x", (404,)),
    http_api("no API", "GET", "/_aws/execute-api/", (404,)),
    http_api("an API's name of 10,000 letters", "GET", "/_aws/execute-api/" + "a" * 10_000, (404,)),
    http_api("an API's name that climbs", "GET", "/_aws/execute-api/../../_anabranch/", (404,)),
    http_api("a route that is not there", "GET", API + "/nowhere", (404,)),
    http_api("a route's other method", "DELETE", API + "/do", (404,)),
    http_api("a route that climbs", "POST", API + "/../../do", (404,)),
    http_api("a body of 11 MiB", "POST", API + "/do", (413,), body=lambda: bytes(11 * MIB)),
    http_api("a body that is too large for the event", "POST", API + "/do", (413, 500, 503), body=lambda: b"a" * (7 * MIB)),
    http_api("a body of bytes", "POST", API + "/do", (200,), body=bytes(range(256))),
    http_api("a query that is none", "POST", API + "/do?%&%ff&=&a=%zz", (200, 400), body=b"{}"),
    http_api("a query of 10,000", "POST", API + "/do?" + "a=b&" * 10_000, (200, 400, 413, 414, 431), body=b"{}"),
    http_api("a header that is not text", "POST", API + "/do", (200, 400), body=b"{}", headers=[b"X-A: \xff\xfe".decode("latin-1")]),
    http_api("90 headers of one name", "POST", API + "/do", (200, 400, 431), body=b"{}", headers=["X-A: b"] * 90),
    http_api("cookies of 60 KiB", "POST", API + "/do", (200, 400, 431), body=b"{}", headers=["Cookie: " + "a=b; " * 12_000]),
    http_api("a function told to exit", "POST", API + "/do", (200, 500), body=b'{"do":"exit"}'),
]

PAGES = [
    http_api(f"page {path[:40]} by {method}", method, path, statuses, body)
    for method, path, statuses, body in [
        ("GET", "/_anabranch/../../etc/passwd", (404,), b""),
        ("GET", "/_anabranch/%2e%2e/%2e%2e/etc/passwd", (404,), b""),
        ("GET", "/_anabranch//", (404,), b""),
        ("GET", "/_anabranch/" + "a" * 10_000, (404,), b""),
        ("GET", "/_anabranch/health/x", (404,), b""),
        ("GET", "/_anabranch/?" + "a" * 10_000, (200,), b""),
        ("POST", "/_anabranch/", (405,), b"a=b"),
        ("PUT", "/_anabranch/health", (405,), b"x"),
        ("DELETE", "/_anabranch/metrics", (405,), b""),
        ("POST", "/_anabranch/x", (403, 404, 405), bytes(1 << 20)),
        ("GET", "/_anabranch/%00", (404,), b""),
        ("GET", "/_anabranch/%ff", (404,), b""),
    ]
]

RUNTIME = [
    raw(f"runtime API {path}", request("GET", path), (400, 403, 404, 405), ends=False)
    for path in ["/2018-06-01/runtime/invocation/next", "/2020-01-01/extension/register", "/2018-06-01/runtime/init/error"]
]

CASES = [*INVOCATIONS, *MAPPING, *HTTP_API, *PAGES, *RUNTIME]
