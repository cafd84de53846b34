"""What the corpus is sent to: a server with one of each thing, and what is to be watched of its process."""

import io
import json
import pathlib
import zipfile

from anabranch_server import wait_for

BUCKET = STREAM = TABLE = DELIVERY_STREAM = "hostile"
# A function that is changed and never invoked.
CHANGED_FUNCTION = "changed"


def package():
    """The least that a function can be of."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("bootstrap", "#!/bin/sh\n")
    return archive.getvalue()


class World:
    def __init__(self, server):
        self.server, self.port = server, server.port
        kinesis, s3, dynamodb, firehose = (server.client(name) for name in ("kinesis", "s3", "dynamodb", "firehose"))
        kinesis.create_stream(StreamName=STREAM, ShardCount=1)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="here", Body=b"here")
        self.upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "here"}, "v": {"S": "text"}})
        firehose.create_delivery_stream(
            DeliveryStreamName=DELIVERY_STREAM,
            ExtendedS3DestinationConfiguration={"RoleARN": "arn:aws:iam::000000000000:role/r", "BucketARN": f"arn:aws:s3:::{BUCKET}"},
        )
        server.client("lambda").create_function(
            FunctionName=CHANGED_FUNCTION,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": package()},
        )
        summary = lambda: kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
        wait_for(lambda: summary()["StreamStatus"] == "ACTIVE", "the stream is ACTIVE")
        self.api = json.loads(server.ready_file.read_text())["outputs"]["ApiId"] if server.template else "none"

    def fill(self, text):
        """Puts in what only this run knows."""
        return text.replace("{upload}", self.upload).replace("{api}", self.api) if isinstance(text, str) else text


class Process:
    """A process's memory, as the system counts it."""

    def __init__(self, pid):
        self.directory = pathlib.Path(f"/proc/{pid}")

    def resident_bytes(self):
        return int((self.directory / "statm").read_text().split()[1]) * 4096

    def begin_peak(self):
        """From here on, `peak_bytes` is the highest since."""
        (self.directory / "clear_refs").write_text("5")

    def peak_bytes(self):
        status = (self.directory / "status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def descriptors(self):
        return len(list((self.directory / "fd").iterdir()))
