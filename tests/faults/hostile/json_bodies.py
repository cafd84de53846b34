"""JSON as bombs, and of shapes that no client sends, to each service that reads JSON."""

from .case import json_call

MIB = 1 << 20
# Nested deeper than any thread's stack takes.
DEEP = 100_000

# For each service an operation that carries a list, the member that is the list, and one of strings.
PUT_RECORDS = "Kinesis_20131202.PutRecords"
PUT_RECORD_BATCH = "Firehose_20150804.PutRecordBatch"
PUT_ITEM = "DynamoDB_20120810.PutItem"
BATCH_WRITE = "DynamoDB_20120810.BatchWriteItem"

MALFORMED = {
    "nothing but a brace": b"{",
    "half an object": b'{"StreamName":',
    "a list": b"[]",
    "a string": b'"text"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "two objects": b"{}{}",
    "an object and garbage": b"{}garbage",
    "single quotes": b"{'StreamName':'hostile'}",
    "a comment": b"/* a */{}",
    "a trailing comma": b'{"StreamName":"hostile",}',
    "no quotes": b"{StreamName:hostile}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"StreamName":"hostile"}'.encode("utf-16"),
    "bytes that are not UTF-8": b'{"StreamName":"\xff\xfe"}',
    "an overlong encoding": b'{"StreamName":"\xc0\xaf"}',
    "an encoded surrogate": b'{"StreamName":"\xed\xa0\x80"}',
    "half a surrogate pair": b'{"StreamName":"\\ud800"}',
    "a surrogate pair the wrong way": b'{"StreamName":"\\udc00\\ud800"}',
    "a wrong escape": b'{"StreamName":"\\x41"}',
    "a raw control character": b'{"StreamName":"a\nb"}',
    "a NUL at the end": b"{}\0",
    "NULs": bytes(1000),
    "NaN": b'{"Limit":NaN}',
    "Infinity": b'{"Limit":Infinity}',
    "a number with a leading zero": b'{"Limit":01}',
    "a number in hexadecimal": b'{"Limit":0x1}',
    "lists 100,000 deep": b"[" * DEEP,
    "objects 100,000 deep": b'{"a":' * DEEP,
    "lists 100,000 deep in a member": b'{"StreamName":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects 100,000 deep in an unknown member": b'{"Unknown":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
}

SERIALIZATION = ("SerializationException",)
VALIDATION = ("ValidationException", "SerializationException", "InvalidArgumentException")


def malformed(service, target):
    return [json_call(f"json {service}: {name}", target, body, *VALIDATION) for name, body in MALFORMED.items()]


def list_of(member, entry, count, head=b'"StreamName":"hostile",'):
    return lambda: b"{" + head + b'"' + member + b'":[' + b",".join([entry] * count) + b"]}"


KINESIS = [
    json_call("json PutRecords of a million {}", PUT_RECORDS, list_of(b"Records", b"{}", 1_000_000), *VALIDATION),
    json_call("json PutRecords of five million {}", PUT_RECORDS, list_of(b"Records", b"{}", 5_000_000), *VALIDATION),
    json_call("json PutRecords of a million null", PUT_RECORDS, list_of(b"Records", b"null", 1_000_000), *VALIDATION),
    json_call("json PutRecords of eight million numbers", PUT_RECORDS, list_of(b"Records", b"1", 8_000_000), *VALIDATION),
    json_call("json PutRecords of eight million lists", PUT_RECORDS, list_of(b"Records", b"[]", 4_000_000), *VALIDATION),
    json_call("json PutRecords of 501 whole records", PUT_RECORDS, list_of(b"Records", b'{"Data":"YQ==","PartitionKey":"k"}', 501), *VALIDATION),
    json_call("json PutRecords of 400,000 whole records", PUT_RECORDS, list_of(b"Records", b'{"Data":"YQ==","PartitionKey":"k"}', 400_000), *VALIDATION),
    json_call("json PutRecords with 500 wrong keys of 20 KiB", PUT_RECORDS, list_of(b"Records", b'{"Data":"YQ==","PartitionKey":"' + b"k" * 20_000 + b'"}', 500), *VALIDATION),
    json_call("json PutRecords: Records twice", PUT_RECORDS, b'{"StreamName":"hostile","Records":[],"Records":[]}', *VALIDATION),
    json_call("json PutRecords: Records a million times", PUT_RECORDS, lambda: b"{" + b",".join([b'"Records":[]'] * 1_000_000) + b"}", *VALIDATION),
    json_call("json a million unknown members", PUT_RECORDS, lambda: b"{" + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}", *VALIDATION),
    json_call("json a key of 10 MiB", PUT_RECORDS, lambda: b'{"' + b"k" * (10 * MIB) + b'":1}', *VALIDATION),
    json_call("json a name of 10 MiB", PUT_RECORDS, lambda: b'{"StreamName":"' + b"k" * (10 * MIB) + b'","Records":[{"Data":"YQ==","PartitionKey":"k"}]}', *VALIDATION),
    json_call("json a name of 10 MiB of escapes", PUT_RECORDS, lambda: b'{"StreamName":"' + b"\\u0041" * (10 * MIB // 6) + b'"}', *VALIDATION),
    json_call("json a name of 4 MiB of wrong characters", PUT_RECORDS, lambda: b'{"StreamName":"' + b"<" * (4 * MIB) + b'"}', *VALIDATION),
    json_call("json a number of a million digits", "Kinesis_20131202.ListStreams", b'{"Limit":' + b"9" * 1_000_000 + b"}", *VALIDATION),
    json_call("json 1e999999999", "Kinesis_20131202.ListStreams", b'{"Limit":1e999999999}', *VALIDATION),
    json_call("json a limit of 2^63", "Kinesis_20131202.ListStreams", b'{"Limit":9223372036854775808}', *VALIDATION),
    json_call("json a limit of -2^63", "Kinesis_20131202.ListStreams", b'{"Limit":-9223372036854775808}', *VALIDATION),
    json_call("json a timestamp of 1e300", "Kinesis_20131202.GetShardIterator", b'{"StreamName":"hostile","ShardId":"shardId-000000000000","ShardIteratorType":"AT_TIMESTAMP","Timestamp":1e300}', *VALIDATION),
    json_call("json a timestamp of -1", "Kinesis_20131202.GetShardIterator", b'{"StreamName":"hostile","ShardId":"shardId-000000000000","ShardIteratorType":"AT_TIMESTAMP","Timestamp":-1}', *VALIDATION),
    json_call("json data that is no base64", "Kinesis_20131202.PutRecord", b'{"StreamName":"hostile","PartitionKey":"k","Data":"!!!!"}', *VALIDATION),
    json_call("json data of 15 MiB", "Kinesis_20131202.PutRecord", lambda: b'{"StreamName":"hostile","PartitionKey":"k","Data":"' + b"AAAA" * (15 * MIB // 4) + b'"}', *VALIDATION),
    json_call("json a partition key of 10 MiB", "Kinesis_20131202.PutRecord", lambda: b'{"StreamName":"hostile","PartitionKey":"' + b"k" * (10 * MIB) + b'","Data":"YQ=="}', *VALIDATION),
    json_call("json a hash key of a million digits", "Kinesis_20131202.PutRecord", b'{"StreamName":"hostile","PartitionKey":"k","Data":"YQ==","ExplicitHashKey":"' + b"9" * 1_000_000 + b'"}', *VALIDATION, "InvalidArgumentException"),
    json_call("json a sequence number of a million digits", "Kinesis_20131202.GetShardIterator", b'{"StreamName":"hostile","ShardId":"shardId-000000000000","ShardIteratorType":"AT_SEQUENCE_NUMBER","StartingSequenceNumber":"' + b"9" * 1_000_000 + b'"}', *VALIDATION),
    json_call("json a shard number beyond 2^64", "Kinesis_20131202.GetShardIterator", b'{"StreamName":"hostile","ShardId":"shardId-99999999999999999999999","ShardIteratorType":"LATEST"}', "ResourceNotFoundException", *VALIDATION),
    json_call("json an iterator of 1 MiB", "Kinesis_20131202.GetRecords", b'{"ShardIterator":"' + b"A" * MIB + b'"}', *VALIDATION),
    json_call("json an iterator of zeros", "Kinesis_20131202.GetRecords", b'{"ShardIterator":"' + b"A" * 226 + b'"}', *VALIDATION, "ExpiredIteratorException"),
    json_call("json a NextToken that was never given", "Kinesis_20131202.ListShards", b'{"NextToken":"AAAAAAAAAAAAAAAA"}', *VALIDATION, "ExpiredNextTokenException"),
    json_call("json a million tags", "Kinesis_20131202.AddTagsToStream", lambda: b'{"StreamName":"hostile","Tags":{' + b",".join(b'"%d":"v"' % n for n in range(1_000_000)) + b"}}", *VALIDATION),
    json_call("json a million tag keys", "Kinesis_20131202.RemoveTagsFromStream", list_of(b"TagKeys", b'"k"', 1_000_000), *VALIDATION),
    json_call("json a million metrics", "Kinesis_20131202.EnableEnhancedMonitoring", list_of(b"ShardLevelMetrics", b'"ALL"', 1_000_000), *VALIDATION),
    json_call("json a policy of 10 MiB", "Kinesis_20131202.PutResourcePolicy", lambda: b'{"ResourceARN":"arn:aws:kinesis:us-east-1:000000000000:stream/hostile","Policy":"' + b"{" * (10 * MIB) + b'"}', *VALIDATION, "LimitExceededException"),
    json_call("json a policy nested 10,000 deep", "Kinesis_20131202.PutResourcePolicy", b'{"ResourceARN":"arn:aws:kinesis:us-east-1:000000000000:stream/hostile","Policy":"' + b"[" * 10_000 + b'"}', *VALIDATION),
    json_call("json 2^31 shards", "Kinesis_20131202.CreateStream", b'{"StreamName":"many","ShardCount":2147483647}', *VALIDATION, "LimitExceededException"),
    json_call("json 20,001 shards", "Kinesis_20131202.CreateStream", b'{"StreamName":"many","ShardCount":20001}', *VALIDATION, "LimitExceededException"),
    json_call("json a million shards by update", "Kinesis_20131202.UpdateShardCount", b'{"StreamName":"hostile","TargetShardCount":1000000,"ScalingType":"UNIFORM_SCALING"}', *VALIDATION, "LimitExceededException"),
    json_call("json a split beyond the range", "Kinesis_20131202.SplitShard", b'{"StreamName":"hostile","ShardToSplit":"shardId-000000000000","NewStartingHashKey":"999999999999999999999999999999999999999"}', *VALIDATION),
]

FIREHOSE = [
    json_call("json PutRecordBatch of a million {}", PUT_RECORD_BATCH, list_of(b"Records", b"{}", 1_000_000, b'"DeliveryStreamName":"hostile",'), *VALIDATION),
    json_call("json PutRecordBatch of five million {}", PUT_RECORD_BATCH, list_of(b"Records", b"{}", 5_000_000, b'"DeliveryStreamName":"hostile",'), *VALIDATION),
    json_call("json PutRecordBatch of eight million numbers", PUT_RECORD_BATCH, list_of(b"Records", b"1", 8_000_000, b'"DeliveryStreamName":"hostile",'), *VALIDATION),
    json_call("json PutRecordBatch of 501 records", PUT_RECORD_BATCH, list_of(b"Records", b'{"Data":"YQ=="}', 501, b'"DeliveryStreamName":"hostile",'), *VALIDATION),
    json_call("json PutRecordBatch of 700,000 records", PUT_RECORD_BATCH, list_of(b"Records", b'{"Data":"YQ=="}', 700_000, b'"DeliveryStreamName":"hostile",'), *VALIDATION),
    json_call("json a Firehose record of 15 MiB", "Firehose_20150804.PutRecord", lambda: b'{"DeliveryStreamName":"hostile","Record":{"Data":"' + b"AAAA" * (15 * MIB // 4) + b'"}}', *VALIDATION),
    json_call("json a delivery stream with a million tags", "Firehose_20150804.CreateDeliveryStream", list_of(b"Tags", b'{"Key":"k"}', 1_000_000, b'"DeliveryStreamName":"new",'), *VALIDATION),
    json_call("json a delivery stream with a million processors", "Firehose_20150804.CreateDeliveryStream", lambda: b'{"DeliveryStreamName":"new","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r","BucketARN":"arn:aws:s3:::hostile","ProcessingConfiguration":{"Enabled":true,"Processors":[' + b",".join([b'{"Type":"Lambda"}'] * 700_000) + b"]}}}", *VALIDATION),
    json_call("json a prefix of 10 MiB", "Firehose_20150804.CreateDeliveryStream", lambda: b'{"DeliveryStreamName":"new","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r","BucketARN":"arn:aws:s3:::hostile","Prefix":"' + b"!{timestamp:yyyy}" * 600_000 + b'"}}', *VALIDATION),
    json_call("json a prefix that climbs", "Firehose_20150804.CreateDeliveryStream", b'{"DeliveryStreamName":"../../etc","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r","BucketARN":"arn:aws:s3:::hostile"}}', *VALIDATION),
    json_call("json a bucket ARN of another kind", "Firehose_20150804.CreateDeliveryStream", b'{"DeliveryStreamName":"new","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r","BucketARN":"arn:aws:sqs:::hostile"}}', *VALIDATION),
    json_call("json a buffer of -1 seconds", "Firehose_20150804.CreateDeliveryStream", b'{"DeliveryStreamName":"new","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r","BucketARN":"arn:aws:s3:::hostile","BufferingHints":{"IntervalInSeconds":-1,"SizeInMBs":1}}}', *VALIDATION),
    json_call("json a buffer of 2^31 MiB", "Firehose_20150804.CreateDeliveryStream", b'{"DeliveryStreamName":"new","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r","BucketARN":"arn:aws:s3:::hostile","BufferingHints":{"IntervalInSeconds":60,"SizeInMBs":2147483647}}}', *VALIDATION),
    json_call("json a list of -1 delivery streams", "Firehose_20150804.ListDeliveryStreams", b'{"Limit":-1}', *VALIDATION),
]

CASES = [
    *malformed("Kinesis", PUT_RECORDS),
    *malformed("Firehose", PUT_RECORD_BATCH),
    *malformed("DynamoDB", PUT_ITEM),
    *KINESIS,
    *FIREHOSE,
]
