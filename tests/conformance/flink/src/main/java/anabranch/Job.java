package anabranch;

import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kinesis.sink.KinesisStreamsSink;
import org.apache.flink.connector.kinesis.source.KinesisStreamsSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Reads one stream, marks each record as mapped and puts it to another, with a checkpoint every
 * 200 ms, until it is ended. With "fail", the mapping fails once after a checkpoint, and Flink
 * goes on from the latest one. Prints a line for each checkpoint and for the failure.
 */
public final class Job {
    private Job() {}

    public static void main(String[] arguments) throws Exception {
        String endpoint = arguments[0];
        String from = arguments[1];
        String to = arguments[2];
        boolean fails = arguments[3].equals("fail");

        Map<String, String> aws = Map.of(
                "aws.endpoint", endpoint,
                "aws.region", "us-east-1",
                "aws.credentials.provider", "BASIC",
                "aws.credentials.provider.basic.accesskeyid", "test",
                "aws.credentials.provider.basic.secretkey", "test");

        Configuration sourceConfig = Configuration.fromMap(aws);
        sourceConfig.setString("flink.stream.initpos", "TRIM_HORIZON");
        sourceConfig.setString("flink.shard.discovery.intervalmillis", "200");
        KinesisStreamsSource<String> source = KinesisStreamsSource.<String>builder()
                .setStreamArn(from)
                .setSourceConfig(sourceConfig)
                .setDeserializationSchema(new SimpleStringSchema())
                .build();

        Properties sinkConfig = new Properties();
        sinkConfig.putAll(aws);
        KinesisStreamsSink<String> sink = KinesisStreamsSink.<String>builder()
                .setStreamArn(to)
                .setKinesisClientProperties(sinkConfig)
                .setSerializationSchema(new SimpleStringSchema())
                .setPartitionKeyGenerator(record -> record)
                .setMaxTimeInBufferMS(100)
                .build();

        Configuration flink = new Configuration();
        flink.setString("restart-strategy.type", "fixed-delay");
        flink.setString("restart-strategy.fixed-delay.attempts", fails ? "1" : "0");
        flink.setString("restart-strategy.fixed-delay.delay", "100 ms");
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(2, flink);
        environment.enableCheckpointing(200);
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "source", Types.STRING)
                .map(new Mapping(fails))
                .sinkTo(sink);
        environment.execute();
    }
}
