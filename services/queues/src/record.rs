//! What the log holds. All queues share one lane, so that a batch, a receive and a deletion are a
//! frame each and one flush serves them all. Numbers are little-endian.
//!
//! | record | holds |
//! | --- | --- |
//! | message | queue, sequence number, state, id, contents; a copy replaces the record before |
//! | received | queue, time, until when, sequence numbers |
//! | deleted | queue, sequence numbers |
//! | due | queue, time, sequence numbers |
//! | purged | queue, the last sequence number that is gone |
//! | sent | queue and what deduplication remembers, without the message |
//!
//! A queue that control state does not know was deleted, and all its records mean nothing.

use std::sync::Arc;

use anabranch_ports::{AttributeValue, MessageAttribute};
use uuid::Uuid;

use crate::state::{Message, Place, Seq};

const MESSAGE: u8 = 1;
const RECEIVED: u8 = 2;
const DELETED: u8 = 3;
const DUE: u8 = 4;
const PURGED: u8 = 5;
const SENT: u8 = 6;

/// Bytes of a message's record before its texts.
const HEAD_BYTES: usize = 1 + 16 + 8 * 4 + 4 * 3 + 2 + 16;
const SEQ_AT: usize = 17;
/// Stands for a text that is not there.
const ABSENT: u32 = u32::MAX;

/// What a message is, apart from where it is in its life.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// `MessageId`.
    pub(crate) id: Uuid,
    /// Its text.
    pub(crate) body: String,
    /// `MessageAttributes`, by name.
    pub(crate) attributes: Vec<(String, MessageAttribute)>,
    /// `SenderId`.
    pub(crate) sender: String,
    /// `MessageGroupId`.
    pub(crate) group: Option<String>,
    /// `MessageDeduplicationId`.
    pub(crate) deduplication: Option<String>,
    /// `AWSTraceHeader`.
    pub(crate) trace_header: Option<String>,
    /// `DeadLetterQueueSourceArn`.
    pub(crate) source_arn: Option<String>,
}

/// Who remembers a message's deduplication id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nobody: it was moved, or its queue is standard.
    None,
    /// Its queue.
    Queue,
    /// Its group.
    Group,
}

/// What deduplication remembers of a message that may be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) key: [u8; 16],
    pub(crate) seq: Seq,
    pub(crate) id: Uuid,
    pub(crate) sent_ms: u64,
}

/// A record that was read, as far as replaying needs it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Message { seq: Seq, message: Message, id: Uuid, scope: Scope, deduplication: Option<String> },
    Received { now_ms: u64, until_ms: u64, seqs: Vec<Seq> },
    Deleted { seqs: Vec<Seq> },
    Due { due_ms: u64, seqs: Vec<Seq> },
    Purged { last: Seq },
    Sent(Remembered),
}

/// A message's record. Its sequence number is set by [`set_seq`], once the message's turn has come.
pub(crate) fn message(queue: Uuid, state: &Message, scope: Scope, contents: &Contents) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEAD_BYTES + 64 + contents.body.len());
    record.push(MESSAGE);
    record.extend_from_slice(queue.as_bytes());
    for number in [0, state.sent_ms, state.due_ms, state.first_received_ms] {
        record.extend_from_slice(&number.to_le_bytes());
    }
    for number in [state.receives, state.receives_before, state.receipt] {
        record.extend_from_slice(&number.to_le_bytes());
    }
    record.push(match state.place {
        Place::Ready | Place::Leaving => 0,
        Place::Delayed => 1,
        Place::InFlight => 2,
    });
    record.push(match scope {
        Scope::None => 0,
        Scope::Queue => 1,
        Scope::Group => 2,
    });
    record.extend_from_slice(contents.id.as_bytes());
    debug_assert_eq!(record.len(), HEAD_BYTES);
    for text in [&contents.group, &contents.deduplication, &contents.trace_header, &contents.source_arn] {
        match text {
            Some(text) => push_bytes(&mut record, text.as_bytes()),
            None => record.extend_from_slice(&ABSENT.to_le_bytes()),
        }
    }
    push_bytes(&mut record, contents.sender.as_bytes());
    record.push(contents.attributes.len() as u8);
    for (name, attribute) in &contents.attributes {
        push_bytes(&mut record, name.as_bytes());
        push_bytes(&mut record, attribute.data_type.as_bytes());
        let (kind, value) = match &attribute.value {
            AttributeValue::Text(text) => (0, text.as_bytes()),
            AttributeValue::Binary(bytes) => (1, bytes.as_slice()),
        };
        record.push(kind);
        push_bytes(&mut record, value);
    }
    push_bytes(&mut record, contents.body.as_bytes());
    record
}

