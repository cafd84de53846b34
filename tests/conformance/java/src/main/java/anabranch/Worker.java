package anabranch;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.KinesisClientLibException;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A worker of the Kinesis Client Library. Arguments: endpoint, stream, application, worker, and
 * {@code polling} or {@code fanout}. Prints what it processes: {@code record MOMENT SHARD KEY DATA},
 * and {@code began|ended|lost MOMENT SHARD}. The moment is in nanoseconds since the machine's start,
 * which on Linux is one clock for all processes.
 */
public final class Worker {
    private Worker() {}

    public static void main(String[] arguments) throws InterruptedException {
        String endpoint = arguments[0];
        String stream = arguments[1];
        KinesisAsyncClient kinesis = Aws.client(
                KinesisAsyncClient.builder()
                        .httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP2)),
                endpoint);
        DynamoDbAsyncClient tables = Aws.client(DynamoDbAsyncClient.builder(), endpoint);
        CloudWatchAsyncClient watch = Aws.client(CloudWatchAsyncClient.builder(), endpoint);
        ConfigsBuilder configs = new ConfigsBuilder(
                new SingleStreamTracker(
                        stream,
                        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
                arguments[2], kinesis, tables, watch, arguments[3], Processor::new);
        RetrievalSpecificConfig retrieval = arguments[4].equals("fanout")
                ? new FanOutConfig(kinesis).streamName(stream).applicationName(arguments[2])
                : new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250);
        LeaseManagementConfig leases = configs.leaseManagementConfig()
                .failoverTimeMillis(3_000)
                .shardSyncIntervalMillis(2_000)
                .dynamoDbLockBasedLeaderLeaseDurationInMillis(5_000)
                .dynamoDbLockBasedLeaderHeartbeatPeriodInMillis(1_000)
                .leasesRecoveryAuditorExecutionFrequencyMillis(5_000);
        leases.workerUtilizationAwareAssignmentConfig()
                .inMemoryWorkerMetricsCaptureFrequencyMillis(500)
                .workerMetricsReporterFreqInMillis(1_000)
                .varianceBalancingFrequency(1);
        Scheduler scheduler = new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig()
                        .parentShardPollIntervalMillis(500)
                        .shardConsumerDispatchPollIntervalMillis(200),
                leases,
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                configs.retrievalConfig().retrievalSpecificConfig(retrieval));
        new Thread(scheduler, "scheduler").start();
        new CountDownLatch(1).await();
    }

    private static synchronized void say(String event, String what) {
        System.out.println(event + " " + System.nanoTime() + " " + what);
        System.out.flush();
    }

    private static final class Processor implements ShardRecordProcessor {
        private String shard;

        @Override
        public void initialize(InitializationInput input) {
            shard = input.shardId();
            say("began", shard);
        }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            input.records().forEach(record -> say("record", shard + " " + record.partitionKey() + " "
                    + StandardCharsets.UTF_8.decode(record.data())));
            if (!input.records().isEmpty()) {
                checkpoint(input.checkpointer());
            }
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            say("lost", shard);
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            checkpoint(input.checkpointer());
            say("ended", shard);
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            checkpoint(input.checkpointer());
        }

        private void checkpoint(RecordProcessorCheckpointer checkpointer) {
            try {
                checkpointer.checkpoint();
            } catch (KinesisClientLibException error) {
                // Another worker has the lease by now, and starts behind the last checkpoint.
                say("uncheckpointed", shard + " " + error.getClass().getSimpleName());
            }
        }
    }
}
