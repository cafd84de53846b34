"""Requests that are no HTTP/1.1, or nearly: shapes for smuggling, bad chunks, heads of any size, half requests."""

from .case import SCOPE, raw
from .wire import request

LIST_STREAMS = "\r\n".join(
    [
        "POST / HTTP/1.1",
        "Host: localhost",
        f"Authorization: {SCOPE.format('kinesis')}",
        "Content-Type: application/x-amz-json-1.1",
        "X-Amz-Target: Kinesis_20131202.ListStreams",
        "",
    ]
).encode()
HEALTH = b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
REFUSED = (400, 403, 404, 405, 411, 413, 414, 417, 426, 431, 501, 505)


def bad(name, data, statuses=REFUSED, **kinds):
    return raw(f"http1 {name}", data, statuses, **kinds)


def call(name, headers, body=b"", statuses=(400,), answers=2, **kinds):
    """A call of ListStreams with hostile headers, behind which a second request may hide."""
    return bad(name, LIST_STREAMS + headers + b"\r\n" + body, statuses, answers=answers, answers_max=1, **kinds)


REQUEST_LINES = [
    bad("nothing at all", b""),
    bad("one NUL", b"\0"),
    bad("a thousand NULs", bytes(1000)),
    bad("only line ends", b"\r\n" * 1000),
    bad("random bytes", bytes(range(128, 256)) * 64),
    bad("half a request line", b"GET /_anabranch/hea"),
    bad("half a head", b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\nX-A"),
    bad("a method that is no token", b"G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("a method of 64 KiB", b"G" * 65536 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("an unknown method", b"BREW /_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("TRACE", b"TRACE /_anabranch/health HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\n\r\n"),
    bad("CONNECT", b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    bad("CONNECT to the port itself", b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("PRI in HTTP/1.1", b"PRI * HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("no version", b"GET /_anabranch/health\r\n\r\n"),
    bad("HTTP/0.9", b"GET /_anabranch/health HTTP/0.9\r\n\r\n"),
    bad("HTTP/3.0", b"GET /_anabranch/health HTTP/3.0\r\nHost: localhost\r\n\r\n"),
    bad("a version of letters", b"GET / HTTP/a.b\r\nHost: localhost\r\n\r\n"),
    bad("spaces in the path", b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("a path without a slash", b"GET bucket HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("a path of 1 MiB", b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("a path with a NUL", b"GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("a query of 64 KiB", b"GET /hostile?" + b"a=b&" * 16384 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 414, 431, 404)),
    bad("an absolute URI of another host", b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    bad("an absolute URI against the Host", b"GET http://evil.example/_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("an absolute URI of another scheme", b"GET file:///etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("an absolute URI of itself", b"GET http://localhost/_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n", (200,)),
    bad("an asterisk", b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", (200, 204, *REFUSED)),
    bad("a URI with a user", b"GET http://a:b@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    bad("a URI with a port out of range", b"GET http://localhost:99999999/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
]

HOSTS = [
    bad("no Host", b"GET /hostile HTTP/1.1\r\n\r\n"),
    bad("two Hosts", b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"),
    bad("an empty Host", b"GET /hostile HTTP/1.1\r\nHost:\r\n\r\n"),
    bad("a Host of another site", b"GET /_anabranch/health HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    bad("a Host that begins as ours", b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n"),
    bad("a Host that begins as our address", b"GET /_anabranch/health HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n"),
    bad("a Host of 60 KiB", b"GET /hostile HTTP/1.1\r\nHost: " + b"a." * 30000 + b"localhost\r\n\r\n"),
    bad("a Host that is not text", b"GET /hostile HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n"),
    bad("a Host with a path", b"GET /hostile HTTP/1.1\r\nHost: localhost/evil\r\n\r\n"),
    bad("a Host with a user", b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n"),
]

HEADERS = [
    bad("a head of 2 MiB in one header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (2 << 20) + b"\r\n\r\n"),
    bad("100,000 headers", b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100_000 + b"\r\n"),
    bad("1,000 headers", b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1_000 + b"\r\n"),
    bad("a head without an end of 8 MiB", b"GET / HTTP/1.1\r\n" + b"X: yyyyyyyyyyyyyyy\r\n" * 400_000),
    bad("a NUL in a header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n"),
    bad("a NUL in a header's name", b"GET / HTTP/1.1\r\nHost: localhost\r\nX\0: a\r\n\r\n"),
    bad("a header without a colon", b"GET / HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n"),
    bad("a header without a name", b"GET / HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n"),
    bad("a space before the colon", b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n"),
    bad("a folded header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n"),
    bad("bare carriage returns", b"GET / HTTP/1.1\rHost: localhost\r\r"),
    bad("a bare carriage return in a header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rY: b\r\n\r\n"),
    bad("control characters in a header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: \x01\x02\x7f\r\n\r\n"),
    bad("an Expect that nobody knows", LIST_STREAMS + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", (200, 417)),
    bad("an Upgrade to a web socket", b"GET /_anabranch/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", (200, *REFUSED)),
    bad("an Upgrade to h2c", b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", (200, *REFUSED)),
    bad("a target that is not text", LIST_STREAMS.replace(b"Kinesis_20131202.ListStreams", b"\xff\xfe") + b"Content-Length: 2\r\n\r\n{}"),
    bad("a target of 60 KiB", LIST_STREAMS.replace(b"ListStreams", b"L" * 60_000) + b"Content-Length: 2\r\n\r\n{}"),
    bad("two targets", LIST_STREAMS + b"X-Amz-Target: Kinesis_20131202.DeleteStream\r\nContent-Length: 2\r\n\r\n{}", (200, 400)),
    bad("credentials of 32 KiB", LIST_STREAMS.replace(b"test/", b"t" * 32768 + b"/") + b"Content-Length: 2\r\n\r\n{}", (200, *REFUSED)),
    bad("credentials that are not text", LIST_STREAMS.replace(b"test/", b"\xff/") + b"Content-Length: 2\r\n\r\n{}"),
    bad("a region that is a path", LIST_STREAMS.replace(b"us-east-1", b"../../etc") + b"Content-Length: 2\r\n\r\n{}", (200, 400)),
]

LENGTHS = [
    call("Content-Length and Transfer-Encoding", b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HEALTH, (200, 400)),
    call("Transfer-Encoding and Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", b"0\r\n\r\n" + HEALTH, (200, 400)),
    call("two lengths", b"Content-Length: 2\r\nContent-Length: 40\r\n", b"{}" + HEALTH),
    call("a list of lengths", b"Content-Length: 2, 40\r\n", b"{}" + HEALTH),
    call("a negative length", b"Content-Length: -1\r\n", b"{}"),
    call("a length with a sign", b"Content-Length: +2\r\n", b"{}"),
    call("a length in hexadecimal", b"Content-Length: 0x2\r\n", b"{}"),
    call("a length with a space", b"Content-Length: 2 0\r\n", b"{}"),
    call("a length of 2^64", b"Content-Length: 18446744073709551616\r\n", b"{}", REFUSED),
    call("a length of 2^63", b"Content-Length: 9223372036854775808\r\n", b"{}", REFUSED),
    call("a length of 2^60", b"Content-Length: 1152921504606846976\r\n", b"{}", REFUSED),
    call("an empty length", b"Content-Length: \r\n", b"{}"),
    call("half a body", b"Content-Length: 100\r\n", b"{}"),
    call("chunked twice", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n", (200, 400)),
    call("chunked, then identity", b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    call("an unknown coding", b"Transfer-Encoding: cow\r\nContent-Length: 2\r\n", b"{}" + HEALTH),
    call("chunked with a vertical tab", b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n"),
    call("chunked behind a space in the name", b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
    call("chunked in HTTP/1.0", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", (200, 400)),
]
LENGTHS[-1] = bad("chunked in HTTP/1.0", LIST_STREAMS.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")

CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = [
    call("a chunk without a length", CHUNKED, b"\r\n{}\r\n0\r\n\r\n"),
    call("a chunk length that is no number", CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"),
    call("a negative chunk", CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"),
    call("a chunk of 2^64", CHUNKED, b"10000000000000000\r\n{}\r\n0\r\n\r\n"),
    call("a chunk of 2^60 that ends", CHUNKED, b"1000000000000000\r\n{}", REFUSED),
    call("a chunk longer than it says", CHUNKED, b"2\r\n{}{}\r\n0\r\n\r\n"),
    call("a chunk shorter than it says", CHUNKED, b"9\r\n{}\r\n0\r\n\r\n"),
    call("chunks that don't end", CHUNKED, b"2\r\n{}\r\n"),
    call("chunks with line feeds only", CHUNKED, b"2\n{}\n0\n\n"),
    call("a chunk's extension of 64 KiB", CHUNKED, b"2;" + b"a" * 65536 + b"\r\n{}\r\n0\r\n\r\n"),
    call("extensions of 1 MiB over many chunks", CHUNKED, b"1;aaaaaaaaaaaaaaaaaaa\r\n \r\n" * 50_000 + b"0\r\n\r\n", (200, *REFUSED)),
    call("a million chunks of one byte", CHUNKED, b"1\r\n \r\n" * 1_000_000 + b"2\r\n{}\r\n0\r\n\r\n", (200, *REFUSED)),
    call("trailers of 1 MiB", CHUNKED, b"2\r\n{}\r\n0\r\n" + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n", (200, *REFUSED)),
    call("100,000 trailers", CHUNKED, b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", (200, *REFUSED)),
    call("a trailer that is a length", CHUNKED, b"2\r\n{}\r\n0\r\nContent-Length: 100\r\n\r\n", (200, 400)),
    call("a chunk length of zeros", CHUNKED, b"0" * 65536 + b"2\r\n{}\r\n0\r\n\r\n", (200, *REFUSED)),
]

PIPELINES = [
    raw("http1 10,000 pipelined requests", HEALTH * 10_000, (200,), answers=10_000, ends=False),
    bad("a request behind garbage", b"garbage\r\n\r\n" + HEALTH, answers=2, answers_max=1),
    bad("HTTP/2's preface behind a request", HEALTH + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (200, *REFUSED), answers=2),
    bad("17 MiB that nobody asked for", request("POST", "/", ["X-Amz-Target: Nonsense.Nonsense"], bytes(17 << 20))),
    bad("a body of 17 MiB", LIST_STREAMS + b"Content-Length: 17825792\r\n\r\n" + b" " * (17 << 20), (400, 413)),
    bad("a body of 16 MiB of spaces", LIST_STREAMS + b"Content-Length: 16777216\r\n\r\n" + b" " * (16 << 20), (400,)),
]

CASES = [*REQUEST_LINES, *HOSTS, *HEADERS, *LENGTHS, *CHUNKS, *PIPELINES]
