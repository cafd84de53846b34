// Every operation of Kinesis Data Streams through the AWS SDK for JavaScript v3. Arguments: the
// endpoint, and http1 or http2. Prints how often each operation was answered as expected.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as sdk from "@aws-sdk/client-kinesis";
import { NodeHttp2Handler, NodeHttpHandler } from "@smithy/node-http-handler";

const [endpoint, version] = process.argv.slice(2);
const client = new sdk.KinesisClient({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  requestHandler: version === "http2" ? new NodeHttp2Handler() : new NodeHttpHandler(),
});
const SHARD = "shardId-000000000000";
const HALF = (1n << 127n).toString();
const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: "kinesis:PutRecord", Resource: "*" }],
});
const counts = {};

async function call(operation, input = {}) {
  const answer = await client.send(new sdk[`${operation}Command`](input));
  assert.equal(answer.$metadata.httpStatusCode, 200);
  count(operation);
  return answer;
}

async function refused(exception, operation, input) {
  await assert.rejects(client.send(new sdk[`${operation}Command`](input)), (error) => {
    assert.ok(error instanceof sdk[exception], `${operation}: ${error}`);
    assert.equal(error.$metadata.httpStatusCode, 400);
    return true;
  });
  count(operation);
}

function count(operation) {
  counts[operation] = (counts[operation] ?? 0) + 1;
}

async function until(condition, what) {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `after 30 s: ${what}`);
    await sleep(20);
  }
}

async function summary(StreamName) {
  return (await call("DescribeStreamSummary", { StreamName })).StreamDescriptionSummary;
}

async function active(stream) {
  await until(async () => (await summary(stream)).StreamStatus === "ACTIVE", `${stream} is active`);
}

async function create(name, ShardCount = 1) {
  const StreamName = `javascript-${version}-${name}`;
  await call("CreateStream", { StreamName, ShardCount });
  await active(StreamName);
  return StreamName;
}

async function streams() {
  const before = Date.now() - 2_000;
  const StreamName = await create("streams", 3);
  const { StreamDescription: described } = await call("DescribeStream", { StreamName, Limit: 2 });
  assert.equal(described.Shards.length, 2);
  assert.equal(described.HasMoreShards, true);
  assert.ok(described.StreamCreationTimestamp.getTime() > before);
  assert.equal(described.Shards[1].HashKeyRange.StartingHashKey, "113427455640312821154458202477256070485");
  const listed = await call("ListStreams");
  assert.ok(listed.StreamNames.includes(StreamName));
  const shards = await call("ListShards", { StreamARN: described.StreamARN });
  assert.equal(shards.Shards.length, 3);
  await call("DeleteStream", { StreamName });
  const gone = async () => !(await call("ListStreams")).StreamNames.includes(StreamName);
  await until(gone, "the stream is deleted");
  await refused("ResourceNotFoundException", "DescribeStream", { StreamName });
}

async function read(StreamName, ShardIteratorType, more = {}) {
  const { ShardIterator } = await call("GetShardIterator", { StreamName, ShardId: SHARD, ShardIteratorType, ...more });
  return call("GetRecords", { ShardIterator });
}

async function records() {
  const StreamName = await create("records");
  const data = Uint8Array.from([0, 255, 99]);
  const first = await call("PutRecord", { StreamName, PartitionKey: "schlüssel", Data: data });
  const second = await call("PutRecord", {
    StreamName,
    PartitionKey: "b",
    Data: new Uint8Array(),
    SequenceNumberForOrdering: first.SequenceNumber,
  });
  assert.ok(BigInt(second.SequenceNumber) > BigInt(first.SequenceNumber));
  const Records = Array.from({ length: 50 }, (_, at) => ({ PartitionKey: `key-${at}`, Data: Buffer.from(`click ${at}`) }));
  const put = await call("PutRecords", { StreamName, Records });
  assert.equal(put.FailedRecordCount, 0);
  const all = await read(StreamName, "TRIM_HORIZON");
  assert.equal(all.Records.length, 52);
  assert.deepEqual(Uint8Array.from(all.Records[0].Data), data);
  assert.equal(all.Records[0].PartitionKey, "schlüssel");
  assert.equal(Buffer.from(all.Records[51].Data).toString(), "click 49");
  assert.equal(all.MillisBehindLatest, 0);
  const arrival = all.Records[0].ApproximateArrivalTimestamp;
  assert.equal((await read(StreamName, "AT_TIMESTAMP", { Timestamp: arrival })).Records.length, 52);
  const after = { StartingSequenceNumber: second.SequenceNumber };
  assert.equal((await read(StreamName, "AFTER_SEQUENCE_NUMBER", after)).Records.length, 50);
  await refused("InvalidArgumentException", "GetRecords", { ShardIterator: "nonsense" });
}

