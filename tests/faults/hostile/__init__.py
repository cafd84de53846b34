"""The hostile-request corpus: what no client should send, one file a concern, one entry a case.

To add a case, add an entry to the `CASES` of the file of its concern; to add a service, add a file and name it here.
`test_hostile.py` sends all of them to one server and holds each against what is right.
"""

from . import cbor_bodies, dynamodb, gzip_bodies, http1, http2, json_bodies, lambda_rest, models, names, s3_requests, tls

CASES = [
    *http1.CASES,
    *http2.CASES,
    *tls.CASES,
    *json_bodies.CASES,
    *cbor_bodies.CASES,
    *gzip_bodies.CASES,
    *names.CASES,
    *s3_requests.CASES,
    *dynamodb.CASES,
    *lambda_rest.CASES,
    *models.CASES,
]
