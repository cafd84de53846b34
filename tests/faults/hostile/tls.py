"""Handshakes that are none, and what comes after one."""

from .case import raw

HELLO = b"\x16\x03\x01"
REFUSED = (400, 403, 404, 405, 431)

CASES = [
    raw("tls garbage behind the first byte", HELLO[:1] + bytes(range(256)) * 8),
    raw("tls the first byte alone", HELLO[:1]),
    raw("tls half a record's head", HELLO + b"\x02"),
    raw("tls a record of 64 KiB", HELLO + b"\xff\xff" + bytes(65535)),
    raw("tls an empty record", HELLO + b"\0\0" * 1000),
    raw("tls a handshake of 16 MiB", HELLO + b"\x40\x00\x01\xff\xff\xff" + bytes(16 << 10)),
    raw("tls records of a byte each", HELLO + b"\0\x01\x01" + (HELLO + b"\0\x01\0") * 10_000),
    raw("tls an alert first", b"\x15\x03\x01\0\x02\x02\x28"),
    raw("tls SSL 2", b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10" + bytes(32)),
    raw("tls application data first", b"\x17\x03\x03\0\x20" + bytes(32)),
    raw("tls a hello that is cut", HELLO + b"\0\xc8\x01\0\0\xc4\x03\x03" + bytes(50)),
    raw("tls plain HTTP within", b"GARBAGE / HTTP/9\r\n\r\n", REFUSED, tls=True, ends=False),
    raw("tls a head of 1 MiB within", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n", REFUSED, tls=True, ends=False),
]