/// Gives a message's record its sequence number.
pub(crate) fn set_seq(record: &mut [u8], seq: Seq) {
    if let Some(place) = record.get_mut(SEQ_AT..SEQ_AT + 8) {
        place.copy_from_slice(&seq.to_le_bytes());
    }
}

pub(crate) fn received(queue: Uuid, now_ms: u64, until_ms: u64, seqs: &[Seq]) -> Vec<u8> {
    numbers(RECEIVED, queue, [now_ms, until_ms].iter().chain(seqs))
}

pub(crate) fn deleted(queue: Uuid, seqs: &[Seq]) -> Vec<u8> {
    numbers(DELETED, queue, seqs.iter())
}

pub(crate) fn due(queue: Uuid, due_ms: u64, seqs: &[Seq]) -> Vec<u8> {
    numbers(DUE, queue, [due_ms].iter().chain(seqs))
}

pub(crate) fn purged(queue: Uuid, last: Seq) -> Vec<u8> {
    numbers(PURGED, queue, [last].iter())
}

pub(crate) fn sent(queue: Uuid, remembered: &Remembered) -> Vec<u8> {
    let mut record = numbers(SENT, queue, [remembered.seq, remembered.sent_ms].iter());
    record.extend_from_slice(remembered.id.as_bytes());
    record.extend_from_slice(&remembered.key);
    record
}

fn numbers<'a>(kind: u8, queue: Uuid, numbers: impl Iterator<Item = &'a u64>) -> Vec<u8> {
    let mut record = Vec::with_capacity(64);
    record.push(kind);
    record.extend_from_slice(queue.as_bytes());
    numbers.for_each(|number| record.extend_from_slice(&number.to_le_bytes()));
    record
}

fn push_bytes(record: &mut Vec<u8>, bytes: &[u8]) {
    record.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    record.extend_from_slice(bytes);
}

/// Reads a record: whose it is and what it says. None if it is not one of this version.
pub(crate) fn read(record: &[u8], position: u64) -> Option<(Uuid, Entry)> {
    let mut reader = Reader(record);
    let kind = reader.byte()?;
    let queue = reader.uuid()?;
    let entry = match kind {
        MESSAGE => {
            let seq = reader.u64()?;
            let (message, scope, id) = reader.state(record.len(), position)?;
            let group = reader.text()?;
            let deduplication = reader.text()?.map(str::to_string);
            let group = Arc::from(group.unwrap_or_default());
            Entry::Message { seq, message: Message { group, ..message }, id, scope, deduplication }
        }
        RECEIVED => {
            let (now_ms, until_ms) = (reader.u64()?, reader.u64()?);
            Entry::Received { now_ms, until_ms, seqs: reader.u64s()? }
        }
        DELETED => Entry::Deleted { seqs: reader.u64s()? },
        DUE => Entry::Due { due_ms: reader.u64()?, seqs: reader.u64s()? },
        PURGED => Entry::Purged { last: reader.u64()? },
        SENT => {
            let (seq, sent_ms, id) = (reader.u64()?, reader.u64()?, reader.uuid()?);
            Entry::Sent(Remembered { key: reader.take(16)?.try_into().ok()?, seq, id, sent_ms })
        }
        _ => return None,
    };
    Some((queue, entry))
}

/// The contents of a message's record. None if it is not one.
pub(crate) fn contents(record: &[u8]) -> Option<Contents> {
    let mut reader = Reader(record);
    (reader.byte()? == MESSAGE).then_some(())?;
    reader.take(16 + 8)?;
    let (_, _, id) = reader.state(record.len(), 0)?;
    let [group, deduplication, trace_header, source_arn] =
        [reader.text()?, reader.text()?, reader.text()?, reader.text()?].map(|text| text.map(str::to_string));
    let sender = reader.text()??.to_string();
    let count = usize::from(reader.byte()?);
    let mut attributes = Vec::with_capacity(count);
    for _ in 0..count {
        let name = reader.text()??.to_string();
        let data_type = reader.text()??.to_string();
        let value = match reader.byte()? {
            0 => AttributeValue::Text(reader.text()??.to_string()),
            _ => AttributeValue::Binary(reader.bytes()??.to_vec()),
        };
        attributes.push((name, MessageAttribute { data_type, value }));
    }
    let body = reader.text()??.to_string();
    Some(Contents { id, body, attributes, sender, group, deduplication, trace_header, source_arn })
}

