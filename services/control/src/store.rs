//! The store: what its callers see.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, mpsc};

use redb::{ReadableDatabase, TableError};
use tokio::sync::oneshot;

use crate::committer::Committer;
use crate::database::Redb;
use crate::{Changes, ControlError, Result, Stored, Table, View};

/// The store. Cheap to clone; all clones share the file, and the last one that goes closes it.
#[derive(Clone)]
pub struct ControlStore {
    shared: Arc<Shared>,
}

struct Shared {
    database: Arc<Redb>,
    committer: Committer,
}

impl Shared {
    fn close(&self) {
        self.committer.close();
        self.database.close();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

impl ControlStore {
    /// Opens the store at `path`, creating it if absent.
    ///
    /// # Errors
    /// [`ControlError::Store`] when the file can't be opened, is not a store, or is in use.
    pub fn open(path: &Path) -> Result<Self> {
        let database = Arc::new(Redb::create(path)?);
        Ok(Self { shared: Arc::new(Shared { database, committer: Committer::new() }) })
    }

    /// Closes the file, whoever still holds clones, once waiting changes are committed: their later
    /// calls fail, and the store can be opened again.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Why the last commit failed, if none has succeeded since.
    pub fn failing(&self) -> Option<String> {
        self.shared.committer.failing()
    }

    /// The value under `key`, if any.
    pub fn get<V: View>(&self, table: Table, key: &str) -> Result<Option<V>> {
        let found = self.shared.database.read(|database| {
            let transaction = database.begin_read()?;
            match transaction.open_table(table.definition()) {
                Ok(rows) => Ok(rows.get(key)?.map(|row| row.value().to_vec())),
                Err(TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })?;
        found.map(|bytes| table.decode(key, &bytes)).transpose()
    }

    /// All values whose key starts with `prefix`, in key order.
    pub fn scan<V: View>(&self, table: Table, prefix: &str) -> Result<Vec<(String, V)>> {
        self.scan_from(table, prefix, prefix, usize::MAX)
    }

    /// At most `limit` values whose key starts with `prefix` and is not before `from`, in key order.
    pub fn scan_from<V: View>(&self, table: Table, prefix: &str, from: &str, limit: usize) -> Result<Vec<(String, V)>> {
        let rows = self.shared.database.read(|database| {
            let transaction = database.begin_read()?;
            let rows = match transaction.open_table(table.definition()) {
                Ok(rows) => rows,
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut found = Vec::new();
            for row in rows.range(from.max(prefix)..)? {
                let (key, value) = row?;
                if found.len() == limit || !key.value().starts_with(prefix) {
                    break;
                }
                found.push((key.value().to_string(), value.value().to_vec()));
            }
            Ok(found)
        })?;
        rows.into_iter().map(|(key, bytes)| Ok((key.clone(), table.decode(&key, &bytes)?))).collect()
    }

    /// Shows `look` the values whose key starts with `prefix` and is not before `from`, in key
    /// order and one at a time, until it breaks. What it does not take of a value (fields that `V`
    /// does not have) costs no memory.
    pub fn visit<V: View>(
        &self,
        table: Table,
        prefix: &str,
        from: &str,
        mut look: impl FnMut(&str, V) -> ControlFlow<()>,
    ) -> Result<()> {
        self.shared.database.read(|database| {
            let transaction = database.begin_read()?;
            let rows = match transaction.open_table(table.definition()) {
                Ok(rows) => rows,
                Err(TableError::TableDoesNotExist(_)) => return Ok(Ok(())),
                Err(error) => return Err(error.into()),
            };
            for row in rows.range(from.max(prefix)..)? {
                let (key, value) = row?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                let value = match table.decode(key.value(), value.value()) {
                    Ok(value) => value,
                    Err(error) => return Ok(Err(error)),
                };
                if look(key.value(), value).is_break() {
                    break;
                }
            }
            Ok(Ok(()))
        })?
    }

    /// Sets one value, durably.
    pub fn put<V: Stored>(&self, table: Table, key: &str, value: &V) -> Result<()> {
        let mut changes = Changes::default();
        changes.put(table, key, value)?;
        self.commit(changes)
    }

    /// Removes one value, durably; it is not an error if there is none.
    pub fn delete(&self, table: Table, key: &str) -> Result<()> {
        let mut changes = Changes::default();
        changes.delete(table, key);
        self.commit(changes)
    }

    /// Applies all `changes` or none, and returns once they are on the disk. Not for the threads of
    /// an asynchronous runtime, which it would hold up.
    ///
    /// # Errors
    /// When the disk fails, in which case the changes may or may not be found by later reads, which
    /// come from the disk; and when the store is closed.
    pub fn commit(&self, changes: Changes) -> Result<()> {
        let (tell, told) = mpsc::sync_channel(1);
        let tell = move |outcome| drop(tell.send(outcome));
        self.shared.committer.commit(&self.shared.database, changes, Box::new(tell))?;
        told.recv().unwrap_or(Err(ControlError::Closed))
    }

    /// As [`ControlStore::commit`], waiting as a future. The changes are made even if the caller
    /// stops waiting.
    ///
    /// # Errors
    /// As [`ControlStore::commit`].
    pub async fn commit_async(&self, changes: Changes) -> Result<()> {
        let (tell, told) = oneshot::channel();
        let tell = move |outcome| drop(tell.send(outcome));
        self.shared.committer.commit(&self.shared.database, changes, Box::new(tell))?;
        told.await.unwrap_or(Err(ControlError::Closed))
    }

    pub(crate) fn has_rows(&self) -> Result<bool> {
        self.shared.database.has_rows()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    pub(crate) struct Number(pub(crate) u32);

    impl Stored for Number {
        const KIND: &'static str = "number";
        const VERSION: u32 = 1;
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Text(String);

    impl Stored for Text {
        const KIND: &'static str = "text";
        const VERSION: u32 = 1;
    }

    const STREAMS: Table = Table("streams");

    impl ControlStore {
        /// Creates a table whose rows are not those of a store.
        fn make_table_of_numbers(&self, table: Table) {
            let made = self.shared.database.read(|database| {
                let transaction = database.begin_write()?;
                transaction.open_table(redb::TableDefinition::<u64, u64>::new(table.0))?.insert(1, 1)?;
                Ok(transaction.commit()?)
            });
            made.unwrap();
        }
    }

    #[test]
    fn values_survive_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.redb");
        let store = ControlStore::open(&path).unwrap();
        assert_eq!(store.get::<Number>(STREAMS, "a").unwrap(), None);
        store.put(STREAMS, "a", &Number(1)).unwrap();
        store.put(STREAMS, "ab", &Number(2)).unwrap();
        store.put(STREAMS, "b", &Number(3)).unwrap();
        drop(store);
        let store = ControlStore::open(&path).unwrap();
        assert_eq!(
            store.scan::<Number>(STREAMS, "a").unwrap(),
            [("a".to_string(), Number(1)), ("ab".to_string(), Number(2))]
        );
        assert_eq!(store.scan_from::<Number>(STREAMS, "", "ab", 1).unwrap(), [("ab".to_string(), Number(2))]);
        store.delete(STREAMS, "a").unwrap();
        assert_eq!(store.get::<Number>(STREAMS, "a").unwrap(), None);
    }

    #[test]
    fn a_visit_goes_no_further_than_it_is_let() {
        let directory = tempfile::tempdir().unwrap();
        let store = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let visited = |prefix: &str, from: &str, limit: usize| {
            let mut seen = Vec::new();
            let look = |key: &str, Number(value)| {
                seen.push((key.to_string(), value));
                if seen.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            store.visit(STREAMS, prefix, from, look).unwrap();
            seen.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
        };
        assert!(visited("", "", 9).is_empty());
        for (key, value) in [("a", 1), ("ab", 2), ("ac", 3), ("b", 4)] {
            store.put(STREAMS, key, &Number(value)).unwrap();
        }
        assert_eq!(visited("a", "", 9), ["a=1", "ab=2", "ac=3"]);
        assert_eq!(visited("a", "ab", 1), ["ab=2"]);
        assert!(store.visit(STREAMS, "", "", |_, _: Text| ControlFlow::Continue(())).is_err());
    }

    #[test]
    fn closing_frees_the_file_for_good() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.redb");
        let store = ControlStore::open(&path).unwrap();
        let clone = store.clone();
        clone.put(STREAMS, "a", &Number(1)).unwrap();
        store.close();
        assert!(clone.put(STREAMS, "a", &Number(2)).is_err());
        assert!(clone.get::<Number>(STREAMS, "a").is_err());
        assert_eq!(ControlStore::open(&path).unwrap().get::<Number>(STREAMS, "a").unwrap(), Some(Number(1)));
    }

    #[test]
    fn a_value_of_another_form_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let store = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        store.put(STREAMS, "clicks", &Text("text".into())).unwrap();
        let error = store.get::<Number>(STREAMS, "clicks").unwrap_err();
        assert!(error.to_string().contains("streams") && error.to_string().contains("clicks"), "{error}");
    }

    #[tokio::test]
    async fn commits_that_wait_share_a_flush_and_all_survive() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.redb");
        let store = ControlStore::open(&path).unwrap();
        let commits = (0..500).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut changes = Changes::default();
                changes.put(STREAMS, &format!("{number:03}"), &Number(number)).unwrap();
                store.commit_async(changes).await
            })
        });
        for commit in commits.collect::<Vec<_>>() {
            commit.await.unwrap().unwrap();
        }
        store.close();
        let found = ControlStore::open(&path).unwrap().scan::<Number>(STREAMS, "").unwrap();
        assert_eq!(
            found.into_iter().map(|(_, Number(number))| number).collect::<Vec<_>>(),
            (0..500).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_bad_commit_fails_alone() {
        let directory = tempfile::tempdir().unwrap();
        let store = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let put = |table: Table, key: &str| {
            let mut changes = Changes::default();
            changes.put(table, key, &Number(1)).unwrap();
            changes
        };
        // A table of the store's own, which holds rows of another type.
        const RESERVED: Table = Table("reserved");
        store.make_table_of_numbers(RESERVED);
        let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
            let commits: Vec<_> = (0..40)
                .map(|number| {
                    let table = if number % 4 == 0 { RESERVED } else { STREAMS };
                    let (store, changes) = (&store, put(table, &number.to_string()));
                    scope.spawn(move || store.commit(changes))
                })
                .collect();
            commits.into_iter().map(|commit| commit.join().unwrap()).collect()
        });
        for (number, outcome) in outcomes.into_iter().enumerate() {
            assert_eq!(outcome.is_ok(), number % 4 != 0, "{number}: {outcome:?}");
        }
        assert_eq!(store.scan::<Number>(STREAMS, "").unwrap().len(), 30);
    }

    #[test]
    fn a_commit_after_a_failure_reads_the_file_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.redb");
        let store = ControlStore::open(&path).unwrap();
        store.put(STREAMS, "a", &Number(1)).unwrap();
        store.shared.database.fail();
        // Once gone, it is not recreated.
        let moved = directory.path().join("moved");
        std::fs::rename(&path, &moved).unwrap();
        assert!(store.put(STREAMS, "b", &Number(2)).is_err() && !path.exists());
        assert!(store.failing().is_some_and(|reason| reason.contains("control.redb")));
        std::fs::rename(&moved, &path).unwrap();
        store.put(STREAMS, "b", &Number(2)).unwrap();
        assert_eq!(store.failing(), None);
        assert_eq!(store.scan::<Number>(STREAMS, "").unwrap().len(), 2);
    }
}
