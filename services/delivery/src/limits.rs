//! What an outbox holds and does at most.

use std::time::Duration;

/// Limits of one outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Most deliveries that are accepted and not done. Each costs some fifty bytes of memory, and its
    /// row on the disk.
    pub pending_max: usize,
    /// Most deliveries under way at a time, each of which is in memory.
    pub under_way_max: usize,
    /// Most deliveries under way at a time to one target.
    pub under_way_of_target_max: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { pending_max: 200_000, under_way_max: 512, under_way_of_target_max: 16 }
    }
}

/// Longest wait for a target to take a delivery. It is of the machine's time: real I/O.
pub(crate) const ATTEMPT_WAIT_MAX: Duration = Duration::from_secs(60);
/// Longest wait, at a close, for deliveries that are under way.
pub(crate) const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);
/// Wait before control state, or a dead-letter queue, is tried again after a failure; it doubles with
/// each.
pub(crate) const RETRY_WAIT_MIN: Duration = Duration::from_millis(500);
/// Longest wait between two attempts with control state or a dead-letter queue.
pub(crate) const RETRY_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long a dead-letter queue is tried for that can't take a message.
pub(crate) const DEAD_LETTER_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Most failing targets that are told by name.
pub(crate) const FAILING_NAMES_MAX: usize = 16;
/// Attempts that a target throttles before that is told as a problem.
pub(crate) const THROTTLED_TOLD_MIN: u32 = 3;
