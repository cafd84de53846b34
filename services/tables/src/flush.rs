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

use parking_lot::Mutex;

/// Flushes SQLite's write-ahead log.
pub(crate) struct Flusher {
    log: Arc<File>,
    path: PathBuf,
    /// Calls that may write, begun and ended so far.
    begun: AtomicU64,
    ended: AtomicU64,
    /// Of those, the first so many are covered by a flush.
    covered: AtomicU64,
    /// Flushes that began. One that begins after a commit covers it.
    started: AtomicU64,
    /// Number of the last flush that succeeded. Held while one runs, so that one at a time does.
    completed: tokio::sync::Mutex<u64>,
    failed: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// A call that may write, while it runs.
pub(crate) struct Writing<'a>(&'a Flusher);

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

    fn of(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            log: Arc::new(File::open(&path)?),
            path,
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            covered: AtomicU64::new(0),
            started: AtomicU64::new(0),
            completed: tokio::sync::Mutex::new(0),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        })
    }

    /// Marks the beginning of a call that may write; its end is when the result is dropped.
    pub(crate) fn writing(&self) -> Writing<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Writing(self)
    }

    /// Why the last flush failed. After that nothing is known of what the disk holds, so no
    /// later flush may be believed.
    pub(crate) fn failure(&self) -> Option<String> {
        if self.failed.load(Ordering::Acquire) { self.failure.lock().clone() } else { None }
    }

    /// Waits until all that was committed before is on the disk.
    ///
    /// # Errors
    /// Why it may not be.
    pub(crate) async fn flushed(&self) -> Result<(), String> {
        if self.covered.load(Ordering::SeqCst) == self.begun.load(Ordering::SeqCst) {
            return self.failure().map_or(Ok(()), Err);
        }
        let needed = self.started.load(Ordering::SeqCst) + 1;
        let mut completed = self.completed.lock().await;
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        if *completed >= needed {
            return Ok(());
        }
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        // Writes that have ended by now are covered; the count says which only if none is under way.
        let ended = self.ended.load(Ordering::SeqCst);
        let all_ended = self.begun.load(Ordering::SeqCst) == ended;
        let log = self.log.clone();
        let flushed = tokio::task::spawn_blocking(move || log.sync_data()).await;
        match flushed.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => {
                *completed = number;
                if all_ended {
                    self.covered.fetch_max(ended, Ordering::SeqCst);
                }
                Ok(())
            }
            Err(error) => {
                let failure = format!("flushing {}: {error}", self.path.display());
                tracing::error!("{failure}; the tables take no calls until the server is started again");
                *self.failure.lock() = Some(failure.clone());
                self.failed.store(true, Ordering::Release);
                Err(failure)
            }
        }
    }

    /// Flushes so far.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    /// Has flushes fail from now on, as on a broken disk.
    #[cfg(test)]
    pub(crate) fn break_disk(&mut self) {
        // What is no file of a disk can't be flushed.
        self.log = Arc::new(File::open("/proc/self/stat").unwrap());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flusher(directory: &Path) -> Flusher {
        std::fs::write(directory.join("log"), "").unwrap();
        Flusher::of(directory.join("log")).unwrap()
    }

    #[tokio::test]
    async fn a_flush_covers_all_that_ended_before() {
        let directory = tempfile::tempdir().unwrap();
        let flusher = flusher(directory.path());
        flusher.flushed().await.unwrap();
        assert_eq!(flusher.count(), 0, "nothing was written");
        drop([flusher.writing(), flusher.writing()]);
        for _ in 0..3 {
            flusher.flushed().await.unwrap();
        }
        assert_eq!(flusher.count(), 1);
    }

    #[tokio::test]
    async fn a_reader_beside_a_write_waits_for_a_flush_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let flusher = flusher(directory.path());
        let writing = flusher.writing();
        for _ in 0..2 {
            // The write may be committed already, and seen.
            flusher.flushed().await.unwrap();
        }
        drop(writing);
        flusher.flushed().await.unwrap();
        flusher.flushed().await.unwrap();
        assert_eq!(flusher.count(), 3);
    }

    #[tokio::test]
    async fn a_failed_flush_fails_all_later_ones() {
        let directory = tempfile::tempdir().unwrap();
        let mut flusher = flusher(directory.path());
        flusher.break_disk();
        drop(flusher.writing());
        assert!(flusher.flushed().await.is_err());
        assert!(flusher.flushed().await.is_err() && flusher.failure().is_some());
    }
}
