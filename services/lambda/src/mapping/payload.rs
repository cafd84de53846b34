//! The payload of an invocation: an event of records, within the limit of six megabytes.

use bytes::Bytes;

use super::sources::SourceRecord;
use crate::invoke::PAYLOAD_BYTES_MAX;

const PREFIX: &str = r#"{"Records":["#;
const SUFFIX: &str = "]}";

/// A record in the form in which the function gets it.
#[derive(Debug, Clone)]
pub(crate) struct EventRecord {
    /// By what the function names it in `batchItemFailures`.
    pub(crate) identifier: String,
    pub(crate) arrival_ms: u64,
    json: String,
}

impl EventRecord {
    pub(crate) fn new(record: &dyn SourceRecord) -> Self {
        Self { identifier: record.identifier().into(), arrival_ms: record.arrival_ms(), json: record.event() }
    }

    #[cfg(test)]
    pub(crate) fn named(identifier: &str) -> Self {
        Self { identifier: identifier.into(), arrival_ms: 0, json: "{}".into() }
    }

    /// Bytes it takes in a payload, its comma included.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.json.len() + 1
    }

    /// Whether it can't be given to a function even alone.
    pub(crate) fn is_too_large(&self) -> bool {
        PREFIX.len() + self.payload_bytes() + SUFFIX.len() > PAYLOAD_BYTES_MAX
    }
}

/// The payload of an invocation with `records`.
pub(crate) fn payload<'a>(records: impl Iterator<Item = &'a EventRecord> + Clone) -> Bytes {
    let bytes: usize = records.clone().map(EventRecord::payload_bytes).sum();
    let mut text = String::with_capacity(PREFIX.len() + bytes + SUFFIX.len());
    text += PREFIX;
    for (index, record) in records.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text += &record.json;
    }
    text += SUFFIX;
    text.into()
}

/// How many of `records` fit one payload; at least one.
pub(crate) fn fitting<'a>(records: impl Iterator<Item = &'a EventRecord>) -> usize {
    let mut bytes = PREFIX.len() + SUFFIX.len();
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
        EventRecord { identifier: "1".into(), arrival_ms: 0, json: format!("\"{}\"", "x".repeat(bytes)) }
    }

    #[test]
    fn payloads_stay_within_six_megabytes() {
        let records = vec![record(5 << 20 >> 2); 6];
        let count = fitting(records.iter());
        assert_eq!(count, 4);
        assert!(payload(records[..count].iter()).len() <= PAYLOAD_BYTES_MAX);
        assert!(payload(records[..count + 1].iter()).len() > PAYLOAD_BYTES_MAX);
        assert!(!record(5 << 20).is_too_large());
        assert!(record(6 << 20).is_too_large());
    }
}
