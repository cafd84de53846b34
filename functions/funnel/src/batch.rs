//! One batch of the stream: check everything, then write.

use crate::store::{FunnelStore, StoreError};
use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use click::{Click, ClickError, FunnelError, Step};
use futures::{TryStreamExt, stream};
use lambda_runtime::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};

/// The most sessions written in one transaction, which takes 100 items.
const TRANSACTION_SESSIONS_MAX: usize = 100;
/// How many transactions are under way at once.
const TRANSACTIONS_AT_ONCE: usize = 4;

/// Why a batch failed; none of it counts as done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunnelBatchError {
    /// A record is not a click.
    #[error("record {sequence_number}: {cause}")]
    NotAClick {
        /// The record's sequence number.
        sequence_number: String,
        /// The rule it breaks.
        cause: ClickError,
    },
    /// A record is a click that has no place in the funnel.
    #[error("record {sequence_number} (event {event_id:?}): {cause}")]
    NotInFunnel {
        /// The record's sequence number.
        sequence_number: String,
        /// The click's id.
        event_id: String,
        /// The rule it breaks.
        cause: FunnelError,
    },
    /// All records are good, but the table could not be written.
    #[error("session {first:?} and {others} more not written: {cause}")]
    NotWritten {
        /// The first session of the transaction that failed.
        first: String,
        /// How many more it has.
        others: usize,
        /// What the table said.
        cause: StoreError,
    },
}

impl FunnelBatchError {
    /// The error as Lambda reports it: the variant is the `errorType`.
    #[must_use]
    pub fn into_diagnostic(self) -> Diagnostic {
        let error_type = match self {
            Self::NotAClick { .. } => "NotAClick",
            Self::NotInFunnel { .. } => "NotInFunnel",
            Self::NotWritten { .. } => "NotWritten",
        };
        Diagnostic { error_type: error_type.into(), error_message: self.to_string() }
    }
}

/// Checks a whole batch, then adds each session's steps to the table.
///
/// # Errors
/// [`FunnelBatchError`] for the first record that does not belong, before any write; or for a
/// write that failed.
pub async fn record_batch<S: FunnelStore>(event: &KinesisEvent, store: &S) -> Result<(), FunnelBatchError> {
    let mut sessions: BTreeMap<String, BTreeSet<Step>> = BTreeMap::new();
    for record in &event.records {
        let (session_id, step) = check(record)?;
        sessions.entry(session_id).or_default().insert(step);
    }
    let sessions: Vec<(String, BTreeSet<Step>)> = sessions.into_iter().collect();
    stream::iter(sessions.chunks(TRANSACTION_SESSIONS_MAX).map(Ok))
        .try_for_each_concurrent(TRANSACTIONS_AT_ONCE, |sessions| async move {
            let first = || sessions.first().map(|(session_id, _)| session_id.clone()).unwrap_or_default();
            let result = store.add_steps(sessions).await;
            result.map_err(|cause| FunnelBatchError::NotWritten { first: first(), others: sessions.len() - 1, cause })
        })
        .await?;
    tracing::info!(records = event.records.len(), sessions = sessions.len(), "batch recorded");
    Ok(())
}

