"""No descriptor left: a request says so, and nothing is worse for it once there are some again."""

import http.client
import os
import resource


def test_a_put_without_a_descriptor_fails_and_passes(servers):
    server = servers().start()
    server.client("s3").create_bucket(Bucket="bucket")
    # A connection that is there already: only files have to be opened.
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def ask(method, key, body=None):
        connection.request(method, f"/bucket/{key}", body=body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert ask("PUT", "before", b"kept")[0] == 200
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used // 2, before[1]))
    for method, key, body in [("PUT", "refused", b"x"), ("GET", "before", None)]:
        status, answer = ask(method, key, body)
        assert status == 500 and b"InternalError" in answer and b"Too many open files" in answer, answer
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
    assert ask("PUT", "after", b"new")[0] == 200
    assert ask("GET", "before") == (200, b"kept")
    assert ask("GET", "refused")[0] == 404
    server.stop()
    server.start()
    assert server.client("s3").get_object(Bucket="bucket", Key="after")["Body"].read() == b"new"
