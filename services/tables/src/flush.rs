//! Durability of commits, many at a time. SQLite commits to its write-ahead log without flushing
//! it (`synchronous=NORMAL`); before a call is answered, one flush of that log covers its commit and
//! all others made until then. Log frames carry checksums that build on one another, so after a
//! crash SQLite finds exactly the commits that were flushed, in order, and perhaps later ones.
//!
//! Answers of reads wait, too, while what they may have seen is not flushed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use parking_lot::Mutex;

/// What waits for a flush. It is told whether that succeeded, and must not panic or block.
type Waiter = Box<dyn FnOnce(Result<(), NotFlushed>) + Send>;

/// Nothing is known of what the disk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotFlushed;

/// Flushes SQLite's write-ahead log, on a thread of its own.
pub(crate) struct Flusher {
    state: Arc<State>,
    /// Its length is bounded by the calls that are under way.
    waiters: Sender<Waiter>,
}

struct State {
    log: File,
    path: PathBuf,
    /// Calls that may write, begun and ended so far.
    begun: AtomicU64,
    ended: AtomicU64,
    /// Of those, the first so many are covered by a flush.
    covered: AtomicU64,
    flushes: AtomicU64,
    failed: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// A call that may write, while it runs.
pub(crate) struct Writing<'a>(&'a State);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Flusher {
    /// A flusher of the write-ahead log beside the open database at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        Self::of(PathBuf::from(name))
    }

    /// A flusher of nothing: for what is never written.
    pub(crate) fn none() -> io::Result<Self> {
        Self::of(PathBuf::from("/dev/null"))
    }

    fn of(path: PathBuf) -> io::Result<Self> {
        let state = Arc::new(State {
            log: File::open(&path)?,
            path,
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            covered: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        });
        let (waiters, waiting) = channel();
        let shared = state.clone();
        thread::Builder::new().name("tables-flush".into()).spawn(move || run(&shared, &waiting))?;
        Ok(Self { state, waiters })
    }

    /// Marks the beginning of a call that may write; its end is when the result is dropped.
    pub(crate) fn writing(&self) -> Writing<'_> {
        self.state.begun.fetch_add(1, Ordering::SeqCst);
        Writing(&self.state)
    }

    /// Why the last flush failed. After that nothing is known of what the disk holds, so no
    /// later flush may be believed.
    pub(crate) fn failure(&self) -> Option<String> {
        if self.state.failed.load(Ordering::Acquire) { self.state.failure.lock().clone() } else { None }
    }

    /// Calls `waiter` once all that was committed before is on the disk: at once if it is.
    pub(crate) fn flushed(&self, waiter: impl FnOnce(Result<(), NotFlushed>) + Send + 'static) {
        let state = &*self.state;
        let is_clean = state.covered.load(Ordering::SeqCst) == state.begun.load(Ordering::SeqCst);
        if state.failed.load(Ordering::Acquire) {
            waiter(Err(NotFlushed));
        } else if is_clean {
            waiter(Ok(()));
        } else {
            // The thread ends after this is dropped.
            let _ = self.waiters.send(Box::new(waiter));
        }
    }

    /// Flushes so far.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.state.flushes.load(Ordering::SeqCst)
    }

    /// A flusher all of whose flushes fail, as on a broken disk.
    #[cfg(test)]
    pub(crate) fn broken() -> Self {
        // What is not a file on a disk can't be flushed.
        Self::of(PathBuf::from("/proc/self/stat")).unwrap()
    }
}

fn run(state: &State, waiting: &Receiver<Waiter>) {
    let mut group = Vec::new();
    while let Ok(first) = waiting.recv() {
        group.push(first);
        // Whoever waits by now has committed.
        group.extend(waiting.try_iter());
        let flushed = state.flush();
        group.drain(..).for_each(|waiter| waiter(flushed));
    }
}

impl State {
    fn flush(&self) -> Result<(), NotFlushed> {
        if self.failed.load(Ordering::Acquire) {
            return Err(NotFlushed);
        }
        // Writes that have ended by now are covered; the count says which only if none is under way.
        let ended = self.ended.load(Ordering::SeqCst);
        let all_ended = self.begun.load(Ordering::SeqCst) == ended;
        self.flushes.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = self.log.sync_data() {
            let failure = format!("flushing {}: {error}", self.path.display());
            tracing::error!("{failure}; the tables take no calls until the server is started again");
            *self.failure.lock() = Some(failure);
            self.failed.store(true, Ordering::Release);
            return Err(NotFlushed);
        }
        if all_ended {
            self.covered.fetch_max(ended, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flusher(directory: &Path) -> Flusher {
        std::fs::write(directory.join("log"), "").unwrap();
        Flusher::of(directory.join("log")).unwrap()
    }

    fn wait(flusher: &Flusher) -> Result<(), NotFlushed> {
        let (sender, receiver) = channel();
        flusher.flushed(move |flushed| sender.send(flushed).unwrap());
        receiver.recv().unwrap()
    }

    #[test]
    fn a_flush_covers_all_that_ended_before() {
        let directory = tempfile::tempdir().unwrap();
        let flusher = flusher(directory.path());
        wait(&flusher).unwrap();
        assert_eq!(flusher.count(), 0, "nothing was written");
        drop([flusher.writing(), flusher.writing()]);
        for _ in 0..3 {
            wait(&flusher).unwrap();
        }
        assert_eq!(flusher.count(), 1);
    }

    #[test]
    fn a_reader_beside_a_write_waits_for_a_flush_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let flusher = flusher(directory.path());
        let writing = flusher.writing();
        for _ in 0..2 {
            // The write may be committed already, and seen.
            wait(&flusher).unwrap();
        }
        drop(writing);
        wait(&flusher).unwrap();
        wait(&flusher).unwrap();
        assert_eq!(flusher.count(), 3);
    }

    #[test]
    fn a_failed_flush_fails_all_later_ones() {
        let flusher = Flusher::broken();
        drop(flusher.writing());
        assert_eq!(wait(&flusher), Err(NotFlushed));
        assert_eq!((wait(&flusher), flusher.failure().is_some()), (Err(NotFlushed), true));
        assert_eq!(flusher.count(), 1);
    }
}
