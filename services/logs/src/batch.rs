//! What one put stores: a record of the log, with all its events in order of their time.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | form, [`FORM`] |
//! | 4 | number of events |
//! | 8 | time of the first event, in milliseconds since the Unix epoch |
//! | 8 | time of the last event |
//! | then for each event: 8 | its time |
//! | 4 | bytes of its message |
//! | … | its message |
//!
//! Numbers are little-endian. A put is one record so that it survives a crash whole or not at all.

/// The only form there is.
const FORM: u8 = 1;
/// Bytes before the first event.
const HEADER_BYTES: usize = 21;
/// Bytes of an event before its message.
const EVENT_HEADER_BYTES: usize = 12;

/// An event of a log stream, as it is put and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEvent {
    /// When it happened, in milliseconds since the Unix epoch, as its sender says.
    pub(crate) timestamp_ms: u64,
    pub(crate) message: String,
}

/// A record that holds no batch: damage that the log's checksums did not see, or a newer program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of the log is no batch of events")]
pub(crate) struct NotABatch;

/// Encodes events, which are in order of their time and at least one.
pub(crate) fn encode(events: &[LogEvent]) -> Vec<u8> {
    let bytes: usize = events.iter().map(|event| EVENT_HEADER_BYTES + event.message.len()).sum();
    let mut record = Vec::with_capacity(HEADER_BYTES + bytes);
    let time = |event: Option<&LogEvent>| event.map_or(0, |event| event.timestamp_ms).to_le_bytes();
    record.push(FORM);
    record.extend((events.len() as u32).to_le_bytes());
    record.extend(time(events.first()));
    record.extend(time(events.last()));
    for event in events {
        record.extend(event.timestamp_ms.to_le_bytes());
        record.extend((event.message.len() as u32).to_le_bytes());
        record.extend(event.message.as_bytes());
    }
    record
}

/// A batch in a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(crate) count: u32,
    /// Time of its first event.
    pub(crate) first_ms: u64,
    /// Time of its last event.
    pub(crate) last_ms: u64,
    events: &'a [u8],
}

impl<'a> Batch<'a> {
    pub(crate) fn of(record: &'a [u8]) -> Result<Self, NotABatch> {
        let (header, events) = record.split_at_checked(HEADER_BYTES).ok_or(NotABatch)?;
        if header[0] != FORM {
            return Err(NotABatch);
        }
        let count = u32::from_le_bytes(array(&header[1..5])?);
        Ok(Self { count, first_ms: read_u64(&header[5..])?, last_ms: read_u64(&header[13..])?, events })
    }

    /// Its events; ends early where the record does.
    pub(crate) fn iter(&self) -> Events<'a> {
        Events { rest: self.events }
    }

    /// Bytes of its events, as AWS counts them: each message and 26 more.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let header = EVENT_HEADER_BYTES as u64 * u64::from(self.count);
        (self.events.len() as u64).saturating_sub(header)
            + u64::from(self.count) * crate::limits::EVENT_OVERHEAD_BYTES as u64
    }
}

/// Offset of a record's first event.
pub(crate) const FIRST_EVENT: usize = HEADER_BYTES;

/// The event at `offset` of a record: its time, its message, and the offset behind it.
pub(crate) fn event_at(record: &[u8], offset: usize) -> Option<(u64, &str, usize)> {
    let (timestamp_ms, message) = event(record.get(offset..)?)?;
    Some((timestamp_ms, message, offset + EVENT_HEADER_BYTES + message.len()))
}

fn event(bytes: &[u8]) -> Option<(u64, &str)> {
    let (header, rest) = bytes.split_at_checked(EVENT_HEADER_BYTES)?;
    let length = u32::from_le_bytes(array(&header[8..]).ok()?) as usize;
    Some((read_u64(header).ok()?, std::str::from_utf8(rest.get(..length)?).ok()?))
}

/// See [`Batch::iter`].
#[derive(Debug, Clone)]
pub(crate) struct Events<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Events<'a> {
    /// The time and the message.
    type Item = (u64, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (timestamp_ms, message) = event(self.rest)?;
        self.rest = &self.rest[EVENT_HEADER_BYTES + message.len()..];
        Some((timestamp_ms, message))
    }
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], NotABatch> {
    bytes.first_chunk().copied().ok_or(NotABatch)
}

fn read_u64(bytes: &[u8]) -> Result<u64, NotABatch> {
    array(bytes).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn batches_are_read_back(mut times: Vec<(u64, String)>) {
            times.sort();
            let events: Vec<_> =
                times.into_iter().map(|(timestamp_ms, message)| LogEvent { timestamp_ms, message }).collect();
            let record = encode(&events);
            let batch = Batch::of(&record).unwrap();
            let read: Vec<_> =
                batch.iter().map(|(timestamp_ms, message)| LogEvent { timestamp_ms, message: message.into() }).collect();
            prop_assert_eq!(batch.count as usize, events.len());
            prop_assert_eq!(read, events);
        }

        #[test]
        fn other_bytes_are_refused_or_end(record: Vec<u8>) {
            if let Ok(batch) = Batch::of(&record) {
                batch.iter().for_each(drop);
            }
        }
    }
}
