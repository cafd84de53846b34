//! Where a stream's events of which time lie in the log: sparse, and of bounded size.
//!
//! The log orders what was put by when it came; readers ask by when it happened. Mostly that is
//! nearly the same. So the index notes, for runs of puts, where they begin, the times that they hold
//! and how far a put may lie behind those before it. When there are too many runs, neighbours become
//! one: the index of a stream stays as small as it is, however much the stream holds.

use serde::{Deserialize, Serialize};

/// Most runs of one stream.
const SPANS_MAX: usize = 32;
/// Bytes of events in a run, at first; twice that whenever runs are joined.
const SPAN_BYTES_MIN: u64 = 256 << 10;
/// A put that lies further behind those before it than this begins a run of its own, in
/// milliseconds.
const DISORDER_MS_MAX: u64 = 3_600_000;

/// A run of puts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// Of its first put. It ends where the next begins.
    pub(crate) position: u64,
    /// The earliest time of an event.
    pub(crate) min_ms: u64,
    /// The latest time of an event.
    pub(crate) max_ms: u64,
    /// No put begins earlier than this before the latest event of those before it.
    pub(crate) disorder_ms: u64,
    pub(crate) bytes: u64,
}

impl Span {
    /// Both runs as one, where `next` follows.
    fn joined(self, next: Self) -> Self {
        Self {
            position: self.position,
            min_ms: self.min_ms.min(next.min_ms),
            max_ms: self.max_ms.max(next.max_ms),
            disorder_ms: self.disorder_ms.max(next.disorder_ms).max(self.max_ms.saturating_sub(next.min_ms)),
            bytes: self.bytes + next.bytes,
        }
    }
}

/// The index of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimeIndex {
    spans: Vec<Span>,
}

impl TimeIndex {
    /// Notes a put at `position`, which is behind all others.
    pub(crate) fn add(&mut self, position: u64, min_ms: u64, max_ms: u64, bytes: u64) {
        let put = Span { position, min_ms, max_ms, disorder_ms: 0, bytes };
        let most = self.span_bytes_max();
        match self.spans.last_mut() {
            Some(last) if last.bytes + bytes <= most && last.max_ms.saturating_sub(min_ms) <= DISORDER_MS_MAX => {
                *last = last.joined(put);
            }
            _ => self.spans.push(put),
        }
        if self.spans.len() > SPANS_MAX {
            let joined = self.spans.chunks(2).map(|pair| match pair {
                [first, second] => first.joined(*second),
                [last, ..] => *last,
                [] => put,
            });
            self.spans = joined.collect();
        }
    }

    /// The runs with the position at which each ends; the last at `end`.
    pub(crate) fn spans(&self, end: u64) -> impl DoubleEndedIterator<Item = (Span, u64)> {
        let ends = self.spans.iter().skip(1).map(|span| span.position).chain([end]).collect::<Vec<_>>();
        self.spans.iter().copied().zip(ends).filter(|(span, end)| span.position < *end)
    }

    /// Grows with the stream, so that a long one has few long runs.
    fn span_bytes_max(&self) -> u64 {
        let bytes: u64 = self.spans.iter().map(|span| span.bytes).sum();
        (bytes / (SPANS_MAX as u64 / 2)).max(SPAN_BYTES_MIN)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_put_lies_in_its_run(puts in proptest::collection::vec((0..10_000_000_u64, 0..1000_u64, 1..1_000_000_u64), 1..200)) {
            let mut index = TimeIndex::default();
            for (position, (min, span, bytes)) in puts.iter().enumerate() {
                index.add(position as u64, *min, min + span, *bytes);
            }
            prop_assert!(index.spans.len() <= SPANS_MAX);
            let mut seen = 0;
            for (span, end) in index.spans(puts.len() as u64) {
                let mut latest = 0_u64;
                for (min, length, _) in &puts[span.position as usize..end as usize] {
                    prop_assert!(span.min_ms <= *min && min + length <= span.max_ms);
                    prop_assert!(latest.saturating_sub(*min) <= span.disorder_ms);
                    latest = latest.max(min + length);
                    seen += 1;
                }
            }
            prop_assert_eq!(seen, puts.len());
        }
    }
}
