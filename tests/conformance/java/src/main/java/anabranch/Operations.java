package anabranch;

import static software.amazon.awssdk.core.SdkBytes.fromByteArray;

import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.*;
import software.amazon.awssdk.services.kinesis.model.Record;

/**
 * Every operation of Kinesis Data Streams through the AWS SDK for Java. Arguments: the endpoint, and
 * {@code sync}, {@code http1} or {@code http2} for the client. Prints how often each operation was
 * answered as expected.
 */
public final class Operations {
    private static final String CBOR = "application/x-amz-cbor-1.1";
    private static final String SHARD = "shardId-000000000000";
    private static final String POLICY = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
            + "\"Principal\":\"*\",\"Action\":\"kinesis:PutRecord\",\"Resource\":\"*\"}]}";
    private static final String HALF = BigInteger.ONE.shiftLeft(127).toString();
    private static final byte[] DATA = {0, (byte) 0xff, 'c', 'l', 'i', 'c', 'k'};

    private final Caller kinesis;
    private final KinesisAsyncClient subscriber;
    private final String prefix;

    private Operations(Caller kinesis, KinesisAsyncClient subscriber, String prefix) {
        this.kinesis = kinesis;
        this.subscriber = subscriber;
        this.prefix = prefix;
    }

    public static void main(String[] arguments) {
        String endpoint = arguments[0];
        String kind = arguments[1];
        KinesisAsyncClient subscriber = kind.equals("sync") ? null : async(endpoint, kind);
        Caller caller = subscriber == null
                ? new Caller(sync(endpoint), KinesisClient.class)
                : new Caller(subscriber, KinesisAsyncClient.class);
        Operations operations = new Operations(caller, subscriber, "java-" + kind);
        operations.streams();
        operations.records();
        operations.shards();
        operations.settings();
        operations.tagsAndPolicies();
        operations.consumers();
        operations.errors();
        // What is answered by an event stream is asked for in JSON.
        equal(Aws.contentTypes(), subscriber == null ? Set.of(CBOR) : Set.of(CBOR, "application/x-amz-json-1.1"));
        StringBuilder counts = new StringBuilder();
        caller.counts.forEach((name, count) ->
                counts.append(counts.isEmpty() ? "" : ",").append('"').append(name).append("\":").append(count));
        System.out.println("{" + counts + "}");
        System.exit(0);
    }

    private static KinesisClient sync(String endpoint) {
        return Aws.client(KinesisClient.builder().httpClientBuilder(UrlConnectionHttpClient.builder()), endpoint);
    }

    private static KinesisAsyncClient async(String endpoint, String kind) {
        Protocol protocol = kind.equals("http2") ? Protocol.HTTP2 : Protocol.HTTP1_1;
        NettyNioAsyncHttpClient.Builder http = NettyNioAsyncHttpClient.builder().protocol(protocol);
        return Aws.client(KinesisAsyncClient.builder().httpClientBuilder(http), endpoint);
    }

    private String create(String name, int shards) {
        String stream = prefix + "-" + name;
        kinesis.call(CreateStreamRequest.builder().streamName(stream).shardCount(shards).build());
        active(stream);
        return stream;
    }

    private StreamDescriptionSummary summary(String stream) {
        DescribeStreamSummaryResponse answer =
                kinesis.call(DescribeStreamSummaryRequest.builder().streamName(stream).build());
        return answer.streamDescriptionSummary();
    }

    private void active(String stream) {
        until(() -> summary(stream).streamStatus() == StreamStatus.ACTIVE, stream + " is active");
    }

    private void streams() {
        Instant before = Instant.now().minusSeconds(2);
        String stream = create("streams", 3);
        DescribeStreamResponse described =
                kinesis.call(DescribeStreamRequest.builder().streamName(stream).limit(2).build());
        StreamDescription description = described.streamDescription();
        equal(description.shards().size(), 2);
        equal(description.hasMoreShards(), true);
        check(description.streamCreationTimestamp().isAfter(before), "a moment: " + description);
        check(description.streamCreationTimestamp().isBefore(Instant.now().plusSeconds(2)), "a moment");
        String arn = "arn:aws:kinesis:us-east-1:000000000000:stream/" + stream;
        equal(description.streamARN(), arn);
        equal(description.shards().get(1).hashKeyRange().startingHashKey(), "113427455640312821154458202477256070485");
        ListStreamsResponse listed = kinesis.call(ListStreamsRequest.builder().build());
        check(listed.streamNames().contains(stream), "listed");
        check(listed.streamSummaries().stream().anyMatch(one -> one.streamARN().equals(arn)), "in the summaries");
        ListShardsResponse shards = kinesis.call(ListShardsRequest.builder().streamARN(arn).build());
        equal(shards.shards().size(), 3);
        kinesis.call(DeleteStreamRequest.builder().streamARN(arn).build());
        until(() -> {
            ListStreamsResponse left = kinesis.call(ListStreamsRequest.builder().build());
            return !left.streamNames().contains(stream);
        }, "deleted");
    }

