//! Records of a shard on their way into batches: each key's in one lane, in order.

use std::collections::VecDeque;

use anabranch_protocol::ServiceInstant;

use crate::invoke::PAYLOAD_BYTES_MAX;
use crate::mapping::payload::EventRecord;

/// A record that waits, and where it stands among all that were read.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) event: EventRecord,
    pub(super) position: u64,
}

/// Records of which one batch at a time is invoked.
#[derive(Debug, Default)]
pub(super) struct Lane {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// When a batch is due that is not full.
    pub(super) due: Option<ServiceInstant>,
    /// A batch of it is being invoked.
    pub(super) is_busy: bool,
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes of its records in payloads.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn first(&self) -> Option<&EventRecord> {
        self.waiting.front().map(|waiting| &waiting.event)
    }

    pub(super) fn last(&self) -> Option<&EventRecord> {
        self.waiting.back().map(|waiting| &waiting.event)
    }

    /// Adds a record; a batch of it is due at `due` at the latest.
    pub(super) fn push(&mut self, event: EventRecord, position: u64, due: ServiceInstant) {
        self.bytes += event.payload_bytes();
        self.due.get_or_insert(due);
        self.waiting.push_back(Waiting { event, position });
    }

    /// Whether no further record fits the next batch.
    pub(super) fn is_full(&self, records_max: usize) -> bool {
        self.waiting.len() >= records_max || self.bytes > PAYLOAD_BYTES_MAX
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &EventRecord> {
        self.waiting.iter().map(|waiting| &waiting.event)
    }

    /// Takes the first `count` records. What stays is due at `due`.
    pub(super) fn take(&mut self, count: usize, due: ServiceInstant) -> Vec<Waiting> {
        let taken: Vec<Waiting> = self.waiting.drain(..count.min(self.waiting.len())).collect();
        self.bytes -= taken.iter().map(|waiting| waiting.event.payload_bytes()).sum::<usize>();
        self.due = (!self.waiting.is_empty()).then_some(due);
        taken
    }
}

/// The lane of a record, of `count`.
pub(super) fn lane_of(record: &EventRecord, count: usize) -> usize {
    (record.ordering.unwrap_or_default() % count.max(1) as u64) as usize
}
