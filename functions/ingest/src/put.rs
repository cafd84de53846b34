//! Puts many records, in calls the service accepts, and retries what failed until a deadline.

use bytes::Bytes;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// The most records in one call (the same for `PutRecords` and `PutRecordBatch`).
const CALL_RECORDS_MAX: usize = 500;
/// The most bytes in one call: Firehose allows 4 MiB, Kinesis more.
const CALL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest pause before the first retry; it doubles with each.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// Longest pause before any retry.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// One record to put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What keeps records in order: the session.
    pub partition_key: String,
    /// The click as JSON, without a newline.
    pub data: Bytes,
}

/// Why a whole call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// It may succeed if repeated: throttled, timed out, unreachable.
    #[error("{0}")]
    Unavailable(String),
    /// Repeating it would not help: no such stream, no permission.
    #[error("{0}")]
    Refused(String),
}

/// A place to put records, which reports on each one.
pub trait Sink {
    /// Puts up to 500 records; returns, for each in order, the error that kept it out, if any.
    ///
    /// # Errors
    /// [`PutError`] when nothing is known to have been put.
    fn put(&self, records: &[&Record]) -> impl Future<Output = Result<Vec<Option<String>>, PutError>> + Send;
}

/// What [`put_all`] could not put.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Indices of the records, ascending.
    pub indices: Vec<usize>,
    /// The last error seen.
    pub reason: String,
}

