//! Group commit's two small parts: the ticket that the appends of one group wait on, and the
//! choice of how long to let a group grow.

use std::time::{Duration, Instant};

use crate::sync::{Word, now};

/// What the appends of one group wait for. Setting it wakes them.
#[derive(Debug, Default)]
pub(crate) struct Ticket(Word);

impl Ticket {
    /// The group is gathering, or someone flushes it.
    const OPEN: u32 = 0;
    /// Nobody flushes any more: one of those who wait has to.
    const LEADERLESS: u32 = 1;
    /// The group is durable, or will never be.
    const DONE: u32 = 2;

    /// Sleeps until the group is done or leaderless.
    pub(crate) fn wait(&self) {
        while self.0.get() == Self::OPEN {
            self.0.sleep_while(Self::OPEN);
        }
    }

    /// Wakes one who waits, to become the leader.
    pub(crate) fn ask_for_leader(&self) {
        self.0.set(Self::LEADERLESS, 1);
    }

    /// A leader was found. The caller holds the writer's lock, as it does for the call before.
    pub(crate) fn has_leader(&self) {
        self.0.exchange(Self::LEADERLESS, Self::OPEN);
    }

    /// Wakes all who wait.
    pub(crate) fn done(&self) {
        self.0.set(Self::DONE, i32::MAX as u32);
    }
}

/// Decides how long a leader waits for others to join before it flushes.
///
/// Writers that a flush released come back with their next append within microseconds. A flush
/// that starts before they are back serves only a few of them, and the rest wait for the next:
/// waiting for as many as there were last time makes each flush serve all. Where nobody comes
/// back in time, the wait is skipped for the next flushes, ever more of them.
#[derive(Debug)]
pub(crate) struct Gathering {
    expected: u32,
    skip: u32,
    backoff: u32,
    /// Moving average of a flush.
    flush: Duration,
}

/// Without a new append for so long, nobody more is taken to come.
const QUIET: Duration = Duration::from_micros(25);
/// Most flushes that go without waiting after one that waited in vain.
const BACKOFF_MAX: u32 = 63;

impl Default for Gathering {
    fn default() -> Self {
        Self { expected: 0, skip: 0, backoff: 0, flush: Duration::ZERO }
    }
}

impl Gathering {
    /// Whether to wait for more than `appends`.
    pub(crate) fn is_worth_it(&mut self, appends: u32) -> bool {
        if appends >= self.expected {
            return false;
        }
        let skipped = self.skip > 0;
        self.skip = self.skip.saturating_sub(1);
        !skipped
    }

    /// Notes how a wait ended.
    pub(crate) fn ended(&mut self, complete: bool) {
        self.backoff = if complete { 0 } else { (self.backoff * 2 + 1).min(BACKOFF_MAX) };
        self.skip = self.backoff;
    }

    /// Notes a flush: how many appends it served, how many came meanwhile, how long it took.
    pub(crate) fn flushed(&mut self, served: u32, waiting: u32, took: Duration) {
        self.expected = served + waiting;
        self.flush = if self.flush.is_zero() { took } else { (self.flush * 7 + took) / 8 };
    }

    /// A wait that begins now.
    pub(crate) fn begin(&self, appends: u32) -> Wait {
        let now = now();
        Wait { expected: self.expected, appends, progress_at: now, until: now + self.flush + self.flush / 2 }
    }
}

/// One wait of a leader for others.
#[derive(Debug)]
pub(crate) struct Wait {
    expected: u32,
    appends: u32,
    progress_at: Instant,
    until: Instant,
}

impl Wait {
    /// Whether it is over, given how many have come: `Some(true)` if all did.
    pub(crate) fn outcome(&mut self, appends: u32) -> Option<bool> {
        if appends >= self.expected {
            return Some(true);
        }
        let now = now();
        if appends > self.appends {
            self.appends = appends;
            self.progress_at = now;
        }
        (now >= self.until || now - self.progress_at >= QUIET).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_in_vain_makes_waiting_rare() {
        let mut gathering = Gathering::default();
        assert!(!gathering.is_worth_it(1), "nothing is known yet");
        gathering.flushed(8, 0, Duration::from_micros(100));
        assert!(gathering.is_worth_it(1));
        assert!(!gathering.is_worth_it(8), "all are here");
        gathering.ended(false);
        assert!(!gathering.is_worth_it(1));
        assert!(gathering.is_worth_it(1));
        gathering.ended(false);
        assert_eq!((0..10).take_while(|_| !gathering.is_worth_it(1)).count(), 3);
        gathering.ended(true);
        assert!(gathering.is_worth_it(1));
    }

    #[test]
    fn a_wait_ends_when_all_came_or_nobody_comes() {
        let mut gathering = Gathering::default();
        gathering.flushed(3, 1, Duration::from_secs(60));
        let mut wait = gathering.begin(1);
        assert_eq!(wait.outcome(4), Some(true));
        std::thread::sleep(QUIET);
        assert_eq!(wait.outcome(1), Some(false));
    }
}
