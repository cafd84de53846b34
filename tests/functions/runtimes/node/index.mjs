// Puts a record by the AWS SDK for JavaScript v3, which comes with the runtime.
import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';

const kinesis = new KinesisClient();

export const handler = async (event) => {
  const put = new PutRecordCommand({
    StreamName: process.env.STREAM_NAME,
    PartitionKey: 'k',
    Data: Buffer.from(event.data),
  });
  const { ShardId } = await kinesis.send(put);
  return { shard: ShardId, node: process.version };
};
