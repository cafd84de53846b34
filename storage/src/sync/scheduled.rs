//! The same by a scheduler that decides at each step which thread goes on, in the shapes that the
//! rest of the crate knows.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering as RealOrdering};
use std::sync::{LazyLock, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle::thread::{Builder, JoinHandle, yield_now};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a shuttle::sync::Mutex<T>,
    /// Absent only within the calls below.
    guard: Option<shuttle::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { mutex: &self.0, guard: Some(guard) }
    }
}

impl<T> MutexGuard<'_, T> {
    pub(crate) fn unlocked<R>(this: &mut Self, work: impl FnOnce() -> R) -> R {
        this.guard = None;
        let result = work();
        this.guard = Some(this.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        result
    }
}

#[allow(clippy::expect_used, reason = "a failed step ends the test that this is for")]
impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("locked")
    }
}

#[allow(clippy::expect_used, reason = "a failed step ends the test that this is for")]
impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("locked")
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(held) = guard.guard.take() {
            guard.guard = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, timeout: Duration) {
        if let Some(held) = guard.guard.take() {
            guard.guard = Some(self.0.wait_timeout(held, timeout).unwrap_or_else(PoisonError::into_inner).0);
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(shuttle::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> shuttle::sync::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> shuttle::sync::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The word that threads sleep on, as a futex does it.
#[derive(Debug, Default)]
pub(crate) struct Word {
    value: shuttle::sync::Mutex<u32>,
    changed: shuttle::sync::Condvar,
}

impl Word {
    fn lock(&self) -> shuttle::sync::MutexGuard<'_, u32> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self) -> u32 {
        *self.lock()
    }

    pub(crate) fn sleep_while(&self, value: u32) {
        let held = self.lock();
        if *held == value {
            drop(self.changed.wait(held).unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(crate) fn set(&self, value: u32, sleepers: u32) {
        *self.lock() = value;
        if sleepers == 1 { self.changed.notify_one() } else { self.changed.notify_all() }
    }

    pub(crate) fn wake_all(&self) {
        self.changed.notify_all();
    }

    pub(crate) fn exchange(&self, from: u32, to: u32) {
        let mut held = self.lock();
        if *held == from {
            *held = to;
        }
    }
}

/// Time that passes as it is looked at, so that it does not depend on the machine.
pub(crate) fn now() -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    *START + Duration::from_micros(10 * LOOKS.fetch_add(1, RealOrdering::Relaxed))
}
