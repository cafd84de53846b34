package anabranch;

import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.CheckpointListener;

/** Marks a record as mapped; fails once, at the first record after a checkpoint, if it is to. */
final class Mapping implements MapFunction<String, String>, CheckpointListener {
    private static final long serialVersionUID = 1;

    // One for all subtasks and attempts: they share this JVM.
    private static final AtomicBoolean HAS_FAILED = new AtomicBoolean();

    private final boolean fails;
    private boolean hasMapped;
    private boolean isCheckpointed;

    Mapping(boolean fails) {
        this.fails = fails;
    }

    @Override
    public String map(String value) {
        if (fails && isCheckpointed && HAS_FAILED.compareAndSet(false, true)) {
            System.out.println("failed");
            throw new IllegalStateException("as the test asked");
        }
        hasMapped = true;
        return "mapped " + value;
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
        isCheckpointed = hasMapped;
        System.out.println("checkpoint " + checkpoint);
    }
}
