//! okaywal, a write-ahead log crate.

use std::path::Path;

use okaywal::{Configuration, LogVoid, WriteAheadLog};

use crate::contender::{Batch, Contender, Opened};

/// `commit` returns after `fdatasync`; writers waiting for one share the next. An append is one
/// entry, each record a chunk of it.
///
/// Its files are as large as ours, rather than the 1 MiB of its default, so that it seldom
/// changes files, and its buffer takes a whole batch, so that one is written at once.
pub(crate) struct Okay;

const FILE_BYTES: u32 = 64 << 20;

impl Contender for Okay {
    fn name(&self) -> &'static str {
        "okaywal"
    }

    fn uses_files_again(&self) -> bool {
        true
    }

    fn open(&self, directory: &Path, _writers: usize) -> Box<dyn Opened> {
        let log = Configuration::default_for(directory.join("wal"))
            .preallocate_bytes(FILE_BYTES)
            .checkpoint_after_bytes(u64::from(FILE_BYTES) - (4 << 20))
            .buffer_bytes(2 << 20)
            // Forgets what is checkpointed, so that its files are used again.
            .open(LogVoid)
            .unwrap();
        Box::new(log)
    }
}

impl Opened for WriteAheadLog {
    fn append(&self, _writer: usize, records: &Batch) {
        let mut entry = self.begin_entry().unwrap();
        for record in records.iter() {
            entry.write_chunk(record).unwrap();
        }
        entry.commit().unwrap();
    }
}
