"""Kills while messages come and go: what was acknowledged is there, and what was deleted stays so."""

import threading

from botocore.exceptions import BotoCoreError, ClientError

from anabranch_server import wait_for

ROUNDS = 3
SENDERS = 3
RECEIVERS = 2


def send(client, url, sender, notes):
    """Sends batches until the server is gone; notes what it acknowledged."""
    number = 0
    try:
        while True:
            bodies = [f"{notes.round}-{sender}-{number + n}" for n in range(10)]
            notes.offered.update(bodies)
            answer = client.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)])
            notes.sent.update(bodies[int(one["Id"])] for one in answer["Successful"])
            number += 10
    except (BotoCoreError, ClientError):
        pass  # The kill.


def consume(client, url, notes):
    """Receives and deletes half of it; notes what was acknowledged as deleted, or may have been."""
    try:
        while True:
            messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
            for message in messages:
                assert message["Body"] not in notes.deleted, "it was deleted"
            done = messages[::2]
            if done:
                notes.doomed.update(message["Body"] for message in done)
                answer = client.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(done)])
                notes.deleted.update(done[int(one["Id"])]["Body"] for one in answer["Successful"])
    except (BotoCoreError, ClientError):
        pass  # The kill.
    except AssertionError as error:
        notes.wrong.append(error)


class Notes:
    def __init__(self):
        self.round, self.offered, self.sent, self.doomed, self.deleted, self.wrong = 0, set(), set(), set(), set(), []


def drain(client, url):
    """All messages that are visible once nothing is in flight any more."""
    bodies = set()
    while True:
        messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages", [])
        if not messages:
            return bodies
        assert not bodies & {message["Body"] for message in messages}, "no message is there twice"
        bodies.update(message["Body"] for message in messages)


def test_kills_lose_nothing_and_bring_nothing_back(servers):
    server = servers(arguments=["--test-clock"]).start()
    client = lambda: server.client("sqs", retries={"total_max_attempts": 1}, read_timeout=10)
    url = client().create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    notes = Notes()
    for notes.round in range(ROUNDS):
        threads = [threading.Thread(target=send, args=(client(), url, n, notes)) for n in range(SENDERS)]
        threads += [threading.Thread(target=consume, args=(client(), url, notes)) for _ in range(RECEIVERS)]
        sent, deleted = len(notes.sent), len(notes.deleted)
        for thread in threads:
            thread.start()
        wait_for(lambda: len(notes.sent) > sent + 300 and len(notes.deleted) > deleted + 50, "messages come and go")
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        assert not notes.wrong
    server.advance(120)
    left = drain(client(), url)
    assert not left & notes.deleted, "what was deleted came back"
    assert notes.sent - notes.doomed <= left, "what was sent is lost"
    assert left <= notes.offered
    assert server.health()[0] == 200, server.health()
