//! A stream's log: opened when it is needed, closed when others need its place, and told apart from
//! one that is gone.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anabranch_protocol::Problem;
use anabranch_storage::{
    Config, Error as LogError, Failure, FailureKind, LaneId, LanePositions, Log, Position, RecordLog, Recovery, Stat,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use crate::error::LogFailure;
use crate::faults::{Faults, log_failure};
use crate::limits::{IDLE_LOGS_CLOSED_MAX, REOPEN_AFTER_MIN};
use crate::open_logs::{Closable, NoPlace, OpenLogs};

/// A stream's log, open or not.
#[derive(Debug)]
pub(crate) struct StreamLog {
    id: Uuid,
    directory: PathBuf,
    config: Config,
    logs: Arc<OpenLogs>,
    /// Whether a log may be created where there is none: only while the stream itself is being created.
    is_new: AtomicBool,
    is_deleted: AtomicBool,
    /// Held while it is opened or closed.
    changing: Mutex<()>,
    current: Mutex<Current>,
    last_use: AtomicU64,
    /// The log's watermark, as far as it is known here; `None` until it was opened. What waits for
    /// records waits for this, so that it needs no open log.
    watermark: watch::Sender<Option<LanePositions>>,
    pub(crate) faults: Faults,
}

#[derive(Debug, Default)]
struct Current {
    /// Someone besides this holder is using it. Cloned only while locked.
    log: Option<Arc<Log>>,
    /// When a failed write left it unable to take appends.
    poisoned: Option<Instant>,
    /// Figures of when it was closed.
    stat: Option<Stat>,
}

/// An open log, which stays open while this lives.
#[derive(Debug)]
pub(crate) struct LogInUse {
    log: Option<Arc<Log>>,
    of: Arc<StreamLog>,
}

impl StreamLog {
    pub(crate) fn new(id: Uuid, directory: &Path, config: Config, logs: Arc<OpenLogs>) -> Arc<Self> {
        Arc::new(Self {
            id,
            directory: directory.join(id.to_string()),
            config,
            logs,
            is_new: AtomicBool::new(false),
            is_deleted: AtomicBool::new(false),
            changing: Mutex::new(()),
            current: Mutex::default(),
            last_use: AtomicU64::new(0),
            watermark: watch::Sender::new(None),
            faults: Faults::default(),
        })
    }

    /// The log, if it is open and takes appends.
    fn if_open(self: &Arc<Self>) -> Option<LogInUse> {
        let current = self.current.lock();
        if current.poisoned.is_some_and(|since| since.elapsed() >= REOPEN_AFTER_MIN) {
            return None;
        }
        Some(LogInUse { log: Some(current.log.clone()?), of: self.clone() })
    }

    /// As [`StreamLog::acquire`], without blocking the caller's thread.
    pub(crate) async fn acquired(self: &Arc<Self>) -> Result<LogInUse, LogFailure> {
        if let Some(log) = self.if_open() {
            self.last_use.store(self.logs.next_use(), Ordering::Relaxed);
            return Ok(log);
        }
        let this = self.clone();
        // A panic in there is printed.
        tokio::task::spawn_blocking(move || this.acquire()).await.unwrap_or(Err(LogFailure::Other))
    }

    /// The log, opened now if it is not, or if it has been poisoned for a while.
    ///
    /// # Errors
    /// The log can't be opened now, or too many others are in use.
    pub(crate) fn acquire(self: &Arc<Self>) -> Result<LogInUse, LogFailure> {
        self.last_use.store(self.logs.next_use(), Ordering::Relaxed);
        if let Some(log) = self.if_open() {
            return Ok(log);
        }
        let _changing = self.changing.lock();
        if let Some(log) = self.if_open() {
            return Ok(log);
        }
        if self.is_deleted() {
            return Err(log_failure(&LogError::Closed.into()));
        }
        match self.take_current() {
            // Its place is kept. What could not be written is read back from the disk.
            Some(poisoned) => self.close_and_note(&poisoned),
            None => self.logs.take_place().map_err(|NoPlace| LogFailure::NoPlace)?,
        }
        let opened =
            self.open().inspect_err(|error| self.faults.opening(error)).map_err(|error| log_failure(&error.into()));
        let log = Arc::new(opened.inspect_err(|_| self.logs.give_back(self.id))?);
        self.reached(log.watermark());
        self.current.lock().log = Some(log.clone());
        self.logs.enter(self.id, self.clone());
        Ok(LogInUse { log: Some(log), of: self.clone() })
    }

    fn open(&self) -> Result<Log, LogError> {
        let config = Config { create: self.is_new.load(Ordering::Acquire), ..self.config.clone() };
        let open = || Log::open(&self.directory, config.clone());
        let (log, recovery) = match open() {
            Err(LogError::TooManyOpenFiles { .. }) => {
                self.logs.close_some(IDLE_LOGS_CLOSED_MAX);
                open()?
            }
            outcome => outcome?,
        };
        self.note_recovery(&recovery);
        Ok(log)
    }

    fn note_recovery(&self, recovery: &Recovery) {
        let log = self.directory.display();
        if let Some(torn) = &recovery.torn {
            tracing::warn!(%log, segment = %torn.segment.display(), torn.offset, torn.bytes, "cut a torn tail that was never acknowledged");
        }
        for damage in &recovery.damage {
            tracing::error!(%log, %damage, "the stream's log is damaged");
        }
        self.faults.opened(recovery);
    }

    /// Takes note of the log's watermark, and tells who waits for it.
    fn reached(&self, watermark: LanePositions) {
        self.watermark.send_if_modified(|known| {
            let is_news = known.as_ref().is_none_or(|known| watermark.is_ahead_of(known));
            if is_news {
                *known = Some(watermark);
            }
            is_news
        });
    }

    /// All records of `lane` lie below and are readable; `None` until the log was opened.
    pub(crate) fn known_watermark(&self, lane: LaneId) -> Option<Position> {
        self.watermark.borrow().as_ref().map(|watermark| watermark.of(lane))
    }

    /// All records of `lane` lie below and are readable. Opens the log if it was not opened yet.
    pub(crate) fn watermark(self: &Arc<Self>, lane: LaneId) -> Result<Position, LogFailure> {
        match self.known_watermark(lane) {
            Some(watermark) => Ok(watermark),
            None => Ok(self.acquire()?.watermark().of(lane)),
        }
    }

    /// Waits until a record of `lane` at `position` or behind may be readable. Holds no log open.
    pub(crate) async fn past(self: &Arc<Self>, lane: LaneId, position: Position) -> Result<(), LogFailure> {
        let mut watermark = self.watermark.subscribe();
        if watermark.borrow().is_none() {
            drop(self.acquired().await?);
        }
        // The sender is a part of this, so there is one.
        let _ = watermark.wait_for(|known| known.as_ref().is_some_and(|known| known.of(lane) > position)).await;
        Ok(())
    }

    fn take_current(&self) -> Option<Arc<Log>> {
        self.current.lock().log.take()
    }

    fn close_and_note(&self, log: &Log) {
        let stat = log.stat();
        let closed = log.close();
        let mut current = self.current.lock();
        (current.stat, current.poisoned) = (Some(stat), None);
        drop(current);
        if let Err(error) = closed {
            tracing::error!(log = %self.directory.display(), %error, "closing a stream's log");
        }
    }

    /// Closes the log, whoever uses it.
    pub(crate) fn close(&self) {
        let _changing = self.changing.lock();
        if let Some(log) = self.take_current() {
            self.close_and_note(&log);
            self.logs.give_back(self.id);
        }
    }

    /// Creates the log: from now on there is one.
    pub(crate) fn make(self: &Arc<Self>) -> Result<(), LogFailure> {
        self.is_new.store(true, Ordering::Release);
        drop(self.acquire()?);
        self.is_new.store(false, Ordering::Release);
        Ok(())
    }

    /// Whether its files are gone, or about to go.
    pub(crate) fn is_deleted(&self) -> bool {
        self.is_deleted.load(Ordering::Acquire)
    }

    /// Closes the log for good and removes its files. Who waits for records is told by the stream's
    /// going.
    pub(crate) fn delete(&self) -> std::io::Result<()> {
        self.is_deleted.store(true, Ordering::Release);
        self.close();
        remove_if_there(&self.directory)
    }

    /// Figures of the log now, or of when it was closed; `None` if it was not opened yet.
    pub(crate) fn stat(&self) -> Option<Stat> {
        let current = self.current.lock();
        current.log.as_ref().map(|log| log.stat()).or(current.stat)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.current.lock().log.is_some()
    }

    /// Reports it if there is no log where one should be; opens nothing.
    pub(crate) fn check_presence(&self) {
        if !holds_segments(&self.directory) {
            let error = LogError::NoLog { path: self.directory.clone() };
            tracing::error!(%error, "the log of a stream is missing: put it back, or delete the stream");
            self.faults.opening(&error);
        }
    }

    /// What is wrong with it, for the stream called `name`.
    pub(crate) fn problems(&self, name: &str) -> Vec<Problem> {
        let log = self.current.lock().log.clone();
        if let Some(health) = log.map(|log| log.health()) {
            self.faults.seen(&health);
        }
        self.faults.problems(name)
    }
}

impl Closable for StreamLog {
    fn is_idle(&self) -> bool {
        let is_unused = |log: &Arc<Log>| Arc::strong_count(log) == 1;
        !self.changing.is_locked() && self.current.lock().log.as_ref().is_some_and(is_unused)
    }

    fn last_use(&self) -> u64 {
        self.last_use.load(Ordering::Relaxed)
    }

    fn close_if_idle(&self) -> bool {
        let Some(_changing) = self.changing.try_lock() else { return false };
        let log = {
            let mut current = self.current.lock();
            match &current.log {
                Some(log) if Arc::strong_count(log) == 1 => current.log.take(),
                _ => None,
            }
        };
        let Some(log) = log else { return false };
        self.close_and_note(&log);
        true
    }
}

impl LogInUse {
    /// Notes the outcome of an append: wakes waiting readers, or records what is wrong.
    pub(crate) fn appended(&self, outcome: &Result<(), Failure>) {
        match outcome {
            Ok(()) => {
                self.of.faults.appending(None);
                self.of.reached(self.watermark());
            }
            Err(failure) => self.refused(failure),
        }
    }

    /// Notes why the log did not take an append.
    pub(crate) fn refused(&self, failure: &Failure) {
        self.of.faults.appending(Some(failure));
        if failure.kind == FailureKind::Poisoned {
            let mut current = self.of.current.lock();
            let own = self.log.as_ref();
            if current.log.as_ref().zip(own).is_some_and(|(log, own)| Arc::ptr_eq(log, own)) {
                current.poisoned.get_or_insert_with(Instant::now);
            }
        }
    }

    /// A failure of the log as the caller gets it, taken note of.
    pub(crate) fn failed(&self, failure: &Failure) -> LogFailure {
        self.of.faults.reading(failure);
        log_failure(failure)
    }
}

/// Records are appended and read through what every engine offers; only opening, closing and figures
/// are the engine's own.
impl Deref for LogInUse {
    type Target = dyn RecordLog;

    fn deref(&self) -> &Self::Target {
        match &self.log {
            Some(log) => &**log,
            None => unreachable!("taken only when it is dropped"),
        }
    }
}

impl Drop for LogInUse {
    fn drop(&mut self) {
        drop(self.log.take());
        self.of.logs.tell_idle();
    }
}

/// Whether there is a log in `directory`, with at least one segment.
fn holds_segments(directory: &Path) -> bool {
    let is_segment =
        |name: &std::ffi::OsStr| Path::new(name).extension().is_some_and(|extension| extension == "segment");
    std::fs::read_dir(directory)
        .is_ok_and(|entries| entries.filter_map(Result::ok).any(|entry| is_segment(&entry.file_name())))
}

/// Removes a directory with all that is in it, if it is there.
pub(crate) fn remove_if_there(directory: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
