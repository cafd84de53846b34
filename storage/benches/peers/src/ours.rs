//! The log of `anabranch-storage`, through its public interface.

use std::path::Path;

use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position};

use crate::contender::{Batch, Contender, Opened};

/// What retention keeps: about one segment. Trimmed to its very end, a log with one writer would
/// seal its segment at every trim, which no retention makes it do.
const KEPT_RECORDS: u64 = 64 << 10;

/// Acknowledges after `fdatasync`, by its default flush policy; writers share flushes.
pub(crate) struct Ours;

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "anabranch"
    }

    fn uses_files_again(&self) -> bool {
        true
    }

    fn open(&self, directory: &Path, _writers: usize) -> Box<dyn Opened> {
        // The current segment is large, as that of a busy log is.
        let config = Config { segment_bytes_min: 64 << 20, segment_bytes_max: 64 << 20, ..Config::default() };
        Box::new(Log::open(directory, config).unwrap().0)
    }
}

impl Opened for Log {
    fn append(&self, writer: usize, records: &Batch) {
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        self.append(1, &[LaneBatch { lane: LaneId(writer as u32), records: &records }]).unwrap().wait().unwrap();
    }

    fn retain(&self) {
        self.trim_to(Position(self.visible().0.saturating_sub(KEPT_RECORDS))).unwrap();
    }
}
