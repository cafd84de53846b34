//! One batch of the stream: decode, group by session, write each, report what failed.

use crate::session::{NewClick, Session};
use crate::store::{Saved, SessionStore, StoreError};
use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::event::streams::KinesisEventResponse;
use click::{Click, SequenceNumber};
use futures::{StreamExt, stream};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// How many sessions are written at once.
const SESSIONS_AT_ONCE: usize = 16;
/// How many times a session is read again because another writer got there first.
const CONFLICTS_MAX: u32 = 8;
/// Longest pause before the first re-read; it doubles with each.
const CONFLICT_PAUSE: Duration = Duration::from_millis(5);

/// Folds a batch into the table and names the records that must be delivered again: those that
/// are not clicks, and all those of a session that could not be written.
pub async fn write_batch<S: SessionStore>(event: &KinesisEvent, store: &S) -> KinesisEventResponse {
    let mut sessions: BTreeMap<String, Vec<NewClick>> = BTreeMap::new();
    let mut failed: HashSet<String> = HashSet::new();
    for record in &event.records {
        match decode(record) {
            Ok(new) => sessions.entry(new.click.session_id.clone()).or_default().push(new),
            Err(reason) => {
                tracing::error!(sequence_number = record.kinesis.sequence_number, reason, "record is not a click");
                failed.insert(record.kinesis.sequence_number.clone());
            }
        }
    }
    let written = sessions.len();
    let mut writes = stream::iter(sessions)
        .map(|(session_id, clicks)| async move {
            let result = write_session(&session_id, &clicks, store).await;
            (session_id, clicks, result)
        })
        .buffer_unordered(SESSIONS_AT_ONCE);
    while let Some((session_id, clicks, result)) = writes.next().await {
        if let Err(error) = result {
            tracing::error!(session_id, clicks = clicks.len(), %error, "session not written");
            failed.extend(clicks.iter().map(|new| new.sequence.as_str().to_owned()));
        }
    }
    tracing::info!(records = event.records.len(), sessions = written, failed = failed.len(), "batch written");
    let mut response = KinesisEventResponse::default();
    let numbers = event.records.iter().map(|record| &record.kinesis.sequence_number);
    response.set_failures(numbers.filter(|number| failed.contains(*number)).cloned());
    response
}

/// Reads, folds and writes one session, retrying if another writer got in between.
async fn write_session<S: SessionStore>(session_id: &str, clicks: &[NewClick], store: &S) -> Result<(), StoreError> {
    let mut pause = CONFLICT_PAUSE;
    for _ in 0..=CONFLICTS_MAX {
        let stored = store.read(session_id).await?;
        let fold = Session::fold(stored.as_ref(), clicks).map_err(|full| StoreError(full.to_string()))?;
        let Some(fold) = fold else { return Ok(()) };
        let seen = stored.as_ref().map(|session| &session.last_sequence);
        match store.write(session_id, &fold, seen).await? {
            Saved::Yes => return Ok(()),
            Saved::ChangedMeanwhile => {
                tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                pause *= 2;
            }
        }
    }
    Err(StoreError(format!("changed by others {} times in a row", CONFLICTS_MAX + 1)))
}

