package anabranch;

import java.net.URI;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.regions.Region;

/** What all clients here have in common: where the server is, and any credentials. */
final class Aws {
    static final Region REGION = Region.US_EAST_1;
    static final StaticCredentialsProvider CREDENTIALS =
            StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));

    /** The content types of all requests that clients made here sent. */
    static final Set<String> CONTENT_TYPES = new ConcurrentSkipListSet<>();

    private Aws() {}

    static <B extends AwsClientBuilder<B, C>, C> C client(B builder, String endpoint) {
        ExecutionInterceptor spy = new ExecutionInterceptor() {
            @Override
            public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
                context.httpRequest().firstMatchingHeader("Content-Type").ifPresent(CONTENT_TYPES::add);
            }
        };
        return builder.endpointOverride(URI.create(endpoint))
                .region(REGION)
                .credentialsProvider(CREDENTIALS)
                .overrideConfiguration(ClientOverrideConfiguration.builder().addExecutionInterceptor(spy).build())
                .build();
    }

    static Set<String> contentTypes() {
        return new TreeSet<>(CONTENT_TYPES);
    }
}