    private void records() {
        String stream = create("records", 1);
        PutRecordResponse first = kinesis.call(PutRecordRequest.builder()
                .streamName(stream).partitionKey("schlüssel").data(fromByteArray(DATA)).build());
        equal(first.shardId(), SHARD);
        PutRecordResponse second = kinesis.call(PutRecordRequest.builder()
                .streamName(stream).partitionKey("b").data(fromByteArray(new byte[0]))
                .sequenceNumberForOrdering(first.sequenceNumber()).build());
        check(number(second.sequenceNumber()).compareTo(number(first.sequenceNumber())) > 0, "ordered");
        List<PutRecordsRequestEntry> entries = new ArrayList<>();
        for (int at = 0; at < 100; at++) {
            entries.add(PutRecordsRequestEntry.builder()
                    .partitionKey("key-" + at).explicitHashKey(Integer.toString(at))
                    .data(SdkBytes.fromUtf8String("click " + at)).build());
        }
        PutRecordsResponse put = kinesis.call(PutRecordsRequest.builder().streamName(stream).records(entries).build());
        equal(put.failedRecordCount(), 0);
        equal(put.records().size(), 100);
        GetRecordsResponse got = read(stream, ShardIteratorType.TRIM_HORIZON, null, null);
        equal(got.records().size(), 102);
        Record record = got.records().get(0);
        equal(record.data(), fromByteArray(DATA));
        equal(record.partitionKey(), "schlüssel");
        equal(record.sequenceNumber(), first.sequenceNumber());
        equal(got.records().get(1).data().asByteArray().length, 0);
        equal(got.records().get(101).data().asUtf8String(), "click 99");
        equal(got.millisBehindLatest(), 0L);
        check(Duration.between(record.approximateArrivalTimestamp(), Instant.now()).toSeconds() < 60, "arrival");
        equal(read(stream, ShardIteratorType.AT_TIMESTAMP, null, record.approximateArrivalTimestamp()).records().size(), 102);
        equal(read(stream, ShardIteratorType.AFTER_SEQUENCE_NUMBER, second.sequenceNumber(), null).records().size(), 100);
        equal(read(stream, ShardIteratorType.LATEST, null, null).records().size(), 0);
    }

    private GetRecordsResponse read(String stream, ShardIteratorType type, String number, Instant moment) {
        GetShardIteratorResponse iterator = kinesis.call(GetShardIteratorRequest.builder()
                .streamName(stream).shardId(SHARD).shardIteratorType(type)
                .startingSequenceNumber(number).timestamp(moment).build());
        return kinesis.call(GetRecordsRequest.builder().shardIterator(iterator.shardIterator()).build());
    }

    private void shards() {
        String stream = create("shards", 1);
        kinesis.call(SplitShardRequest.builder().streamName(stream).shardToSplit(SHARD).newStartingHashKey(HALF).build());
        active(stream);
        GetRecordsResponse end = read(stream, ShardIteratorType.TRIM_HORIZON, null, null);
        equal(end.nextShardIterator(), null);
        equal(end.childShards().stream().map(ChildShard::shardId).toList(),
                List.of("shardId-000000000001", "shardId-000000000002"));
        kinesis.call(MergeShardsRequest.builder().streamName(stream)
                .shardToMerge("shardId-000000000001").adjacentShardToMerge("shardId-000000000002").build());
        active(stream);
        ListShardsResponse open = kinesis.call(ListShardsRequest.builder().streamName(stream)
                .shardFilter(filter -> filter.type(ShardFilterType.AT_LATEST)).build());
        equal(open.shards().stream().map(Shard::shardId).toList(), List.of("shardId-000000000003"));
        equal(open.shards().get(0).adjacentParentShardId(), "shardId-000000000002");
        ListShardsResponse since = kinesis.call(ListShardsRequest.builder().streamName(stream)
                .shardFilter(filter -> filter.type(ShardFilterType.FROM_TIMESTAMP).timestamp(Instant.now().minusSeconds(600)))
                .build());
        equal(since.shards().size(), 4);
        UpdateShardCountResponse scaled = kinesis.call(UpdateShardCountRequest.builder().streamName(stream)
                .targetShardCount(2).scalingType(ScalingType.UNIFORM_SCALING).build());
        equal(List.of(scaled.currentShardCount(), scaled.targetShardCount()), List.of(1, 2));
        active(stream);
        equal(summary(stream).openShardCount(), 2);
    }