fn check(record: &KinesisEventRecord) -> Result<(String, Step), FunnelBatchError> {
    let sequence_number = || record.kinesis.sequence_number.clone();
    let click = Click::from_json(&record.kinesis.data)
        .map_err(|cause| FunnelBatchError::NotAClick { sequence_number: sequence_number(), cause })?;
    match Step::reached_by(&click) {
        Ok(step) => Ok((click.session_id, step)),
        Err(cause) => {
            Err(FunnelBatchError::NotInFunnel { sequence_number: sequence_number(), event_id: click.event_id, cause })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64_simd::STANDARD;
    use serde_json::{Value, json};
    use std::sync::Mutex;

    /// The table in memory.
    #[derive(Default)]
    struct MemoryFunnel {
        items: Mutex<BTreeMap<String, BTreeSet<Step>>>,
        broken: bool,
    }

    impl FunnelStore for MemoryFunnel {
        async fn add_steps(&self, sessions: &[(String, BTreeSet<Step>)]) -> Result<(), StoreError> {
            assert!((1..=100).contains(&sessions.len()), "one transaction has 1 to 100 items");
            if self.broken {
                return Err(StoreError("table is gone".into()));
            }
            for (session_id, steps) in sessions {
                self.items.lock().unwrap().entry(session_id.clone()).or_default().extend(steps);
            }
            Ok(())
        }
    }

    fn click(session: &str, kind: &str, amount: Value) -> Vec<u8> {
        let click = json!({"event_id": "e", "session_id": session, "timestamp": "2026-06-15T10:00:00Z",
                           "type": kind, "page": "/", "amount_cents": amount});
        click.to_string().into_bytes()
    }

    fn event(records: &[Vec<u8>]) -> KinesisEvent {
        let record = |(number, data): (usize, &Vec<u8>)| {
            json!({"kinesis": {
                "sequenceNumber": number.to_string(), "partitionKey": "s", "data": STANDARD.encode_to_string(data),
                "approximateArrivalTimestamp": 1_781_517_601.5, "kinesisSchemaVersion": "1.0"
            }})
        };
        let records: Vec<Value> = records.iter().enumerate().map(record).collect();
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    #[tokio::test]
    async fn steps_gather_whatever_the_order_and_however_often() {
        let table = MemoryFunnel::default();
        let batch = event(&[
            click("s1", "purchase", json!(4990)),
            click("s1", "page_view", json!(null)),
            click("s2", "request", json!(null)),
        ]);
        for _ in 0..2 {
            record_batch(&batch, &table).await.unwrap();
        }
        let items = table.items.lock().unwrap();
        assert_eq!(items["s1"], BTreeSet::from([Step::View, Step::Purchase]));
        assert_eq!(items["s2"], BTreeSet::from([Step::View]));
    }

    #[tokio::test]
    async fn more_sessions_than_one_transaction_takes_are_written_too() {
        let table = MemoryFunnel::default();
        let clicks: Vec<_> = (0..250).map(|n| click(&format!("s{n}"), "page_view", json!(null))).collect();
        record_batch(&event(&clicks), &table).await.unwrap();
        assert_eq!(table.items.lock().unwrap().len(), 250);
    }

    #[tokio::test]
    async fn one_poison_record_fails_the_batch_before_any_write() {
        for (poison, error_type) in [
            (click("s2", "purchase", json!(null)), "NotInFunnel"),
            (click("s2", "teleport", json!(1)), "NotInFunnel"),
            (b"{\"half\":".to_vec(), "NotAClick"),
        ] {
            let table = MemoryFunnel::default();
            let batch = event(&[click("s1", "page_view", json!(null)), poison]);
            let diagnostic = record_batch(&batch, &table).await.unwrap_err().into_diagnostic();
            assert_eq!(diagnostic.error_type, error_type);
            assert!(diagnostic.error_message.starts_with("record 1"), "{}", diagnostic.error_message);
            assert!(table.items.lock().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_write_that_fails_fails_the_batch() {
        let table = MemoryFunnel { broken: true, ..MemoryFunnel::default() };
        let error = record_batch(&event(&[click("s1", "checkout", json!(null))]), &table).await.unwrap_err();
        assert_eq!(error.to_string(), "session \"s1\" and 0 more not written: table is gone");
    }

    #[tokio::test]
    async fn the_sample_event_is_recorded() {
        let event: KinesisEvent = serde_json::from_str(include_str!("../event.json")).unwrap();
        let table = MemoryFunnel::default();
        record_batch(&event, &table).await.unwrap();
        assert_eq!(table.items.lock().unwrap()["s1"].len(), 2);
    }
}
