//! What a mapping has done, for the API's `LastProcessingResult` and for the console.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::state::{MappingState, ProcessingResult};
use crate::failing::OngoingFailures;

/// Counts since the server started.
#[derive(Debug, Default)]
pub(crate) struct Stat {
    invocations: AtomicU64,
    records: AtomicU64,
    function_errors: AtomicU64,
    failed_batches: AtomicU64,
    failed_records: AtomicU64,
    /// By shard, when the oldest record that was read and is not done arrived; none at the tip.
    waiting_since_ms: Mutex<BTreeMap<String, u64>>,
    last_result: Mutex<ProcessingResult>,
    /// What makes no progress, by no fault of the function, by shard.
    pub(crate) failing: OngoingFailures,
}

/// A mapping's figures at one moment. Counts are since the server started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingStat {
    /// The mapping.
    pub uuid: String,
    /// The function's name.
    pub function: String,
    /// What it reads.
    pub event_source_arn: String,
    /// Whether it polls.
    pub state: MappingState,
    /// How the last batch went.
    pub last_processing_result: ProcessingResult,
    /// Invocations, retries and parts of split batches included.
    pub invocations: u64,
    /// Records done, those that no filter let through included.
    pub records: u64,
    /// Invocations that the function failed, wholly or in part.
    pub function_errors: u64,
    /// Batches, or parts of them, given up.
    pub failed_batches: u64,
    /// Records given up.
    pub failed_records: u64,
    /// Age of the oldest record that was read and is not done, of whatever shard; 0 when all are done.
    pub iterator_age_ms: u64,
}

impl Stat {
    pub(crate) fn invoked(&self) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes when the oldest record of a shard that is not done arrived; `None` if all are done.
    pub(crate) fn waits_since(&self, shard_id: &str, arrival_ms: Option<u64>) {
        let mut waiting = self.waiting_since_ms.lock();
        match (arrival_ms, waiting.get_mut(shard_id)) {
            (Some(arrival_ms), Some(since_ms)) => *since_ms = arrival_ms,
            (Some(arrival_ms), None) => drop(waiting.insert(shard_id.into(), arrival_ms)),
            (None, _) => drop(waiting.remove(shard_id)),
        }
    }

    fn iterator_age_ms(&self, now_ms: u64) -> u64 {
        self.waiting_since_ms.lock().values().min().map_or(0, |since_ms| now_ms.saturating_sub(*since_ms))
    }

    pub(crate) fn succeeded(&self, records: usize) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        *self.last_result.lock() = ProcessingResult::Ok;
    }

    /// Records that no filter lets through are done, too.
    pub(crate) fn filtered_out(&self, records: usize) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn partially_succeeded(&self, records: usize) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn function_failed(&self) {
        self.function_errors.fetch_add(1, Ordering::Relaxed);
        self.problem("Function call failed".into());
    }

    pub(crate) fn gave_up(&self, records: usize) {
        self.failed_batches.fetch_add(1, Ordering::Relaxed);
        self.failed_records.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn problem(&self, text: String) {
        *self.last_result.lock() = ProcessingResult::Problem(text);
    }

    pub(crate) fn last_result(&self) -> ProcessingResult {
        self.last_result.lock().clone()
    }

    pub(crate) fn snapshot(
        &self,
        uuid: &str,
        function: String,
        event_source_arn: String,
        state: MappingState,
        now_ms: u64,
    ) -> MappingStat {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MappingStat {
            uuid: uuid.into(),
            function,
            event_source_arn,
            state,
            last_processing_result: self.last_result(),
            invocations: count(&self.invocations),
            records: count(&self.records),
            function_errors: count(&self.function_errors),
            failed_batches: count(&self.failed_batches),
            failed_records: count(&self.failed_records),
            iterator_age_ms: self.iterator_age_ms(now_ms),
        }
    }
}