async function shards() {
  const StreamName = await create("shards");
  await call("SplitShard", { StreamName, ShardToSplit: SHARD, NewStartingHashKey: HALF });
  await active(StreamName);
  const end = await read(StreamName, "TRIM_HORIZON");
  assert.equal(end.NextShardIterator, undefined);
  assert.deepEqual(end.ChildShards.map((child) => child.ShardId), ["shardId-000000000001", "shardId-000000000002"]);
  await call("MergeShards", {
    StreamName,
    ShardToMerge: "shardId-000000000001",
    AdjacentShardToMerge: "shardId-000000000002",
  });
  await active(StreamName);
  const scaled = await call("UpdateShardCount", { StreamName, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" });
  assert.deepEqual([scaled.CurrentShardCount, scaled.TargetShardCount], [1, 2]);
  await active(StreamName);
  assert.equal((await summary(StreamName)).OpenShardCount, 2);
}

async function settings() {
  const StreamName = await create("settings");
  const { StreamARN } = await summary(StreamName);
  const key = { StreamName, EncryptionType: "KMS", KeyId: "alias/aws/kinesis" };
  const steps = [
    ["IncreaseStreamRetentionPeriod", { StreamName, RetentionPeriodHours: 48 }],
    ["DecreaseStreamRetentionPeriod", { StreamName, RetentionPeriodHours: 24 }],
    ["EnableEnhancedMonitoring", { StreamName, ShardLevelMetrics: ["ALL"] }],
    ["DisableEnhancedMonitoring", { StreamName, ShardLevelMetrics: ["IncomingBytes"] }],
    ["StartStreamEncryption", key],
    ["StopStreamEncryption", key],
    ["UpdateMaxRecordSize", { StreamARN, MaxRecordSizeInKiB: 2048 }],
    ["UpdateStreamMode", { StreamARN, StreamModeDetails: { StreamMode: "ON_DEMAND" } }],
  ];
  for (const [operation, input] of steps) {
    await call(operation, input);
    await active(StreamName);
  }
  const now = await summary(StreamName);
  assert.equal(now.StreamModeDetails.StreamMode, "ON_DEMAND");
  assert.equal(now.MaxRecordSizeInKiB, 2048);
  assert.equal(now.EnhancedMonitoring[0].ShardLevelMetrics.length, 6);
  await call("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "ENABLED" } });
  const account = await call("DescribeAccountSettings");
  assert.equal(account.MinimumThroughputBillingCommitment.Status, "ENABLED");
  const warm = await call("UpdateStreamWarmThroughput", { StreamARN, WarmThroughputMiBps: 100 });
  assert.equal(warm.WarmThroughput.TargetMiBps, 100);
  const limits = await call("DescribeLimits");
  assert.ok(limits.OpenShardCount <= limits.ShardLimit);
}

async function tagsAndPolicies() {
  const StreamName = await create("tags");
  const { StreamARN: ResourceARN } = await summary(StreamName);
  await call("AddTagsToStream", { StreamName, Tags: { team: "shop", stage: "beta" } });
  assert.equal((await call("ListTagsForStream", { StreamName })).Tags.length, 2);
  await call("RemoveTagsFromStream", { StreamName, TagKeys: ["team"] });
  await call("TagResource", { ResourceARN, Tags: { cost: "low" } });
  await call("UntagResource", { ResourceARN, TagKeys: ["stage"] });
  assert.deepEqual((await call("ListTagsForResource", { ResourceARN })).Tags, [{ Key: "cost", Value: "low" }]);
  await call("PutResourcePolicy", { ResourceARN, Policy: POLICY });
  assert.equal((await call("GetResourcePolicy", { ResourceARN })).Policy, POLICY);
  await call("DeleteResourcePolicy", { ResourceARN });
}

async function consumers() {
  const StreamName = await create("consumers");
  const { StreamARN } = await summary(StreamName);
  const made = await call("RegisterStreamConsumer", { StreamARN, ConsumerName: "reader" });
  const { ConsumerARN } = made.Consumer;
  const status = async () => (await call("DescribeStreamConsumer", { ConsumerARN })).ConsumerDescription.ConsumerStatus;
  await until(async () => (await status()) === "ACTIVE", "the consumer is active");
  assert.equal((await call("ListStreamConsumers", { StreamARN })).Consumers.length, 1);
  const put = (PartitionKey) => call("PutRecord", { StreamName, PartitionKey, Data: Buffer.from("click") });
  await put("before");
  const StartingPosition = { Type: "TRIM_HORIZON" };
  const { EventStream } = await call("SubscribeToShard", { ConsumerARN, ShardId: SHARD, StartingPosition });
  const keys = [];
  let last;
  for await (const { SubscribeToShardEvent: event } of EventStream) {
    last = event;
    keys.push(...event.Records.map((record) => record.PartitionKey));
    if (keys.length === 1 && event.Records.length === 1) {
      assert.equal(Buffer.from(event.Records[0].Data).toString(), "click");
      await put("pushed");
    } else if (keys.length === 2 && event.Records.length === 1) {
      await call("SplitShard", { StreamName, ShardToSplit: SHARD, NewStartingHashKey: HALF });
    }
  }
  assert.deepEqual(keys, ["before", "pushed"]);
  assert.equal(last.ChildShards.length, 2);
  await active(StreamName);
  await call("DeregisterStreamConsumer", { ConsumerARN });
}

for (const part of [streams, records, shards, settings, tagsAndPolicies, consumers]) {
  await part();
}
console.log(JSON.stringify(counts));
client.destroy();
