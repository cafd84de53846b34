"""Bodies with `Content-Encoding: gzip` that are none, or hold more than they seem to."""

import gzip
import zlib

from .case import json_call

ENCODED = ("Content-Encoding: gzip",)
PUT_RECORDS = "Kinesis_20131202.PutRecords"
BROKEN = ("SerializationException",)
TOO_LARGE = {"statuses": (400, 413)}


def bomb(size, level=9):
    """So many spaces, gzip'd piece by piece."""
    press = zlib.compressobj(level, zlib.DEFLATED, 31)
    piece = b" " * (1 << 20)
    return b"".join([press.compress(piece) for _ in range(size >> 20)] + [press.flush()])


WHOLE = gzip.compress(b'{"StreamName":"hostile","Records":[]}')

CASES = [
    json_call("gzip that is none", PUT_RECORDS, b"{}", *BROKEN, more=ENCODED),
    json_call("gzip of nothing", PUT_RECORDS, b"", "SerializationException", "ValidationException", more=ENCODED),
    json_call("gzip's head alone", PUT_RECORDS, WHOLE[:10], *BROKEN, more=ENCODED),
    json_call("half of gzip", PUT_RECORDS, WHOLE[:-9], *BROKEN, more=ENCODED),
    json_call("gzip with a wrong checksum", PUT_RECORDS, WHOLE[:-8] + bytes(8), *BROKEN, more=ENCODED),
    json_call("gzip and garbage", PUT_RECORDS, WHOLE + b"garbage", *BROKEN, "ValidationException", more=ENCODED),
    json_call("gzip of 1 GiB", PUT_RECORDS, lambda: bomb(1 << 30), more=ENCODED, **TOO_LARGE),
    json_call("gzip of 64 MiB", PUT_RECORDS, lambda: bomb(64 << 20), more=ENCODED, **TOO_LARGE),
    json_call("gzip of 15 MiB", PUT_RECORDS, lambda: bomb(15 << 20), "SerializationException", "ValidationException", more=ENCODED),
    json_call("gzip in gzip", PUT_RECORDS, gzip.compress(WHOLE), *BROKEN, more=ENCODED),
    json_call("gzip in 100,000 members", PUT_RECORDS, lambda: gzip.compress(b" ") * 100_000, "SerializationException", "ValidationException", more=ENCODED),
    json_call("gzip with a name of 1 MiB", PUT_RECORDS, b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * (1 << 20), *BROKEN, more=ENCODED),
    json_call("gzip of a million {}", PUT_RECORDS, lambda: gzip.compress(b'{"Records":[' + b",".join([b"{}"] * 1_000_000) + b"]}"), "SerializationException", "ValidationException", more=ENCODED),
    json_call("gzip of DynamoDB's 64 MiB", "DynamoDB_20120810.PutItem", lambda: bomb(64 << 20), more=ENCODED, **TOO_LARGE),
    json_call("deflate", PUT_RECORDS, zlib.compress(b"{}"), *BROKEN, more=("Content-Encoding: deflate",)),
    json_call("gzip twice named", PUT_RECORDS, WHOLE, *BROKEN, more=("Content-Encoding: gzip, gzip",)),
]
