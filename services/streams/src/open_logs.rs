//! The logs that are open: at most so many at once, whatever the number of streams. One that nobody
//! uses is closed when another needs its place, the least recently used first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};
use uuid::Uuid;

use crate::limits::OPEN_WAIT_MAX;

/// An open log that can be closed for another.
pub(crate) trait Closable: fmt::Debug + Send + Sync {
    /// Whether nobody uses it.
    fn is_idle(&self) -> bool;

    /// When it was last used, by [`OpenLogs::next_use`].
    fn last_use(&self) -> u64;

    /// Closes the log if nobody uses it, and says whether it did. Its place is the caller's then.
    fn close_if_idle(&self) -> bool;
}

/// The open logs of all streams.
#[derive(Debug)]
pub(crate) struct OpenLogs {
    max: usize,
    open: Mutex<Open>,
    /// Signalled when a log becomes idle or a place is freed while someone waits for one.
    freed: Condvar,
    /// Those who wait for a place.
    waiting: AtomicUsize,
    /// Counts uses of logs, so that they can be ordered by age.
    uses: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    /// Logs that are open or being opened.
    places: usize,
    logs: HashMap<Uuid, Arc<dyn Closable>>,
}

/// All places are taken by logs in use, and none has been freed for a while.
#[derive(Debug)]
pub(crate) struct NoPlace;

impl OpenLogs {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            open: Mutex::default(),
            freed: Condvar::new(),
            waiting: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
        }
    }

    /// A number above all that were given out.
    pub(crate) fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a place for a log that is about to be opened, for which another may be closed.
    pub(crate) fn take_place(&self) -> Result<(), NoPlace> {
        let deadline = Instant::now() + OPEN_WAIT_MAX;
        let mut open = self.open.lock();
        // Before looking for idle logs, so that one that becomes idle from here on wakes us.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let outcome = loop {
            if open.places < self.max {
                open.places += 1;
                break Ok(());
            }
            if self.close_oldest(&mut open) {
                continue;
            }
            if self.freed.wait_until(&mut open, deadline).timed_out() {
                break Err(NoPlace);
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    /// Closes the idle log that was not used for longest, without the lock. Whether there was one;
    /// it may have come into use meanwhile.
    fn close_oldest(&self, open: &mut MutexGuard<'_, Open>) -> bool {
        let idle = open.logs.iter().filter(|(_, log)| log.is_idle());
        let Some((id, log)) = idle.min_by_key(|(_, log)| log.last_use()).map(|(id, log)| (*id, log.clone())) else {
            return false;
        };
        if MutexGuard::unlocked(open, || log.close_if_idle()) {
            open.logs.remove(&id);
            open.places -= 1;
        }
        true
    }

    /// Closes up to `count` idle logs: the system has fewer descriptors for them than expected.
    pub(crate) fn close_some(&self, count: usize) {
        let mut idle: Vec<_> = self.open.lock().logs.iter().map(|(id, log)| (*id, log.clone())).collect();
        idle.sort_by_key(|(_, log)| Reverse(log.last_use()));
        for (id, log) in idle.into_iter().rev().take(count) {
            if log.close_if_idle() {
                self.give_back(id);
            }
        }
    }

    /// Enters a log that was opened in the place taken before.
    pub(crate) fn enter(&self, id: Uuid, log: Arc<dyn Closable>) {
        self.open.lock().logs.insert(id, log);
    }

    /// Gives back the place of a log that was closed, or could not be opened.
    pub(crate) fn give_back(&self, id: Uuid) {
        let mut open = self.open.lock();
        open.logs.remove(&id);
        open.places -= 1;
        drop(open);
        self.freed.notify_one();
    }

    /// To be called when a log becomes idle.
    pub(crate) fn tell_idle(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Whoever is looking for an idle log right now will be waiting by the time the lock is free.
            drop(self.open.lock());
            self.freed.notify_one();
        }
    }

    /// How many logs are open.
    pub(crate) fn count(&self) -> usize {
        self.open.lock().places
    }
}
