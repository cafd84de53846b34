//! Locks, threads and the word that threads sleep on. Under the feature `shuttle` they are those
//! of a scheduler that tries interleavings; see `storage/simulation`.

#[cfg(not(feature = "shuttle"))]
mod real {
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
    use rustix::thread::futex;
    pub(crate) use std::sync::atomic;
    pub(crate) use std::thread::{Builder, JoinHandle, yield_now};

    pub(crate) fn now() -> std::time::Instant {
        std::time::Instant::now()
    }

    /// A word on which threads sleep while it has a certain value.
    #[derive(Debug, Default)]
    pub(crate) struct Word(AtomicU32);

    impl Word {
        pub(crate) fn get(&self) -> u32 {
            self.0.load(Ordering::Acquire)
        }

        /// Sleeps while the word is `value`; may return early.
        pub(crate) fn sleep_while(&self, value: u32) {
            // Whatever the reason for returning, callers look again.
            let _ = futex::wait(&self.0, futex::Flags::PRIVATE, value, None);
        }

        /// Changes the word and wakes up to `sleepers` threads.
        pub(crate) fn set(&self, value: u32, sleepers: u32) {
            self.0.store(value, Ordering::Release);
            // Fails only for an address that is not a word's.
            let _ = futex::wake(&self.0, futex::Flags::PRIVATE, sleepers);
        }

        pub(crate) fn wake_all(&self) {
            let _ = futex::wake(&self.0, futex::Flags::PRIVATE, i32::MAX as u32);
        }

        /// Changes the word without waking anyone, if it is `from`.
        pub(crate) fn exchange(&self, from: u32, to: u32) {
            let _ = self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

#[cfg(feature = "shuttle")]
mod scheduled;

#[cfg(not(feature = "shuttle"))]
pub(crate) use real::*;
#[cfg(feature = "shuttle")]
pub(crate) use scheduled::*;
