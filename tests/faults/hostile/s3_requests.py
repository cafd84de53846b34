"""S3: XML as bombs, aws-chunked bodies against their rules, uploads in parts, headers and queries."""

import base64
import hashlib

from .case import Case, Expected, s3, signed
from .wire import exchange, request

MIB = 1 << 20
MALFORMED = ("MalformedXML", "InvalidRequest", "InvalidArgument", "MissingRequestBodyError", "EntityTooLarge", "MaxMessageLengthExceeded")
NAMESPACE = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

LAUGHS = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(10)
)


def laughing(root, content):
    return LAUGHS + b"]><" + root + b">" + content.replace(b"TEXT", b"&k;") + b"</" + root + b">"


def deep(root):
    return b"<" + root + b">" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</" + root + b">"


def xml(name, method, path, body, *codes, **kinds):
    return s3(f"xml {name}", method, path, *(codes or MALFORMED), body=body, **kinds)


# What reads XML: where, its root, and an element within.
READERS = {
    "DeleteObjects": ("POST", "/hostile?delete", b"Delete", b"<Object><Key>TEXT</Key></Object>"),
    "CompleteMultipartUpload": ("POST", "/hostile/parts?uploadId={upload}", b"CompleteMultipartUpload", b"<Part><ETag>TEXT</ETag><PartNumber>1</PartNumber></Part>"),
    "CreateBucket": ("PUT", "/hostile-new", b"CreateBucketConfiguration", b"<LocationConstraint>TEXT</LocationConstraint>"),
    "PutBucketNotificationConfiguration": ("PUT", "/hostile?notification", b"NotificationConfiguration", b"<CloudFunctionConfiguration><Id>TEXT</Id></CloudFunctionConfiguration>"),
    "PutBucketCors": ("PUT", "/hostile?cors", b"CORSConfiguration", b"<CORSRule><AllowedOrigin>TEXT</AllowedOrigin></CORSRule>"),
}
REFUSED = {"statuses": (400, 403, 404, 409, 413, 501)}
ANY = ("NotImplemented", "InvalidLocationConstraint", "IllegalLocationConstraintException", "InvalidTag", *MALFORMED)

# Elements that nobody knows are skipped, however deep; what is left of these asks for nothing.
SKIPPED = {(operation, what) for operation in ("CreateBucket", "PutBucketNotificationConfiguration") for what in ("100,000 deep", "100,000 attributes")}
TAKEN = {"statuses": (200, 400, 409)}

READ = [
    xml(f"{operation}: {what}", method, path, body, *ANY, **(TAKEN if (operation, what) in SKIPPED else REFUSED))
    for operation, (method, path, root, content) in READERS.items()
    for what, body in {
        "no XML": b"nonsense",
        "JSON": b'{"Objects": []}',
        "half": b"<" + root + b">" + content[:20],
        "another root": b"<Evil>" + content + b"</Evil>",
        "tags that cross": b"<" + root + b"><a><b></a></b></" + root + b">",
        "bytes that are not UTF-8": b"<" + root + b">" + content.replace(b"TEXT", b"\xff\xfe"),
        "NULs": bytes(1000),
        "a billion laughs": laughing(root, content),
        "an entity of the outside": b'<!DOCTYPE x [<!ENTITY k SYSTEM "file:///etc/passwd">]><' + root + b">" + content.replace(b"TEXT", b"&k;") + b"</" + root + b">",
        "an entity that is not there": b"<" + root + b">" + content.replace(b"TEXT", b"&nobody;") + b"</" + root + b">",
        "100,000 deep": deep(root),
        "an element of 1 MiB": b"<" + b"a" * MIB + b">",
        "100,000 attributes": b"<" + root + b" " + b" ".join(b'a%d="b"' % n for n in range(100_000)) + b">",
    }.items()
]


def objects(count, key=b"k"):
    return lambda: b"<Delete" + NAMESPACE + b">" + (b"<Object><Key>" + key + b"</Key></Object>") * count + b"</Delete>"


