//! Who is told that a table was written to, so that nobody who reads its stream has to ask.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::owner::Owner;

/// Which tables a call may have written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    /// This one.
    Table(String),
    /// Any of the owner's.
    Any,
}

/// The tables whose streams are read, each with a count of the writes to it. As many as there are
/// readers.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    read: Mutex<BTreeMap<Owner, BTreeMap<String, watch::Sender<u64>>>>,
}

impl Changes {
    /// Counts writes to a table from now on.
    pub(crate) fn watch(&self, owner: &Owner, table: &str) -> watch::Receiver<u64> {
        let mut read = self.read.lock();
        for tables in read.values_mut() {
            tables.retain(|_, writes| writes.receiver_count() > 0);
        }
        read.retain(|watched, tables| watched == owner || !tables.is_empty());
        let tables = read.entry(owner.clone()).or_default();
        tables.entry(table.to_string()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Whether anybody reads the stream of a table of `owner`'s.
    pub(crate) fn is_read(&self, owner: &Owner) -> bool {
        self.read.lock().contains_key(owner)
    }

    /// Tells of a write, once it is committed. That it may not be flushed yet does not matter: what
    /// is read then waits for the flush.
    pub(crate) fn written(&self, owner: &Owner, touched: &Touched) {
        let read = self.read.lock();
        let Some(tables) = read.get(owner) else { return };
        let count = |writes: &watch::Sender<u64>| writes.send_modify(|writes| *writes += 1);
        match touched {
            Touched::Table(table) => drop(tables.get(table).map(count)),
            Touched::Any => tables.values().for_each(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_told_to_those_who_read_the_table() {
        let (changes, owner) = (Changes::default(), Owner::default());
        assert!(!changes.is_read(&owner));
        let (a, b) = (changes.watch(&owner, "a"), changes.watch(&owner, "b"));
        let again = changes.watch(&owner, "a");
        changes.written(&owner, &Touched::Table("a".into()));
        changes.written(&owner, &Touched::Table("c".into()));
        assert_eq!((*a.borrow(), *b.borrow(), *again.borrow()), (1, 0, 1));
        changes.written(&owner, &Touched::Any);
        assert_eq!((*a.borrow(), *b.borrow()), (2, 1));
        drop((a, b, again));
        drop(changes.watch(&owner, "c"));
        assert_eq!(changes.read.lock()[&owner].len(), 1, "those that nobody reads are forgotten");
    }
}
