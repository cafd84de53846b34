//! Transactional control state: streams, shards, mappings, checkpoints, delivery streams,
//! object indexes. Named tables of JSON values with text keys, in one redb file.
//!
//! It is not for records: those go to the log. Every call here may wait for the disk, so
//! asynchronous callers wrap writes in `spawn_blocking`.

mod store_id;
mod strays;

use parking_lot::{Mutex, RwLock};
use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition, TableError, TableHandle};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use store_id::STORE_ID_FILE;
pub use strays::move_aside;

/// Why control state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The disk, or the store's file.
    #[error("control store {path}: {source}")]
    Store {
        /// The store's file.
        path: PathBuf,
        /// What redb reported.
        source: Box<redb::Error>,
    },
    /// A stored value does not have the form this version expects.
    #[error("control table {table}, key {key:?}: {source}")]
    Value {
        /// The table's name.
        table: &'static str,
        /// The value's key.
        key: String,
        /// What did not fit.
        source: serde_json::Error,
    },
    /// The store is absent or empty, and there is data that only it could explain.
    #[error(
        "{path} is {state}, but {data} holds data that can't be told apart without it; nothing was touched. \
         Put the store back, or move {data} away to begin without its data"
    )]
    Lost {
        /// The store's file.
        path: PathBuf,
        /// What became of it: `missing` or `empty`.
        state: &'static str,
        /// A directory of data.
        data: PathBuf,
    },
    /// The store and the data come from different places.
    #[error(
        "{data} belongs to store {found}, but {path} is store {id}; nothing was touched. Put together what belongs \
         together, or move {data} away to begin without its data"
    )]
    Mismatched {
        /// The store's file.
        path: PathBuf,
        /// Its id.
        id: String,
        /// A directory of data.
        data: PathBuf,
        /// The id of its store, or what stands in its place.
        found: String,
    },
    /// The file that holds the store's id in a directory of data could not be read or written.
    #[error("store id {path}: {source}")]
    StoreId {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The store is being closed.
    #[error("the control store is closed")]
    Closed,
}

/// Result of a control-store call.
pub type Result<T> = std::result::Result<T, ControlError>;

/// A table: a name under which values live. Declare each once as a constant.
#[derive(Debug, Clone, Copy)]
pub struct Table(pub &'static str);

impl Table {
    fn definition(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(self.0)
    }

    fn decode<V: DeserializeOwned>(self, key: &str, bytes: &[u8]) -> Result<V> {
        serde_json::from_slice(bytes).map_err(|source| ControlError::Value { table: self.0, key: key.into(), source })
    }
}

/// The store. Cheap to clone; all clones share the file.
#[derive(Clone)]
pub struct ControlStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    /// `None` only while reopening after an I/O error: redb refuses all work on a handle
    /// that has seen one, and a full disk must not cost a restart.
    database: RwLock<Option<Database>>,
    closed: AtomicBool,
    /// Why the last commit failed, until one succeeds.
    failing: Mutex<Option<String>>,
}

