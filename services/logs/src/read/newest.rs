//! The newest events of a stream.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anabranch_storage::Failure;

use super::found::{Found, Source, Window};
use crate::batch::Batch;
use crate::event_key::EventKey;
use crate::group_log::GroupLog;
use crate::limits::EVENT_OVERHEAD_BYTES;
use crate::time_index::Span;

/// Positions that the first look from the end of a run takes; each further one takes twice as many.
const LOOK_MIN: u64 = 64;
/// Positions that a search by halves leaves to be read in order.
const SEARCH_ENDS_AT: u64 = 16;

/// The newest so many events of `source` in `window` before `before`, the oldest first; of so many
/// bytes together at most, but one at least.
pub(crate) fn newest(
    log: &GroupLog,
    source: &Source,
    window: Window,
    before: Option<EventKey>,
    events_max: usize,
    bytes_max: usize,
) -> Result<Vec<Found>, Failure> {
    let end_ms = window.end_ms.min(before.map_or(u64::MAX, |before| before.timestamp_ms.saturating_add(1)));
    let window = Window { end_ms, ..window };
    let end = source.stream.end.min(log.visible());
    let mut spans: Vec<_> = source.stream.index.spans(end).collect();
    spans.retain(|(span, _)| window.overlaps(span.min_ms, span.max_ms));
    spans.sort_by_key(|(span, _)| Reverse(span.max_ms));
    let mut kept = Newest { events: BTreeMap::new(), bytes: 0, events_max, bytes_max, left_out: None };
    for (span, end) in spans {
        if kept.has_all_from(span.max_ms) {
            break;
        }
        look_back(log, source.stream.lane, &span, end, window, before, &mut kept)?;
    }
    Ok(kept.events.into_values().collect())
}

/// Events as they are found, of which the newest are kept.
struct Newest {
    events: BTreeMap<EventKey, Found>,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
    /// The newest that found no room: nothing older is kept, or there would be a gap.
    left_out: Option<EventKey>,
}

impl Newest {
    fn add(&mut self, found: Found) {
        if self.left_out.is_some_and(|left_out| found.key < left_out) {
            return;
        }
        self.bytes += found.message.len() + EVENT_OVERHEAD_BYTES;
        self.events.insert(found.key, found);
        while self.events.len() > self.events_max || (self.bytes > self.bytes_max && self.events.len() > 1) {
            let Some((key, oldest)) = self.events.pop_first() else { return };
            self.bytes -= oldest.message.len() + EVENT_OVERHEAD_BYTES;
            self.left_out = Some(key);
        }
    }

    /// Whether nothing at `timestamp_ms` or before would be kept.
    fn has_all_from(&self, timestamp_ms: u64) -> bool {
        let is_full = self.events.len() >= self.events_max;
        let oldest = self.events.first_key_value().map(|(key, _)| *key).filter(|_| is_full);
        oldest.into_iter().chain(self.left_out).any(|key| timestamp_ms < key.timestamp_ms)
    }
}

/// Looks through a run from its end.
fn look_back(
    log: &GroupLog,
    lane: u32,
    span: &Span,
    end: u64,
    window: Window,
    before: Option<EventKey>,
    kept: &mut Newest,
) -> Result<(), Failure> {
    let mut high = end_of(log, lane, span, end, window.end_ms)?;
    let mut look = LOOK_MIN;
    while high > span.position {
        let low = high.saturating_sub(look).max(span.position);
        let mut next = low;
        let mut first_ms = None;
        while let Some(records) = log.first(lane, next, high)? {
            let Some(record) = records.iter().next() else { break };
            next = record.position.0 + 1;
            let Ok(batch) = Batch::of(record.data) else { continue };
            first_ms.get_or_insert(batch.first_ms);
            if !window.overlaps(batch.first_ms, batch.last_ms) {
                continue;
            }
            for (index, (timestamp_ms, message)) in batch.iter().enumerate() {
                let key = EventKey { timestamp_ms, position: record.position.0, index: index as u32 };
                if window.holds(timestamp_ms)
                    && before.is_none_or(|before| key < before)
                    && !kept.has_all_from(timestamp_ms)
                {
                    let message = message.to_string();
                    kept.add(Found { key, source: 0, ingestion_ms: record.timestamp_ms, message });
                }
            }
        }
        // Puts before the first one seen hold nothing later than this.
        let latest_before = first_ms.map(|first_ms| first_ms.saturating_add(span.disorder_ms));
        if latest_before.is_some_and(|latest| kept.has_all_from(latest) || latest < window.start_ms) {
            return Ok(());
        }
        high = low;
        look = look.saturating_mul(2);
    }
    Ok(())
}

/// A position of a run behind which nothing lies that happened before `end_ms`.
fn end_of(log: &GroupLog, lane: u32, span: &Span, end: u64, end_ms: u64) -> Result<u64, Failure> {
    let (mut low, mut high) = (span.position, end);
    while high - low > SEARCH_ENDS_AT {
        let middle = low + (high - low) / 2;
        let Some(records) = log.first(lane, middle, high)? else {
            high = middle;
            continue;
        };
        let Some(record) = records.iter().next() else { break };
        match Batch::of(record.data) {
            Ok(batch) if batch.last_ms.saturating_sub(span.disorder_ms) >= end_ms => high = record.position.0,
            _ => low = middle + 1,
        }
    }
    Ok(high)
}
