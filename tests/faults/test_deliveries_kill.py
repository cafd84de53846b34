"""Kills while messages are on their way: what a publish acknowledged reaches its subscriber."""

import http.server
import json
import threading
import urllib.request

from botocore.exceptions import BotoCoreError, ClientError

from anabranch_server import wait_for

ROUNDS = 2
PUBLISHERS = 3


def test_acknowledged_messages_arrive_after_kills(servers):
    got, confirmations = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            (confirmations if body["Type"] == "SubscriptionConfirmation" else got).append(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    endpoint = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    server = servers().start()
    topic = server.client("sns").create_topic(Name="clicks")["TopicArn"]
    url = f"http://127.0.0.1:{endpoint.server_port}"
    server.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    wait_for(lambda: confirmations, "the endpoint is asked")
    urllib.request.urlopen(confirmations[0]["SubscribeURL"], timeout=10).read()
    acknowledged = []

    def publish(publisher, stopped):
        sns = server.client("sns")
        number = 0
        try:
            while not stopped.is_set():
                text = f"{publisher}-{number}"
                acknowledged.append((sns.publish(TopicArn=topic, Message=text)["MessageId"], text))
                number += 1
        except (BotoCoreError, ClientError):
            pass  # The kill.

    for _ in range(ROUNDS):
        stopped, before = threading.Event(), len(acknowledged)
        publishers = [threading.Thread(target=publish, args=(number, stopped)) for number in range(PUBLISHERS)]
        for publisher in publishers:
            publisher.start()
        wait_for(lambda: len(acknowledged) > before + 10, "messages are published")
        server.kill()
        stopped.set()
        for publisher in publishers:
            publisher.join()
        server.start()
    expected = set(acknowledged)
    wait_for(lambda: expected <= {(one["MessageId"], one["Message"]) for one in list(got)}, "all of them arrive")
    endpoint.shutdown()
