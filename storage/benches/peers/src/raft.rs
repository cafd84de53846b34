//! raft-engine, the log store of TiKV.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use protobuf::well_known_types::BytesValue;
use raft_engine::{Config, Engine, LogBatch, MessageExt, ReadableSize};

use crate::contender::{Batch, Contender, Opened};

/// `write` with `sync`: it returns after `fdatasync`, and writers that wait share the next one.
/// An append is one log batch, each writer has a region.
///
/// Files are filled before they are needed and used again, which is its fastest way, and
/// compression is off, as it would find nothing.
pub(crate) struct Raft;

/// An entry begins with its index, so that it is no longer than the record it stands for.
struct Entries;

impl MessageExt for Entries {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        entry.value.first_chunk().copied().map(u64::from_le_bytes).unwrap()
    }
}

struct Open {
    engine: Engine,
    /// The next index of each region.
    next: Vec<AtomicU64>,
}

impl Contender for Raft {
    fn name(&self) -> &'static str {
        "raft-engine"
    }

    fn uses_files_again(&self) -> bool {
        true
    }

    fn open(&self, directory: &Path, writers: usize) -> Box<dyn Opened> {
        let directory = directory.join("raft");
        let engine = Engine::open(Config {
            dir: directory.to_str().unwrap().into(),
            batch_compression_threshold: ReadableSize(0),
            target_file_size: ReadableSize::mb(32),
            purge_threshold: ReadableSize::mb(64),
            enable_log_recycle: true,
            prefill_for_recycle: true,
            prefill_limit: Some(ReadableSize::mb(64)),
            ..Config::default()
        })
        .unwrap();
        Box::new(Open { engine, next: (0..writers).map(|_| AtomicU64::new(1)).collect() })
    }
}

impl Opened for Open {
    fn append(&self, writer: usize, records: &Batch) {
        let mut index = self.next[writer].load(Ordering::Relaxed);
        let mut entries = Vec::with_capacity(records.len());
        for record in records.iter() {
            let mut entry = BytesValue { value: record.clone(), ..BytesValue::default() };
            entry.value[..8].copy_from_slice(&index.to_le_bytes());
            entries.push(entry);
            index += 1;
        }
        let mut batch = LogBatch::with_capacity(1);
        batch.add_entries::<Entries>(writer as u64 + 1, &entries).unwrap();
        self.engine.write(&mut batch, true).unwrap();
        self.next[writer].store(index, Ordering::Relaxed);
    }

    fn retain(&self) {
        for (region, next) in self.next.iter().enumerate() {
            self.engine.compact_to(region as u64 + 1, next.load(Ordering::Relaxed));
        }
        self.engine.purge_expired_files().unwrap();
    }
}
