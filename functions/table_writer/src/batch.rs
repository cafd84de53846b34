//! One batch of the stream: decode, group by session, read all sessions, write each, report what failed.

use crate::session::{NewClick, Session};
use crate::store::{Change, Saved, SessionStore, StoreError, Stored};
use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::event::streams::KinesisEventResponse;
use click::{Click, SequenceNumber};
use futures::{StreamExt, stream};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// The most sessions of one transaction.
const PART_SESSIONS_MAX: usize = 100;
/// How many transactions are under way at once.
const PARTS_AT_ONCE: usize = 4;
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
    let stored = read_all(sessions.keys(), store).await;
    let mut writes =
        stream::iter(parts(sessions, stored)).map(|part| write_part(part, store)).buffer_unordered(PARTS_AT_ONCE);
    while let Some(results) = writes.next().await {
        for (ClicksOfSession { session_id, clicks }, result) in results {
            if let Err(error) = result {
                tracing::error!(session_id, clicks = clicks.len(), %error, "session not written");
                failed.extend(clicks.iter().map(|new| new.sequence.as_str().to_owned()));
            }
        }
    }
    tracing::info!(records = event.records.len(), sessions = written, failed = failed.len(), "batch written");
    let mut response = KinesisEventResponse::default();
    let numbers = event.records.iter().map(|record| &record.kinesis.sequence_number);
    response.set_failures(numbers.filter(|number| failed.contains(*number)).cloned());
    response
}

/// All sessions of the batch; if the table does not answer, that is the outcome for each.
async fn read_all<S: SessionStore>(session_ids: impl Iterator<Item = &String>, store: &S) -> Stored {
    let ids: Vec<&str> = session_ids.map(String::as_str).collect();
    match store.read(&ids).await {
        Ok(stored) => stored,
        Err(error) => ids.into_iter().map(|id| (id.to_owned(), Err(error.clone()))).collect(),
    }
}

/// Sessions that are written together, and what was read of each.
type Part = Vec<(ClicksOfSession, Result<Option<Session>, StoreError>)>;

fn parts(sessions: BTreeMap<String, Vec<NewClick>>, mut stored: Stored) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (session_id, clicks) in sessions {
        let read = stored.remove(&session_id).transpose();
        let session = (ClicksOfSession { session_id, clicks }, read);
        match parts.last_mut() {
            Some(part) if part.len() < PART_SESSIONS_MAX => part.push(session),
            _ => parts.push(vec![session]),
        }
    }
    parts
}