    private void settings() {
        String stream = create("settings", 1);
        String arn = summary(stream).streamARN();
        kinesis.call(IncreaseStreamRetentionPeriodRequest.builder().streamName(stream).retentionPeriodHours(48).build());
        active(stream);
        equal(summary(stream).retentionPeriodHours(), 48);
        kinesis.call(DecreaseStreamRetentionPeriodRequest.builder().streamName(stream).retentionPeriodHours(24).build());
        active(stream);
        EnableEnhancedMonitoringResponse enabled = kinesis.call(EnableEnhancedMonitoringRequest.builder()
                .streamName(stream).shardLevelMetrics(MetricsName.INCOMING_BYTES, MetricsName.INCOMING_RECORDS).build());
        equal(enabled.desiredShardLevelMetrics().size(), 2);
        active(stream);
        DisableEnhancedMonitoringResponse disabled = kinesis.call(DisableEnhancedMonitoringRequest.builder()
                .streamName(stream).shardLevelMetrics(MetricsName.INCOMING_BYTES).build());
        equal(disabled.desiredShardLevelMetrics(), List.of(MetricsName.INCOMING_RECORDS));
        active(stream);
        kinesis.call(StartStreamEncryptionRequest.builder()
                .streamName(stream).encryptionType(EncryptionType.KMS).keyId("alias/aws/kinesis").build());
        active(stream);
        equal(summary(stream).encryptionType(), EncryptionType.KMS);
        kinesis.call(StopStreamEncryptionRequest.builder()
                .streamName(stream).encryptionType(EncryptionType.KMS).keyId("alias/aws/kinesis").build());
        active(stream);
        kinesis.call(UpdateMaxRecordSizeRequest.builder().streamARN(arn).maxRecordSizeInKiB(10_240).build());
        active(stream);
        PutRecordResponse large = kinesis.call(PutRecordRequest.builder()
                .streamName(stream).partitionKey("large").data(fromByteArray(new byte[9 << 20])).build());
        equal(large.shardId(), SHARD);
        equal(read(stream, ShardIteratorType.TRIM_HORIZON, null, null).records().get(0).data().asByteArray().length, 9 << 20);
        kinesis.call(UpdateStreamModeRequest.builder()
                .streamARN(arn).streamModeDetails(mode -> mode.streamMode(StreamMode.ON_DEMAND)).build());
        active(stream);
        equal(summary(stream).streamModeDetails().streamMode(), StreamMode.ON_DEMAND);
        UpdateAccountSettingsResponse updated = kinesis.call(UpdateAccountSettingsRequest.builder()
                .minimumThroughputBillingCommitment(commitment ->
                        commitment.status(MinimumThroughputBillingCommitmentInputStatus.ENABLED))
                .build());
        DescribeAccountSettingsResponse account = kinesis.call(DescribeAccountSettingsRequest.builder().build());
        equal(account.minimumThroughputBillingCommitment().status(), updated.minimumThroughputBillingCommitment().status());
        UpdateStreamWarmThroughputResponse warm = kinesis.call(UpdateStreamWarmThroughputRequest.builder()
                .streamARN(arn).warmThroughputMiBps(100).build());
        equal(warm.warmThroughput().targetMiBps(), 100);
        DescribeLimitsResponse limits = kinesis.call(DescribeLimitsRequest.builder().build());
        check(limits.openShardCount() <= limits.shardLimit(), "limits: " + limits);
    }

    private void tagsAndPolicies() {
        String stream = create("tags", 1);
        String arn = summary(stream).streamARN();
        kinesis.call(AddTagsToStreamRequest.builder().streamName(stream).tags(Map.of("team", "shop", "stage", "beta")).build());
        ListTagsForStreamResponse tags = kinesis.call(ListTagsForStreamRequest.builder().streamName(stream).limit(1).build());
        equal(List.of(tags.tags().size(), tags.hasMoreTags()), List.of(1, true));
        kinesis.call(RemoveTagsFromStreamRequest.builder().streamName(stream).tagKeys("team").build());
        kinesis.call(TagResourceRequest.builder().resourceARN(arn).tags(Map.of("cost", "low")).build());
        kinesis.call(UntagResourceRequest.builder().resourceARN(arn).tagKeys("stage").build());
        ListTagsForResourceResponse left = kinesis.call(ListTagsForResourceRequest.builder().resourceARN(arn).build());
        equal(left.tags().stream().map(tag -> tag.key() + "=" + tag.value()).toList(), List.of("cost=low"));
        kinesis.call(PutResourcePolicyRequest.builder().resourceARN(arn).policy(POLICY).build());
        GetResourcePolicyResponse policy = kinesis.call(GetResourcePolicyRequest.builder().resourceARN(arn).build());
        equal(policy.policy(), POLICY);
        kinesis.call(DeleteResourcePolicyRequest.builder().resourceARN(arn).build());
        GetResourcePolicyResponse none = kinesis.call(GetResourcePolicyRequest.builder().resourceARN(arn).build());
        equal(none.policy(), "{}");
    }

