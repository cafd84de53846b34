"""Event source mappings of a server that is killed while batches are out."""

import pathlib
import re

from anabranch_server import Server, wait_for

TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "functions/template.yaml"
RECORDS = 300


def first_seen(server):
    """The partition keys in the order in which the function first saw them."""
    log = server.directory / "data/lambda/behaving.log"
    text = "".join(path.read_text() for path in [log.with_suffix(".log.1"), log] if path.exists())
    return list(dict.fromkeys(int(key) for key in re.findall(r'"partitionKey": "(\d+)"', text)))


def test_a_mapping_goes_on_where_it_was_killed(tmp_path):
    server = Server(tmp_path, TEMPLATE).start()
    try:
        kinesis, client = server.client("kinesis"), server.client("lambda")
        kinesis.create_stream(StreamName="killed", ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName="killed", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
        arn = kinesis.describe_stream_summary(StreamName="killed")["StreamDescriptionSummary"]["StreamARN"]
        made = client.create_event_source_mapping(FunctionName="behaving", EventSourceArn=arn, StartingPosition="TRIM_HORIZON", BatchSize=1)
        kinesis.put_records(StreamName="killed", Records=[{"PartitionKey": str(number), "Data": b"x"} for number in range(RECORDS)])
        for part in (RECORDS // 4, RECORDS // 2):
            wait_for(lambda: len(first_seen(server)) > part, f"more than {part} records are seen")
            server.kill()
            server.start()
        wait_for(lambda: len(first_seen(server)) == RECORDS, "all records are seen")
        assert first_seen(server) == list(range(RECORDS)), "none is skipped, and none overtakes another"
        assert server.client("lambda").get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled"
    finally:
        server.stop()
