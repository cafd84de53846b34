//! The log of `anabranch-storage`, through its public interface.

use std::path::Path;

use anabranch_storage::{Config, LaneBatch, LaneId, Log};

use crate::contender::{Batch, Contender, Opened};

/// Acknowledges after `fdatasync`, by its default flush policy; writers share flushes.
pub(crate) struct Ours;

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "anabranch"
    }

    fn open(&self, directory: &Path, _writers: usize) -> Box<dyn Opened> {
        // The current segment is large, as that of a busy log is.
        let config = Config { segment_bytes_min: 64 << 20, segment_bytes_max: 64 << 20, ..Config::default() };
        let log: Box<dyn Opened> = Box::new(Log::open(directory, config).unwrap().0);
        // Twice through a segment and out of it, so that from here on files are used again.
        let filler: Batch = vec![vec![0; 1024]; 1024].into();
        for _ in 0..2 {
            (0..60).for_each(|_| log.append(0, &filler));
            log.retain();
        }
        log
    }
}

impl Opened for Log {
    fn append(&self, writer: usize, records: &Batch) {
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        self.append(1, &[LaneBatch { lane: LaneId(writer as u32), records: &records }]).unwrap().wait().unwrap();
    }

    fn retain(&self) {
        self.trim_to(self.visible()).unwrap();
    }
}
