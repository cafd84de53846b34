//! The embedded database, reached from asynchronous code: every call runs on a thread of its own,
//! few at a time, and a call that panics costs one reopening rather than the service. What a call
//! wrote is flushed before it is answered, together with what others wrote meanwhile.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anabranch_protocol::ApiError;
use dynoxide::Database;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, oneshot};

use crate::error::{CallError, TablesError, closed, failed, to_api, too_busy};
use crate::flush::{Flusher, NotFlushed};
use crate::identity;
use crate::workers::Workers;

/// Calls that run at once. SQLite is behind one lock, so more threads only overlap the reading
/// and writing of JSON.
pub(crate) const CALLS_RUNNING_MAX: usize = 4;
/// Calls that are under way at once, most of them waiting for their turn or for a flush; beyond it
/// the caller is told to come back.
const CALLS_MAX: u32 = 4_096;

/// Whether an operation may change what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Writes,
    /// It may make a table, and with it a database.
    Creates,
}

/// Why calls fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failing {
    /// A flush failed; nothing works until the server is started again.
    Flush(String),
    /// The last call did; the next may succeed.
    Call(String),
}

/// The database and the turnstile before it.
pub(crate) struct Engine {
    handle: Arc<Handle>,
    admitted: Arc<Semaphore>,
    workers: Arc<Workers>,
}

struct Handle {
    path: PathBuf,
    /// `None` once closed.
    database: RwLock<Option<Database>>,
    /// Held by each call while it runs, exclusively by one that runs alone.
    turn: RwLock<()>,
    closing: AtomicBool,
    flusher: Flusher,
    /// Why the engine last failed at a call, if it has not succeeded since.
    failing: Mutex<Option<String>>,
}

impl Engine {
    /// Opens the database in `directory`, both made if absent, for `workers` to run its calls. Waits
    /// for the disk.
    pub(crate) fn open(directory: &Path, workers: Arc<Workers>) -> Result<Self, TablesError> {
        let failed = |source| TablesError::Directory { path: directory.to_path_buf(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let path = directory.join("tables.sqlite");
        identity::check(directory, &path)?;
        let database = open_database(&path)?;
        let flusher = Flusher::open(&path).map_err(failed)?;
        // SQLite syncs the names of its logs, but not that of a new database.
        for made in [Some(directory), directory.parent()].into_iter().flatten() {
            let made = if made.as_os_str().is_empty() { Path::new(".") } else { made };
            File::open(made).and_then(|made| made.sync_all()).map_err(failed)?;
        }
        Ok(Self::of(path, database, flusher, workers))
    }

    /// A database without tables, in memory; nothing may be written to it.
    pub(crate) fn empty(workers: Arc<Workers>) -> Result<Self, TablesError> {
        let path = PathBuf::from(":memory:");
        let database = Database::memory()
            .map_err(|error| TablesError::Database { path: path.clone(), reason: error.to_string() })?;
        // Without a write there is no flush.
        let flusher = Flusher::none().map_err(|source| TablesError::Directory { path: path.clone(), source })?;
        Ok(Self::of(path, database, flusher, workers))
    }

    fn of(path: PathBuf, database: Database, flusher: Flusher, workers: Arc<Workers>) -> Self {
        let handle = Handle {
            path,
            database: RwLock::new(Some(database)),
            turn: RwLock::default(),
            closing: AtomicBool::new(false),
            flusher,
            failing: Mutex::new(None),
        };
        Self { handle: Arc::new(handle), admitted: Arc::new(Semaphore::new(CALLS_MAX as usize)), workers }
    }

    /// Runs `work` on a thread of the engine's, and answers once what it wrote, or saw, is flushed.
    /// The work goes on to its end even if the caller leaves.
    pub(crate) async fn run<T, F>(&self, effect: Effect, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Database) -> Result<T, CallError> + Send + 'static,
    {
        let run = |handle: &Handle| {
            let _beside_others = handle.turn.read();
            handle.run(work)
        };
        self.submit(effect, run).await
    }

    /// Runs `work`, which writes to the database at the path over a connection of its own, while no
    /// other call runs. Otherwise as [`Engine::run`].
    pub(crate) async fn run_alone<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Path) -> Result<T, CallError> + Send + 'static,
    {
        let run = |handle: &Handle| {
            let _alone = handle.turn.write();
            handle.run(|_| work(&handle.path))
        };
        self.submit(Effect::Writes, run).await
    }

    async fn submit<T, F>(&self, effect: Effect, run: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Handle) -> Result<T, ApiError> + Send + 'static,
    {
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_| if self.handle.is_closing() { closed() } else { too_busy() })?;
        let handle = self.handle.clone();
        let (answer, answered) = oneshot::channel();
        self.workers.run(move || {
            let writing = (effect != Effect::Reads).then(|| handle.flusher.writing());
            let outcome = run(&handle);
            drop(writing);
            handle.flusher.flushed(move |flushed| {
                drop(admitted);
                // The caller may have left.
                let _ = answer.send(flushed.map_err(|NotFlushed| not_flushed()).and(outcome));
            });
        });
        answered.await.map_err(|_| closed())?
    }