    private void consumers() {
        String stream = create("consumers", 1);
        String arn = summary(stream).streamARN();
        RegisterStreamConsumerResponse made =
                kinesis.call(RegisterStreamConsumerRequest.builder().streamARN(arn).consumerName("reader").build());
        String consumer = made.consumer().consumerARN();
        until(() -> {
            DescribeStreamConsumerResponse described =
                    kinesis.call(DescribeStreamConsumerRequest.builder().consumerARN(consumer).build());
            return described.consumerDescription().consumerStatus() == ConsumerStatus.ACTIVE;
        }, "the consumer is active");
        ListStreamConsumersResponse listed = kinesis.call(ListStreamConsumersRequest.builder().streamARN(arn).build());
        equal(listed.consumers().stream().map(Consumer::consumerName).toList(), List.of("reader"));
        if (subscriber != null) {
            subscribe(stream, consumer);
        }
        kinesis.call(DeregisterStreamConsumerRequest.builder().consumerARN(consumer).build());
    }

    /** Records that are there, one that comes, and the end of the shard with its children. */
    private void subscribe(String stream, String consumer) {
        put(stream, "before");
        List<SubscribeToShardEvent> events = new ArrayList<>();
        SubscribeToShardResponseHandler handler = SubscribeToShardResponseHandler.builder()
                .subscriber(SubscribeToShardResponseHandler.Visitor.builder()
                        .onSubscribeToShardEvent(event -> {
                            synchronized (events) {
                                events.add(event);
                            }
                        })
                        .build())
                .build();
        CompletableFuture<Void> ended = subscriber.subscribeToShard(
                request -> request.consumerARN(consumer).shardId(SHARD)
                        .startingPosition(start -> start.type(ShardIteratorType.TRIM_HORIZON)),
                handler);
        Supplier<List<String>> keys = () -> {
            synchronized (events) {
                return events.stream().flatMap(event -> event.records().stream()).map(Record::partitionKey).toList();
            }
        };
        until(() -> keys.get().equals(List.of("before")), "what was there comes");
        put(stream, "pushed");
        until(() -> keys.get().equals(List.of("before", "pushed")), "what is put is pushed");
        kinesis.call(SplitShardRequest.builder().streamName(stream).shardToSplit(SHARD).newStartingHashKey(HALF).build());
        ended.join();
        SubscribeToShardEvent last = events.get(events.size() - 1);
        equal(last.continuationSequenceNumber(), null);
        equal(last.childShards().size(), 2);
        check(events.get(0).continuationSequenceNumber() != null, "a continuation");
        equal(events.get(0).records().get(0).data().asUtf8String(), "click");
        kinesis.count("SubscribeToShard");
        active(stream);
    }

    private void put(String stream, String key) {
        kinesis.call(PutRecordRequest.builder()
                .streamName(stream).partitionKey(key).data(SdkBytes.fromUtf8String("click")).build());
    }

    private void errors() {
        ResourceNotFoundException absent = kinesis.refused(ResourceNotFoundException.class,
                DescribeStreamRequest.builder().streamName(prefix + "-absent").build());
        check(absent.getMessage().contains("Stream " + prefix + "-absent under account 000000000000 not found"), "" + absent);
        equal(absent.statusCode(), 400);
        check(absent.requestId() != null && !absent.requestId().isEmpty(), "a request id");
        String stream = create("errors", 1);
        kinesis.refused(ResourceInUseException.class, CreateStreamRequest.builder().streamName(stream).shardCount(1).build());
        kinesis.refused(InvalidArgumentException.class,
                MergeShardsRequest.builder().streamName(stream).shardToMerge(SHARD).adjacentShardToMerge(SHARD).build());
        KinesisException invalid = kinesis.refused(KinesisException.class,
                GetRecordsRequest.builder().shardIterator("nonsense").limit(10_001).build());
        equal(invalid.awsErrorDetails().errorCode(), "ValidationException");
        kinesis.refused(InvalidArgumentException.class, GetRecordsRequest.builder().shardIterator("nonsense").build());
    }

    private static BigInteger number(String sequenceNumber) {
        return new BigInteger(sequenceNumber);
    }

    private static void until(Supplier<Boolean> condition, String what) {
        Instant deadline = Instant.now().plusSeconds(30);
        while (!condition.get()) {
            check(Instant.now().isBefore(deadline), "after 30 s: " + what);
            try {
                Thread.sleep(20);
            } catch (InterruptedException error) {
                throw new AssertionError(error);
            }
        }
    }

    private static void equal(Object found, Object expected) {
        check(Objects.equals(found, expected), "found " + found + ", not " + expected);
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
