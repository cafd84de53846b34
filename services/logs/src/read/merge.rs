//! Events of one or many streams, the oldest first.
//!
//! Runs of puts and puts wait in a heap by the earliest event that they may still give. A run that
//! comes to the top reads its next put; a put that does gives its next event. So only puts are in
//! memory whose times overlap, and of a stream that is in order no more than one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use anabranch_storage::{Failure, Records};

use super::found::{Found, Source, Window};
use crate::batch::{Batch, FIRST_EVENT, event_at};
use crate::event_key::EventKey;
use crate::group_log::GroupLog;
use crate::limits::MERGE_BYTES_MAX;
use crate::time_index::Span;

/// Positions that a search by halves leaves to be read in order.
const SEARCH_ENDS_AT: u64 = 16;

pub(crate) struct Merge {
    log: Arc<GroupLog>,
    window: Window,
    /// Events up to this one are passed over.
    after: Option<EventKey>,
    heap: BinaryHeap<Reverse<Waiting>>,
    lanes: Vec<u32>,
    /// Bytes of puts in memory.
    held: usize,
    /// Bytes of puts that were read.
    scanned: u64,
}

/// What waits, by the earliest event that it may give.
struct Waiting {
    earliest: EventKey,
    source: usize,
    what: What,
}

enum What {
    Run(Run),
    Put(Put),
}

/// A put with events left, of which the next is at `offset` of the record.
struct Put {
    position: u64,
    ingestion_ms: u64,
    /// Read again when it is needed, if there was no room for it.
    records: Option<Records>,
    bytes: usize,
    index: u32,
    offset: usize,
}

/// A run with puts left, of which the next is at or behind `next`.
struct Run {
    span: Span,
    next: u64,
    end: u64,
    latest_ms: u64,
    is_opened: bool,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.earliest, self.source).cmp(&(other.earliest, other.source))
    }
}

impl Merge {
    /// The events of `sources` in `window` behind `after`.
    pub(crate) fn new(log: Arc<GroupLog>, sources: &[Source], window: Window, after: Option<EventKey>) -> Self {
        let visible = log.visible();
        let from_ms = window.start_ms.max(after.map_or(0, |after| after.timestamp_ms));
        let wanted = Window { start_ms: from_ms, ..window };
        let mut heap = BinaryHeap::new();
        for (source, Source { stream, .. }) in sources.iter().enumerate() {
            for (span, end) in stream.index.spans(stream.end.min(visible)) {
                if wanted.overlaps(span.min_ms, span.max_ms) {
                    let run = Run { span, next: span.position, end, latest_ms: 0, is_opened: false };
                    let earliest = EventKey::at(span.min_ms);
                    heap.push(Reverse(Waiting { earliest, source, what: What::Run(run) }));
                }
            }
        }
        let lanes = sources.iter().map(|source| source.stream.lane).collect();
        Self { log, window: wanted, after, heap, lanes, held: 0, scanned: 0 }
    }