    /// Why calls fail, if they do.
    pub(crate) fn failing(&self) -> Option<Failing> {
        let flush = self.handle.flusher.failure().map(Failing::Flush);
        flush.or_else(|| self.handle.failing.lock().clone().map(Failing::Call))
    }

    /// Waits for running calls, refuses waiting ones, and closes the database.
    pub(crate) async fn close(&self) {
        self.handle.closing.store(true, Ordering::Release);
        if let Ok(all) = self.admitted.acquire_many(CALLS_MAX).await {
            self.admitted.close();
            drop(all);
        }
        let handle = self.handle.clone();
        let closing = tokio::task::spawn_blocking(move || {
            let database = handle.database.write().take();
            // Closing it would move what may not be on the disk from the log into the database.
            if handle.flusher.failure().is_some() {
                std::mem::forget(database);
            }
        });
        if let Err(error) = closing.await {
            tracing::warn!(%error, "tables did not close cleanly");
        }
    }
}

impl Handle {
    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn run<T>(&self, work: impl FnOnce(&Database) -> Result<T, CallError>) -> Result<T, ApiError> {
        if self.flusher.failure().is_some() {
            return Err(not_flushed());
        }
        if self.is_closing() {
            return Err(closed());
        }
        let database = self.database.read().clone().ok_or_else(closed)?;
        match catch_unwind(AssertUnwindSafe(|| work(&database))) {
            Ok(Ok(value)) => {
                self.works();
                Ok(value)
            }
            Ok(Err(CallError::Api(error))) => Err(error),
            Ok(Err(CallError::Database(error))) => {
                match error.status_code() {
                    500.. => *self.failing.lock() = Some(error.to_string()),
                    _ => self.works(),
                }
                Err(to_api(error))
            }
            Err(_) => {
                // The panic has poisoned the engine's lock; its transaction is rolled back when
                // the connection goes.
                tracing::error!("the table engine panicked; reopening {}", self.path.display());
                drop(database);
                self.reopen();
                Err(failed("Internal server error: the request was not carried out"))
            }
        }
    }

