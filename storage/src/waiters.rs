//! Futures that wait for the log to reach a position.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::sync::Mutex;

/// Wakers by the position they wait for. A waiter that is dropped takes its waker back.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    wakers: BTreeMap<WaiterKey, Waker>,
    next_id: u64,
}

/// Identifies one waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WaiterKey {
    position: u64,
    id: u64,
}

impl Waiters {
    /// Keeps `waker` until the log has reached `position`; `key` is the waiter's from before, if any.
    pub(crate) fn register(&self, position: u64, key: &mut Option<WaiterKey>, waker: &Waker) {
        let mut queue = self.0.lock();
        let key = *key.get_or_insert_with(|| {
            queue.next_id += 1;
            WaiterKey { position, id: queue.next_id }
        });
        queue.wakers.insert(key, waker.clone());
    }

    pub(crate) fn remove(&self, key: WaiterKey) {
        self.0.lock().wakers.remove(&key);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().wakers.len()
    }

    /// Wakes all who wait for `reached` or less.
    pub(crate) fn wake(&self, reached: u64) {
        let woken = {
            let mut queue = self.0.lock();
            let later = queue.wakers.split_off(&WaiterKey { position: reached.saturating_add(1), id: 0 });
            std::mem::replace(&mut queue.wakers, later)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Wakes everyone: the log was poisoned or closed.
    pub(crate) fn wake_all(&self) {
        let woken = std::mem::take(&mut self.0.lock().wakers);
        woken.into_values().for_each(Waker::wake);
    }
}
