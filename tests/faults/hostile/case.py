"""One hostile request: what is sent, and which answers are right."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import cbor2

from . import wire

# What a server may need above what it needs when idle, while it deals with one case.
MEMORY_ABOVE_IDLE_MIB = 64

# What tells how the server is made, which is nobody's business: words of Rust, its libraries, its sources.
INSIDES = re.compile(
    r"invalid type|invalid value: |invalid length|expected (struct|enum|variant|newtype|unit|a sequence|a map|map|tuple|u\d+|i\d+|f64|bool)\b"
    r"|missing field|unknown variant|unknown field|duplicate field|panicked|unwrap\(|RUST_|\.rs\b|Semantic\(|Utf8Error|ParseIntError|TryFromIntError"
    r"|\bSome\(|\bNone\)|\bErr\(|\bOk\(|\bError \{|dynoxide|serde|ciborium|rusqlite|(?i:sqlite)|redb|tokio|hyper|\baxum|to_str|from_utf8"
)


@dataclass(frozen=True)
class Expected:
    """Which statuses are right, and of refusals, which codes; `closed` says whether no answer is right, too."""

    statuses: tuple = (400,)
    codes: tuple = ()
    shape: str = "none"
    closed: bool = False

    def problems(self, answer):
        if answer is None:
            return [] if self.closed else ["no answer"]
        found = []
        if answer.status not in self.statuses:
            found.append(f"status {answer.status}, not one of {self.statuses}")
        if answer.status >= 300 and self.shape != "none":
            code, message = SHAPES[self.shape](answer)
            if code is None:
                found.append(f"no {self.shape} error of AWS")
            elif self.codes and code not in self.codes:
                found.append(f"code {code}, not one of {self.codes}")
            elif message is None:
                found.append("an error without a message")
            if not {"x-amzn-requestid", "x-amz-request-id"} & set(answer.headers):
                found.append("no request id")
        return [f"{problem}: {answer}" for problem in found]


def _of_json(answer):
    try:
        error = json.loads(answer.body)
        return error["__type"].split("#")[-1], error.get("message", error.get("Message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, None


def _of_cbor(answer):
    try:
        error = cbor2.loads(answer.body)
        return error["__type"].split("#")[-1], error.get("message", error.get("Message"))
    except (cbor2.CBORDecodeError, KeyError, TypeError, AttributeError):
        return None, None


def _of_xml(answer):
    text = answer.body.decode(errors="replace")
    code, message = (re.search(f"<{name}>(.*?)</{name}>", text, re.DOTALL) for name in ("Code", "Message"))
    # A HEAD request's answer has no body.
    return (code[1] if code else None if text else "", message[1] if message else "")


def _of_rest(answer):
    """Lambda: the code in a header, the message in the body."""
    code = answer.headers.get("x-amzn-errortype", "").split(":")[0] or None
    try:
        error = json.loads(answer.body)
        return code, error.get("message", error.get("Message"))
    except (ValueError, AttributeError):
        return code, None


SHAPES = {"json": _of_json, "cbor": _of_cbor, "xml": _of_xml, "rest": _of_rest}


@dataclass(frozen=True)
class Case:
    """`send` gets the world and gives the answers; each is held against `expected`."""

    name: str
    send: Callable
    expected: Expected
    answers_min: int = 1
    answers_max: int = 1 << 20
    # More than the usual only where a named limit of the server allows it.
    memory_mib: int = MEMORY_ABOVE_IDLE_MIB

    def run(self, world):
        """All that is wrong with the answers."""
        answers = self.send(world)
        found = []
        if len(answers) < self.answers_min and not self.expected.closed:
            found.append(f"{len(answers)} answers, not {self.answers_min}")
        if len(answers) > self.answers_max:
            found.append(f"{len(answers)} answers: what was hidden in a body was answered as a request")
        for answer in answers:
            found += self.expected.problems(answer)
            found += inside_words(answer, world)
        return found


def inside_words(answer, world):
    # Ids are random letters, which spell a word now and then.
    headers = [value for name, value in answer.headers.items() if name not in ("x-amz-id-2", "x-amzn-requestid")]
    text = answer.body[: 1 << 20].decode(errors="replace") + " ".join(headers)
    words = {found.group() for found in INSIDES.finditer(text)} if answer.status >= 300 else set()
    if str(world.server.directory) in text and answer.status >= 300:
        words.add("the data directory")
    return [f"tells its insides ({', '.join(sorted(words))}): {answer}"] if words else []


# ---- the usual kinds ---------------------------------------------------------------------------

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
SERVICES = {"Kinesis_20131202": "kinesis", "DynamoDB_20120810": "dynamodb", "Firehose_20150804": "firehose"}


def made(body):
    """A body, or what makes one: large ones are made when they are sent."""
    return body() if callable(body) else body


def signed(service):
    return f"Authorization: {SCOPE.format(service)}"


def call_head(target, content_type="application/x-amz-json-1.1", more=()):
    service = SERVICES.get(target.split(".")[0], "dynamodb")
    return [signed(service), f"Content-Type: {content_type}", f"X-Amz-Target: {target}", *more]


def json_call(name, target, body, *codes, statuses=(400,), more=(), **kinds):
    """A call of an AWS JSON service that is to be refused with one of `codes`."""
    type_of = "application/x-amz-json-1.0" if target.startswith("DynamoDB") else "application/x-amz-json-1.1"
    send = lambda world: wire.exchange(
        world.port, wire.request("POST", "/", call_head(target, type_of, more), world.fill(made(body)))
    )
    return Case(name, send, Expected(statuses, codes, "json"), **kinds)


def cbor_call(name, target, body, *codes, statuses=(400,), **kinds):
    """The same in CBOR; `body` is bytes, or a value to be encoded."""
    encode = lambda value: value if isinstance(value, bytes) else cbor2.dumps(value)
    head = call_head(target, "application/x-amz-cbor-1.1")
    send = lambda world: wire.exchange(world.port, wire.request("POST", "/", head, encode(made(body))))
    return Case(name, send, Expected(statuses, codes, "cbor"), **kinds)


def s3(name, method, path, *codes, body=b"", headers=(), statuses=(400,), **kinds):
    """A request to S3; the path may name `{bucket}` and `{upload}`."""
    send = lambda world: wire.exchange(
        world.port,
        wire.request(method, world.fill(path), [signed("s3"), *map(world.fill, headers)], made(body)),
        method=method,
    )
    return Case(name, send, Expected(statuses, codes, "xml"), **kinds)


def rest(name, method, path, *codes, body=b"", headers=(), statuses=(400,), **kinds):
    """A request to Lambda."""
    send = lambda world: wire.exchange(
        world.port, wire.request(method, world.fill(path), [signed("lambda"), *headers], made(body)), method=method
    )
    return Case(name, send, Expected(statuses, codes, "rest"), **kinds)


def raw(name, data, statuses=(400,), answers=1, ends=True, tls=False, **kinds):
    """Bytes as they are: an answer of one of `statuses`, or none."""
    send = lambda world: wire.exchange(world.port, made(data), answers, "GET", ends, tls)
    return Case(name, send, Expected(statuses, closed=True), **kinds)