/// Puts all records and retries those that failed, with exponential backoff and full jitter,
/// until everything is in or the deadline is reached.
pub(crate) async fn put_all<S: Sink>(sink: &S, records: &[Record], deadline: Instant) -> Failed {
    let mut failed = Failed { indices: (0..records.len()).collect(), reason: String::new() };
    let mut backoff = BACKOFF_FIRST;
    loop {
        let refused = put_once(sink, records, &mut failed, deadline).await;
        let pause = backoff.mul_f64(fastrand::f64());
        if failed.indices.is_empty() || refused || Instant::now() + pause >= deadline {
            return failed;
        }
        sleep(pause).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// One pass over what is still missing; leaves in `failed` what remains. True if retrying is pointless.
async fn put_once<S: Sink>(sink: &S, records: &[Record], failed: &mut Failed, deadline: Instant) -> bool {
    let mut refused = false;
    let mut remaining = Vec::new();
    for call in calls(records, &failed.indices) {
        let batch: Vec<&Record> = call.iter().map(|&index| &records[index]).collect();
        match timeout_at(deadline, sink.put(&batch)).await {
            Ok(Ok(results)) => {
                // A response shorter than the request says nothing about the rest: put them again.
                for (position, &index) in call.iter().enumerate() {
                    if let Some(error) = results.get(position).cloned().unwrap_or(Some("no result".into())) {
                        failed.reason = error;
                        remaining.push(index);
                    }
                }
            }
            Ok(Err(error)) => {
                refused |= matches!(error, PutError::Refused(_));
                failed.reason = error.to_string();
                remaining.extend(call);
            }
            Err(_) => {
                failed.reason = "no answer before the deadline".into();
                remaining.extend(call);
            }
        }
    }
    failed.indices = remaining;
    refused
}

/// Splits `indices` into calls within the limits on records and bytes.
fn calls(records: &[Record], indices: &[usize]) -> Vec<Vec<usize>> {
    let mut calls: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for &index in indices {
        // The larger of the two forms: Firehose adds a newline, Kinesis counts the key.
        let size = records[index].data.len() + records[index].partition_key.len() + 1;
        match calls.last_mut() {
            Some(call) if call.len() < CALL_RECORDS_MAX && bytes + size <= CALL_BYTES_MAX => {
                call.push(index);
                bytes += size;
            }
            _ => {
                calls.push(vec![index]);
                bytes = size;
            }
        }
    }
    calls
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::Mutex;

    /// What an in-memory sink does with a record, given how often it has seen that record before.
    type Verdict = dyn Fn(&Record, usize) -> Option<String> + Send + Sync;

    /// A sink in memory: keeps what it accepts, in order, and fails as instructed.
    pub(crate) struct MemorySink {
        verdict: Box<Verdict>,
        seen: Mutex<Vec<Bytes>>,
        pub(crate) taken: Mutex<Vec<Record>>,
        pub(crate) call_error: Mutex<Option<PutError>>,
    }

    impl MemorySink {
        pub(crate) fn new(verdict: impl Fn(&Record, usize) -> Option<String> + Send + Sync + 'static) -> Self {
            Self {
                verdict: Box::new(verdict),
                seen: Mutex::default(),
                taken: Mutex::default(),
                call_error: Mutex::default(),
            }
        }

        pub(crate) fn taking_all() -> Self {
            Self::new(|_, _| None)
        }
    }

    impl Sink for MemorySink {
        async fn put(&self, records: &[&Record]) -> Result<Vec<Option<String>>, PutError> {
            assert!(records.len() <= CALL_RECORDS_MAX);
            if let Some(error) = self.call_error.lock().unwrap().clone() {
                return Err(error);
            }
            let mut seen = self.seen.lock().unwrap();
            let mut results = Vec::new();
            for &record in records {
                let before = seen.iter().filter(|data| **data == record.data).count();
                seen.push(record.data.clone());
                let result = (self.verdict)(record, before);
                if result.is_none() {
                    self.taken.lock().unwrap().push(record.clone());
                }
                results.push(result);
            }
            Ok(results)
        }
    }

    fn records(count: usize, bytes: usize) -> Vec<Record> {
        (0..count)
            .map(|n| Record { partition_key: format!("s{n}"), data: format!("{n}{}", "x".repeat(bytes)).into() })
            .collect()
    }

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_failed_is_put_again() {
        let sink = MemorySink::new(|record, before| {
            (record.partition_key == "s3" && before < 4).then(|| "ProvisionedThroughputExceededException".into())
        });
        assert_eq!(put_all(&sink, &records(10, 2), in_seconds(30)).await.indices, [0; 0]);
        assert_eq!(sink.taken.lock().unwrap().len(), 10);
        assert_eq!(sink.seen.lock().unwrap().len(), 14);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_it_and_names_what_is_out() {
        let sink = MemorySink::new(|record, _| (record.partition_key == "s1").then(|| "Throttled".into()));
        let deadline = in_seconds(5);
        let failed = put_all(&sink, &records(3, 2), deadline).await;
        assert_eq!(failed, Failed { indices: vec![1], reason: "Throttled".into() });
        assert!(Instant::now() < deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_call_is_not_repeated() {
        let sink = MemorySink::taking_all();
        *sink.call_error.lock().unwrap() = Some(PutError::Refused("no such stream".into()));
        let began = Instant::now();
        let failed = put_all(&sink, &records(2, 2), in_seconds(5)).await;
        assert_eq!(failed, Failed { indices: vec![0, 1], reason: "no such stream".into() });
        assert_eq!(Instant::now(), began);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_never_answers_is_left_at_the_deadline() {
        struct Silent;
        impl Sink for Silent {
            async fn put(&self, _: &[&Record]) -> Result<Vec<Option<String>>, PutError> {
                std::future::pending().await
            }
        }
        let deadline = in_seconds(3);
        assert_eq!(put_all(&Silent, &records(1, 2), deadline).await.indices, [0]);
        assert!(Instant::now() <= deadline + Duration::from_millis(2));
    }

    #[test]
    fn calls_keep_within_the_services_limits() {
        let many = records(501, 10);
        let sizes = |cut: Vec<Vec<usize>>| cut.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(calls(&many, &(0..501).collect::<Vec<_>>())), [500, 1]);
        let large = records(5, 1_000_000);
        assert_eq!(sizes(calls(&large, &[0, 1, 2, 3, 4])), [4, 1]);
        assert_eq!(calls(&large, &[]), [[0usize; 0]; 0]);
    }
}
