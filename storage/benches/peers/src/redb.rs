//! redb, an embedded database: a B-tree of copied pages.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{Database, Durability, TableDefinition};

use crate::contender::{Batch, Contender, Opened};
use crate::group::Group;

/// `Durability::Immediate`: `commit` returns after its flush, one, as two-phase commit is left
/// off. Keys ascend. Write transactions come one at a time, so writers are grouped here.
pub(crate) struct Redb;

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// Grown to this before the time begins, so that commits find free pages.
const WARM_RECORDS: u64 = 64 << 10;

struct Open {
    database: Database,
    group: Group,
    next: AtomicU64,
}

impl Contender for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn open(&self, directory: &Path, _writers: usize) -> Box<dyn Opened> {
        let database = Database::create(directory.join("redb")).unwrap();
        let open = Open { database, group: Group::default(), next: AtomicU64::new(0) };
        let filler: Batch = vec![vec![0; 1024]; 1024].into();
        (0..WARM_RECORDS / 1024).for_each(|_| open.commit(std::slice::from_ref(&filler)));
        let transaction = open.database.begin_write().unwrap();
        transaction.delete_table(TABLE).unwrap();
        transaction.commit().unwrap();
        Box::new(open)
    }
}

impl Open {
    fn commit(&self, together: &[Batch]) {
        let mut transaction = self.database.begin_write().unwrap();
        transaction.set_durability(Durability::Immediate).unwrap();
        let mut table = transaction.open_table(TABLE).unwrap();
        for record in together.iter().flat_map(|batch| batch.iter()) {
            table.insert(self.next.fetch_add(1, Ordering::Relaxed), record.as_slice()).unwrap();
        }
        drop(table);
        transaction.commit().unwrap();
    }
}

impl Opened for Open {
    fn append(&self, _writer: usize, records: &Batch) {
        self.group.commit(records, |together| self.commit(together));
    }
}
