"""CBOR (RFC 8949) as bombs and against its rules, to the services that speak it."""

import struct

import cbor2

from .case import cbor_call

MIB = 1 << 20
DEEP = 100_000
PUT_RECORDS = "Kinesis_20131202.PutRecords"
REFUSED = ("SerializationException", "ValidationException")


def long(major, length):
    """The head of an item that declares `length`."""
    return bytes([major << 5 | 27]) + struct.pack(">Q", length)


def text(value):
    return cbor2.dumps(value)


def member(name, value):
    """An object of one member, whose value is given as bytes."""
    return b"\xa1" + text(name) + value


HUGE = 1 << 60

SHAPES = {
    "nothing but a break": b"\xff",
    "half an object": b"\xa1",
    "a list": b"\x80",
    "a number": b"\x01",
    "null": b"\xf6",
    "undefined": b"\xf7",
    "two objects": b"\xa0\xa0",
    "JSON": b'{"StreamName":"hostile"}',
    "NULs": bytes(1000),
    "reserved lengths": b"\x1c\x1d\x1e",
    "a simple value of 31": b"\xf8\x1f",
    "keys that are numbers": b"\xa1\x01\x02",
    "keys that are lists": b"\xa1\x80\x02",
    "keys that are bytes": b"\xa1\x4aStreamName\x01",
    "text that is not UTF-8": member("StreamName", b"\x62\xff\xfe"),
    "a name as bytes": member("StreamName", b"\x47hostile"),
    "a name as a tag": member("StreamName", b"\xc1\x67hostile"),
    "a name as a float": member("StreamName", b"\xfb\x7f\xf0\0\0\0\0\0\0"),
    "an object of 2^60": long(5, HUGE),
    "a list of 2^60": long(4, HUGE),
    "text of 2^60": long(3, HUGE) + b"abc",
    "bytes of 2^60": long(2, HUGE) + b"abc",
    "a list of 2^64 - 1": long(4, (1 << 64) - 1),
    "records of 2^60": member("Records", long(4, HUGE)),
    "records of 2^32": member("Records", long(4, 1 << 32) + b"\xa0"),
    "a name of 2^60": member("StreamName", long(3, HUGE)),
    "a name of 2^31": member("StreamName", long(3, 1 << 31) + b"abc"),
    "data of 2^60": member("Records", b"\x81" + member("Data", long(2, HUGE))),
    "data of 2^31": member("Records", b"\x81" + member("Data", long(2, 1 << 31) + b"abc")),
    "an unknown member of 2^60": member("Unknown", long(4, HUGE)),
    "lists 100,000 deep": b"\x81" * DEEP,
    "endless lists 100,000 deep": b"\x9f" * DEEP,
    "objects 100,000 deep": b"\xa1\x61a" * DEEP,
    "tags 100,000 deep": b"\xc1" * DEEP,
    "tags 100,000 deep in a member": member("StreamName", b"\xc1" * DEEP + b"\x61a"),
    "lists 100,000 deep in an unknown member": member("Unknown", b"\x81" * DEEP + b"\x01"),
    "text without an end": member("StreamName", b"\x7f" + b"\x61a" * 1000),
    "text in parts of bytes": member("StreamName", b"\x7f\x41a\xff"),
    "text in parts within parts": member("StreamName", b"\x7f\x7f\x61a\xff\xff"),
    "a million parts of text": member("StreamName", b"\x7f" + b"\x61a" * 1_000_000 + b"\xff"),
    "five million empty parts of text": member("StreamName", b"\x7f" + b"\x60" * 5_000_000 + b"\xff"),
    "an object without an end": b"\xbf",
    "a list without an end": b"\x9f" + b"\xa0" * 1000,
    "an object of odd parts": b"\xbf\x61a\xff",
    "big numbers of 1 MiB": member("Records", b"\xc2" + long(2, MIB) + bytes(MIB)),
    "a timestamp of NaN": member("Timestamp", b"\xc1\xfb\x7f\xf8\0\0\0\0\0\0"),
    "a million equal members": lambda: b"\xba" + struct.pack(">I", 1_000_000) + (text("StreamName") + b"\x60") * 1_000_000,
    "a million unknown members": lambda: b"\xba" + struct.pack(">I", 1_000_000) + (b"\x61a\x01") * 1_000_000,
    "records of a million {}": lambda: b"\xa2" + text("StreamName") + text("hostile") + text("Records") + long(4, 1_000_000) + b"\xa0" * 1_000_000,
    "records of fifteen million {}": lambda: b"\xa2" + text("StreamName") + text("hostile") + text("Records") + long(4, 15_000_000) + b"\xa0" * 15_000_000,
    "records of fifteen million numbers": lambda: member("Records", long(4, 15_000_000) + b"\x01" * 15_000_000),
    "endless records of fifteen million {}": lambda: member("Records", b"\x9f" + b"\xa0" * 15_000_000 + b"\xff"),
    "fifteen million numbers in an unknown member": lambda: member("Unknown", long(4, 15_000_000) + b"\x01" * 15_000_000),
    "15 MiB of data": lambda: member("Records", b"\x81" + member("Data", long(2, 15 * MIB) + bytes(15 * MIB))),
    "16 records of 1 MiB": lambda: member("Records", b"\x8f" + member("Data", long(2, MIB) + bytes(MIB)) * 15),
}

