"""Names and ARNs that climb, hide, lie or never end, wherever a name is taken."""

import json

from .case import json_call, rest, s3

NAMES = {
    "a dot": ".",
    "two dots": "..",
    "a path that climbs": "../../../../etc/passwd",
    "an absolute path": "/etc/passwd",
    "backslashes": "..\\..\\windows",
    "a NUL": "a\0b",
    "a line end": "a\r\nb",
    "a space": " ",
    "a slash": "a/b",
    "an emoji": "💧",
    "a right-to-left mark": "a\u202eb",
    "a combining mark": "a\u0301",
    "letters that look Latin": "hоstile",
    "128 and one": "a" * 129,
    "10,000 letters": "a" * 10_000,
    "markup": "<script>alert(1)</script>",
    "SQL": "'; DROP TABLE hostile; --",
    "a shell's words": "$(touch /tmp/x)",
    "a format": "%s%n{}",
    "percent escapes": "%2e%2e%2f",
    "a star": "*",
}

# Names that the service itself allows, such as `.` for a stream, name what is not there.
NOT_THERE = ("ValidationException", "ResourceNotFoundException", "AccessDeniedException", "InvalidArgumentException", "SerializationException")

ARNS = {
    "of another account": "arn:aws:kinesis:us-east-1:999999999999:stream/hostile",
    "of another region": "arn:aws:kinesis:eu-west-1:000000000000:stream/hostile",
    "of another partition": "arn:aws-cn:kinesis:us-east-1:000000000000:stream/hostile",
    "of another service": "arn:aws:s3:::hostile",
    "of a consumer": "arn:aws:kinesis:us-east-1:000000000000:stream/hostile/consumer/a:1",
    "with a path": "arn:aws:kinesis:us-east-1:000000000000:stream/../hostile",
    "with a NUL": "arn:aws:kinesis:us-east-1:000000000000:stream/hos\0tile",
    "with two names": "arn:aws:kinesis:us-east-1:000000000000:stream/hostile/stream/hostile",
    "without a name": "arn:aws:kinesis:us-east-1:000000000000:stream/",
    "of 10,000 letters": "arn:aws:kinesis:us-east-1:000000000000:stream/" + "a" * 10_000,
    "of colons": ":" * 500,
}

# Which the model's pattern allows; AWS looks at the name in them only.
LENIENT = {"of another partition", "of a consumer", "with two names"}

ITEM = {"Item": {"id": {"S": "1"}}}


def body(**members):
    return json.dumps(members).encode()


CASES = [
    *(json_call(f"name of a stream: {what}", "Kinesis_20131202.DescribeStreamSummary", body(StreamName=name), *NOT_THERE) for what, name in NAMES.items()),
    *(json_call(f"name of a delivery stream: {what}", "Firehose_20150804.DescribeDeliveryStream", body(DeliveryStreamName=name), *NOT_THERE) for what, name in NAMES.items()),
    *(json_call(f"name of a table: {what}", "DynamoDB_20120810.PutItem", body(TableName=name, **ITEM), *NOT_THERE) for what, name in NAMES.items()),
    *(json_call(f"name of a consumer: {what}", "Kinesis_20131202.DescribeStreamConsumer", body(StreamARN="arn:aws:kinesis:us-east-1:000000000000:stream/hostile", ConsumerName=name), *NOT_THERE) for what, name in NAMES.items()),
    *(json_call(f"ARN of a stream: {what}", "Kinesis_20131202.DescribeStreamSummary", body(StreamARN=arn), *NOT_THERE, statuses=(400,) if what not in LENIENT else (200, 400)) for what, arn in ARNS.items()),
    *(json_call(f"ARN of a table: {what}", "DynamoDB_20120810.DescribeTable", body(TableName=arn.replace("kinesis", "dynamodb").replace("stream/", "table/")), *NOT_THERE) for what, arn in ARNS.items()),
    *(json_call(f"ARN of a delivery stream: {what}", "Firehose_20150804.DescribeDeliveryStream", body(DeliveryStreamName=arn), *NOT_THERE) for what, arn in ARNS.items()),
    *(
        rest(f"name of a function: {what}", "POST", f"/2015-03-31/functions/{path}/invocations", body=b"{}", statuses=(400, 403, 404, 405, 413))
        for what, path in {
            "two dots": "..",
            "escaped dots": "%2e%2e",
            "escaped slashes": "..%2f..%2fetc",
            "a NUL": "a%00b",
            "bytes that are not UTF-8": "%ff%fe",
            "10,000 letters": "a" * 10_000,
            "nothing": "",
            "markup": "%3Cscript%3E",
            "an ARN of another account": "arn:aws:lambda:us-east-1:999999999999:function:none",
            "colons": ":::::",
            "a dollar": "$LATEST",
            "a percent alone": "%",
        }.items()
    ),
    *(
        s3(f"name of a bucket: {what}", "PUT", path, statuses=(400, 403, 404, 405, 409))
        for what, path in {
            "a dot": "/.",
            "two dots": "/..",
            "escaped dots": "/%2e%2e",
            "capitals": "/Hostile",
            "two letters": "/ab",
            "64 letters": "/" + "a" * 64,
            "10,000 letters": "/" + "a" * 10_000,
            "an address": "/192.168.0.1",
            "a NUL": "/a%00b",
            "an emoji": "/%F0%9F%92%A7",
            "an underscore": "/a_b_c",
            "two dots within": "/a..b",
            "a dash at the end": "/abc-",
            "a reserved beginning": "/xn--abc",
            "markup": "/%3Cscript%3E",
            "the console's": "/_anabranch",
        }.items()
    ),
    *(
        s3(f"name of an object: {what}", "GET", f"/hostile/{path}", statuses=(400, 404, 414, 431))
        for what, path in {
            "a dot": ".",
            "two dots": "..",
            "a path that climbs": "../../../../../etc/passwd",
            "an escaped path that climbs": "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
            "escaped slashes": "..%2f..%2f..%2fetc%2fpasswd",
            "an absolute path": "/etc/passwd",
            "a NUL": "a%00b",
            "bytes that are not UTF-8": "%ff%fe",
            "a percent alone": "%",
            "half an escape": "%a",
            "1,025 bytes": "a" * 1025,
            "60,000 bytes": "a" * 60_000,
            "an escape of an escape": "%252e%252e",
            "an overlong encoding": "%c0%ae%c0%ae",
            "control characters": "%01%02%7f",
        }.items()
    ),
]