fn decode(record: &KinesisEventRecord) -> Result<NewClick, String> {
    let sequence = SequenceNumber::new(&record.kinesis.sequence_number).map_err(|error| error.to_string())?;
    let click = Click::from_json(&record.kinesis.data).map_err(|error| error.to_string())?;
    Ok(NewClick { sequence, click })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Fold, tests::click};
    use base64_simd::STANDARD;
    use serde_json::{Value, json};
    use std::sync::Mutex;

    /// The table in memory.
    #[derive(Default)]
    struct MemorySessions {
        items: Mutex<BTreeMap<String, Session>>,
        /// Sessions that cannot be written.
        broken: Vec<&'static str>,
        /// How many writes lose to a faster one.
        conflicts: Mutex<u32>,
    }

    impl SessionStore for MemorySessions {
        async fn read(&self, session_id: &str) -> Result<Option<Session>, StoreError> {
            Ok(self.items.lock().unwrap().get(session_id).cloned())
        }

        async fn write(&self, id: &str, fold: &Fold, seen: Option<&SequenceNumber>) -> Result<Saved, StoreError> {
            if self.broken.contains(&id) {
                return Err(StoreError("ItemCollectionSizeLimitExceeded".into()));
            }
            let mut conflicts = self.conflicts.lock().unwrap();
            if *conflicts > 0 {
                *conflicts -= 1;
                return Ok(Saved::ChangedMeanwhile);
            }
            let mut items = self.items.lock().unwrap();
            if items.get(id).map(|session| &session.last_sequence) != seen {
                return Ok(Saved::ChangedMeanwhile);
            }
            items.insert(id.to_owned(), fold.session.clone());
            Ok(Saved::Yes)
        }
    }

    fn record(sequence: u64, data: &[u8]) -> Value {
        json!({"kinesis": {
            "sequenceNumber": sequence.to_string(), "partitionKey": "s", "data": STANDARD.encode_to_string(data),
            "approximateArrivalTimestamp": 1_781_517_601.5, "kinesisSchemaVersion": "1.0"
        }})
    }

    fn event(clicks: &[(u64, &str, &str)]) -> Vec<Value> {
        let data = |&(sequence, id, session): &(u64, &str, &str)| {
            record(sequence, &serde_json_bytes(&click(sequence, id, session, 1, "/").click))
        };
        clicks.iter().map(data).collect()
    }

    fn serde_json_bytes(click: &Click) -> Vec<u8> {
        serde_json::to_vec(click).unwrap()
    }

    async fn write(store: &MemorySessions, records: Vec<Value>) -> Vec<String> {
        let event: KinesisEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let response = write_batch(&event, store).await;
        response.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect()
    }

    #[tokio::test]
    async fn each_session_gets_its_clicks() {
        let store = MemorySessions::default();
        let batch = event(&[(1, "a", "s1"), (2, "b", "s2"), (3, "c", "s1")]);
        assert_eq!(write(&store, batch.clone()).await, [""; 0]);
        assert_eq!(write(&store, batch).await, [""; 0]);
        let items = store.items.lock().unwrap();
        assert_eq!((items["s1"].clicks, items["s2"].clicks), (2, 1));
    }

    #[tokio::test]
    async fn only_failed_records_are_reported() {
        let store = MemorySessions { broken: vec!["s2"], ..MemorySessions::default() };
        let mut batch = event(&[(1, "a", "s1"), (2, "b", "s2"), (4, "c", "s1"), (5, "d", "s2")]);
        batch.insert(2, record(3, b"not a click"));
        assert_eq!(write(&store, batch).await, ["2", "3", "5"]);
        assert_eq!(store.items.lock().unwrap()["s1"].clicks, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_faster_writer_costs_a_retry_and_no_click() {
        let store = MemorySessions { conflicts: Mutex::new(3), ..MemorySessions::default() };
        assert_eq!(write(&store, event(&[(1, "a", "s1")])).await, [""; 0]);
        assert_eq!(store.items.lock().unwrap()["s1"].clicks, 1);
        let store = MemorySessions { conflicts: Mutex::new(1000), ..MemorySessions::default() };
        assert_eq!(write(&store, event(&[(1, "a", "s1")])).await, ["1"]);
    }

    #[tokio::test]
    async fn the_sample_event_is_written() {
        let event: KinesisEvent = serde_json::from_str(include_str!("../event.json")).unwrap();
        let store = MemorySessions::default();
        assert!(write_batch(&event, &store).await.batch_item_failures.is_empty());
        assert_eq!(store.items.lock().unwrap()["s1"].clicks, 2);
    }
}
