"""Kills while objects come and go: what was acknowledged is there, and every file is explained."""

import http.client
import threading

from anabranch_server import wait_for

ROUNDS = 3
WRITERS = 4


def write(server, writer, stopped, kept):
    """Puts, replaces and deletes objects until the server is gone; notes what it acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def ask(method, path, body=None):
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    number = 0
    try:
        while not stopped.is_set():
            key, body = f"{writer}-{number % 7}", f"{writer}-{number}".encode() * 1000
            kept[key] = None  # Whatever becomes of it before it is acknowledged.
            if number % 5 == 4:
                assert ask("DELETE", f"/bucket/{key}") == 204
                del kept[key]
            else:
                assert ask("PUT", f"/bucket/{key}", body) == 200
                kept[key] = body
            number += 1
    except (OSError, http.client.HTTPException):
        pass  # The kill.


def test_kills_leave_nothing_unexplained(servers):
    server = servers().start()
    server.client("s3").create_bucket(Bucket="bucket")
    kept = {}
    for _ in range(ROUNDS):
        stopped = threading.Event()
        writers = [threading.Thread(target=write, args=(server, n, stopped, kept)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        begun = len(kept)
        wait_for(lambda: sum(body is not None for body in list(kept.values())) > 2 * WRITERS or len(kept) > begun, "objects come")
        server.kill()
        stopped.set()
        for writer in writers:
            writer.join()
        server.start()
        s3 = server.client("s3")
        for key, body in kept.items():
            if body is not None:
                assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
        objects = server.directory / "data/objects"
        listed = s3.list_objects_v2(Bucket="bucket").get("Contents", [])
        assert not (objects / "strays").exists()
        assert len(list(objects.glob("data/*/*"))) == len(listed), "a file for each object, and no other"
