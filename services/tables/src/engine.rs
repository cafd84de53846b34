//! The embedded database, reached from asynchronous code: every call runs on a blocking thread,
//! few at a time, and a call that panics costs one reopening rather than the service.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_protocol::ApiError;
use dynoxide::Database;
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use crate::error::{TablesError, closed, too_busy};

/// Calls that run at once. SQLite is behind one lock, so more threads only overlap the reading
/// and writing of JSON.
const CALLS_RUNNING_MAX: usize = 4;
/// Calls that wait for their turn; beyond it the caller is told to come back.
const CALLS_WAITING_MAX: usize = 4_096;

/// Why a call failed: the database said so, or the request was wrong.
pub(crate) enum CallError {
    Database(dynoxide::DynoxideError),
    Api(ApiError),
}

impl From<dynoxide::DynoxideError> for CallError {
    fn from(error: dynoxide::DynoxideError) -> Self {
        Self::Database(error)
    }
}

impl From<ApiError> for CallError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// The database and the turnstile before it.
pub(crate) struct Engine {
    handle: Arc<Handle>,
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

struct Handle {
    path: PathBuf,
    /// `None` once closed.
    database: RwLock<Option<Database>>,
}

impl Engine {
    pub(crate) fn open(directory: &Path) -> Result<Self, TablesError> {
        let failed = |source| TablesError::Directory { path: directory.to_path_buf(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let path = directory.join("tables.sqlite");
        let database = open_database(&path)?;
        // SQLite syncs the names of its logs, but not that of a new database.
        for made in [Some(directory), directory.parent()].into_iter().flatten() {
            let made = if made.as_os_str().is_empty() { Path::new(".") } else { made };
            File::open(made).and_then(|made| made.sync_all()).map_err(failed)?;
        }
        Ok(Self {
            handle: Arc::new(Handle { path, database: RwLock::new(Some(database)) }),
            admitted: Arc::new(Semaphore::new(CALLS_RUNNING_MAX + CALLS_WAITING_MAX)),
            running: Arc::new(Semaphore::new(CALLS_RUNNING_MAX)),
        })
    }

    /// Runs `work` on a blocking thread. The work goes on to its end even if the caller leaves.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Database) -> Result<T, CallError> + Send + 'static,
    {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| too_busy())?;
        let turn = self.running.clone().acquire_owned().await.map_err(|_| closed())?;
        let handle = self.handle.clone();
        let outcome = tokio::task::spawn_blocking(move || {
            let outcome = handle.run(work);
            drop((turn, admitted));
            outcome
        });
        outcome.await.map_err(|error| ApiError::internal(error.to_string()))?
    }

    /// Waits for running calls, refuses waiting ones, and closes the database.
    pub(crate) async fn close(&self) {
        if let Ok(all) = self.running.acquire_many(CALLS_RUNNING_MAX as u32).await {
            self.running.close();
            drop(all);
        }
        let handle = self.handle.clone();
        let closing = tokio::task::spawn_blocking(move || drop(handle.database.write().take()));
        if let Err(error) = closing.await {
            tracing::warn!(%error, "tables did not close cleanly");
        }
    }
}

impl Handle {
    fn run<T>(&self, work: impl FnOnce(&Database) -> Result<T, CallError>) -> Result<T, ApiError> {
        let database = self.database.read().clone().ok_or_else(closed)?;
        match catch_unwind(AssertUnwindSafe(|| work(&database))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(CallError::Api(error))) => Err(error),
            Ok(Err(CallError::Database(error))) => Err(crate::error::to_api(error)),
            Err(_) => {
                // The panic has poisoned the engine's lock; its transaction is rolled back when
                // the connection goes.
                tracing::error!("the table engine panicked; reopening {}", self.path.display());
                drop(database);
                self.reopen();
                Err(crate::error::internal("the table engine failed on this request; it was not carried out"))
            }
        }
    }

    fn reopen(&self) {
        let mut database = self.database.write();
        if database.is_none() {
            return;
        }
        match open_database(&self.path) {
            Ok(fresh) => *database = Some(fresh),
            Err(error) => tracing::error!(%error, "can't reopen the tables"),
        }
    }
}

fn open_database(path: &Path) -> Result<Database, TablesError> {
    let failed = |reason: String| TablesError::Database { path: path.to_path_buf(), reason };
    let text = path.to_str().ok_or_else(|| failed("the path is not UTF-8".to_string()))?;
    Database::new(text).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_fails_one_call_only() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(directory.path()).unwrap();
        let error = engine.run::<(), _>(|_| panic!("as a bug in the engine would")).await.unwrap_err();
        assert_eq!(error.status(), 500);
        assert_eq!(engine.run(|database| Ok(database.table_count()?)).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_closed_engine_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(directory.path()).unwrap();
        engine.close().await;
        let error = engine.run(|database| Ok(database.table_count()?)).await.unwrap_err();
        assert!(error.message.contains("shutting down"), "{error}");
    }
}