    /// Bytes of the log that were looked at.
    pub(crate) fn scanned(&self) -> u64 {
        self.scanned
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, Failure> {
        while let Some(Reverse(waiting)) = self.heap.pop() {
            if waiting.earliest.timestamp_ms >= self.window.end_ms {
                return Ok(None);
            }
            let source = waiting.source;
            match waiting.what {
                What::Run(run) => self.advance(source, run)?,
                What::Put(put) => {
                    if let Some(found) = self.take(source, put)?.filter(|found| self.wants(found.key)) {
                        return Ok(Some(found));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes the next event of a put, which waits again if it has more.
    fn take(&mut self, source: usize, mut put: Put) -> Result<Option<Found>, Failure> {
        let is_held = put.records.is_some();
        let records = match put.records.take() {
            Some(records) => Some(records),
            None => self.log.first(self.lanes[source], put.position, put.position + 1)?,
        };
        let Some(records) = records else { return Ok(None) };
        let record = records.iter().next().map_or(&[][..], |record| record.data);
        let Some((timestamp_ms, message, behind)) = event_at(record, put.offset) else { return Ok(None) };
        let key = EventKey { timestamp_ms, position: put.position, index: put.index };
        let found = Found { key, source, ingestion_ms: put.ingestion_ms, message: message.to_string() };
        match event_at(record, behind) {
            Some((timestamp_ms, ..)) => {
                let earliest = EventKey { timestamp_ms, position: put.position, index: put.index + 1 };
                let put = Put { offset: behind, index: earliest.index, records: is_held.then_some(records), ..put };
                self.heap.push(Reverse(Waiting { earliest, source, what: What::Put(put) }));
            }
            None => self.held -= if is_held { put.bytes } else { 0 },
        }
        Ok(Some(found))
    }

    fn wants(&self, key: EventKey) -> bool {
        self.window.holds(key.timestamp_ms) && self.after.is_none_or(|after| key > after)
    }

    /// Reads the next put of a run.
    fn advance(&mut self, source: usize, mut run: Run) -> Result<(), Failure> {
        if !run.is_opened {
            run.is_opened = true;
            run.next = start(&self.log, self.lanes[source], &run, self.window.start_ms)?;
        }
        let Some(records) = self.log.first(self.lanes[source], run.next, run.end)? else { return Ok(()) };
        let Some(record) = records.iter().next() else { return Ok(()) };
        let (position, ingestion_ms, bytes) = (record.position.0, record.timestamp_ms, record.data.len());
        self.scanned += bytes as u64;
        run.next = position + 1;
        let batch = Batch::of(record.data);
        if let Ok(batch) = batch {
            run.latest_ms = run.latest_ms.max(batch.last_ms);
            if let Some((index, offset, timestamp_ms)) = first_wanted(record.data, self.window.start_ms)
                && self.window.overlaps(batch.first_ms, batch.last_ms)
            {
                let earliest = EventKey { timestamp_ms, position, index };
                let is_held = self.held + bytes <= MERGE_BYTES_MAX;
                self.held += if is_held { bytes } else { 0 };
                let put = Put { position, ingestion_ms, records: is_held.then_some(records), bytes, index, offset };
                self.heap.push(Reverse(Waiting { earliest, source, what: What::Put(put) }));
            }
        }
        let bound_ms = run.span.min_ms.max(run.latest_ms.saturating_sub(run.span.disorder_ms));
        self.heap.push(Reverse(Waiting { earliest: EventKey::at(bound_ms), source, what: What::Run(run) }));
        Ok(())
    }
}

/// The first event of a record at or after `start_ms`: its place, where it is, and its time.
fn first_wanted(record: &[u8], start_ms: u64) -> Option<(u32, usize, u64)> {
    let (mut index, mut offset) = (0, FIRST_EVENT);
    loop {
        let (timestamp_ms, _, behind) = event_at(record, offset)?;
        if timestamp_ms >= start_ms {
            return Some((index, offset, timestamp_ms));
        }
        (index, offset) = (index + 1, behind);
    }
}

/// A position of a run before which nothing lies that happened at or after `start_ms`: every put
/// whose first event is later than that, less the run's disorder, has only older ones before it.
fn start(log: &GroupLog, lane: u32, run: &Run, start_ms: u64) -> Result<u64, Failure> {
    let (mut low, mut high) = (run.next, run.end);
    while high - low > SEARCH_ENDS_AT {
        let middle = low + (high - low) / 2;
        let Some(records) = log.first(lane, middle, high)? else {
            high = middle;
            continue;
        };
        let Some(record) = records.iter().next() else { break };
        match Batch::of(record.data) {
            Ok(batch) if batch.first_ms.saturating_add(run.span.disorder_ms) < start_ms => low = record.position.0,
            _ => high = middle,
        }
    }
    Ok(low)
}
