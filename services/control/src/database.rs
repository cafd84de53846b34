//! The redb file. After a failure it is read again from the disk before it is used again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition, TableHandle};
use rustix::fs::{Advice, fadvise};

use crate::durable::sync_parent;
use crate::table::Changes;
use crate::{ControlError, Result};

/// The open file, or none.
pub(crate) struct Redb {
    path: PathBuf,
    state: RwLock<State>,
}

enum State {
    Open(Database),
    /// A read, write or flush failed. What is in memory, and in the page cache, may not be on the disk.
    Failed,
    Closed,
}

impl Redb {
    /// Opens the file at `path`, creating it if absent.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let at = |source: redb::Error| ControlError::Store { path: path.to_path_buf(), source: Arc::new(source) };
        let is_new = !path.exists();
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        made.map_err(|error| at(error.into()))?;
        let database = Database::create(path).map_err(|error| at(error.into()))?;
        if is_new {
            sync_parent(path).map_err(|error| at(error.into()))?;
        }
        Ok(Self { path: path.to_path_buf(), state: RwLock::new(State::Open(database)) })
    }

    /// Frees the file for good.
    pub(crate) fn close(&self) {
        *self.state.write() = State::Closed;
    }

    /// Performs `work`. If the disk fails it, the file is reopened before it is used again.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Database) -> std::result::Result<T, redb::Error>) -> Result<T> {
        self.reopen_if_failed()?;
        let outcome = match &*self.state.read() {
            State::Open(database) => work(database),
            State::Failed => Err(redb::Error::PreviousIo),
            State::Closed => Err(redb::Error::DatabaseClosed),
        };
        outcome.map_err(|error| self.failed(error))
    }

    /// Applies all of `groups` or none, and returns once they are on the disk.
    pub(crate) fn commit<'a>(&self, groups: impl Iterator<Item = &'a Changes>) -> Result<()> {
        self.read(|database| {
            let transaction = database.begin_write()?;
            for change in groups.flat_map(|changes| &changes.0) {
                let mut rows = transaction.open_table(change.table.definition())?;
                match &change.value {
                    Some(value) => rows.insert(change.key.as_str(), value.as_slice())?,
                    None => rows.remove(change.key.as_str())?,
                };
            }
            Ok(transaction.commit()?)
        })
    }

    /// Whether any table holds a row.
    pub(crate) fn has_rows(&self) -> Result<bool> {
        self.read(|database| {
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

    /// Makes the next use treat the file as failed.
    #[cfg(test)]
    pub(crate) fn fail(&self) {
        *self.state.write() = State::Failed;
    }

    fn failed(&self, source: redb::Error) -> ControlError {
        if matches!(source, redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::Corrupted(_)) {
            let mut state = self.state.write();
            if let State::Open(_) = *state {
                *state = State::Failed;
            }
        }
        self.error(source)
    }

    fn reopen_if_failed(&self) -> Result<()> {
        if !matches!(*self.state.read(), State::Failed) {
            return Ok(());
        }
        let mut state = self.state.write();
        if let State::Failed = *state {
            forget_cached(&self.path).map_err(|error| self.error(error.into()))?;
            // One that is gone by now is an error, not a reason to begin an empty one.
            *state = State::Open(Database::open(&self.path).map_err(|error| self.error(error.into()))?);
        }
        Ok(())
    }

    fn error(&self, source: redb::Error) -> ControlError {
        ControlError::Store { path: self.path.clone(), source: Arc::new(source) }
    }
}

/// Makes the next read of the file come from the disk. After a failed flush the kernel takes pages
/// that are not on the disk for clean; those that are still dirty are written first, and if that
/// fails the file can't be trusted yet.
fn forget_cached(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    File::sync_all(&file)?;
    Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
}
