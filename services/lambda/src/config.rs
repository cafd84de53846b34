//! Limits and environment of the service, each with its default.

use std::sync::Arc;
use std::time::Duration;

use anabranch_ports::LogSink;

/// Settings of [`crate::Lambda`]. `LambdaConfig::default()` suits a two-core machine.
#[derive(Debug, Clone)]
pub struct LambdaConfig {
    /// `AWS_ENDPOINT_URL` of the processes: where they reach this very server.
    pub endpoint_url: String,
    /// `AWS_ACCESS_KEY_ID` of the processes of the default account's functions. Those of another
    /// account have its digits, which is how requests name an account.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY` of the processes.
    pub secret_access_key: String,
    /// Umask of the processes; this process's own if absent.
    pub umask: Option<u32>,
    /// Execution environments of a function that reserves no concurrency.
    pub concurrency_default: u32,
    /// Invocations of one function that may wait for an environment; one more is
    /// answered with `TooManyRequestsException`.
    pub queued_invocations_max: usize,
    /// How long an invocation waits for an environment before `TooManyRequestsException`.
    pub queue_wait_max: Duration,
    /// An environment that was idle for this long is stopped.
    pub environment_idle_max: Duration,
    /// A process that has not asked for its first event by then is killed (AWS: 10 s).
    pub init_timeout: Duration,
    /// Pause between attempts to start a process that fails to start.
    pub init_backoff: Backoff,
    /// Size at which a function's log file becomes `<name>.log.1`.
    pub log_bytes_max: u64,
    /// Where functions' lines go besides: CloudWatch Logs, if there is one.
    pub logs: Option<Arc<dyn LogSink>>,
    /// How long an invocation of a remote function may take, its build included.
    pub remote_timeout: Duration,
    /// Pauses before the second and third attempt of an asynchronous invocation. AWS waits
    /// one and two minutes; a developer's machine waits less.
    pub async_retry_delays: [Duration; 2],
    /// Asynchronous invocations of one function that run at a time.
    pub async_concurrency: usize,
    /// Asynchronous invocations that may be pending in all.
    pub async_events_max: usize,
    /// An asynchronous invocation that was throttled for this long is given up (AWS: 6 h).
    pub async_event_age_max: Duration,
    /// Pause between attempts of a failed batch, of throttled batches and of failed reads.
    pub mapping_backoff: Backoff,
    /// Checkpoints are committed at most this often, all together. A crash redelivers what
    /// was processed since the last commit.
    pub checkpoint_interval: Duration,
}

impl Default for LambdaConfig {
    fn default() -> Self {
        Self {
            endpoint_url: "http://127.0.0.1:4566".into(),
            access_key_id: "anabranch".into(),
            secret_access_key: "anabranch".into(),
            umask: None,
            concurrency_default: 4,
            queued_invocations_max: 1_000,
            queue_wait_max: Duration::from_secs(60),
            environment_idle_max: Duration::from_secs(300),
            init_timeout: Duration::from_secs(10),
            init_backoff: Backoff { first: Duration::from_millis(100), max: Duration::from_secs(5) },
            log_bytes_max: 8 << 20,
            logs: None,
            remote_timeout: Duration::from_secs(600),
            async_retry_delays: [Duration::from_secs(5), Duration::from_secs(10)],
            async_concurrency: 4,
            async_events_max: 100_000,
            async_event_age_max: Duration::from_secs(6 * 3600),
            mapping_backoff: Backoff { first: Duration::from_millis(200), max: Duration::from_secs(30) },
            checkpoint_interval: Duration::from_millis(100),
        }
    }
}

/// An exponential backoff: `first`, doubled each time, at most `max`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Pause before the first repetition.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Backoff {
    /// The pause after `failures` failures in a row (at least one).
    pub fn after(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap() {
        let backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(1) };
        let pauses: Vec<u128> = [1, 2, 3, 4, 5, 40].map(|failures| backoff.after(failures).as_millis()).to_vec();
        assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000]);
    }
}