WRONG_TYPES = {
    "a number for a name": {"StreamName": 1, "Records": []},
    "a list for a name": {"StreamName": ["a"], "Records": []},
    "an object for a name": {"StreamName": {}, "Records": []},
    "text for records": {"StreamName": "hostile", "Records": "text"},
    "an object for records": {"StreamName": "hostile", "Records": {}},
    "a number for a record": {"StreamName": "hostile", "Records": [1]},
    "a number for data": {"StreamName": "hostile", "Records": [{"Data": 1, "PartitionKey": "k"}]},
}

# AWS reads bytes as text and base64 as bytes, and a big number is bytes with a tag.
LENIENT = {
    "text for data": {"StreamName": "hostile", "Records": [{"Data": "text", "PartitionKey": "k"}]},
    "bytes for a key": {"StreamName": "hostile", "Records": [{"Data": b"a", "PartitionKey": b"k"}]},
    "a big number for a key": {"StreamName": "hostile", "Records": [{"Data": b"a", "PartitionKey": 1 << 80}]},
}

CASES = [
    *(cbor_call(f"cbor Kinesis: {name}", PUT_RECORDS, body, *REFUSED, statuses=(200, 400)) for name, body in LENIENT.items()),
    *(cbor_call(f"cbor Kinesis: {name}", PUT_RECORDS, body, *REFUSED) for name, body in SHAPES.items()),
    *(cbor_call(f"cbor Kinesis: {name}", PUT_RECORDS, body, *REFUSED) for name, body in WRONG_TYPES.items()),
    cbor_call("cbor text for a limit", "Kinesis_20131202.ListStreams", {"Limit": "ten"}, *REFUSED),
    cbor_call("cbor a fraction for a limit", "Kinesis_20131202.ListStreams", {"Limit": 1.5}, *REFUSED),
    cbor_call("cbor a limit of 2^64", "Kinesis_20131202.ListStreams", {"Limit": 1 << 64}, *REFUSED),
    cbor_call("cbor a limit of -2^63 - 1", "Kinesis_20131202.ListStreams", {"Limit": -(1 << 63) - 1}, *REFUSED),
    cbor_call("cbor text for a switch", "Kinesis_20131202.DeleteStream", {"StreamName": "none", "EnforceConsumerDeletion": "yes"}, *REFUSED),
    cbor_call("cbor text for a timestamp", "Kinesis_20131202.GetShardIterator", {"StreamName": "hostile", "ShardId": "shardId-000000000000", "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": "now"}, *REFUSED),
]