LISTS = [
    xml("DeleteObjects of none", "POST", "/hostile?delete", b"<Delete" + NAMESPACE + b"></Delete>"),
    xml("DeleteObjects of 1,001", "POST", "/hostile?delete", objects(1_001)),
    xml("DeleteObjects of 100,000", "POST", "/hostile?delete", objects(100_000), **REFUSED),
    xml("DeleteObjects of a million", "POST", "/hostile?delete", objects(1_000_000), **REFUSED),
    xml("DeleteObjects of empty elements", "POST", "/hostile?delete", lambda: b"<Delete>" + b"<Object/>" * 1_500_000 + b"</Delete>", **REFUSED),
    xml("DeleteObjects of a key of 10 MiB", "POST", "/hostile?delete", objects(1, b"k" * 10 * MIB), "KeyTooLongError", *MALFORMED, **REFUSED),
    xml("DeleteObjects of 64 MiB", "POST", "/hostile?delete", objects(1, b"k" * 64 * MIB), **REFUSED),
    xml("CompleteMultipartUpload of no part", "POST", "/hostile/parts?uploadId={upload}", b"<CompleteMultipartUpload" + NAMESPACE + b"></CompleteMultipartUpload>"),
    xml("CompleteMultipartUpload of a million parts", "POST", "/hostile/parts?uploadId={upload}", lambda: b"<CompleteMultipartUpload>" + b"<Part><PartNumber>1</PartNumber></Part>" * 500_000 + b"</CompleteMultipartUpload>", "InvalidPart", "InvalidPartOrder", *MALFORMED, **REFUSED),
    xml("CompleteMultipartUpload with part 2^31", "POST", "/hostile/parts?uploadId={upload}", b"<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>2147483648</PartNumber></Part></CompleteMultipartUpload>", "InvalidPart", *MALFORMED),
    xml("CompleteMultipartUpload with part -1", "POST", "/hostile/parts?uploadId={upload}", b"<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>-1</PartNumber></Part></CompleteMultipartUpload>", "InvalidPart", *MALFORMED),
    xml("CompleteMultipartUpload with a part twice", "POST", "/hostile/parts?uploadId={upload}", b"<CompleteMultipartUpload>" + b"<Part><ETag>a</ETag><PartNumber>1</PartNumber></Part>" * 2 + b"</CompleteMultipartUpload>", "InvalidPart", "InvalidPartOrder", *MALFORMED),
    xml("CompleteMultipartUpload of another upload", "POST", "/hostile/other?uploadId={upload}", b"<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", "NoSuchUpload", statuses=(404,)),
    xml("notifications of 100,000", "PUT", "/hostile?notification", lambda: b"<NotificationConfiguration>" + b"<CloudFunctionConfiguration><Id>a</Id><CloudFunction>arn:aws:lambda:us-east-1:000000000000:function:none</CloudFunction><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>" * 100_000 + b"</NotificationConfiguration>", *ANY, **REFUSED),
]

# ---- aws-chunked ------------------------------------------------------------------------------

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
TRAILING = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def chunked(name, body, *codes, kind=TRAILING, length="5", more=(), statuses=(400, 403), **kinds):
    headers = [f"x-amz-content-sha256: {kind}", "Content-Encoding: aws-chunked", *more]
    if length is not None:
        headers.append(f"x-amz-decoded-content-length: {length}")
    return s3(f"aws-chunked {name}", "PUT", "/hostile/chunked", *codes, body=body, headers=headers, statuses=statuses, **kinds)


