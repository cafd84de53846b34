package anabranch;

import java.lang.reflect.InvocationTargetException;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.services.kinesis.model.KinesisRequest;

/** Calls the operation that a request belongs to, of a synchronous or an asynchronous client alike. */
final class Caller {
    private final Object client;
    private final Class<?> type;
    /** Calls that were answered or refused as expected, by operation. */
    final Map<String, Integer> counts = new TreeMap<>();

    Caller(Object client, Class<?> type) {
        this.client = client;
        this.type = type;
    }

    @SuppressWarnings("unchecked")
    <T> T call(KinesisRequest request) {
        Object answer = invoke(request);
        count(operation(request));
        return (T) answer;
    }

    /** The exception with which the call is refused, which must be of this class. */
    <E extends Throwable> E refused(Class<E> expected, KinesisRequest request) {
        try {
            invoke(request);
        } catch (RuntimeException error) {
            if (!expected.isInstance(error)) {
                throw new AssertionError(operation(request) + ": not " + expected + " but " + error, error);
            }
            count(operation(request));
            return expected.cast(error);
        }
        throw new AssertionError(operation(request) + " was not refused");
    }

    void count(String operation) {
        counts.merge(operation, 1, Integer::sum);
    }

    private Object invoke(KinesisRequest request) {
        String name = operation(request);
        String method = Character.toLowerCase(name.charAt(0)) + name.substring(1);
        try {
            Object answer = type.getMethod(method, request.getClass()).invoke(client, request);
            return answer instanceof CompletableFuture<?> future ? future.join() : answer;
        } catch (InvocationTargetException error) {
            throw unwrapped(error.getCause());
        } catch (CompletionException error) {
            throw unwrapped(error.getCause());
        } catch (ReflectiveOperationException error) {
            throw new AssertionError(error);
        }
    }

    private static RuntimeException unwrapped(Throwable cause) {
        return cause instanceof RuntimeException error ? error : new RuntimeException(cause);
    }

    private static String operation(KinesisRequest request) {
        return request.getClass().getSimpleName().replaceAll("Request$", "");
    }
}
