//! fjall, an embedded database: a log-structured merge tree with one journal.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::contender::{Batch, Contender, Opened};
use crate::group::Group;

/// `PersistMode::SyncData`: a commit returns after `fdatasync` of the journal. Keys ascend.
///
/// A commit holds the journal while it flushes, and a second `persist` flushes again, so writers
/// are grouped here: one batch holds what all of them brought. Compression of the journal is off.
pub(crate) struct Fjall;

struct Open {
    database: Database,
    keyspace: Keyspace,
    group: Group,
    next: AtomicU64,
}

impl Contender for Fjall {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn open(&self, directory: &Path, _writers: usize) -> Box<dyn Opened> {
        let database =
            Database::builder(directory.join("fjall")).journal_compression(CompressionType::None).open().unwrap();
        let keyspace = database.keyspace("log", KeyspaceCreateOptions::default).unwrap();
        Box::new(Open { database, keyspace, group: Group::default(), next: AtomicU64::new(0) })
    }
}

impl Opened for Open {
    fn append(&self, _writer: usize, records: &Batch) {
        self.group.commit(records, |together| {
            let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
            for record in together.iter().flat_map(|batch| batch.iter()) {
                let key = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                batch.insert(&self.keyspace, key, record.as_slice());
            }
            batch.commit().unwrap();
        });
    }
}
