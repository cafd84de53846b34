"""S3 requests that no client sends: each gets an error in S3's words, and nothing is left of it."""

import base64
import socket
import urllib.parse
import xml.etree.ElementTree as ET
import zlib

import pytest

from anabranch_server import wait_for

BUCKET = "hostile"
# What a request may cost beside what was used before it (of the whole program, so with slack).
MEMORY_BYTES_MAX = 64 << 20


@pytest.fixture(scope="module")
def s3(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    yield s3
    assert "panicked" not in server.log_text()


def exchange(server, head, body=b"", is_cut=False):
    """Sends bytes as they are, perhaps breaks off, and gives status, headers and body of the answer, if there is one."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        head = head if isinstance(head, bytes) else head.replace("\n", "\r\n").encode()
        try:
            connection.sendall(head + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            connection.sendall(body)
            if is_cut:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # Refused before all was sent; the answer is there.
        answer = bytearray()
        try:
            while piece := connection.recv(1 << 16):
                answer += piece
        except ConnectionResetError:
            pass
    if not answer:
        return None, {}, b""
    head, _, rest = bytes(answer).partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, rest


def put(server, path, body=b"x", headers=""):
    return exchange(server, f"PUT {path} HTTP/1.1\nContent-Length: {len(body)}{headers}", body)


def code(body):
    return ET.fromstring(body).findtext("Code")


def files(server):
    data = server.directory / "data/objects/data"
    return sorted(path for path in data.glob("*/*"))


def resident_bytes(server):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


NAMES = ["..", "../../etc/passwd", "a/../b", "//", "a//b/", ".", "\x01\x02\x7f", "&<>\"'", "ü𝄞", " ", "+", "%2F", "a" * 1024]


@pytest.mark.parametrize("key", NAMES, ids=range(len(NAMES)))
def test_any_name_is_a_name(server, s3, key):
    path = f"/{BUCKET}/{urllib.parse.quote(key, safe='')}"
    assert put(server, path, b"named")[0] == 200
    assert exchange(server, f"GET {path} HTTP/1.1")[2] == b"named"
    listed = exchange(server, f"GET /{BUCKET}?list-type=2&encoding-type=url HTTP/1.1")
    keys = [entry.text for entry in ET.fromstring(listed[2]).iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key")]
    assert [urllib.parse.unquote(text) for text in keys] == [key]
    assert exchange(server, f"DELETE {path} HTTP/1.1")[0] == 204


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        (f"/{BUCKET}/" + "a" * 1025, 400, "KeyTooLongError"),
        (f"/{BUCKET}/%ff%fe", 400, "InvalidURI"),
        ("/No_Bucket/key", 400, "InvalidBucketName"),
        ("/../key", 400, "InvalidBucketName"),
        (f"/{BUCKET}/key?partNumber=1&uploadId=../../x", 404, "NoSuchUpload"),
        (f"/{BUCKET}/key?partNumber=0&uploadId={'0' * 32}", 404, "NoSuchUpload"),
    ],
)
def test_other_names_are_refused(server, s3, path, status, expected):
    answer = put(server, path)
    assert (answer[0], code(answer[2])) == (status, expected)
    assert answer[1]["content-security-policy"] == "sandbox"


def test_lies_about_the_length_store_nothing(server, s3):
    before = files(server)
    for head, body in [
        ("Content-Length: 10", b"short"),
        ("Content-Length: -1", b"x"),
        ("Content-Length: 1\nContent-Length: 2", b"xx"),
        ("Content-Length: 99999999999999999999999", b"x"),
        ("Transfer-Encoding: chunked", b"5\r\nshort"),
        ("Transfer-Encoding: chunked", b"z\r\nx\r\n0\r\n\r\n"),
        ("Content-Length: 5\nContent-MD5: AAAA", b"short"),
        ("Content-Length: 5\nx-amz-checksum-crc32: no base64!", b"short"),
    ]:
        status, _, _ = exchange(server, f"PUT /{BUCKET}/lie HTTP/1.1\n{head}", body, is_cut=True)
        assert status is None or status >= 400, head
    assert exchange(server, f"HEAD /{BUCKET}/lie HTTP/1.1")[0] == 404
    wait_for(lambda: files(server) == before, "nothing is left behind")


@pytest.mark.parametrize(
    ("given", "status", "expected"),
    [
        ("bytes=0-0", 206, b"1"),
        ("bytes=3-99999999999999999999999", 206, b"45"),
        ("bytes=-99", 206, b"12345"),
        ("bytes=5-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=99999999999999999999999-", 416, None),
        # What is no single range is ignored.
        ("bytes=3-1", 200, b"12345"),
        ("bytes=0-1,2-3", 200, b"12345"),
        ("lines=0-1", 200, b"12345"),
        ("bytes=", 200, b"12345"),
        ("bytes=-", 200, b"12345"),
        ("bytes=+0-+1", 200, b"12345"),
    ],
)
def test_ranges(server, s3, given, status, expected):
    put(server, f"/{BUCKET}/ranged", b"12345")
    answer = exchange(server, f"GET /{BUCKET}/ranged HTTP/1.1\nRange: {given}")
    assert answer[0] == status and (expected is None or answer[2] == expected), answer


def test_a_client_that_waits_to_be_told_is_told(server, s3):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"PUT /no-such-bucket/key HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert b"HTTP/1.1 404" in connection.recv(1 << 16).split(b"\r\n")[0]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"PUT /{BUCKET}/waited HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        assert b"100 Continue" in connection.recv(1 << 16)
        connection.sendall(b"12345")
        assert b"200 OK" in connection.recv(1 << 16)


def chunked(server, key, body, length, headers=""):
    head = (
        f"PUT /{BUCKET}/{key} HTTP/1.1\nContent-Encoding: aws-chunked\nContent-Length: {len(body)}"
        f"\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\nx-amz-decoded-content-length: {length}{headers}"
    )
    return exchange(server, head, body)


CRC32 = base64.b64encode(zlib.crc32(b"clicks").to_bytes(4, "big"))
TRAILER = "\nx-amz-trailer: x-amz-checksum-crc32"
BODY = b"5\r\nclick\r\n1\r\ns\r\n0\r\n"


@pytest.mark.parametrize(
    ("body", "length", "headers", "expected"),
    [
        (BODY + b"x-amz-checksum-crc32:" + CRC32 + b"\r\n\r\n", 6, TRAILER, None),
        (BODY + b"x-amz-checksum-crc32:" + CRC32 + b"\r\nx-amz-trailer-signature:00\r\n\r\n", 6, TRAILER, None),
        (BODY + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n", 6, TRAILER, "BadDigest"),
        (BODY + b"\r\n", 6, TRAILER, "MalformedTrailerError"),
        (BODY + b"\r\n", 5, "", "IncompleteBody"),
        (BODY + b"\r\n", 7, "", "IncompleteBody"),
        (BODY + b"\r\nmore", 6, "", "IncompleteBody"),
        (BODY + b"no colon\r\n\r\n", 6, "", "IncompleteBody"),
        (b"5\r\nclick", 5, "", "IncompleteBody"),
        (b"+5\r\nclick\r\n0\r\n\r\n", 5, "", "IncompleteBody"),
        (b"ffffffffffffffff\r\nclick\r\n0\r\n\r\n", 5, "", "IncompleteBody"),
        (b"5" + b"0" * 100_000, 5, "", "IncompleteBody"),
        (b"clicks", 6, "", "IncompleteBody"),
        (BODY + b"\r\n", "6x", "", "InvalidArgument"),
        (BODY + b"\r\n", -6, "", "InvalidArgument"),
        (BODY + b"\r\n", 1 << 50, "", "EntityTooLarge"),
    ],
)
def test_chunked_bodies(server, s3, body, length, headers, expected):
    before = files(server)
    status, _, answer = chunked(server, "chunked", body, length, headers)
    if expected is None:
        assert status == 200, answer
        assert exchange(server, f"GET /{BUCKET}/chunked HTTP/1.1")[2] == b"clicks"
        exchange(server, f"DELETE /{BUCKET}/chunked HTTP/1.1")
    else:
        assert (status, code(answer)) == (400, expected)
    wait_for(lambda: files(server) == before, "nothing is left behind")


def test_chunks_of_one_byte(server, s3):
    count = 1 << 20
    idle = resident_bytes(server)
    status, _, answer = chunked(server, "bytes", b"1\r\nx\r\n" * count + b"0\r\n\r\n", count)
    assert status == 200, answer
    assert s3.head_object(Bucket=BUCKET, Key="bytes")["ETag"] and resident_bytes(server) - idle < MEMORY_BYTES_MAX


def document(server, method, query, body):
    return exchange(server, f"{method} /{BUCKET}{query} HTTP/1.1\nContent-Length: {len(body)}", body)


@pytest.mark.parametrize(
    ("method", "query", "begin", "entry", "count", "end", "expected"),
    [
        ("POST", "?delete", b"<Delete>", b"<Object><Key>k</Key></Object>", 1_001, b"</Delete>", "MalformedXML"),
        ("POST", "?delete", b"<Delete>", b"<Object><Key>k</Key></Object>", 200_000, b"</Delete>", "MalformedXML"),
        ("POST", "?delete", b"<Delete>", b"<Object><Key>k</Key></Object>", 1 << 20, b"</Delete>", "MaxMessageLengthExceeded"),
        ("POST", "/key?uploadId=" + "0" * 32, b"<CompleteMultipartUpload>", b"<Part/>", 500_000, b"</CompleteMultipartUpload>", "MalformedXML"),
        ("POST", "/key?uploadId=" + "0" * 32, b"<CompleteMultipartUpload>", b"<Part/>", 3 << 20, b"</CompleteMultipartUpload>", "MaxMessageLengthExceeded"),
        ("PUT", "?cors", b"<CORSConfiguration>", b"<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>", 101, b"</CORSConfiguration>", "InvalidRequest"),
        ("PUT", "?cors", b"<CORSConfiguration>", b"<CORSRule/>", 1 << 20, b"</CORSConfiguration>", "MaxMessageLengthExceeded"),
        ("PUT", "?notification", b"<NotificationConfiguration>", b"<CloudFunctionConfiguration><CloudFunction>a</CloudFunction><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>", 101, b"</NotificationConfiguration>", "InvalidArgument"),
        ("PUT", "?notification", b"<NotificationConfiguration>", b"<a>", 50_000, b"", "MalformedXML"),
        ("PUT", "?tagging", b"<Tagging>", b"<a/>", 1 << 20, b"</Tagging>", "MaxMessageLengthExceeded"),
        ("PUT", "/key?acl", b"", b" ", 20 << 20, b"", "MaxMessageLengthExceeded"),
    ],
)  # fmt: skip
def test_documents_are_bounded(server, s3, method, query, begin, entry, count, end, expected):
    idle = resident_bytes(server)
    status, _, answer = document(server, method, query, begin + entry * count + end)
    # A client that goes on sending after the answer may lose it with the connection.
    assert status is None or (status, code(answer)) == (400, expected), answer
    assert resident_bytes(server) - idle < MEMORY_BYTES_MAX
    assert s3.list_buckets()["Buckets"]


def test_documents_of_unheard_length_are_refused_at_once(server, s3):
    status, _, answer = exchange(server, f"POST /{BUCKET}?delete HTTP/1.1\nContent-Length: {1 << 29}")
    assert (status, code(answer)) == (400, "MaxMessageLengthExceeded")


def test_a_form_is_refused(server, s3):
    body = b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nform\r\n--b--\r\n'
    head = f"POST /{BUCKET} HTTP/1.1\nContent-Type: multipart/form-data; boundary=b\nContent-Length: {len(body)}"
    status, _, answer = exchange(server, head, body)
    assert (status, code(answer)) == (501, "NotImplemented")
    assert exchange(server, f"HEAD /{BUCKET}/form HTTP/1.1")[0] == 404


def test_user_metadata_has_its_limit(server, s3):
    at_limit = "\nx-amz-meta-a: " + "b" * 2_047
    assert put(server, f"/{BUCKET}/meta", headers=at_limit)[0] == 200
    status, _, answer = put(server, f"/{BUCKET}/meta", headers=at_limit + "b")
    assert (status, code(answer)) == (400, "MetadataTooLarge")
