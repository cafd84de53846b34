"""Requests of a wrong shape, on a bare socket: an AWS exception each, never a panic or a hang."""

import json
import socket

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0"


def raw(server, data, ends=False):
    """Sends bytes and gives all that comes back; `ends` closes our side, as a client that goes away."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def call(server, target, body, headers=()):
    lines = ["POST / HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}", *headers]
    if target:
        lines.append(f"X-Amz-Target: {target}")
    head, _, body = raw(server, "\r\n".join([*lines, "", ""]).encode() + body).partition(b"\r\n\r\n")
    status = int(head.split()[1])
    text = body.split(b"\r\n", 1)[-1] if b"chunked" in head else body
    return status, head.decode(), json.loads(text.decode() or "null")


def test_wrong_shapes(server):
    signed = [f"Authorization: {AUTHORIZATION}", "Content-Type: application/x-amz-json-1.1"]
    cases = [
        ("Kinesis_20131202.PutRecord", b'{"Data":', signed, "SerializationException"),
        ("Kinesis_20131202.PutRecord", b"[]", signed, "SerializationException"),
        ("Kinesis_20131202.PutRecord", b'{"StreamName": 1}', signed, "SerializationException"),
        ("Kinesis_20131202.PutRecord", b"\xff\xfe", signed, "SerializationException"),
        ("Kinesis_20131202.PutRecord", b"", signed, "SerializationException"),
        ("Kinesis_20131202.Nonsense", b"{}", signed, "UnknownOperationException"),
        ("Kinesis_20131202.SubscribeToShard", b"{}", signed, "ValidationException"),
        ("Nonsense_20131202.PutRecord", b"{}", signed, "UnknownOperationException"),
        ("Kinesis_20131202.ListStreams", b"{}", signed[1:], "MissingAuthenticationTokenException"),
        ("Kinesis_20131202.PutRecord", b"[" * 100_000, signed, "SerializationException"),
    ]
    for target, body, headers, code in cases:
        status, head, answer = call(server, target, body, headers)
        assert (status, answer["__type"].split("#")[-1]) == (400, code), (target, body[:20], answer)
        assert "x-amzn-requestid" in head.lower()
    assert call(server, "Kinesis_20131202.ListStreams", b"{}", signed)[0] == 200


def test_a_body_over_the_limit(server):
    signed = [f"Authorization: {AUTHORIZATION}", "Content-Type: application/x-amz-json-1.1"]
    status, _, _ = call(server, "Kinesis_20131202.PutRecords", b" " * (17 << 20), signed)
    assert status in (400, 413)


def test_no_request_at_all(server):
    for data in [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"]:
        raw(server, data, ends=True)
    assert raw(server, b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_console_and_metrics(server):
    page = raw(server, b"GET /_anabranch/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"<html" in page.lower() and page.startswith(b"HTTP/1.1 200")
    metrics = raw(server, b"GET /_anabranch/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"# TYPE" in metrics