/// Writes all sessions of a part at once. If one of them has changed meanwhile, or can't be written, each is
/// written by itself, so that the others are none the worse for it.
async fn write_part<S: SessionStore>(part: Part, store: &S) -> Vec<(ClicksOfSession, Result<(), StoreError>)> {
    let (mut results, mut changes, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for (session, read) in part {
        match read.and_then(|stored| session.fold_into(stored.as_ref())) {
            Ok(None) => results.push((session, Ok(()))),
            Ok(Some(change)) => {
                changes.push(change);
                changed.push(session);
            }
            Err(error) => results.push((session, Err(error))),
        }
    }
    let is_written = changes.is_empty() || matches!(store.write_all(&changes).await, Ok(Saved::Yes));
    for session in changed {
        let result = if is_written { Ok(()) } else { session.write(store).await };
        results.push((session, result));
    }
    results
}

/// The clicks of a session in the batch.
struct ClicksOfSession {
    session_id: String,
    clicks: Vec<NewClick>,
}

impl ClicksOfSession {
    /// What the clicks make of the stored session; `None` if they change nothing.
    fn fold_into(&self, stored: Option<&Session>) -> Result<Option<Change>, StoreError> {
        let fold = Session::fold(stored, &self.clicks).map_err(|full| StoreError(full.to_string()))?;
        let seen = stored.map(|session| session.last_sequence.clone());
        Ok(fold.map(|fold| Change { session_id: self.session_id.clone(), fold, seen }))
    }

    /// Reads, folds and writes the session, again if another writer gets in between.
    async fn write<S: SessionStore>(&self, store: &S) -> Result<(), StoreError> {
        let mut pause = CONFLICT_PAUSE;
        for _ in 0..=CONFLICTS_MAX {
            let stored = store.read(&[&self.session_id]).await?.remove(&self.session_id).transpose()?;
            let Some(change) = self.fold_into(stored.as_ref())? else { return Ok(()) };
            match store.write(&change).await? {
                Saved::Yes => return Ok(()),
                Saved::ChangedMeanwhile => {
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                    pause *= 2;
                }
            }
        }
        Err(StoreError(format!("changed by others {} times in a row", CONFLICTS_MAX + 1)))
    }
}

fn decode(record: &KinesisEventRecord) -> Result<NewClick, String> {
    let sequence = SequenceNumber::new(&record.kinesis.sequence_number).map_err(|error| error.to_string())?;
    let click = Click::from_json(&record.kinesis.data).map_err(|error| error.to_string())?;
    Ok(NewClick { sequence, click })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::click;
    use base64_simd::STANDARD;
    use serde_json::{Value, json};
    use std::sync::Mutex;

    /// The table in memory.
    #[derive(Default)]
    struct MemorySessions {
        items: Mutex<BTreeMap<String, Session>>,
        /// Sessions that cannot be written.
        broken: Vec<&'static str>,
        /// Sessions whose items are none.
        unreadable: Vec<&'static str>,
        /// How many transactions wrote to it.
        transactions: Mutex<u32>,
        /// How many times it was read.
        reads: Mutex<u32>,
        /// How many writes lose to a faster one.
        conflicts: Mutex<u32>,
    }

    impl SessionStore for MemorySessions {
        async fn read(&self, session_ids: &[&str]) -> Result<Stored, StoreError> {
            *self.reads.lock().unwrap() += 1;
            let items = self.items.lock().unwrap();
            let stored = session_ids.iter().filter_map(|id| items.get_key_value(*id));
            let mut stored: Stored = stored.map(|(id, session)| (id.clone(), Ok(session.clone()))).collect();
            for id in session_ids.iter().filter(|id| self.unreadable.contains(id)) {
                stored.insert((*id).to_owned(), Err(StoreError("the stored session has no number clicks".into())));
            }
            Ok(stored)
        }

        async fn write(&self, change: &Change) -> Result<Saved, StoreError> {
            if self.broken.contains(&&*change.session_id) {
                return Err(StoreError("ItemCollectionSizeLimitExceeded".into()));
            }
            let mut conflicts = self.conflicts.lock().unwrap();
            if *conflicts > 0 {
                *conflicts -= 1;
                return Ok(Saved::ChangedMeanwhile);
            }
            let mut items = self.items.lock().unwrap();
            if items.get(&change.session_id).map(|session| &session.last_sequence) != change.seen.as_ref() {
                return Ok(Saved::ChangedMeanwhile);
            }
            items.insert(change.session_id.clone(), change.fold.session.clone());
            Ok(Saved::Yes)
        }

        async fn write_all(&self, changes: &[Change]) -> Result<Saved, StoreError> {
            assert!((1..=100).contains(&changes.len()), "one transaction has 1 to 100 items");
            let before = self.items.lock().unwrap().clone();
            for change in changes {
                let saved = self.write(change).await;
                if saved != Ok(Saved::Yes) {
                    *self.items.lock().unwrap() = before;
                    return saved;
                }
            }
            *self.transactions.lock().unwrap() += 1;
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
        assert_eq!(*store.reads.lock().unwrap(), 2, "a batch is one read");
        assert_eq!(*store.transactions.lock().unwrap(), 1, "and one write, unless nothing is new");
    }

    #[tokio::test]
    async fn only_failed_records_are_reported() {
        let store = MemorySessions { broken: vec!["s2"], unreadable: vec!["s3"], ..MemorySessions::default() };
        let mut batch = event(&[(1, "a", "s1"), (2, "b", "s2"), (4, "c", "s1"), (5, "d", "s2"), (6, "e", "s3")]);
        batch.insert(2, record(3, b"not a click"));
        assert_eq!(write(&store, batch).await, ["2", "3", "5", "6"]);
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
