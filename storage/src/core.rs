//! What a log's handles, tickets and threads share.

use std::sync::{Arc, OnceLock};

use crate::config::Config;
use crate::directory::{Directory, Lock, Prepared};
use crate::error::{Damage, Error, Result};
use crate::health::Condition;
use crate::position::Position;
use crate::segment::Segment;
use crate::start::Start;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::sync::{Condvar, JoinHandle, Mutex, RwLock};
use crate::waiters::Waiters;
use crate::writer::Writer;

/// Segments in order of their base position; never empty, the last is the one written to.
pub(crate) type SegmentList = Arc<Vec<Arc<Segment>>>;

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) directory: Arc<Directory>,
    pub(crate) config: Config,
    pub(crate) log_id: [u8; 16],
    /// Counts the openings of this log.
    pub(crate) generation: u32,
    /// Held until the log is closed.
    pub(crate) lock: Mutex<Option<Lock>>,
    pub(crate) writer: Mutex<Writer>,
    /// Appends that no flush has taken yet. Changed only with `writer` locked.
    pub(crate) appends: AtomicU32,
    /// Signalled after each flush; waited on with `writer`.
    pub(crate) flushed: Condvar,
    /// Signalled when the flusher thread has something to do; waited on with `writer`.
    pub(crate) work: Condvar,
    pub(crate) segments: RwLock<SegmentList>,
    /// Where the log begins by what its directory says. Changed only with `dropping` held.
    pub(crate) start: Mutex<Start>,
    /// What is gone in front of the first segment.
    pub(crate) missing: Mutex<Option<Damage>>,
    /// Held while segments are dropped or linked into a backup.
    pub(crate) dropping: Mutex<()>,
    /// All positions below are durable (as far as the flush policy goes) and readable.
    pub(crate) visible: AtomicU64,
    pub(crate) waiters: Waiters,
    pub(crate) poison: OnceLock<String>,
    pub(crate) closed: AtomicBool,
    /// Held while the log is being closed.
    pub(crate) closing: Mutex<()>,
    /// Threads that block until something is visible.
    pub(crate) blocked: AtomicU32,
    pub(crate) condition: Mutex<Condition>,
    /// The next segment's file, being made ahead of need.
    pub(crate) preparing: Mutex<Option<JoinHandle<Result<Prepared>>>>,
    pub(crate) flusher_thread: Mutex<Option<JoinHandle<()>>>,
    pub(crate) flushes: AtomicU64,
}

impl Core {
    pub(crate) fn visible(&self) -> Position {
        Position(self.visible.load(Ordering::Acquire))
    }

    pub(crate) fn segment_list(&self) -> SegmentList {
        self.segments.read().clone()
    }

    /// Fails when the log no longer takes appends.
    pub(crate) fn check_poison(&self) -> Result<()> {
        match self.poison.get() {
            Some(reason) => Err(Error::Poisoned { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Whether appending is allowed. To be asked with the writer's lock held: who appends after that
    /// is released by whoever poisons the log, or flushed by whoever closes it.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.check_poison()?;
        if self.is_closed() { Err(Error::Closed) } else { Ok(()) }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Errs where something does not hold that always must: nothing is acknowledged then, for the log
    /// is not what it is taken for.
    pub(crate) fn ensure(&self, holds: bool, invariant: &str) -> Result<()> {
        if holds {
            return Ok(());
        }
        let reason =
            format!("{}: a mistake of the log's own: {invariant} does not hold", self.directory.path.display());
        Err(Error::Poisoned { reason })
    }

    /// Remembers damage that is about to be reported to a reader.
    pub(crate) fn note(&self, error: Error) -> Error {
        if let Error::Damaged(damage) = &error {
            self.condition.lock().met(damage);
        }
        error
    }

    /// Refuses all further appends: what the page cache holds can't be trusted after a failed
    /// write or flush, and flushing again may falsely succeed.
    pub(crate) fn poison(&self, error: &Error) {
        // The first reason is the one that counts.
        let _ = self.poison.set(error.to_string());
        self.waiters.wake_all();
    }
}