/// What is left of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn u64s(&mut self) -> Option<Vec<u64>> {
        let mut numbers = Vec::with_capacity(self.0.len() / 8);
        while !self.0.is_empty() {
            numbers.push(self.u64()?);
        }
        Some(numbers)
    }

    fn uuid(&mut self) -> Option<Uuid> {
        Uuid::from_slice(self.take(16)?).ok()
    }

    /// Bytes with their length before them, which may be absent.
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.u32()? {
            ABSENT => Some(None),
            length => self.take(length as usize).map(Some),
        }
    }

    fn text(&mut self) -> Option<Option<&'a str>> {
        match self.bytes()? {
            None => Some(None),
            Some(bytes) => std::str::from_utf8(bytes).ok().map(Some),
        }
    }

    /// The rest of a message's head, behind its sequence number.
    fn state(&mut self, record_bytes: usize, position: u64) -> Option<(Message, Scope, Uuid)> {
        let (sent_ms, due_ms, first_received_ms) = (self.u64()?, self.u64()?, self.u64()?);
        let (receives, receives_before, receipt) = (self.u32()?, self.u32()?, self.u32()?);
        let place = match self.byte()? {
            0 => Place::Ready,
            1 => Place::Delayed,
            2 => Place::InFlight,
            _ => return None,
        };
        let scope = match self.byte()? {
            0 => Scope::None,
            1 => Scope::Queue,
            2 => Scope::Group,
            _ => return None,
        };
        let message = Message {
            position,
            record_bytes: u32::try_from(record_bytes).ok()?,
            sent_ms,
            due_ms,
            first_received_ms,
            receives,
            receives_before,
            receipt,
            place,
            group: Arc::from(""),
        };
        Some((message, scope, self.uuid()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contents_of(body: String, group: Option<String>, values: Vec<Vec<u8>>) -> Contents {
        let attribute = |(number, bytes): (usize, Vec<u8>)| {
            let value = MessageAttribute { data_type: "Binary".into(), value: AttributeValue::Binary(bytes) };
            (format!("a{number}"), value)
        };
        let attributes = values.into_iter().enumerate().map(attribute).collect();
        Contents { id: Uuid::new_v4(), body, group, attributes, sender: "me".into(), ..Contents::default() }
    }

    proptest! {
        #[test]
        fn messages_come_back(
            body in "\\PC*", group in proptest::option::of("\\PC*"), values in proptest::collection::vec(any::<Vec<u8>>(), 0..3),
            numbers: [u64; 3], counts: [u32; 3], seq: u64,
        ) {
            let written = contents_of(body, group.clone(), values);
            let message = Message {
                position: 9, record_bytes: 0, sent_ms: numbers[0], due_ms: numbers[1], first_received_ms: numbers[2],
                receives: counts[0], receives_before: counts[1], receipt: counts[2], place: Place::InFlight,
                group: Arc::from(group.unwrap_or_default()),
            };
            let queue = Uuid::new_v4();
            let mut record = super::message(queue, &message, Scope::Group, &written);
            set_seq(&mut record, seq);
            prop_assert_eq!(contents(&record), Some(written.clone()));
            let message = Message { record_bytes: record.len() as u32, ..message };
            let entry = Entry::Message { seq, message, id: written.id, scope: Scope::Group, deduplication: None };
            prop_assert_eq!(read(&record, 9), Some((queue, entry)));
            for end in 0..record.len() {
                // What is cut short is refused, not misread.
                prop_assert!(contents(&record[..end]).is_none());
            }
        }

        #[test]
        fn changes_come_back(seqs: Vec<u64>, now_ms: u64, until_ms: u64) {
            let queue = Uuid::new_v4();
            let entry = Entry::Received { now_ms, until_ms, seqs: seqs.clone() };
            prop_assert_eq!(read(&received(queue, now_ms, until_ms, &seqs), 0), Some((queue, entry)));
            let entry = Entry::Deleted { seqs: seqs.clone() };
            prop_assert_eq!(read(&deleted(queue, &seqs), 0), Some((queue, entry)));
            let entry = Entry::Due { due_ms: now_ms, seqs: seqs.clone() };
            prop_assert_eq!(read(&due(queue, now_ms, &seqs), 0), Some((queue, entry)));
            prop_assert_eq!(read(&purged(queue, now_ms), 0), Some((queue, Entry::Purged { last: now_ms })));
            let remembered = Remembered { key: [7; 16], seq: now_ms, id: queue, sent_ms: until_ms };
            prop_assert_eq!(read(&sent(queue, &remembered), 0), Some((queue, Entry::Sent(remembered))));
        }

        #[test]
        fn other_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = read(&bytes, 0);
            let _ = contents(&bytes);
        }
    }
}