    fn works(&self) {
        let mut failing = self.failing.lock();
        if failing.is_some() {
            *failing = None;
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

/// The answer while nothing is known of what the disk holds.
fn not_flushed() -> ApiError {
    failed("The disk did not take what was written. The tables take no calls until the server is started again.")
}

fn open_database(path: &Path) -> Result<Database, TablesError> {
    let failed = |reason: String| TablesError::Database { path: path.to_path_buf(), reason };
    let text = path.to_str().ok_or_else(|| failed("the path is not UTF-8".to_string()))?;
    let database = Database::new(text).map_err(|error| failed(error.to_string()))?;
    // Whatever its name: it sets `synchronous=NORMAL`, so that commits don't flush one by one.
    database.disable_bulk_loading().map_err(|error| failed(error.to_string()))?;
    Ok(database)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dynoxide::actions::create_table::CreateTableRequest;
    use dynoxide::storage::Storage;
    use std::sync::atomic::AtomicUsize;

    const TABLE: &str = r#"{"TableName": "clicks", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}"#;

    fn open(directory: &Path) -> Engine {
        Engine::open(directory, Arc::new(Workers::start(CALLS_RUNNING_MAX).unwrap())).unwrap()
    }

    async fn create_table(engine: &Engine) -> Result<(), ApiError> {
        let request: CreateTableRequest = serde_json::from_str(TABLE).unwrap();
        engine.run(Effect::Writes, |database| Ok(database.create_table(request)?)).await.map(drop)
    }

    async fn count(engine: &Engine) -> Result<usize, ApiError> {
        engine.run(Effect::Reads, |database| Ok(database.table_count()?)).await
    }

    #[tokio::test]
    async fn a_panic_fails_one_call_only() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path());
        let error = engine.run::<(), _>(Effect::Writes, |_| panic!("as a bug in the engine would")).await.unwrap_err();
        assert_eq!(error.status(), 500);
        assert_eq!(count(&engine).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn nothing_runs_beside_what_runs_alone() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path());
        let running = Arc::new(AtomicUsize::new(0));
        // What ran beside a call: it stays long enough for others to come.
        let beside = |running: Arc<AtomicUsize>| {
            let before = running.fetch_add(1, Ordering::SeqCst);
            (0..1_000).for_each(|_| std::thread::yield_now());
            before.max(running.fetch_sub(1, Ordering::SeqCst) - 1)
        };
        let mut calls = tokio::task::JoinSet::new();
        let engine = Arc::new(engine);
        for number in 0..100 {
            let (engine, running) = (engine.clone(), running.clone());
            calls.spawn(async move {
                match number % 5 {
                    0 => engine.run_alone(move |_| Ok((true, beside(running)))).await,
                    _ => engine.run(Effect::Reads, move |_| Ok((false, beside(running)))).await,
                }
            });
        }
        let ran: Vec<(bool, usize)> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
        assert!(ran.iter().all(|(alone, beside)| !alone || *beside == 0), "{ran:?}");
        assert!(ran.iter().any(|(_, beside)| *beside > 0), "other calls do run side by side");
    }

    #[tokio::test]
    async fn a_closed_engine_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path());
        engine.close().await;
        let error = count(&engine).await.unwrap_err();
        assert!(error.message.contains("shutting down"), "{error}");
    }

    #[tokio::test]
    async fn each_write_is_flushed_before_its_answer_and_reads_need_no_flush() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path());
        create_table(&engine).await.unwrap();
        assert_eq!(engine.handle.flusher.count(), 1);
        assert_eq!(count(&engine).await.unwrap(), 1);
        assert_eq!(engine.handle.flusher.count(), 1);
        create_table(&engine).await.unwrap_err();
        assert_eq!(engine.handle.flusher.count(), 2, "it may have written before it failed");
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_or_shown_after_a_failed_flush() {
        let directory = tempfile::tempdir().unwrap();
        let mut engine = open(directory.path());
        Arc::get_mut(&mut engine.handle).unwrap().flusher = Flusher::broken();
        assert_eq!(count(&engine).await.unwrap(), 0);
        assert_eq!(create_table(&engine).await.unwrap_err().status(), 500);
        assert!(matches!(engine.failing(), Some(Failing::Flush(_))));
        assert_eq!(count(&engine).await.unwrap_err().status(), 500, "it would show the table");
        engine.close().await;
    }

    /// The engine's connection can't be asked, but what it is set to by the same call can.
    #[test]
    fn commits_leave_flushing_to_the_flusher_and_checkpoints_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::new(directory.path().join("any.sqlite").to_str().unwrap()).unwrap();
        storage.disable_bulk_loading().unwrap();
        let pragma = |name: &str| -> String {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
            format!("{:?}", storage.conn().query_row(&format!("PRAGMA {name}"), [], read).unwrap())
        };
        assert_eq!(pragma("synchronous"), "Integer(1)", "NORMAL: checkpoints flush, commits don't");
        assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    }
}
