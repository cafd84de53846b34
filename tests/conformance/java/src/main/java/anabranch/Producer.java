package anabranch;

import com.google.common.util.concurrent.ListenableFuture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * The Kinesis Producer Library, which packs many records into one. Arguments: host, port, stream and
 * how many records. Prints how many were put, and into how many records of the stream.
 */
public final class Producer {
    private Producer() {}

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[1]);
        KinesisProducerConfiguration configuration = new KinesisProducerConfiguration()
                .setKinesisEndpoint(arguments[0])
                .setKinesisPort(port)
                .setCloudwatchEndpoint(arguments[0])
                .setCloudwatchPort(port)
                .setStsEndpoint(arguments[0])
                .setStsPort(port)
                .setVerifyCertificate(false)
                .setMetricsLevel("none")
                .setRegion(Aws.REGION.id())
                .setCredentialsProvider(Aws.CREDENTIALS)
                .setRecordTtl(60_000);
        KinesisProducer producer = new KinesisProducer(configuration);
        List<ListenableFuture<UserRecordResult>> puts = new ArrayList<>();
        for (int number = 0; number < Integer.parseInt(arguments[3]); number++) {
            byte[] data = ("click " + number).getBytes(StandardCharsets.UTF_8);
            puts.add(producer.addUserRecord(arguments[2], "user-" + number % 10, ByteBuffer.wrap(data)));
        }
        producer.flushSync();
        Set<String> records = new HashSet<>();
        for (ListenableFuture<UserRecordResult> put : puts) {
            UserRecordResult result = put.get();
            if (!result.isSuccessful()) {
                throw new AssertionError(result.getAttempts());
            }
            records.add(result.getShardId() + result.getSequenceNumber());
        }
        System.out.println("put " + puts.size() + " in " + records.size());
        producer.destroy();
        System.exit(0);
    }
}
