//! What is asked of a log, and what is found.

use crate::event_key::EventKey;
use crate::stored::StoredStream;

/// A stream that is read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) stream: StoredStream,
}

/// An event that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) key: EventKey,
    /// Its stream's place among the sources.
    pub(crate) source: usize,
    pub(crate) ingestion_ms: u64,
    pub(crate) message: String,
}

/// Which events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// From this time on, in milliseconds since the Unix epoch.
    pub(crate) start_ms: u64,
    /// Before this time.
    pub(crate) end_ms: u64,
}

impl Window {
    pub(crate) fn holds(&self, timestamp_ms: u64) -> bool {
        (self.start_ms..self.end_ms).contains(&timestamp_ms)
    }

    /// Whether anything between both times, inclusively, may be wanted.
    pub(super) fn overlaps(&self, min_ms: u64, max_ms: u64) -> bool {
        min_ms < self.end_ms && max_ms >= self.start_ms
    }
}