CRC = ("x-amz-trailer: x-amz-checksum-crc32",)
# That of "hello".
RIGHT = base64.b64encode(bytes.fromhex("3610a686")).decode()
CHUNKED = [
    chunked("nothing", b""),
    chunked("no length", b"\r\nhello\r\n0\r\n\r\n"),
    chunked("a length that is no number", b"zz\r\nhello\r\n0\r\n\r\n"),
    chunked("a length with a sign", b"+5\r\nhello\r\n0\r\n\r\n"),
    chunked("a length of 2^64", b"10000000000000000\r\nhello\r\n0\r\n\r\n"),
    chunked("a length of 2^63", b"8000000000000000\r\nhello"),
    chunked("a chunk that is cut", b"5\r\nhel"),
    chunked("no last chunk", b"5\r\nhello\r\n"),
    chunked("a chunk longer than it says", b"3\r\nhello\r\n0\r\n\r\n"),
    chunked("a chunk shorter than it says", b"9\r\nhello\r\n0\r\n\r\n"),
    chunked("line feeds only", b"5\nhello\n0\n\n"),
    chunked("a line of 1 MiB", b"5;chunk-signature=" + b"a" * MIB + b"\r\nhello\r\n0\r\n\r\n"),
    chunked("a decoded length too small", b"5\r\nhello\r\n0\r\n\r\n", length="4"),
    chunked("a decoded length too great", b"5\r\nhello\r\n0\r\n\r\n", length="6"),
    chunked("a decoded length of 2^60", b"5\r\nhello\r\n0\r\n\r\n", length=str(1 << 60)),
    chunked("a decoded length of -1", b"5\r\nhello\r\n0\r\n\r\n", length="-1"),
    chunked("a decoded length that is no number", b"5\r\nhello\r\n0\r\n\r\n", length="five"),
    chunked("a wrong checksum behind", b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest", more=CRC),
    chunked("a checksum that is none", b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:!!\r\n\r\n", more=CRC),
    chunked("a checksum that does not come", b"5\r\nhello\r\n0\r\n\r\n", more=CRC),
    chunked("a checksum nobody knows", b"5\r\nhello\r\n0\r\nx-amz-checksum-cow:AAAA\r\n\r\n", more=("x-amz-trailer: x-amz-checksum-cow",), statuses=(200, 400)),
    chunked("a trailer without a colon", b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n", more=CRC),
    chunked("a trailer of 1 MiB", b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + b"A" * MIB + b"\r\n\r\n", more=CRC),
    chunked("100,000 trailers", lambda: b"5\r\nhello\r\n0\r\n" + b"".join(b"x-a%d:b\r\n" % n for n in range(100_000)) + b"\r\n", more=CRC),
    chunked("a right checksum", b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + RIGHT.encode() + b"\r\n\r\n", more=CRC, statuses=(200,)),
    chunked("a million chunks of one byte", lambda: b"1\r\na\r\n" * 1_000_000 + b"0\r\n\r\n", length="1000000", statuses=(200, 400)),
    chunked("300,000 signed chunks of one byte", lambda: (b"1;chunk-signature=" + b"0" * 64 + b"\r\na\r\n") * 300_000 + b"0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n", kind=SIGNED, length="300000", statuses=(200, 400)),
    chunked("not chunked at all", b"hello"),
    chunked("garbage behind its end", b"5\r\nhello\r\n0\r\n\r\n" + b"a" * MIB, statuses=(200, 400)),
    chunked("no decoded length", b"5\r\nhello\r\n0\r\n\r\n", length=None, statuses=(200, 400, 411)),
]

# ---- parts, headers, queries ------------------------------------------------------------------

PARTS = [
    *(
        s3(f"upload of part {number}", "PUT", f"/hostile/parts?uploadId={{upload}}&partNumber={number}", "InvalidArgument", "InvalidRequest", "MethodNotAllowed", body=b"x", statuses=(400, 405))
        for number in ["0", "-1", "10001", "2147483648", "99999999999999999999", "one", "", "1.5", "%00"]
    ),
    *(
        s3(f"upload to an id that is {what}", "PUT", f"/hostile/parts?uploadId={upload}&partNumber=1", "NoSuchUpload", "InvalidArgument", body=b"x", statuses=(400, 404))
        for what, upload in {"empty": "", "dots": "..", "a path": "..%2f..%2fetc", "a NUL": "%00", "10,000 letters": "a" * 10_000, "a slash before": "%2F{upload}"}.items()
    ),
    s3("upload to another key's id", "PUT", "/hostile/other?uploadId={upload}&partNumber=1", "NoSuchUpload", body=b"x", statuses=(404,)),
    s3("upload to a key and id that run together", "PUT", "/hostile/parts%2F{upload}?uploadId=&partNumber=1", body=b"x", statuses=(400, 404)),
    s3("listing -1 parts", "GET", "/hostile/parts?uploadId={upload}&max-parts=-1", "InvalidArgument"),
    s3("listing 2^31 parts", "GET", "/hostile/parts?uploadId={upload}&max-parts=2147483648", "InvalidArgument"),
    s3("a copy as a part, from a path", "PUT", "/hostile/parts?uploadId={upload}&partNumber=1", headers=["x-amz-copy-source: /../../etc/passwd"], statuses=(400, 404, 501)),
]


def put(name, headers, *codes, body=b"hello", statuses=(400,), **kinds):
    return s3(f"PutObject with {name}", "PUT", "/hostile/put", *codes, body=body, headers=headers, statuses=statuses, **kinds)


HEADERS = [
    put("a wrong MD5", ["Content-MD5: AAAAAAAAAAAAAAAAAAAAAA=="], "BadDigest"),
    put("an MD5 that is none", ["Content-MD5: !!"], "InvalidDigest"),
    put("an MD5 of another length", ["Content-MD5: AAAA"], "InvalidDigest"),
    put("a wrong SHA-256", [f"x-amz-checksum-sha256: {base64.b64encode(bytes(32)).decode()}"], "BadDigest", "InvalidRequest"),
    put("a checksum that is none", ["x-amz-checksum-crc32: !!"], "BadDigest", "InvalidRequest", "InvalidDigest"),
    put("metadata of 2,049 bytes", ["x-amz-meta-a: " + "a" * 2048], "MetadataTooLarge"),
    put("metadata of 64 KiB in many", [f"x-amz-meta-{n}: " + "a" * 900 for n in range(70)], "MetadataTooLarge", statuses=(400, 431)),
    put("metadata that is not text", [b"x-amz-meta-a: \xff\xfe".decode("latin-1")], statuses=(200, 400)),
    put("a storage class nobody knows", ["x-amz-storage-class: COW"], "InvalidStorageClass", "NotImplemented", statuses=(200, 400, 501)),
    put("an ACL nobody knows", ["x-amz-acl: cow"], statuses=(200, 400, 501)),
    put("tags that are none", ["x-amz-tagging: " + "&" * 1000], statuses=(200, 400, 501)),
    put("encryption by a key of its own", ["x-amz-server-side-encryption-customer-algorithm: cow"], statuses=(400, 501)),
    put("conditions that exclude each other", ['If-Match: "a"', "If-None-Match: *"], statuses=(400, 404, 412, 501)),
    put("a copy source of 10,000 letters", ["x-amz-copy-source: /" + "a" * 10_000], statuses=(400, 404)),
    put("a copy source that climbs", ["x-amz-copy-source: /hostile/../../../etc/passwd"], statuses=(400, 404)),
    put("a copy source that is no path", ["x-amz-copy-source: ?"], statuses=(400, 404)),
    put("a digest that is another's", [f"x-amz-content-sha256: {hashlib.sha256(b'x').hexdigest()}"], statuses=(200, 400)),
    put("a declared length of 2^62", ["Content-Length: 4611686018427387904"], "EntityTooLarge", body=b""),
    put("a declared length of 6 GiB", ["Content-Length: 6442450944"], "EntityTooLarge", body=b""),
]

QUERIES = [
    *(
        s3(f"listing with {query[:60]}", "GET", f"/hostile?{query}", "InvalidArgument", "MalformedXML", "InvalidToken", "NotImplemented", "InvalidRequest", statuses=(200, 400, 501))
        for query in [
            "list-type=2&max-keys=-1",
            "list-type=2&max-keys=2147483648",
            "list-type=2&max-keys=cow",
            "list-type=2&max-keys=99999999999999999999",
            "list-type=2&continuation-token=nonsense",
            "list-type=2&continuation-token=" + "A" * 20_000,
            "list-type=2&encoding-type=cow",
            "list-type=2&delimiter=" + "a" * 20_000,
            "list-type=2&prefix=%ff%fe",
            "list-type=2&prefix=%00",
            "list-type=3",
            "marker=" + "a" * 20_000,
            "uploads&max-uploads=-1",
            "uploads&upload-id-marker=" + "a" * 20_000,
            "versions",
            "&&&&====",
            "%",
        ]
    ),
    *(
        s3(f"GetObject with Range: {value[:60]}", "GET", "/hostile/here", "InvalidRange", "InvalidArgument", headers=[f"Range: {value}"], statuses=(200, 206, 400, 416))
        for value in ["bytes=", "bytes=9-1", "bytes=-0", "bytes=99999999999999999999-", "bytes=0-99999999999999999999", "bytes=a-b", "cows=0-1", "bytes=" + "0-0," * 10_000 + "0-0", "bytes=--1"]
    ),
    s3("GetObject of part -1", "GET", "/hostile/here?partNumber=-1", statuses=(206, 400, 416, 501)),
    s3("GetObject with a date that is none", "GET", "/hostile/here", headers=["If-Modified-Since: yesterday"], statuses=(200, 304, 400)),
    s3("GetObject with an answer's header that splits", "GET", "/hostile/here?response-content-type=a%0d%0aX-Evil:%201", statuses=(200, 400)),
    s3("an operation that is not offered", "PUT", "/hostile?replication", body=b"<a/>", statuses=(400, 501)),
    s3("a method that is not offered", "PATCH", "/hostile/here", statuses=(400, 405, 501)),
    s3("a form without a boundary", "POST", "/hostile", body=b"key=a", headers=["Content-Type: multipart/form-data"], statuses=(400, 403, 405, 412, 501)),
    s3("a form that is cut", "POST", "/hostile", body=b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\na', headers=["Content-Type: multipart/form-data; boundary=b"], statuses=(400, 403, 405, 501)),
    s3("a form of 32 MiB", "POST", "/hostile", body=lambda: b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\na\r\n--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + bytes(32 * MIB) + b"\r\n--b--\r\n", headers=["Content-Type: multipart/form-data; boundary=b"], statuses=(200, 204, 400, 403, 405, 501)),
    s3("a form with a field of 32 MiB", "POST", "/hostile", body=lambda: b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + b"a" * (32 * MIB) + b"\r\n--b--\r\n", headers=["Content-Type: multipart/form-data; boundary=b"], statuses=(400, 403, 405, 413, 501)),
    s3("a form of 100,000 fields", "POST", "/hostile", body=lambda: b'--b\r\nContent-Disposition: form-data; name="x-amz-meta-a"\r\n\r\na\r\n' * 100_000 + b"--b--\r\n", headers=["Content-Type: multipart/form-data; boundary=b"], statuses=(400, 403, 405, 413, 501)),
    s3("a select", "POST", "/hostile/here?select&select-type=2", body=b"<a/>", statuses=(400, 405, 501)),
    s3("presigned with a date that is none", "GET", "/hostile/here?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=cow&X-Amz-Expires=60&X-Amz-Signature=0", statuses=(400, 403)),
    s3("presigned for 2^63 seconds", "GET", "/hostile/here?X-Amz-Credential=a&X-Amz-Date=20260101T000000Z&X-Amz-Expires=9223372036854775807&X-Amz-Signature=0", statuses=(200, 400, 403)),
    s3("presigned for -1 seconds", "GET", "/hostile/here?X-Amz-Credential=a&X-Amz-Date=20260101T000000Z&X-Amz-Expires=-1&X-Amz-Signature=0", statuses=(400, 403)),
]


def split_answer(world):
    """What a query asks for must not become a header of its own."""
    path = "/hostile/here?response-content-disposition=a%0d%0aX-Evil:%201"
    answers = exchange(world.port, request("GET", path, [signed("s3")]), method="GET")
    assert "x-evil" not in answers[0].headers, answers[0].headers
    return answers


CASES = [
    *READ,
    *LISTS,
    *CHUNKED,
    *PARTS,
    *HEADERS,
    *QUERIES,
    Case("an answer split by a query", split_answer, Expected((200, 400), shape="xml")),
]
