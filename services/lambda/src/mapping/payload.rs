//! The payload of an invocation: an event of records, within the limit of six megabytes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::sources::SourceRecord;
use crate::invoke::PAYLOAD_BYTES_MAX;

const PREFIX: &[u8] = br#"{"Records":["#;
const SUFFIX: &[u8] = b"]}";

/// A record in the form in which the function gets it.
#[derive(Debug, Clone)]
pub(crate) struct EventRecord {
    /// By what the function names it in `batchItemFailures`.
    pub(crate) identifier: Arc<str>,
    pub(crate) arrival_ms: u64,
    /// Hash of the key among whose records order is kept, if there is one. Two keys of one hash are
    /// kept in order, too, which harms nothing.
    pub(crate) ordering: Option<u64>,
    /// Its entry in `Records`: a part of a buffer that it shares with the records read with it.
    json: Bytes,
}

impl EventRecord {
    /// The events of `records`, written into one buffer.
    pub(crate) fn of_all<'a>(records: impl IntoIterator<Item = &'a dyn SourceRecord>) -> Vec<Self> {
        let mut buffer = Vec::new();
        let mut written = Vec::new();
        for record in records {
            let start = buffer.len();
            record.write_event(&mut buffer);
            written.push((record, start..buffer.len()));
        }
        let buffer = Bytes::from(buffer);
        let event = |(record, range): (&dyn SourceRecord, std::ops::Range<usize>)| Self {
            identifier: record.identifier().into(),
            arrival_ms: record.arrival_ms(),
            ordering: record.ordering_key().map(hash),
            json: buffer.slice(range),
        };
        written.into_iter().map(event).collect()
    }

    #[cfg(test)]
    pub(crate) fn named(identifier: &str) -> Self {
        Self { identifier: identifier.into(), arrival_ms: 0, ordering: None, json: Bytes::from_static(b"{}") }
    }

    /// Bytes it takes in a payload, its comma included.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.json.len() + 1
    }

    /// Whether it can't be given to a function even alone, beside `beside_bytes` of other members.
    pub(crate) fn is_too_large(&self, beside_bytes: usize) -> bool {
        envelope_bytes(beside_bytes) + self.payload_bytes() > PAYLOAD_BYTES_MAX
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Bytes of a payload without its records, `beside_bytes` of them members beside `Records`.
fn envelope_bytes(beside_bytes: usize) -> usize {
    PREFIX.len() + SUFFIX.len() + beside_bytes
}

/// The payload of an invocation with `records`, and with what `beside` holds: further members, each
/// with a comma before it.
pub(crate) fn payload<'a>(records: impl Iterator<Item = &'a EventRecord> + Clone, beside: &str) -> Bytes {
    let bytes: usize = records.clone().map(EventRecord::payload_bytes).sum();
    let mut text = Vec::with_capacity(envelope_bytes(beside.len()) + bytes);
    text.extend_from_slice(PREFIX);
    for (index, record) in records.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(&record.json);
    }
    let (list_end, object_end) = SUFFIX.split_at(1);
    text.extend_from_slice(list_end);
    text.extend_from_slice(beside.as_bytes());
    text.extend_from_slice(object_end);
    text.into()
}

/// How many of `records` fit one payload beside `beside_bytes` of other members; at least one.
pub(crate) fn fitting<'a>(records: impl Iterator<Item = &'a EventRecord>, beside_bytes: usize) -> usize {
    let mut bytes = envelope_bytes(beside_bytes);
    let fits = |record: &&EventRecord| {
        bytes += record.payload_bytes();
        bytes <= PAYLOAD_BYTES_MAX
    };
    records.take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> EventRecord {
        EventRecord { json: format!("\"{}\"", "x".repeat(bytes)).into(), ..EventRecord::named("1") }
    }

    #[test]
    fn payloads_stay_within_six_megabytes() {
        let records = vec![record(5 << 20 >> 2); 6];
        let count = fitting(records.iter(), 0);
        assert_eq!(count, 4);
        assert!(payload(records[..count].iter(), "").len() <= PAYLOAD_BYTES_MAX);
        assert!(payload(records[..count + 1].iter(), "").len() > PAYLOAD_BYTES_MAX);
        assert_eq!(fitting(records.iter(), 2 << 20), 3);
        assert!(!record(5 << 20).is_too_large(0));
        assert!(record(5 << 20).is_too_large(2 << 20));
        assert!(record(6 << 20).is_too_large(0));
    }

    #[test]
    fn other_members_stand_beside_the_records() {
        let records = [EventRecord::named("1"), EventRecord::named("2")];
        assert_eq!(payload(records.iter(), ""), r#"{"Records":[{},{}]}"#);
        assert_eq!(payload(records.iter(), r#","a":1"#), r#"{"Records":[{},{}],"a":1}"#);
        assert_eq!(payload(records[..0].iter(), r#","a":1"#), r#"{"Records":[],"a":1}"#);
    }
}
