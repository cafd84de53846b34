"""HTTP/2 by prior knowledge, frame by frame (RFC 9113), as floods and against the rules."""

import socket
import struct
import time

from . import wire
from .case import Case, Expected

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
# How long the server may take to say what it thinks of a connection.
VERDICT_WAIT_S = 10


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header as HPACK's literal without indexing (RFC 7541, section 6.2.2)."""
    return b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value


def integer(number, bits):
    if number < (1 << bits) - 1:
        return bytes([number])
    out, number = bytearray([(1 << bits) - 1]), number - (1 << bits) + 1
    while number >= 128:
        out.append(number % 128 + 128)
        number //= 128
    return bytes([*out, number])


def head(*more, method=b"GET", path=b"/_anabranch/health"):
    pseudo = [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost")]
    return b"".join(literal(*pair) for pair in [*pseudo, *more])


SETTLED = PREFACE + frame(SETTINGS, 0, 0)
GET = frame(HEADERS, END_HEADERS | END_STREAM, 1, head())


def verdicts(connection, wanted):
    """What the server says of the connection and its streams, until one of `wanted` is among it or it closes."""
    buffer, said, end = b"", set(), time.monotonic() + VERDICT_WAIT_S
    while not said & wanted and time.monotonic() < end:
        connection.settimeout(max(end - time.monotonic(), 0.01))
        try:
            part = connection.recv(65536)
        except TimeoutError:
            break
        except OSError:
            part = b""
        if not part:
            return said | {"closed"}
        buffer += part
        while len(buffer) >= 9 and len(buffer) >= 9 + (size := int.from_bytes(buffer[:3])):
            kind, payload, buffer = buffer[3], buffer[9 : 9 + size], buffer[9 + size :]
            if kind == GOAWAY:
                said |= {"goaway", f"goaway {int.from_bytes(payload[4:8])}"}
            elif kind == RST_STREAM:
                said |= {"reset", f"reset {int.from_bytes(payload[:4])}"}
            elif kind == HEADERS:
                said.add("answer")
            elif kind == PING:
                said.add("pong")
    return said


def h2(name, data, *wanted, ends=False, **kinds):
    """Frames after the preface, at whose end the server says one of `wanted`."""

    def send(world):
        with wire.connect(world.port) as connection:
            wire.send(connection, data() if callable(data) else data)
            if ends:
                try:
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            said = verdicts(connection, {*wanted})
        assert said & {*wanted}, f"the server said {sorted(said)}, none of {sorted(wanted)}"
        return []

    return Case(f"http2 {name}", send, Expected(closed=True), **kinds)


REFUSED = ("goaway", "closed")
DROPPED = ("goaway", "reset", "closed")


def many(count, make):
    return lambda: SETTLED + b"".join(make(2 * number + 1) for number in range(count))


def hpack_bomb():
    """A header of 4,000 bytes put into the table once, then named 16,000 times by a byte each."""
    entry = b"\x40" + integer(1, 7) + b"x" + integer(4000, 7) + b"a" * 4000
    first = frame(HEADERS, END_HEADERS | END_STREAM, 1, head() + entry)
    bomb = head() + b"\xbe" * 16_000
    return SETTLED + first + frame(HEADERS, END_HEADERS | END_STREAM, 3, bomb)


CASES = [
    h2("garbage for frames", PREFACE + bytes(range(1, 256)) * 100, *REFUSED),
    h2("the preface alone", PREFACE, "closed", ends=True),
    h2("half a preface", PREFACE[:15], "closed", ends=True),
    h2("a preface with a typo", PREFACE.replace(b"SM", b"MS"), "closed", ends=True),
    h2("no SETTINGS first", PREFACE + GET, "answer", *REFUSED),
    h2("a frame of 16 MiB", SETTLED + b"\xff\xff\xff" + bytes([DATA, 0, 0, 0, 0, 1]) + bytes(1 << 20), *REFUSED),
    h2("a frame over the largest", SETTLED + frame(HEADERS, END_HEADERS, 1, bytes(16385)), *REFUSED),
    h2("DATA on the connection", SETTLED + frame(DATA, 0, 0, b"x"), *REFUSED),
    h2("DATA on an idle stream", SETTLED + frame(DATA, 0, 1, b"x"), *DROPPED),
    h2("HEADERS on the connection", SETTLED + frame(HEADERS, END_HEADERS, 0, head()), *REFUSED),
    h2("HEADERS on an even stream", SETTLED + frame(HEADERS, END_HEADERS | END_STREAM, 2, head()), *DROPPED),
    h2("a stream's number that falls", SETTLED + frame(HEADERS, 5, 5, head()) + frame(HEADERS, 5, 3, head()), *DROPPED),
    h2("PUSH_PROMISE by a client", SETTLED + frame(PUSH_PROMISE, 4, 1, b"\0\0\0\2" + head()), *REFUSED),
    h2("SETTINGS with a window of 2^31", PREFACE + frame(SETTINGS, 0, 0, b"\0\4\x80\0\0\0"), *REFUSED),
    h2("SETTINGS with a frame size of 1", PREFACE + frame(SETTINGS, 0, 0, b"\0\5\0\0\0\1"), *REFUSED),
    h2("SETTINGS of a wrong length", PREFACE + frame(SETTINGS, 0, 0, b"\0\4\0"), *REFUSED),
    h2("SETTINGS on a stream", SETTLED + frame(SETTINGS, 0, 1), *REFUSED),
    h2("SETTINGS that acknowledge with a payload", SETTLED + frame(SETTINGS, ACK, 0, b"\0\4\0\0\0\1"), *REFUSED),
    h2("a window update of 0", SETTLED + frame(WINDOW_UPDATE, 0, 0, bytes(4)), *REFUSED),
    h2("a window beyond 2^31", SETTLED + frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2, *REFUSED),
    h2("a window update of 3 bytes", SETTLED + frame(WINDOW_UPDATE, 0, 0, bytes(3)), *REFUSED),
    h2("a PING of 7 bytes", SETTLED + frame(PING, 0, 0, bytes(7)), *REFUSED),
    h2("a PING on a stream", SETTLED + frame(PING, 0, 1, bytes(8)), *REFUSED),
    h2("RST_STREAM of an idle stream", SETTLED + frame(RST_STREAM, 0, 1, bytes(4)), *REFUSED),
    h2("RST_STREAM of 3 bytes", SETTLED + GET + frame(RST_STREAM, 0, 1, bytes(3)), *REFUSED),
    h2("a CONTINUATION of nothing", SETTLED + frame(CONTINUATION, END_HEADERS, 1, head()), *REFUSED),
    h2("another frame between HEADERS and CONTINUATION", SETTLED + frame(HEADERS, 0, 1, head()) + frame(PING, 0, 0, bytes(8)), *REFUSED),
    h2("a stream that depends on itself", SETTLED + frame(PRIORITY, 0, 1, b"\0\0\0\1\0") + GET, "answer", *DROPPED),
    h2("padding longer than the frame", SETTLED + frame(DATA, 8, 1, b"\xff"), *REFUSED),
    h2("HPACK: an index that is not there", SETTLED + frame(HEADERS, 5, 1, b"\xff\xff\x7f"), *REFUSED),
    h2("HPACK: index 0", SETTLED + frame(HEADERS, 5, 1, b"\x80"), *REFUSED),
    h2("HPACK: an integer without an end", SETTLED + frame(HEADERS, 5, 1, b"\x7f" + b"\xff" * 100), *REFUSED),
    h2("HPACK: a table of 2^32", SETTLED + frame(HEADERS, 5, 1, b"\x3f\xe1\xff\xff\xff\x0f" + head()), *REFUSED),
    h2("HPACK: Huffman with a wrong end", SETTLED + frame(HEADERS, 5, 1, b"\0\x81\xfe\x01a"), *DROPPED),
    h2("HPACK: one header 16,000 times", hpack_bomb, "answer", *DROPPED),
    h2("a head without a method", SETTLED + frame(HEADERS, 5, 1, literal(b":path", b"/")), *DROPPED),
    h2("two paths", SETTLED + frame(HEADERS, 5, 1, head((b":path", b"/evil"))), *DROPPED),
    h2("an unknown pseudo-header", SETTLED + frame(HEADERS, 5, 1, head((b":evil", b"x"))), *DROPPED),
    h2("a pseudo-header after a header", SETTLED + frame(HEADERS, 5, 1, literal(b"x", b"y") + head()), *DROPPED),
    h2("a header in capitals", SETTLED + frame(HEADERS, 5, 1, head((b"X-Upper", b"y"))), *DROPPED),
    h2("Transfer-Encoding in HTTP/2", SETTLED + frame(HEADERS, 5, 1, head((b"transfer-encoding", b"chunked"))), "answer", *DROPPED),
    h2("a line end in a header", SETTLED + frame(HEADERS, 5, 1, head((b"x", b"a\r\nHost: evil"))), *DROPPED),
    h2("an empty path", SETTLED + frame(HEADERS, 5, 1, head(path=b"")), "answer", *DROPPED),
    h2("a path that is not text", SETTLED + frame(HEADERS, 5, 1, head(path=b"/\xff\xfe")), "answer", *DROPPED),
    h2("a length that the body does not have", SETTLED + frame(HEADERS, 4, 1, head((b"content-length", b"5"), method=b"PUT", path=b"/hostile/k")) + frame(DATA, END_STREAM, 1, b"123"), "answer", *DROPPED),
    h2("more DATA than the window", SETTLED + frame(HEADERS, 4, 1, head(method=b"PUT", path=b"/hostile/k")) + frame(DATA, 0, 1, bytes(16384)) * 256, *DROPPED),
    h2("heads of 256 KiB", SETTLED + frame(HEADERS, 0, 1, head()) + frame(CONTINUATION, 0, 1, literal(b"x", b"a" * 16000)) * 16 + frame(CONTINUATION, 4, 1), "answer", *DROPPED),
    h2("a flood of CONTINUATION", lambda: SETTLED + frame(HEADERS, 0, 1, head()) + frame(CONTINUATION, 0, 1, literal(b"x", b"a" * 100)) * 100_000, *REFUSED),
    h2("a flood of empty CONTINUATION", lambda: SETTLED + frame(HEADERS, 0, 1, head()) + frame(CONTINUATION, 0, 1) * 100_000, *REFUSED),
    h2("a flood of SETTINGS", lambda: SETTLED + frame(SETTINGS, 0, 0) * 20_000 + GET, "answer", *REFUSED),
    h2("a flood of PING", lambda: SETTLED + frame(PING, 0, 0, bytes(8)) * 20_000 + GET, "pong", "answer", *REFUSED),
    h2("a flood of PRIORITY", lambda: SETTLED + frame(PRIORITY, 0, 1, b"\0\0\0\3\0") * 20_000 + GET, "answer", *REFUSED),
    h2("a flood of unknown frames", lambda: SETTLED + frame(0xEE, 0, 0, bytes(64)) * 20_000 + GET, "answer", *REFUSED),
    h2("a flood of empty DATA", lambda: SETTLED + frame(HEADERS, 4, 1, head(method=b"PUT", path=b"/hostile/k")) + frame(DATA, 0, 1) * 20_000 + frame(DATA, 1, 1), "answer", *DROPPED),
    h2("rapid resets", many(20_000, lambda stream: frame(HEADERS, 5, stream, head()) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")), "answer", *REFUSED),
    h2("resets by the server", many(20_000, lambda stream: frame(HEADERS, 4, stream, head(method=b"PUT", path=b"/hostile/k")) + frame(WINDOW_UPDATE, 0, stream, bytes(4))), *DROPPED),
    h2("10,000 streams at once", many(10_000, lambda stream: frame(HEADERS, 4, stream, head(method=b"PUT", path=b"/hostile/k"))), *DROPPED),
    h2("GOAWAY, then a request", SETTLED + frame(GOAWAY, 0, 0, bytes(8)) + GET, "answer", *REFUSED),
    h2("a GOAWAY of 4 bytes", SETTLED + frame(GOAWAY, 0, 0, bytes(4)), *REFUSED),
]