impl ControlStore {
    /// Opens the store at `path`, creating it if absent.
    ///
    /// # Errors
    /// [`ControlError::Store`] when the file can't be opened, is not a store, or is in use.
    pub fn open(path: &Path) -> Result<Self> {
        let at = |source: io::Error| ControlError::Store { path: path.to_path_buf(), source: Box::new(source.into()) };
        let is_new = !path.exists();
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(at)?;
        let shared = Shared {
            path: path.to_path_buf(),
            database: RwLock::new(None),
            closed: AtomicBool::new(false),
            failing: Mutex::new(None),
        };
        let database = Database::create(path).map_err(|error| shared.error(error.into()))?;
        *shared.database.write() = Some(database);
        if is_new {
            store_id::sync_parent(path).map_err(at)?;
        }
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Opens the store at `path` that explains the data in the directories `data`, all created if
    /// absent. Store and directories carry the same id (in the directories, in a file named
    /// [`STORE_ID_FILE`]), given to them when the store is new, so that a store that was lost,
    /// emptied or exchanged is noticed before anything is made of its silence.
    ///
    /// A store without an id that holds rows is of a development version, and is given one.
    ///
    /// # Errors
    /// [`ControlError::Lost`] and [`ControlError::Mismatched`] when they don't belong together, in
    /// which case nothing is changed; else as [`ControlStore::open`].
    pub fn open_tied(path: &Path, data: &[PathBuf]) -> Result<Self> {
        store_id::open_tied(path, data)
    }

    /// Why the last commit failed, if none has succeeded since.
    pub fn failing(&self) -> Option<String> {
        self.shared.failing.lock().clone()
    }

    /// Whether it holds any row.
    fn has_rows(&self) -> Result<bool> {
        self.shared.with_database(|database| {
            let transaction = database.begin_read()?;
            for table in transaction.list_tables()? {
                let rows = transaction.open_table(TableDefinition::<&str, &[u8]>::new(table.name()))?;
                if !rows.is_empty()? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Closes the file, whoever still holds clones: their later calls fail, and the store can be
    /// opened again.
    pub fn close(&self) {
        let mut database = self.shared.database.write();
        self.shared.closed.store(true, Ordering::Release);
        *database = None;
    }

    /// The value under `key`, if any.
    pub fn get<V: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<V>> {
        self.shared
            .with_database(|database| {
                let transaction = database.begin_read()?;
                match transaction.open_table(table.definition()) {
                    Ok(rows) => Ok(rows.get(key)?.map(|row| row.value().to_vec())),
                    Err(TableError::TableDoesNotExist(_)) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            })?
            .map(|bytes| table.decode(key, &bytes))
            .transpose()
    }

    /// All values whose key starts with `prefix`, in key order.
    pub fn scan<V: DeserializeOwned>(&self, table: Table, prefix: &str) -> Result<Vec<(String, V)>> {
        self.scan_from(table, prefix, prefix, usize::MAX)
    }

    /// At most `limit` values whose key starts with `prefix` and is not before `from`, in key order.
    pub fn scan_from<V: DeserializeOwned>(
        &self,
        table: Table,
        prefix: &str,
        from: &str,
        limit: usize,
    ) -> Result<Vec<(String, V)>> {
        let rows = self.shared.with_database(|database| {
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

    /// Sets one value, durably.
    pub fn put<V: Serialize>(&self, table: Table, key: &str, value: &V) -> Result<()> {
        let mut changes = Changes::default();
        changes.put(table, key, value)?;
        self.commit(changes)
    }

    /// Removes one value, durably; removing what is not there is no error.
    pub fn delete(&self, table: Table, key: &str) -> Result<()> {
        let mut changes = Changes::default();
        changes.delete(table, key);
        self.commit(changes)
    }

    /// Applies all `changes` or none, and returns once they are on the disk.
    pub fn commit(&self, changes: Changes) -> Result<()> {
        let committed = self.shared.with_database(|database| {
            let transaction = database.begin_write()?;
            for change in &changes.0 {
                let mut rows = transaction.open_table(change.table.definition())?;
                match &change.value {
                    Some(value) => rows.insert(change.key.as_str(), value.as_slice())?,
                    None => rows.remove(change.key.as_str())?,
                };
            }
            transaction.commit()?;
            Ok(())
        });
        *self.shared.failing.lock() = committed.as_ref().err().map(ToString::to_string);
        committed
    }
}

/// Writes that are applied together by [`ControlStore::commit`].
#[derive(Default)]
pub struct Changes(Vec<Change>);

struct Change {
    table: Table,
    key: String,
    value: Option<Vec<u8>>,
}

impl Changes {
    /// Adds a write of `value` under `key`.
    pub fn put<V: Serialize>(&mut self, table: Table, key: &str, value: &V) -> Result<()> {
        let value = serde_json::to_vec(value).map_err(|source| ControlError::Value {
            table: table.0,
            key: key.into(),
            source,
        })?;
        self.0.push(Change { table, key: key.into(), value: Some(value) });
        Ok(())
    }

    /// Adds a removal of `key`.
    pub fn delete(&mut self, table: Table, key: &str) {
        self.0.push(Change { table, key: key.into(), value: None });
    }
}

impl Shared {
    fn with_database<T>(&self, work: impl Fn(&Database) -> std::result::Result<T, redb::Error>) -> Result<T> {
        let outcome = match &*self.database.read() {
            Some(database) => work(database),
            None => Err(redb::Error::DatabaseClosed),
        };
        match outcome {
            Ok(value) => Ok(value),
            Err(redb::Error::PreviousIo | redb::Error::DatabaseClosed) => {
                self.reopen()?;
                match &*self.database.read() {
                    Some(database) => work(database).map_err(|error| self.error(error)),
                    None => Err(self.error(redb::Error::DatabaseClosed)),
                }
            }
            Err(error) => Err(self.error(error)),
        }
    }

    /// Opens the file anew. One that is gone by now is an error, not a reason to begin an empty one.
    fn reopen(&self) -> Result<()> {
        let mut database = self.database.write();
        if self.closed.load(Ordering::Acquire) {
            return Err(self.error(redb::Error::DatabaseClosed));
        }
        *database = None;
        *database = Some(Database::open(&self.path).map_err(|error| self.error(error.into()))?);
        Ok(())
    }

    fn error(&self, source: redb::Error) -> ControlError {
        ControlError::Store { path: self.path.clone(), source: Box::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAMS: Table = Table("streams");

    #[test]
    fn values_survive_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.redb");
        let store = ControlStore::open(&path).unwrap();
        assert_eq!(store.get::<u32>(STREAMS, "a").unwrap(), None);
        store.put(STREAMS, "a", &1).unwrap();
        store.put(STREAMS, "ab", &2).unwrap();
        store.put(STREAMS, "b", &3).unwrap();
        drop(store);
        let store = ControlStore::open(&path).unwrap();
        assert_eq!(store.scan::<u32>(STREAMS, "a").unwrap(), [("a".to_string(), 1), ("ab".to_string(), 2)]);
        assert_eq!(store.scan_from::<u32>(STREAMS, "", "ab", 1).unwrap(), [("ab".to_string(), 2)]);
        store.delete(STREAMS, "a").unwrap();
        assert_eq!(store.get::<u32>(STREAMS, "a").unwrap(), None);
    }

    #[test]
    fn closing_frees_the_file_for_good() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.redb");
        let store = ControlStore::open(&path).unwrap();
        let clone = store.clone();
        clone.put(STREAMS, "a", &1).unwrap();
        store.close();
        assert!(clone.put(STREAMS, "a", &2).is_err());
        assert!(clone.get::<u32>(STREAMS, "a").is_err());
        assert_eq!(ControlStore::open(&path).unwrap().get::<u32>(STREAMS, "a").unwrap(), Some(1));
    }

    #[test]
    fn a_value_of_another_form_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let store = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        store.put(STREAMS, "clicks", &"text").unwrap();
        let error = store.get::<u32>(STREAMS, "clicks").unwrap_err();
        assert!(error.to_string().contains("streams") && error.to_string().contains("clicks"), "{error}");
    }
}
